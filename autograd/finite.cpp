#include "autograd/finite.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/ops/run.hpp"

namespace rf::ag {

namespace {

struct NonFinite {
  Index index;
  const char* value;
};

std::optional<NonFinite> find_non_finite(const Tensor& x) {
  std::optional<NonFinite> found;
  with_float_type(x, [&]<class T>(T) {
    const std::span<const T> values = x.span<T>();
    const auto is_bad = [](T value) { return !std::isfinite(value); };
    std::atomic<bool> any = false;
    for_ranges(x.numel(), 1, [&](Index begin, Index end) {
      if (std::any_of(values.begin() + begin, values.begin() + end, is_bad))
        any.store(true, std::memory_order_relaxed);
    });
    if (!any) return;
    const auto bad = std::ranges::find_if(values, is_bad);
    found = {.index = bad - values.begin(),
             .value = std::isnan(*bad) ? "nan" : (*bad > 0 ? "inf" : "-inf")};
  });
  return found;
}

}  // namespace

std::optional<std::string> first_non_finite(const Tensor& loss,
                                            std::span<const Parameter> parameters) {
  check_same_dtype("loss", {&loss});
  if (const auto found = find_non_finite(loss)) {
    std::string text = message("loss is ", found->value);
    if (loss.numel() > 1) text += message(" at index ", found->index);
    return text;
  }
  for (const Parameter& parameter : parameters) {
    if (!has_gradient(parameter)) continue;
    if (const auto found = find_non_finite(parameter.var.grad())) {
      return message("gradient of ", parameter.name, " is ", found->value, " at index ",
                     found->index);
    }
  }
  return std::nullopt;
}

StepVerdict judge_step(const Tensor& loss, std::span<const Parameter> parameters,
                       OnNonFinite policy) {
  const auto found = first_non_finite(loss, parameters);
  if (!found) return {.take_step = true, .found = ""};
  if (policy == OnNonFinite::stop) {
    throw TrainingError(message(
        *found, "; try a lower learning rate or clipped gradients, or look for broken data"));
  }
  return {.take_step = policy == OnNonFinite::go_on, .found = *found};
}

}  // namespace rf::ag
