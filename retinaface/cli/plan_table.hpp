// The steps of an inference plan, measured on this machine: as JSON, and as a Markdown table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/plan/plan.hpp"
#include "retinaface/size_rule.hpp"

namespace rf::cli {

// For a picture of this size as the network sees it. "machine" with the limits that were measured
// just before; "steps" with "op", "kernel", "inputs", "output", "flops", "kernel_flops", "bytes",
// "ms", and by engine/plan/cost_model.hpp "predicted_ms", "bound" ("arithmetic" or "memory") and
// "share_of_limit" = predicted / measured; "memory_bytes" of all values together.
[[nodiscard]] nlohmann::ordered_json plan_json(const Plan& plan, ImageSize seen);

[[nodiscard]] std::string plan_text(const nlohmann::ordered_json& plan);

}  // namespace rf::cli
