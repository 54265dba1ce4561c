#include "weights/name_map.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "engine/check.hpp"
#include "weights/json.hpp"
#include "weights/shown.hpp"

namespace rf {

namespace {

using Json = nlohmann::ordered_json;

// Values of placeholders: {name} in a pattern.
using Row = std::map<std::string, std::string>;
using Table = std::vector<Row>;

constexpr std::size_t kMaxEntries = 100'000;
constexpr Index kMaxRepeats = 10'000, kMaxNumber = 1'000'000'000;

class NameMapReader {
 public:
  explicit NameMapReader(std::string where) : where_(std::move(where)) {}

  std::vector<NameMap> read(const Json& json) {
    if (!json.is_object() || json.value("schema", "") != "retinaface-name-map/1")
      fail("schema is not retinaface-name-map/1");
    if (!json.contains("members")) return {layout(json, json)};
    std::vector<NameMap> maps;
    for (const Json& each : json["members"]) maps.push_back(layout(json, each));
    if (maps.empty()) fail("members are none");
    return maps;
  }

 private:
  // `json` is the file, `own` what this layout does not share with the others of the file.
  NameMap layout(const Json& json, const Json& own) {
    NameMap map;
    map.layout = text(own, "layout");
    const std::string role = text(json, "role");
    if (role != "detector" && role != "backbone")
      fail("role ", shown(role), " is neither detector nor backbone");
    map.role = role == "detector" ? NameMap::Role::detector : NameMap::Role::backbone;
    if (map.role == NameMap::Role::backbone) map.backbone = text(own, "backbone");
    tables_.clear();
    add_tables(member(json, "tables"));
    if (&own != &json) add_tables(member(own, "tables"));
    for (const Json& rule : member(json, "tensors")) add_entries(rule, map.entries);
    for (const Json& name : member(json, "ignore")) {
      if (!name.is_string()) fail("ignore holds what is no name");
      map.ignored.push_back(name.get<std::string>());
    }
    if (map.role == NameMap::Role::detector) map.description = member(json, "description").dump();
    check_unique(map);
    return map;
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(where_, ": ", parts...));
  }

  const Json& member(const Json& json, const char* key) const {
    if (!json.is_object() || !json.contains(key)) fail(key, " is missing");
    return json[key];
  }

  std::string text(const Json& json, const char* key) const {
    const Json& value = member(json, key);
    if (!value.is_string()) fail(key, " is not a string");
    return value.get<std::string>();
  }

  void add_tables(const Json& tables) {
    for (const auto& [name, rows] : tables.items()) {
      if (!tables_.emplace(name, table(rows)).second) fail("two tables are called ", shown(name));
    }
  }

  Table table(const Json& rows) const {
    Table out;
    for (const Json& row : rows) {
      if (!row.is_object()) fail("a table holds what is no object");
      const Json count = row.value("count", Json(1U));
      if (!count.is_number_unsigned() || count > kMaxRepeats)
        fail("count ", shown(count.dump()), " of a row is not 0 to ", kMaxRepeats);
      for (Index i = 0; i < count.get<Index>(); ++i) out.push_back(repeated(row, i));
    }
    return out;
  }

  // Row i of those that one with a count stands for: [first, step] is first + i * step.
  Row repeated(const Json& row, Index i) const {
    const auto is_number = [](const Json& value) {
      return value.is_number_integer() && value >= -kMaxNumber && value <= kMaxNumber;
    };
    Row values;
    for (const auto& [name, value] : row.items()) {
      if (name == "count") continue;
      if (value.is_string())
        values[name] = value.get<std::string>();
      else if (is_number(value))
        values[name] = std::to_string(value.get<Index>());
      else if (value.is_array() && value.size() == 2 && is_number(value[0]) && is_number(value[1]))
        values[name] = std::to_string(value[0].get<Index>() + i * value[1].get<Index>());
      else
        fail("a table gives ", shown(name),
             " a value that is neither text nor a whole number nor two of them");
    }
    return values;
  }

  // Each combination of one row of each table that the rule names.
  void add_entries(const Json& rule, std::vector<NameMap::Entry>& into) const {
    Table combinations(1);
    if (rule.is_object() && rule.contains("each")) {
      for (const Json& name : rule["each"]) {
        const auto found = name.is_string() ? tables_.find(name.get<std::string>()) : tables_.end();
        if (found == tables_.end()) fail("each names ", shown(name.dump()), ", which is no table");
        Table longer;
        if (combinations.size() * found->second.size() > kMaxEntries)
          fail("a rule makes more than ", kMaxEntries, " tensors");
        for (const Row& row : combinations) {
          for (const Row& more : found->second) {
            longer.push_back(row);
            for (const auto& [key, value] : more) {
              if (!longer.back().emplace(key, value).second)
                fail("two tables of one rule give ", shown(key));
            }
          }
        }
        combinations = std::move(longer);
      }
    }
    for (const Row& row : combinations) into.push_back(entry(rule, row));
    if (into.size() > kMaxEntries) fail("there are more than ", kMaxEntries, " tensors");
  }

  NameMap::Entry entry(const Json& rule, const Row& row) const {
    NameMap::Entry out{.from = fill(text(rule, "from"), row),
                       .to = fill(text(rule, "to"), row),
                       .shape = shape(member(rule, "shape"), row)};
    if (rule.contains("minus")) out.minus = fill(text(rule, "minus"), row);
    if (rule.contains("plus")) {
      if (!rule["plus"].is_number()) fail("plus of ", shown(out.from), " is no number");
      out.plus = rule["plus"].get<double>();
    }
    if (!rule.contains("rows")) return out;
    for (const Json& index : rule["rows"]) {
      if (!index.is_number_unsigned()) fail("rows of ", shown(out.from), " are not whole numbers");
      out.rows.push_back(index.get<Index>());
    }
    std::vector<Index> sorted = out.rows;
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] != static_cast<Index>(i))
        fail("rows of ", shown(out.from), " are no permutation");
    }
    if (out.shape.rank() == 0 || out.shape[0] != static_cast<Index>(out.rows.size())) {
      fail("rows of ", shown(out.from), " are ", out.rows.size(), ", its shape is ", out.shape);
    }
    return out;
  }

  std::string fill(const std::string& pattern, const Row& row) const {
    std::string out;
    for (std::size_t at = 0; at < pattern.size();) {
      const std::size_t close = pattern[at] == '{' ? pattern.find('}', at) : std::string::npos;
      if (close == std::string::npos) {
        out += pattern[at++];
        continue;
      }
      const auto found = row.find(pattern.substr(at + 1, close - at - 1));
      if (found == row.end()) fail("no table gives the placeholder in ", shown(pattern));
      out += found->second;
      at = close + 1;
    }
    return out;
  }

  Shape shape(const Json& json, const Row& row) const {
    std::vector<Index> dims;
    for (const Json& size : json) {
      const std::string digits =
          size.is_string() ? fill(size.get<std::string>(), row) : size.dump();
      if (digits.empty() || digits.size() > 9 ||
          digits.find_first_not_of("0123456789") != std::string::npos) {
        fail("a shape holds ", shown(digits));
      }
      dims.push_back(std::stoll(digits));
    }
    return Shape(dims);
  }

  void check_unique(const NameMap& map) const {
    std::set<std::string> from, to;
    for (const NameMap::Entry& e : map.entries) {
      if (!from.insert(e.from).second || !to.insert(e.to).second)
        fail("two rules make ", shown(e.from), " or ", shown(e.to));
      if (!e.minus.empty() && !from.insert(e.minus).second) fail("two rules use ", shown(e.minus));
    }
  }

  std::string where_;
  std::map<std::string, Table> tables_;
};

bool is_ignored(const NameMap& map, const std::string& name) {
  return std::ranges::any_of(map.ignored, [&](const std::string& pattern) {
    return pattern.starts_with('*') ? name.ends_with(std::string_view(pattern).substr(1))
                                    : name == pattern;
  });
}

Tensor permuted_rows(const Tensor& tensor, const std::vector<Index>& rows) {
  Tensor out = Tensor::empty(tensor.shape(), DType::f32);
  const std::size_t row_size = static_cast<std::size_t>(tensor.numel()) / rows.size();
  float* target = out.data<float>();
  for (const Index row : rows) {
    const auto source =
        tensor.span<float>().subspan(static_cast<std::size_t>(row) * row_size, row_size);
    target = std::ranges::copy(source, target).out;
  }
  return out;
}

Tensor difference(const Tensor& a, const Tensor& b) {
  Tensor out = Tensor::empty(a.shape(), DType::f32);
  std::ranges::transform(a.span<float>(), b.span<float>(), out.data<float>(), std::minus<>());
  return out;
}

Tensor sum(const Tensor& tensor, double number) {
  Tensor out = Tensor::empty(tensor.shape(), DType::f32);
  std::ranges::transform(tensor.span<float>(), out.data<float>(),
                         [&](float value) { return static_cast<float>(double{value} + number); });
  return out;
}

}  // namespace

std::vector<NameMap> parse_name_maps(std::string_view json_text, const std::string& where) {
  return NameMapReader(where).read(parse_json<Json>(json_text, where + ": text"));
}

const std::vector<NameMap>& published_name_maps() {
  static const std::vector<NameMap> maps = [] {
    std::vector<NameMap> parsed;
    for (const auto& [name, text] : embedded_name_maps())
      std::ranges::move(parse_name_maps(text, std::string(name)), std::back_inserter(parsed));
    return parsed;
  }();
  return maps;
}

NameMapFit fit(const NameMap& map, const StateDict& tensors) {
  NameMapFit result;
  std::set<std::string> known;
  const auto look_for = [&](const std::string& name) {
    known.insert(name);
    if (tensors.contains(name))
      ++result.found;
    else
      result.missing.push_back(name);
  };
  for (const NameMap::Entry& entry : map.entries) {
    look_for(entry.from);
    if (!entry.minus.empty()) look_for(entry.minus);
  }
  for (const auto& [name, tensor] : tensors) {
    if (!known.contains(name) && !is_ignored(map, name)) result.unexpected.push_back(name);
  }
  return result;
}

StateDict apply(const NameMap& map, const StateDict& tensors) {
  const auto floats = [&](const std::string& name, const Shape& shape) {
    const Tensor& theirs = tensors.at(name);
    RF_CHECK_SHAPE(theirs.shape() == shape, "import", shown(name), " has shape ", theirs.shape(),
                   ", ", map.layout, " has ", shape);
    RF_CHECK_SHAPE(theirs.dtype() == DType::f32 || theirs.dtype() == DType::f64, "import",
                   shown(name), " has elements ", theirs.dtype(), ", floating point is needed");
    return theirs.dtype() == DType::f32 ? theirs : theirs.to(DType::f32);
  };
  StateDict ours;
  for (const NameMap::Entry& entry : map.entries) {
    Tensor tensor = floats(entry.from, entry.shape);
    if (!entry.rows.empty()) tensor = permuted_rows(tensor, entry.rows);
    if (!entry.minus.empty()) tensor = difference(tensor, floats(entry.minus, entry.shape));
    if (entry.plus != 0) tensor = sum(tensor, entry.plus);
    ours.emplace(entry.to, std::move(tensor));
  }
  return ours;
}

}  // namespace rf
