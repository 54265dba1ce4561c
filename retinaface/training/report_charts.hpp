// The charts of the training report.
#pragma once

#include <string>

#include "retinaface/training/report.hpp"

namespace rf {

// The last step of which anything is known; 1 at least.
[[nodiscard]] Index last_step(const ReportInput& input);

// Loss, validation, terms of the loss, and validation of the later half: as figures.
[[nodiscard]] std::string large_charts(const ReportInput& input);

// Learning rate, gradient norm, throughput, and waiting for the loader.
[[nodiscard]] std::string small_charts(const ReportInput& input);

}  // namespace rf
