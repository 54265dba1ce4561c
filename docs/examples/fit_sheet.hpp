// What fit_picture shows: the picture and two fits side by side, and below them how the fit became
// better.
#pragma once

#include <vector>

#include "engine/image.hpp"

namespace example {

struct Fit {
  rf::Index step;
  rf::Image picture;  // of the target's size
};

// `psnr`: of step 0, 1, ... so far, in dB, finite and within [0, 100]; it holds those of both fits.
// `steps`: where the axis ends. Requires a target of at least one pixel.
[[nodiscard]] rf::Image fit_sheet(const rf::Image& target, const Fit& early, const Fit& now,
                                  const std::vector<double>& psnr, rf::Index steps);

}  // namespace example
