#include "retinaface/training/options.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "autograd/schedule.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"
#include "weights/json.hpp"

namespace rf {

namespace {

using Json = nlohmann::ordered_json;

Json as_json(const TrainingOptions& options) {
  Json json = Json::object();
  for_each_option(options,
                  [&](const char* name, const auto& value, const char*) { json[name] = value; });
  return json;
}

// "0.5", not "0.50000000000000000"; lists with commas.
std::string shown_value(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& part : value) text += (text.empty() ? "" : ", ") + shown_value(part);
  return text;
}

// Whether a value is of an option's type. nlohmann would take 2.5 for the whole number 2, true for
// 1 and -1 for 2^64 - 1.
bool fits(const Json& json, bool) { return json.is_boolean(); }
bool fits(const Json& json, const std::string&) { return json.is_string(); }
bool fits(const Json& json, double) { return json.is_number(); }
bool fits(const Json& json, std::uint64_t) { return json.is_number_unsigned(); }
bool fits(const Json& json, Index) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<Index>::max()});
}
template <class T>
bool fits(const Json& json, const std::vector<T>&) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(), [](const Json& part) { return fits(part, T{}); });
}

// Whether a checkpoint can hold it: JSON has no infinity, and no text but UTF-8.
bool survives(const Json& value) {
  try {
    return Json::parse(value.dump()) == value;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

std::string to_json(const TrainingOptions& options) { return as_json(options).dump(); }

TrainingOptions parse_training_options(const std::string& text, const std::string& name) {
  const Json json = parse_json<Json>(text, name);
  if (!json.is_object()) throw FormatError(message(name, ": is no JSON object"));
  TrainingOptions options;
  constexpr std::array<std::string_view, 3> kLater = {"network", "deformable", "stem"};
  std::size_t known = 0;
  for_each_option(options, [&](const char* key, auto& value, const char*) {
    const bool later = std::find(kLater.begin(), kLater.end(), key) != kLater.end();
    if (later && !json.contains(key)) return;
    if (!json.contains(key)) throw FormatError(message(name, ": lacks the option ", key));
    if (!fits(json.at(key), value))
      throw FormatError(message(name, ": option ", key, " has a value of another type"));
    json.at(key).get_to(value);
    ++known;
  });
  if (known != json.size()) throw FormatError(message(name, ": has options that are not known"));
  return options;
}

std::vector<std::pair<std::string, std::string>> described(const TrainingOptions& options) {
  std::vector<std::pair<std::string, std::string>> rows;
  const Json json = as_json(options);  // items() refers to it
  for (const auto& [key, value] : json.items()) rows.emplace_back(key, shown_value(value));
  return rows;
}

void check(const TrainingOptions& o) {
  const auto need = [](bool good, const char* name, auto value, const char* what) {
    if (!good) throw UsageError(message("--", name, " ", value, ": ", what, " is needed"));
  };
  const auto within = [&](const char* name, double value, double low, double high) {
    need(value >= low && value <= high, name, value,
         message("a number from ", low, " to ", high).c_str());
  };
  for_each_option(o, [](const char* name, const auto& value, const char*) {
    if (!survives(value))
      throw UsageError(message("--", name, ": has a number that is not finite, or no UTF-8 text"));
  });
  if (o.data.empty()) throw UsageError("--data DIR is needed: a folder with label.txt");
  (void)network_config(o);
  within("batch", static_cast<double>(o.batch), 1, 4096);  // step counts divide by it
  need(o.epochs > 0 && o.epochs <= 1e6, "epochs", o.epochs, "a number above 0 and up to 1e6");
  constexpr std::array<const char*, 3> kSchedules = {"step", "cosine", "constant"};
  need(std::find(kSchedules.begin(), kSchedules.end(), o.schedule) != kSchedules.end(), "schedule",
       o.schedule, "step, cosine or constant");
  within("lr", o.lr, 0, 1e3);
  within("momentum", o.momentum, 0, 0.999999);
  within("weight-decay", o.weight_decay, 0, 1e3);
  within("clip", o.clip, 0, 1e9);
  within("ema", o.ema, 0, 0.999999);
  need(o.freeze >= 0, "freeze", o.freeze, "a number of layers");
  within("box-weight", o.box_weight, 0, 1e6);
  within("landmark-weight", o.landmark_weight, 0, 1e6);
  within("positive-iou", o.positive_iou, 0, 1);
  within("negative-iou", o.negative_iou, 0, o.positive_iou);
  within("teacher-weight", o.teacher_weight, 0, 1e6);
  within("teacher-features", o.teacher_features, 0, 1e6);
  need(o.teacher_features == 0 || !o.teacher.empty(), "teacher-features", o.teacher_features,
       "--teacher");
  need(o.crop.size() == 2, "crop", o.crop.size(), "a smallest and a largest value");
  need(o.holdout >= 0, "holdout", o.holdout, "a number of pictures");
  need(o.overfit >= 0, "overfit", o.overfit, "a number of pictures");
  check(batch_options(o));
  (void)learning_rate(o);
}

ModelConfig network_config(const TrainingOptions& o) {
  return network_config(NetworkChoice{
      .network = o.network, .backbone = o.backbone, .deformable = o.deformable, .stem = o.stem});
}

BatchOptions batch_options(const TrainingOptions& o) {
  const AugmentOptions augment{.crop_min = o.crop.at(0),
                               .crop_max = o.crop.at(1),
                               .mirror = o.mirror,
                               .photometric = o.photometric,
                               .min_face = o.min_face,
                               .whole = o.overfit > 0};
  return {.seed = o.seed,
          .batch = o.batch,
          .part = world().rank(),
          .parts = world().size(),
          .sizes = o.sizes,
          .mosaic = o.mosaic,
          .augment = augment,
          .matching = {.positive = o.positive_iou, .negative = o.negative_iou}};
}

std::function<double(double)> learning_rate(const TrainingOptions& o) {
  if (o.schedule == "constant") return ag::ConstantSchedule{o.lr};
  if (o.schedule == "step") {
    return ag::StepSchedule({.start = o.lr_start,
                             .peak = o.lr,
                             .warm_up = o.warm_up,
                             .drops = o.lr_drops,
                             .divisor = 10});
  }
  return ag::CosineSchedule({.start = o.lr_start,
                             .peak = o.lr,
                             .end = o.lr_end,
                             .warm_up = o.warm_up,
                             .total = o.epochs});
}

}  // namespace rf
