// Options of a training as JSON, for any struct that has a for_each_option() (options.hpp): the
// names of the flags are the keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/shape.hpp"
#include "weights/json.hpp"

namespace rf::option_values {

using Json = nlohmann::ordered_json;

// Whether a value is of an option's type. nlohmann would take 2.5 for the whole number 2, true for
// 1 and -1 for 2^64 - 1.
inline bool fits(const Json& json, bool) { return json.is_boolean(); }
inline bool fits(const Json& json, const std::string&) { return json.is_string(); }
inline bool fits(const Json& json, double) { return json.is_number(); }
inline bool fits(const Json& json, std::uint64_t) { return json.is_number_unsigned(); }
inline bool fits(const Json& json, Index) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<Index>::max()});
}
template <class T>
bool fits(const Json& json, const std::vector<T>&) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(), [](const Json& part) { return fits(part, T{}); });
}

// "0.5", not "0.50000000000000000"; lists with commas.
inline std::string shown(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& part : value) text += (text.empty() ? "" : ", ") + shown(part);
  return text;
}

// Whether a checkpoint can hold it: JSON has no infinity, and no text but UTF-8.
inline bool survives(const Json& value) {
  try {
    return Json::parse(value.dump()) == value;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

template <class Options>
Json as_json(const Options& options) {
  Json json = Json::object();
  for_each_option(options,
                  [&](const char* name, const auto& value, const char*) { json[name] = value; });
  return json;
}

// For a file that others get: paths without the folders of the machine where it was made.
template <class Options>
std::string recipe(const Options& options) {
  const auto last_name = [](const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    const std::size_t slash = path.find_last_of('/', end);
    return slash == std::string::npos ? path : path.substr(slash + 1, end - slash);
  };
  Json json = as_json(options);
  for (auto& [name, value] : json.items()) {
    if (value.is_string()) value = last_name(value.template get<std::string>());
    if (!value.is_array()) continue;
    for (Json& part : value) {
      if (part.is_string()) part = last_name(part.template get<std::string>());
    }
  }
  return json.dump();
}

// `later`: options that came later than files without them, which get their defaults. Throws
// FormatError, beginning with `name`.
template <class Options>
Options parse(const std::string& text, const std::string& name,
              std::initializer_list<std::string_view> later = {}) {
  const Json json = parse_json<Json>(text, name);
  if (!json.is_object()) throw FormatError(message(name, ": is no JSON object"));
  Options options;
  std::size_t known = 0;
  for_each_option(options, [&](const char* key, auto& value, const char*) {
    const bool may_lack = std::find(later.begin(), later.end(), key) != later.end();
    if (may_lack && !json.contains(key)) return;
    if (!json.contains(key)) throw FormatError(message(name, ": lacks the option ", key));
    if (!fits(json.at(key), value))
      throw FormatError(message(name, ": option ", key, " has a value of another type"));
    json.at(key).get_to(value);
    ++known;
  });
  if (known != json.size()) throw FormatError(message(name, ": has options that are not known"));
  return options;
}

// Names and values, for people.
template <class Options>
std::vector<std::pair<std::string, std::string>> described(const Options& options) {
  std::vector<std::pair<std::string, std::string>> rows;
  const Json json = as_json(options);  // items() refers to it
  for (const auto& [key, value] : json.items()) rows.emplace_back(key, shown(value));
  return rows;
}

// Throws UsageError, naming the option that no checkpoint could hold.
template <class Options>
void check_finite(const Options& options) {
  for_each_option(options, [](const char* name, const auto& value, const char*) {
    if (!survives(value))
      throw UsageError(message("--", name, ": has a number that is not finite, or no UTF-8 text"));
  });
}

// Throws UsageError unless `value` is in [low, high].
inline void check_within(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw UsageError(
        message("--", name, " ", value, ": a number from ", low, " to ", high, " is needed"));
}

}  // namespace rf::option_values
