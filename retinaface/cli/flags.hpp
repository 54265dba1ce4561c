// Checks of flag values that several verbs share.
#pragma once

#include <CLI/CLI.hpp>

namespace rf::cli {

// Refuses anything but a number from `low` to `high`, "nan" included, and says so. Adds nothing to
// the help, where the description tells the range if it is of interest.
[[nodiscard]] inline CLI::Validator number_between(double low, double high) {
  const auto judge = [low, high](const std::string& text) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return "";
    std::ostringstream refusal;
    refusal.precision(15);
    refusal << text << " is not a number from " << low << " to " << high;
    return refusal.str();
  };
  return {judge, ""};
}

}  // namespace rf::cli
