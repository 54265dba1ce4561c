// Var: a value in a computation, its gradient, and the operation that made it. Copies are the same
// variable.
//
// Reverse mode in three sentences. An operation on Vars computes its value at once and, if any
// input wants a gradient, records a Node that remembers those inputs (node.hpp). The Nodes form a
// graph that leads from a loss back to the parameters. backward() walks it from the loss, each Node
// adding to its inputs' gradients what the chain rule says.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/tensor.hpp"

namespace rf::ag {

class Node;

class Var {
 public:
  Var() : Var(Tensor()) {}
  explicit Var(Tensor value);  // a leaf that wants no gradient

  [[nodiscard]] const Tensor& value() const {
    RF_ASSERT(value_);  // a Node reads an input that it said it would not (Node::kReadsInputs)
    return *value_;
  }
  [[nodiscard]] const Shape& shape() const { return state_->shape; }
  [[nodiscard]] DType dtype() const { return state_->dtype; }

  // The same for copies of one variable, and for no other that is alive.
  [[nodiscard]] const void* id() const { return state_.get(); }

  // Whether backward() computes a gradient for this value. An operation's result wants one if an
  // input does.
  [[nodiscard]] bool requires_grad() const { return state_->requires_grad; }

  // For leaves. Throws UsageError: an element type other than f32 and f64, or the result of an
  // operation.
  void set_requires_grad(bool wanted);

  // d loss / d value, of the shape of value; no elements until backward() has reached this leaf.
  // Backward passes add to it until clear_grad(). Results of operations drop theirs once it has
  // been passed on.
  [[nodiscard]] const Tensor& grad() const { return state_->grad; }
  void clear_grad() { state_->grad = Tensor(); }
  void set_grad(Tensor grad);  // throws ShapeError unless it has the shape and type of value

  // Replaces the value of a leaf (a loaded parameter, an optimiser's step); every copy of this Var
  // sees it, operations recorded before do not. Throws UsageError for the result of an operation.
  void set_value(Tensor value);

  // The same value as a leaf that wants no gradient: nothing flows back through it.
  [[nodiscard]] Var detach() const { return Var(value()); }

  // The operation that made this value, or nullptr: a leaf, or already freed by a backward pass.
  [[nodiscard]] const Node* producer() const { return state_->producer.get(); }

  // Adds d this / d leaf to the gradient of every leaf behind this value that wants one. Without a
  // seed the value must have one element; a seed is d loss / d this and has this value's shape and
  // type. The graph is freed on the way. Throws UsageError: no gradient is wanted, no seed for
  // several elements, or the graph was freed before; ShapeError: a seed that does not fit, a Node's
  // gradient that does not (naming the Node).
  void backward() const;
  void backward(const Tensor& seed) const;

  // For Nodes: adds `grad` to this value's gradient. The first one is kept without a copy. Throws
  // ShapeError.
  void accumulate(const Tensor& grad) const;

 private:
  struct State {
    Shape shape;  // and type of the value
    DType dtype = DType::f32;
    Tensor grad;
    std::shared_ptr<Node> producer;
    bool requires_grad = false;
    bool freed = false;  // had a producer, until a backward pass went through it
    ~State();
  };
  template <class N, class... Args>
  friend Var record(Tensor value, std::vector<Var> inputs, Args&&... args);
  friend class BackwardPass;
  void set_producer(std::shared_ptr<Node> node);

  // This variable without its value, for a Node that needs to reach the gradient alone: the value's
  // memory is then free as soon as nobody else uses it.
  [[nodiscard]] Var without_value() const {
    Var var = *this;
    var.value_ = nullptr;
    return var;
  }

  // This variable with the value of now, for a Node: a later set_value() (an optimiser's step
  // between forward and backward) must not reach it. Results cannot be set.
  [[nodiscard]] Var with_own_value() const {
    Var var = *this;
    if (!state_->producer) var.value_ = std::make_shared<Tensor>(*value_);
    return var;
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Tensor> value_;
};

}  // namespace rf::ag
