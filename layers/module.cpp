#include "layers/module.hpp"

#include "engine/check.hpp"

namespace rf {

namespace {

// "a, b, c and 4 more"
std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += message(" and ", names.size() - kShown, " more");
  return text;
}

}  // namespace

Var Module::parameter(const std::string& name, const Shape& shape) {
  own_.push_back({name, Var(Tensor::zeros(shape)), Kind::parameter});
  return own_.back().var;
}

Var Module::buffer(const std::string& name, const Tensor& value) {
  own_.push_back({name, Var(value), Kind::buffer});
  return own_.back().var;
}

void Module::set_training(bool on) {
  training_ = on && !frozen_;
  for (Own& own : own_) {
    if (own.kind == Kind::parameter) own.var.set_requires_grad(training_);
  }
  for (const auto& [name, module] : children_) module->set_training(on);
}

void Module::freeze() {
  frozen_ = true;
  for (const auto& [name, module] : children_) module->freeze();
  set_training(false);
}

void Module::visit(const std::string& prefix, Kind kind, NamedVars& into) const {
  for (const Own& own : own_) {
    if (own.kind == kind) into.emplace_back(prefix + own.name, own.var);
  }
  for (const auto& [name, module] : children_) module->visit(prefix + name + ".", kind, into);
}

Module::NamedVars Module::collect(Kind kind) const {
  NamedVars vars;
  visit("", kind, vars);
  return vars;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, var] : named_parameters()) state.emplace(name, var.value());
  for (const auto& [name, var] : named_buffers()) state.emplace(name, var.value());
  return state;
}

void Module::load_state_dict(const StateDict& state) {
  NamedVars vars = named_parameters();
  for (auto& buffer : named_buffers()) vars.push_back(std::move(buffer));
  std::vector<std::string> missing, unexpected;
  StateDict rest = state;
  for (const auto& [name, var] : vars) {
    if (rest.erase(name) == 0) missing.push_back(name);
  }
  for (const auto& [name, tensor] : rest) unexpected.push_back(name);
  RF_CHECK_SHAPE(missing.empty() && unexpected.empty(), "load",
                 "this network has other tensors: ", missing.size(), " missing (",
                 first_few(missing), "), ", unexpected.size(), " unexpected (",
                 first_few(unexpected), ")");
  const DType dtype = state.begin()->second.dtype();
  for (const auto& [name, var] : vars) {
    const Tensor& tensor = state.at(name);
    RF_CHECK_SHAPE(tensor.shape() == var.value().shape(), "load", name, " has shape ",
                   tensor.shape(), ", this network needs ", var.value().shape());
    RF_CHECK_SHAPE(tensor.dtype() == dtype && (dtype == DType::f32 || dtype == DType::f64), "load",
                   name, " has elements ", tensor.dtype(),
                   ", needed are f32, or f64 in every tensor");
  }
  for (auto& [name, var] : vars) var.set_value(state.at(name));
}

}  // namespace rf
