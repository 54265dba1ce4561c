#include "autograd/var.hpp"

#include <map>
#include <sstream>

#include "autograd/node.hpp"
#include "engine/check.hpp"
#include "engine/ops/arithmetic.hpp"

namespace rf::ag {

namespace {

void check_fits(const char* what, const Tensor& grad, const Var& var) {
  RF_CHECK_SHAPE(grad.shape() == var.shape() && grad.dtype() == var.dtype(), what, "is ",
                 grad.dtype(), " ", grad.shape(), ", the value is ", var.dtype(), " ", var.shape());
}

Tensor one(const Shape& shape, DType dtype) {
  Tensor t = Tensor::empty(shape, dtype);
  if (dtype == DType::f64)
    *t.data<double>() = 1;
  else
    *t.data<float>() = 1;
  return t;
}

}  // namespace

Var::Var(Tensor value)
    : state_(std::make_shared<State>()), value_(std::make_shared<Tensor>(std::move(value))) {
  state_->shape = value_->shape();
  state_->dtype = value_->dtype();
}

// A graph may be deeper than the stack: Nodes that would die with this state, and with them their
// inputs, are taken apart one by one instead of from within one another's destructors.
Var::State::~State() {
  std::vector<std::shared_ptr<Node>> dying;
  if (producer) dying.push_back(std::move(producer));
  while (!dying.empty()) {
    const std::shared_ptr<Node> node = std::move(dying.back());
    dying.pop_back();
    if (node.use_count() > 1) continue;
    for (Var& input : node->inputs_) {
      const auto state = std::move(input.state_);  // an input may be there twice
      if (state.use_count() == 1 && state->producer) dying.push_back(std::move(state->producer));
    }
  }
}

void Var::set_producer(std::shared_ptr<Node> node) {
  state_->producer = std::move(node);
  state_->requires_grad = true;
}

void Var::set_requires_grad(bool wanted) {
  if (state_->producer || state_->freed) {
    throw UsageError(
        "requires_grad can be set on leaves only; use detach() to cut a result off its history");
  }
  if (wanted && dtype() != DType::f32 && dtype() != DType::f64) {
    throw UsageError(message("gradients are for f32 and f64 values, this one holds ", dtype()));
  }
  state_->requires_grad = wanted;
}

void Var::set_grad(Tensor grad) {
  check_fits("gradient ", grad, *this);
  state_->grad = std::move(grad);
}

void Var::set_value(Tensor value) {
  if (state_->producer || state_->freed) {
    throw UsageError("the value of an operation's result cannot be replaced, only a leaf's");
  }
  state_->shape = value.shape();
  state_->dtype = value.dtype();
  *value_ = std::move(value);
}

void Var::accumulate(const Tensor& grad) const {
  if (!state_->requires_grad) return;  // a leaf that was frozen after the forward pass
  check_fits("gradient ", grad, *this);
  Tensor& sum = state_->grad;
  if (shape().numel() == 0) return;
  if (sum.numel() == 0) {
    sum = grad;
  } else if (sum.is_sole_owner()) {
    add_to(sum, grad);
  } else {
    sum = add(sum, grad);
  }
}

void Var::backward() const {
  if (shape().numel() != 1) {
    throw UsageError(message(
        "backward from a value of shape ", shape(),
        " needs a seed: backward(seed), or reduce it to one element, for example with sum()"));
  }
  backward(one(shape(), dtype()));
}

// One walk from a value back to the leaves.
class BackwardPass {
 public:
  explicit BackwardPass(const Var& root) { order(root); }
  BackwardPass(const BackwardPass&) = delete;
  BackwardPass& operator=(const BackwardPass&) = delete;
  // After an error: what had been passed on to results must not reach a later pass.
  ~BackwardPass() {
    for (const Var& var : order_) var.state_->grad = Tensor();
  }

  void run(const Tensor& seed) {
    order_.back().accumulate(seed);
    while (!order_.empty()) {
      const Var var = std::move(order_.back());
      order_.pop_back();
      Var::State& state = *var.state_;
      const std::shared_ptr<Node> node = std::move(state.producer);
      state.freed = true;
      const Tensor gradient = std::exchange(state.grad, Tensor());
      if (gradient.numel() == 0) continue;  // no element, or nothing behind it passed a gradient on
      try {
        node->backward(gradient);
      } catch (const ShapeError& error) {
        throw ShapeError(message("backward of ", node->name(), ": ", error.what()));
      }
    }
  }

 private:
  // Depth first without recursion: every result comes after all that it was made from. Nothing is
  // changed yet, so an error here leaves the graph whole.
  void order(const Var& root) {
    enum class Mark { open, done };
    struct Visit {
      Var var;
      std::size_t next_input = 0;
    };
    std::map<const Var::State*, Mark> marks;
    std::vector<Visit> path;
    const auto enter = [&](const Var& var) {
      const Var::State& state = *var.state_;
      if (!state.requires_grad) return;
      if (state.freed) {
        throw UsageError(
            "backward through a graph that an earlier backward has freed: run the forward pass "
            "again, or add the losses "
            "and go backward once");
      }
      if (!state.producer) return;  // a leaf
      const auto [mark, is_new] = marks.emplace(&state, Mark::open);
      if (is_new)
        path.push_back({var});
      else if (mark->second == Mark::open) {
        throw UsageError(
            message("backward: the graph has a cycle through ", state.producer->name()));
      }
    };
    enter(root);
    while (!path.empty()) {
      Visit& visit = path.back();
      const auto& inputs = visit.var.state_->producer->inputs();
      if (visit.next_input < inputs.size()) {
        enter(inputs[visit.next_input++]);
      } else {
        marks[visit.var.state_.get()] = Mark::done;
        order_.push_back(visit.var.without_value());
        path.pop_back();
      }
    }
  }

  std::vector<Var> order_;
};

void Var::backward(const Tensor& seed) const {
  if (!requires_grad()) {
    throw UsageError(
        "backward from a value that wants no gradient: no leaf behind it has requires_grad set");
  }
  check_fits("seed ", seed, *this);
  if (!state_->producer && !state_->freed) return accumulate(seed);  // a leaf
  BackwardPass(*this).run(seed);
}

std::string graph_text(const Var& value, std::size_t max_lines) {
  std::map<const void*, std::size_t> numbers;
  std::vector<Var> queue{value};
  std::ostringstream text;
  const auto number_of = [&](const Var& var) {
    const auto [entry, is_new] = numbers.emplace(var.id(), numbers.size());
    if (is_new && var.producer()) queue.push_back(var);
    return entry->second;
  };
  numbers.emplace(value.id(), 0);
  for (std::size_t line = 0; line < queue.size(); ++line) {
    if (line == max_lines) return text.str() + "...\n";
    const Var var = queue[line];
    text << '%' << number_of(var) << " = ";
    if (const Node* node = var.producer()) {
      text << node->name() << '(';
      for (std::size_t i = 0; i < node->inputs().size(); ++i) {
        const Var& input = node->input(i);
        text << (i ? ", " : "");
        if (input.shape().numel() == 0)
          text << '-';
        else
          text << '%' << number_of(input);
      }
      const char* separator = "; ";
      for (const auto& [name, number] : node->attributes()) {
        text << separator << name << ' ' << number;
        separator = ", ";
      }
      text << ')';
    } else {
      text << "leaf";
    }
    text << ' ' << var.shape() << '\n';
  }
  return text.str();
}

}  // namespace rf::ag
