// Checks a gradient against central differences. For the tests of this project and for an op of
// your own:
//
//   const auto report = ag::gradcheck([](const std::vector<Var>& in) { return my_op(in[0], in[1]);
//   }, {x, w}); if (!report.passed) std::cerr << report.text << '\n';
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/var.hpp"

namespace rf::ag {

struct GradcheckOptions {
  double step = 1e-5;  // of the central difference, times max(1, |x|)
  double tolerance =
      1e-7;  // |analytic - numeric| <= tolerance max(1, largest |numeric| of that input)
  std::uint64_t seed = 1;  // of the random vector that the output is multiplied with
};

struct GradcheckReport {
  bool passed = false;
  double worst = 0;  // the largest |analytic - numeric| / max(1, largest |numeric| of that input)
  std::string text;  // "input 1, index 17: analytic 0.25, central difference 0.75", or "passed,
                     // worst 3e-11"
};

// f maps Vars to one Var, the same way each time; `inputs` are its arguments, f64 (each element is
// varied) or integer (kept as they are). L = <v, f(inputs)> with v random normal, so that no sum
// hides a sign or a transposition. While f and its gradient run, new tensors start as NaN (an
// element that is not assigned shows), and gradients start at random values that must be added to.
// The point must be away from kinks (ReLU at 0, ties of a maximum). Throws UsageError: no f64
// input, an f32 one, or an output that wants no gradient.
[[nodiscard]] GradcheckReport gradcheck(const std::function<Var(const std::vector<Var>&)>& f,
                                        const std::vector<Tensor>& inputs,
                                        const GradcheckOptions& options = {});

}  // namespace rf::ag
