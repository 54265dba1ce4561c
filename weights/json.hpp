// JSON out of files that nobody trusts: nlohmann's parser with limits on depth and on the number of
// values, and names that occur twice in an object refused instead of overwritten.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace rf {

struct JsonLimits {
  std::size_t depth = 16;
  std::size_t values = 1'000'000;
};

// `where` begins the message of the FormatError that it throws, for example "x.safetensors:
// header". Json is nlohmann::json (names sorted) or nlohmann::ordered_json (names as in the text;
// slow for large objects).
template <class Json>
[[nodiscard]] Json parse_json(std::string_view text, const std::string& where,
                              const JsonLimits& limits = {});

}  // namespace rf
