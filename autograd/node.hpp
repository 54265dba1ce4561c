// Node: one recorded operation. A new operation is a class derived from Node beside a function that
// calls record():
//
//   struct SquareNode final : Node {  // y = x x,  dL/dx = 2 x dL/dy
//     const char* name() const override { return "square"; }
//     void backward(const Tensor& gy) override {
//       input(0).accumulate(scale(multiply(gy, input(0).value()), 2));
//     }
//   };
//   Var square(const Var& x) { return record<SquareNode>(multiply(x.value(), x.value()), {x}); }
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/scope.hpp"
#include "autograd/trace.hpp"
#include "autograd/var.hpp"

namespace rf::ag {

class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  [[nodiscard]] virtual const char* name() const = 0;  // of the function in autograd/ops.hpp

  // The parameters of the operation by name, as numbers: for people, and for a Graph to repeat it.
  using Attributes = std::vector<std::pair<std::string, double>>;
  [[nodiscard]] virtual Attributes attributes() const { return {}; }

  // gy = dL/d output, of the output's shape and type, to be read only. Calls accumulate() on every
  // input that wants a gradient (wants(i)), once each. What is saved for this are members: inputs,
  // and tensors named for what they are. A Node must not hold its own output as a Var (a cycle,
  // which would never be freed); its value as a Tensor it may.
  virtual void backward(const Tensor& gy) = 0;

  // Whether backward() reads the values of its inputs. A Node that only needs their shapes declares
  // this false, and their memory can be used again before backward comes.
  static constexpr bool kReadsInputs = true;

  [[nodiscard]] const std::vector<Var>& inputs() const { return inputs_; }
  [[nodiscard]] const Var& input(std::size_t i) const { return inputs_[i]; }
  [[nodiscard]] bool wants(std::size_t i) const { return inputs_[i].requires_grad(); }

 private:
  template <class N, class... Args>
  friend Var record(Tensor value, std::vector<Var> inputs, Args&&... args);
  friend class Var;
  std::vector<Var> inputs_;
};

// The result of an operation: a Var of `value`. If an input wants a gradient and no NoGradScope is
// open, it remembers the inputs in a Node N(args...); otherwise nothing is recorded. An open
// TraceScope takes note of the operation either way.
template <class N, class... Args>
[[nodiscard]] Var record(Tensor value, std::vector<Var> inputs, Args&&... args) {
  Var result(std::move(value));
  bool wanted = false;
  for (const Var& input : inputs) wanted = wanted || input.requires_grad();
  wanted = wanted && grad_enabled();
  if (!wanted && !TraceScope::current()) return result;
  auto node = std::make_shared<N>(std::forward<Args>(args)...);
  node->inputs_ = std::move(inputs);
  if (TraceScope* trace = TraceScope::current()) trace->append(*node, result);
  for (Var& input : node->inputs_)
    input = N::kReadsInputs ? input.with_own_value() : input.without_value();
  if (wanted) result.set_producer(std::move(node));
  return result;
}

// The operations behind a value as text, one per line, each before what it was made from:
//   %3 = relu(%2) [2, 8, 4, 4]
//   %2 = conv2d(%0, %1, -; stride 1, pad 1, ...) [2, 8, 4, 4]
// Leaves are numbered too; "-" is an input without elements. At most `max_lines`, then "...".
[[nodiscard]] std::string graph_text(const Var& value, std::size_t max_lines = 200);

}  // namespace rf::ag
