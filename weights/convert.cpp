#include "weights/convert.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "weights/shown.hpp"

namespace rf {

namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const char* flag, std::string_view text, const char* form) {
  throw UsageError(message(flag, " ", shown(text), ": ", form, " is needed"));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Whole numbers stay whole in JSON: 8, not 8.0.
std::optional<Json> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return Json(static_cast<std::int64_t>(value));
  return Json(value);
}

// Numbers between commas; nothing if one of them is no number.
std::optional<Json> numbers(std::string_view text) {
  Json list = Json::array();
  for (const std::string_view part : split(text, ',')) {
    const auto value = number(part);
    if (!value) return {};
    list.push_back(*value);
  }
  return list;
}

Json activation(const std::string& text) {
  constexpr std::string_view kLeaky = "leaky_relu:";
  if (text == "relu") return {{"kind", "relu"}, {"slope", nullptr}};  // null takes the key away
  const auto slope = text.starts_with(kLeaky) ? number(std::string_view(text).substr(kLeaky.size()))
                                              : std::nullopt;
  if (!slope) refuse("--activation", text, "relu or leaky_relu:SLOPE (leaky_relu:0.1)");
  return {{"kind", "leaky_relu"}, {"slope", *slope}};
}

Json anchors(const std::string& text) {
  Json levels = Json::array();
  for (const std::string_view level : split(text, '/')) {
    const auto parts = split(level, ':');
    const auto stride = number(parts[0]),
               offset = parts.size() == 3 ? number(parts[1]) : std::nullopt;
    const auto sizes = parts.size() == 3 ? numbers(parts[2]) : std::nullopt;
    if (!stride || !offset || !sizes) {
      refuse("--anchors", text,
             "STRIDE:OFFSET:SIZE,SIZE for each level (8:4:16,32/16:8:64,128/32:16:256,512)");
    }
    levels.push_back({{"stride", *stride}, {"offset", *offset}, {"sizes", *sizes}});
  }
  return levels;
}

Json list_of(const char* flag, const std::string& text, std::size_t count, const char* form) {
  const auto list = numbers(text);
  if (!list || list->size() != count) refuse(flag, text, form);
  return *list;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.numel() == 0 ||
          std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0);
}

}  // namespace

std::string description_patch(const DescriptionChanges& changes) {
  Json patch = Json::object();
  if (changes.activation) {
    const Json value = activation(*changes.activation);
    patch["arch"]["backbone"]["activation"] = value;
    patch["arch"]["neck"]["activation"] = value;
  }
  if (changes.anchors) patch["anchors"] = anchors(*changes.anchors);
  if (changes.mean)
    patch["input"]["mean"] = list_of("--mean", *changes.mean, 3, "three numbers (104,117,123)");
  if (changes.scale)
    patch["input"]["scale"] = list_of("--scale", *changes.scale, 3, "three numbers (1,1,1)");
  if (changes.order) {
    if (*changes.order != "rgb" && *changes.order != "bgr")
      refuse("--order", *changes.order, "rgb or bgr");
    patch["input"]["order"] = *changes.order;
  }
  if (changes.variances) {
    const Json pair = list_of("--variances", *changes.variances, 2, "two numbers (0.1,0.2)");
    patch["coding"]["centre_variance"] = pair[0];
    patch["coding"]["size_variance"] = pair[1];
  }
  if (changes.name) patch["name"] = *changes.name;
  if (changes.licence) patch["licence"] = *changes.licence;
  if (changes.provenance) patch["provenance"] = *changes.provenance;
  if (patch.empty()) return {};
  try {
    return patch.dump();
  } catch (const nlohmann::json::exception&) {
    throw UsageError("--name, --licence and --provenance must be UTF-8");
  }
}

void verify_model(const std::string& path, const ModelFile& model) {
  const ModelFile written = read_model(path);
  if (written.sha256 != model.sha256) {
    throw ModelError(message(path, ": verification failed: SHA-256 ", written.sha256,
                             " instead of ", model.sha256));
  }
  if (written.description != model.description)
    throw ModelError(path + ": verification failed: the description differs");
  if (written.tensors.size() != model.tensors.size()) {
    throw ModelError(message(path, ": verification failed: ", written.tensors.size(),
                             " tensors instead of ", model.tensors.size()));
  }
  for (const auto& [name, tensor] : model.tensors) {
    const auto found = written.tensors.find(name);
    if (found == written.tensors.end() || !same_bits(found->second, tensor)) {
      throw ModelError(message(path, ": verification failed: tensor ", name, " differs"));
    }
  }
}

}  // namespace rf
