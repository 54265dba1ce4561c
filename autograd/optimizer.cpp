#include "autograd/optimizer.hpp"

#include <cmath>
#include <map>
#include <set>

#include "engine/check.hpp"

namespace rf::ag {

namespace {

bool is_like(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype();
}

void check_not_negative(const char* what, double value) {
  if (!(value >= 0 && std::isfinite(value)))
    throw UsageError(message("optimizer: ", what, " ", value, " must be 0 or more, and finite"));
}

Tensor count_tensor(Index count) {
  return Tensor::from({}, std::span<const std::int64_t>(&count, 1));
}

Index count_of(const Tensor& tensor, const std::string& name) {
  RF_CHECK_SHAPE(
      tensor.dtype() == DType::i64 && tensor.numel() == 1 && *tensor.data<std::int64_t>() > 0,
      "optimizer state", name, " must be one i64 number above 0");
  return *tensor.data<std::int64_t>();
}

}  // namespace

Optimizer::Optimizer(const std::vector<ParameterGroup>& groups,
                     std::vector<std::string> buffer_names)
    : buffer_names_(std::move(buffer_names)) {
  std::set<std::string> names;
  std::map<const void*, std::string> owners;  // by Var::id()
  for (const ParameterGroup& group : groups) {
    check_not_negative("learning_rate_scale", group.learning_rate_scale);
    check_not_negative("weight_decay", group.weight_decay);
    for (const Parameter& parameter : group.parameters) {
      const Tensor& value = parameter.var.value();
      if (parameter.name.empty()) throw UsageError("optimizer: a parameter needs a name");
      if (!names.insert(parameter.name).second)
        throw UsageError(message("optimizer: the parameter ", parameter.name, " is given twice"));
      const auto [owner, is_new] = owners.emplace(parameter.var.id(), parameter.name);
      if (!is_new) {
        throw UsageError(message("optimizer: ", owner->second, " and ", parameter.name,
                                 " are one variable; give it once"));
      }
      if (value.dtype() != DType::f32 && value.dtype() != DType::f64) {
        throw UsageError(message("optimizer: ", parameter.name, " holds ", value.dtype(),
                                 "; only f32 and f64 can be trained"));
      }
      slots_.push_back({.parameter = parameter,
                        .learning_rate_scale = group.learning_rate_scale,
                        .weight_decay = group.weight_decay,
                        .steps = 0,
                        .buffers = {}});
    }
  }
}

void Optimizer::check(const Slot& slot) const {
  const std::string& name = slot.parameter.name;
  const Var& var = slot.parameter.var;
  RF_CHECK_SHAPE(is_like(var.grad(), var.value()), "optimizer", name, " is ", var.value().dtype(),
                 " ", var.shape(), ", its gradient ", var.grad().dtype(), " ", var.grad().shape(),
                 "; the value was replaced after backward()");
  for (std::size_t i = 0; i < slot.buffers.size(); ++i) {
    const Tensor& buffer = slot.buffers[i];
    RF_CHECK_SHAPE(is_like(buffer, var.value()), "optimizer", name, " is ", var.value().dtype(),
                   " ", var.shape(), ", its ", buffer_names_[i], " ", buffer.dtype(), " ",
                   buffer.shape(), "; a model of another kind needs another optimiser");
  }
}

void Optimizer::step(double learning_rate) {
  check_not_negative("learning rate", learning_rate);
  for (const Slot& slot : slots_) {
    if (has_gradient(slot.parameter)) check(slot);
  }
  for (Slot& slot : slots_) {
    if (!has_gradient(slot.parameter)) continue;
    Var& var = slot.parameter.var;
    while (slot.buffers.size() < buffer_names_.size())
      slot.buffers.push_back(Tensor::zeros(var.shape(), var.value().dtype()));
    ++slot.steps;
    var.set_value(update({.weight = var.value(),
                          .gradient = var.grad(),
                          .learning_rate = learning_rate * slot.learning_rate_scale,
                          .weight_decay = slot.weight_decay,
                          .number = slot.steps},
                         slot.buffers));
  }
}

void Optimizer::clear_grads() {
  for (Slot& slot : slots_) slot.parameter.var.clear_grad();
}

StateDict Optimizer::state() const {
  StateDict state;
  for (const Slot& slot : slots_) {
    if (slot.steps == 0) continue;
    const std::string& name = slot.parameter.name;
    state.emplace("steps/" + name, count_tensor(slot.steps));
    for (std::size_t i = 0; i < slot.buffers.size(); ++i)
      state.emplace(buffer_names_[i] + "/" + name, slot.buffers[i]);
  }
  return state;
}

void Optimizer::load_state(const StateDict& state) {
  StateDict rest = state;  // what no parameter has claimed yet
  std::vector<Slot> loaded = slots_;
  std::vector<std::string> kinds{"steps"};
  kinds.insert(kinds.end(), buffer_names_.begin(), buffer_names_.end());
  for (Slot& slot : loaded) {
    const std::string& name = slot.parameter.name;
    const Tensor& value = slot.parameter.var.value();
    std::string missing;
    slot.steps = 0;
    slot.buffers.clear();
    for (const std::string& kind : kinds) {
      if (auto entry = rest.extract(kind + "/" + name))
        slot.buffers.push_back(entry.mapped());
      else
        missing = kind + "/" + name;
    }
    if (slot.buffers.empty()) continue;
    RF_CHECK_SHAPE(missing.empty(), "optimizer state", missing, " is missing, other state of ",
                   name, " is there");
    slot.steps = count_of(slot.buffers.front(), "steps/" + name);
    slot.buffers.erase(slot.buffers.begin());
    for (std::size_t i = 0; i < slot.buffers.size(); ++i) {
      RF_CHECK_SHAPE(is_like(slot.buffers[i], value), "optimizer state", buffer_names_[i], "/",
                     name, " is ", slot.buffers[i].dtype(), " ", slot.buffers[i].shape(),
                     ", the parameter is ", value.dtype(), " ", value.shape());
    }
  }
  RF_CHECK_SHAPE(rest.empty(), "optimizer state", rest.begin()->first,
                 " belongs to no parameter and rule of this optimiser");
  slots_ = std::move(loaded);
}

}  // namespace rf::ag
