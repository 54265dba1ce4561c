#include "autograd/trace.hpp"

#include <utility>

#include "autograd/node.hpp"
#include "engine/check.hpp"

namespace rf::ag {

namespace {

thread_local TraceScope* innermost = nullptr;

}  // namespace

TraceScope::TraceScope(const std::vector<Var>& inputs) : before_(std::exchange(innermost, this)) {
  for (const Var& input : inputs) {
    const Index id = id_of(input);
    graph_.values[static_cast<std::size_t>(id)].constant = Tensor();
    graph_.inputs.push_back(id);
  }
}

TraceScope::~TraceScope() { innermost = before_; }

TraceScope* TraceScope::current() { return innermost; }

Index TraceScope::id_of(const Var& var) {
  const auto [entry, is_new] = ids_.emplace(var.id(), static_cast<Index>(graph_.values.size()));
  if (is_new) {
    alive_.push_back(var);
    graph_.values.push_back({.shape = var.shape(), .dtype = var.dtype(), .constant = var.value()});
  }
  return entry->second;
}

void TraceScope::append(const Node& node, const Var& result) {
  Graph::Node entry{.op = node.name(), .attributes = {}, .inputs = {}, .output = 0};
  for (const auto& [name, value] : node.attributes()) entry.attributes.emplace(name, value);
  for (const Var& input : node.inputs()) entry.inputs.push_back(id_of(input));
  entry.output = id_of(result);
  graph_.values[static_cast<std::size_t>(entry.output)].constant = Tensor();
  graph_.nodes.push_back(std::move(entry));
}

Graph TraceScope::graph(const std::vector<Var>& outputs) const {
  Graph result = graph_;
  for (const Var& output : outputs) {
    const auto entry = ids_.find(output.id());
    if (entry == ids_.end()) {
      throw UsageError(message("trace: an output of shape ", output.shape(),
                               " was not computed while the trace was open"));
    }
    result.outputs.push_back(entry->second);
  }
  return result;
}

}  // namespace rf::ag
