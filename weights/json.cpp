#include "weights/json.hpp"

#include <set>
#include <vector>

#include "engine/check.hpp"
#include "weights/shown.hpp"

namespace rf {

template <class Json>
Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  std::vector<std::set<std::string>>
      names;  // seen in each open object; an empty set for an open array
  std::size_t values = 0;
  const auto watch = [&](int, typename Json::parse_event_t event, Json& parsed) {
    using Event = typename Json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        names.emplace_back();
        if (names.size() > limits.depth) {
          throw FormatError(message(where, " nests deeper than ", limits.depth, " levels"));
        }
        break;
      case Event::object_end:
      case Event::array_end: names.pop_back(); break;
      case Event::key: {
        const auto& name = parsed.template get_ref<const std::string&>();
        if (!names.back().insert(name).second) {
          throw FormatError(message(where, " names ", shown(name), " twice"));
        }
        break;
      }
      case Event::value: break;
    }
    if (++values > limits.values)
      throw FormatError(message(where, " holds more than ", limits.values, " values"));
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::parse_error& e) {
    throw FormatError(message(where, " is not JSON in UTF-8: error at byte ", e.byte));
  } catch (const nlohmann::json::exception& e) {  // a number out of range
    throw FormatError(message(where, " is not JSON that can be used: ", shown(e.what())));
  }
}

// The parser is large: it is compiled here only.
template nlohmann::json parse_json(std::string_view, const std::string&, const JsonLimits&);
template nlohmann::ordered_json parse_json(std::string_view, const std::string&, const JsonLimits&);

}  // namespace rf
