#include "autograd/ema.hpp"

#include <algorithm>
#include <set>

#include "engine/ops/run.hpp"

namespace rf::ag {

namespace {

void check_like(const std::string& name, const Tensor& tensor, const Tensor& average) {
  RF_CHECK_SHAPE(tensor.shape() == average.shape() && tensor.dtype() == average.dtype(), "ema",
                 name, " is ", tensor.dtype(), " ", tensor.shape(), ", its average ",
                 average.dtype(), " ", average.shape());
}

template <class T>
void ema_rule(const T* average, const T* weight, T rest, T* result, Index begin,
              Index end) noexcept {
  for (Index i = begin; i < end; ++i) result[i] = average[i] + rest * (weight[i] - average[i]);
}

}  // namespace

Ema::Ema(std::vector<Parameter> parameters, const EmaOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  if (!(options.decay >= 0 && options.decay < 1))
    throw UsageError(message("ema: decay ", options.decay, " is outside [0, 1)"));
  std::set<std::string> names;
  for (const auto& [name, var] : parameters_) {
    if (!names.insert(name).second)
      throw UsageError(message("ema: the parameter ", name, " is given twice"));
    if (var.value().dtype() != DType::f32 && var.value().dtype() != DType::f64)
      throw UsageError(message("ema: ", name, " holds ", var.value().dtype(), ", not f32 or f64"));
    averages_.push_back(var.value().clone());
  }
}

void Ema::update() {
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    check_like(parameters_[p].name, parameters_[p].var.value(), averages_[p]);
  const auto t = static_cast<double>(updates_);
  const double decay =
      options_.warm_up ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Tensor &weight = parameters_[p].var.value(), &average = averages_[p];
    Tensor result = Tensor::empty(weight.shape(), weight.dtype());
    with_float_type(weight, [&]<class T>(T) {
      const T *a = average.data<T>(), *w = weight.data<T>();
      T* to = result.data<T>();
      for_ranges(weight.numel(), 1, [&](Index begin, Index end) {
        ema_rule(a, w, static_cast<T>(1 - decay), to, begin, end);
      });
    });
    averages_[p] = result;
  }
  ++updates_;
}

StateDict Ema::averaged(const StateDict& live) const {
  StateDict result;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const std::string& name = parameters_[p].name;
    const auto entry = live.find(name);
    RF_CHECK_SHAPE(entry != live.end(), "ema", name, " is not in the model's state");
    check_like(name, entry->second, averages_[p]);
    result.emplace(name, averages_[p]);
  }
  for (const auto& [name, tensor] : live) {
    if (result.count(name) == 0) result.emplace(name, tensor.clone());
  }
  return result;
}

StateDict Ema::state() const {
  StateDict state;
  state.emplace("updates", Tensor::from({}, std::span<const std::int64_t>(&updates_, 1)));
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    state.emplace("average/" + parameters_[p].name, averages_[p]);
  return state;
}

void Ema::load_state(const StateDict& state) {
  RF_CHECK_SHAPE(state.size() == parameters_.size() + 1, "ema state", "has ", state.size(),
                 " tensors, needed are ", parameters_.size(), " averages and \"updates\"");
  const auto updates = state.find("updates");
  RF_CHECK_SHAPE(updates != state.end() && updates->second.dtype() == DType::i64 &&
                     updates->second.numel() == 1 && *updates->second.data<std::int64_t>() >= 0,
                 "ema state", "needs \"updates\", one i64 number, 0 or more");
  std::vector<Tensor> averages;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const auto entry = state.find("average/" + parameters_[p].name);
    RF_CHECK_SHAPE(entry != state.end(), "ema state", "average/", parameters_[p].name,
                   " is missing");
    check_like(parameters_[p].name, entry->second, averages_[p]);
    averages.push_back(entry->second);
  }
  updates_ = *updates->second.data<std::int64_t>();
  averages_ = std::move(averages);
}

}  // namespace rf::ag
