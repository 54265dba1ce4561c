// The steps of an inference plan, measured on this machine: as JSON, and as a Markdown table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/plan/plan.hpp"
#include "retinaface/size_rule.hpp"

namespace rf::cli {

// For a picture of this size as the network sees it. "steps" with "op", "kernel", "inputs",
// "output", "flops", "bytes" and "ms"; "memory_bytes" of all values together.
[[nodiscard]] nlohmann::ordered_json plan_json(const Plan& plan, ImageSize seen);

[[nodiscard]] std::string plan_text(const nlohmann::ordered_json& plan);

}  // namespace rf::cli
