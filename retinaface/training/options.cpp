#include "retinaface/training/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "autograd/schedule.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"
#include "retinaface/training/option_values.hpp"

namespace rf {

std::string to_json(const TrainingOptions& options) {
  return option_values::as_json(options).dump();
}

TrainingOptions parse_training_options(const std::string& text, const std::string& name) {
  return option_values::parse<TrainingOptions>(
      text, name, {"network", "deformable", "stem", "dense", "dense-weight"});
}

std::vector<std::pair<std::string, std::string>> described(const TrainingOptions& options) {
  return option_values::described(options);
}

void check(const TrainingOptions& o) {
  const auto need = [](bool good, const char* name, auto value, const char* what) {
    if (!good) throw UsageError(message("--", name, " ", value, ": ", what, " is needed"));
  };
  const auto within = option_values::check_within;
  option_values::check_finite(o);
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
  within("dense-weight", o.dense_weight, 0, 1e6);
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
