// TraceScope: writes down the operations of a forward pass as a Graph, from which an inference plan
// can be made. The model that is traced is the one that trains: there is no second definition.
#pragma once

#include <map>
#include <vector>

#include "autograd/var.hpp"
#include "engine/graph.hpp"

namespace rf::ag {

class Node;

// From its construction to its end, every operation on this thread is appended to a Graph, whether
// or not a gradient is wanted. Scopes nest; the innermost one listens.
//
//   TraceScope trace({image});
//   const HeadOutputs heads = model.forward(image);
//   const Graph graph = trace.graph({heads.cls, heads.box, heads.landmark});
class TraceScope {
 public:
  // `inputs` become the inputs of the graph; every other value that no traced operation made is a
  // constant.
  explicit TraceScope(const std::vector<Var>& inputs);
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;
  ~TraceScope();

  // What was traced so far, ending in `outputs`. Throws UsageError: an output that is not part of
  // it.
  [[nodiscard]] Graph graph(const std::vector<Var>& outputs) const;

  // The scope that listens on this thread, or nullptr.
  [[nodiscard]] static TraceScope* current();

  // For record() (node.hpp).
  void append(const Node& node, const Var& result);

 private:
  Index id_of(const Var& var);

  Graph graph_;
  std::map<const void*, Index> ids_;
  std::vector<Var> alive_;  // keeps addresses from being used again
  TraceScope* before_;
};

}  // namespace rf::ag
