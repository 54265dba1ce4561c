#include "retinaface/training/options.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::ordered_json;

// Every option with a value that is not its default.
TrainingOptions unusual() {
  return {.data = {"a:0.5", "b \"c\""},
          .backbone = "x",
          .network = "paper",
          .deformable = "v1",
          .stem = "7x7",
          .init = "file",
          .teacher = "other",
          .dense = "mesh",
          .seed = std::numeric_limits<std::uint64_t>::max(),
          .epochs = 0.1,
          .batch = 7,
          .sizes = {320, 480},
          .schedule = "cosine",
          .lr = 1.0 / 3,
          .lr_start = 1e-300,
          .lr_end = 3e-4,
          .warm_up = 0,
          .lr_drops = {},
          .momentum = 0.5,
          .weight_decay = 0.1 + 0.2,
          .decay_all = true,
          .clip = 5,
          .ema = 0.999,
          .freeze = 0,
          .skip_non_finite = true,
          .box_weight = 2,
          .landmark_weight = 3,
          .dense_weight = 0.5,
          .positive_iou = 0.35,
          .negative_iou = 0.25,
          .teacher_weight = 0.5,
          .teacher_features = 0.25,
          .crop = {0.2, 2},
          .mirror = 0.25,
          .photometric = false,
          .mosaic = 0.75,
          .min_face = 4,
          .holdout = 0,
          .validation = "v",
          .overfit = 8};
}

TrainingOptions sensible() {
  TrainingOptions options;
  options.data = {"a"};
  return options;
}

}  // namespace

TEST_CASE("training options: the defaults are the paper's", "[training_options]") {
  const TrainingOptions o;
  // Section 4.2.
  CHECK(o.momentum == 0.9);
  CHECK(o.weight_decay == 0.0005);
  CHECK(o.batch == 8 * 4);
  CHECK(o.schedule == "step");
  CHECK(o.lr_start == 1e-3);
  CHECK(o.lr == 1e-2);
  CHECK(o.warm_up == 5);
  CHECK(o.lr_drops == std::vector<double>{55, 68});
  CHECK(o.epochs == 80);
  CHECK(o.positive_iou == 0.5);
  CHECK(o.negative_iou == 0.3);
  CHECK(o.crop == std::vector<double>{0.3, 1});
  CHECK(o.sizes == std::vector<Index>{640});
  CHECK(o.mirror == 0.5);
  CHECK(o.photometric);
  // Section 3.1 and section 4.8.
  CHECK(o.box_weight == 0.25);
  CHECK(o.landmark_weight == 0.1);
  CHECK(o.freeze == 2);
  CHECK(o.backbone == "mobilenet0.25");
  // What the paper does not have is off.
  CHECK((o.clip == 0 && o.ema == 0 && o.mosaic == 0 && o.min_face == 0 && o.overfit == 0));
  CHECK((o.teacher.empty() && !o.skip_non_finite));
}

TEST_CASE("training options: come back from JSON as they were, every one", "[training_options]") {
  const TrainingOptions options = unusual(), defaults;
  const std::string text = to_json(options);
  CHECK(to_json(parse_training_options(text, "x")) == text);
  const Json json = Json::parse(text), plain = Json::parse(to_json(defaults));
  for (const auto& [name, value] : plain.items()) {
    CAPTURE(name);
    CHECK(json.at(name) != value);  // or the round trip would show nothing
  }
  const TrainingOptions again = parse_training_options(text, "x");
  CHECK(again.seed == options.seed);
  CHECK(again.lr == options.lr);
  CHECK(again.lr_start == options.lr_start);
  CHECK(again.weight_decay == options.weight_decay);
  CHECK(again.data == options.data);
  CHECK(again.sizes == options.sizes);
}

TEST_CASE("training options: JSON that is not theirs is refused by name",
          "[training_options][error]") {
  const auto refused = [](const std::string& text, std::initializer_list<const char*> parts) {
    CAPTURE(text);
    check_refused<FormatError>([&] { (void)parse_training_options(text, "the file"); }, parts);
  };
  refused("", {"the file"});
  refused("{", {"the file"});
  refused("[]", {"the file", "object"});
  refused("{}", {"the file", "lacks the option data"});
  const Json valid = Json::parse(to_json(unusual()));
  Json more = valid, less = valid;
  more["colour"] = 1;
  refused(more.dump(), {"the file", "not known"});
  less.erase("mirror");
  refused(less.dump(), {"the file", "lacks the option mirror"});
  Json earlier = valid;  // from before there was a choice of network
  for (const char* name : {"network", "deformable", "stem"}) earlier.erase(name);
  CHECK(parse_training_options(earlier.dump(), "x").network == "three-level");
  const auto other = [&](const char* name, const Json& value) {
    Json json = valid;
    json[name] = value;
    refused(json.dump(), {"the file", name, "another type"});
  };
  other("batch", 3.5);
  other("batch", true);
  other("batch", "3");
  other("batch", 1e30);
  other("batch", std::numeric_limits<std::uint64_t>::max());
  other("seed", -1);
  other("seed", 1.0);
  other("lr", "0.1");
  other("lr", nullptr);
  other("lr", true);
  other("mirror", Json::array({0.5}));
  other("photometric", 1);
  other("schedule", 1);
  other("data", "folder");
  other("data", Json::array({1}));
  other("size", 640);
  other("size", Json::array({640.5}));
  other("crop", Json::array({0.3, "1"}));
  other("lr-drops", Json::object({{"0", 55}}));
  refused(R"({"lr": 1e999})", {"the file"});
  refused(R"({"lr": 1, "lr": 2})", {"the file", "twice"});
  refused(std::string(100, '['), {"the file"});
  refused("{\"data\": [\"\xff\"]}", {"the file"});
}

TEST_CASE("training options: described for people", "[training_options]") {
  const auto rows = described(unusual());
  const auto value = [&](const std::string& name) {
    for (const auto& [key, text] : rows) {
      if (key == name) return text;
    }
    return std::string("missing");
  };
  CHECK(rows.front().first == "data");
  CHECK(value("size") == "320, 480");
  CHECK(value("crop") == "0.2, 2.0");
  CHECK(value("photometric") == "off");
  CHECK(value("decay-all") == "on");
  CHECK(value("init") == "file");
  CHECK(value("lr-drops").empty());
}

TEST_CASE("training options: what makes no sense is refused by name", "[training_options][error]") {
  check(sensible());
  const auto refused = [](auto&& change, std::initializer_list<const char*> parts) {
    TrainingOptions options = sensible();
    change(options);
    check_refused<UsageError>([&] { check(options); }, parts);
  };
  const double nan = std::nan("");
  refused([](auto& o) { o.data.clear(); }, {"--data"});
  refused([](auto& o) { o.epochs = 0; }, {"--epochs 0"});
  refused([](auto& o) { o.epochs = 1e7; }, {"--epochs"});
  refused([](auto& o) { o.schedule = "linear"; }, {"--schedule linear", "cosine"});
  refused([](auto& o) { o.backbone = "vgg"; }, {"--backbone", "vgg", "mobilenet0.25"});
  refused([](auto& o) { o.batch = 0; }, {"--batch 0"});
  refused([](auto& o) { o.batch = -4; }, {"--batch -4"});
  refused([](auto& o) { o.lr = -1; }, {"--lr -1"});
  refused([](auto& o) { o.momentum = 1; }, {"--momentum 1"});
  refused([](auto& o) { o.weight_decay = -1; }, {"--weight-decay"});
  refused([](auto& o) { o.clip = -1; }, {"--clip"});
  refused([](auto& o) { o.ema = 1; }, {"--ema 1"});
  refused([](auto& o) { o.freeze = -1; }, {"--freeze -1"});
  refused([](auto& o) { o.box_weight = -1; }, {"--box-weight"});
  refused([](auto& o) { o.landmark_weight = -1; }, {"--landmark-weight"});
  refused([](auto& o) { o.positive_iou = 1.5; }, {"--positive-iou 1.5"});
  refused([](auto& o) { o.negative_iou = 0.6; }, {"--negative-iou 0.6", "0 to 0.5"});
  refused([](auto& o) { o.teacher_weight = -1; }, {"--teacher-weight"});
  refused([](auto& o) { o.teacher_features = -1; }, {"--teacher-features"});
  refused([](auto& o) { o.teacher_features = 1; }, {"--teacher-features", "--teacher is needed"});
  refused([](auto& o) { o.crop = {0.3}; }, {"--crop"});
  refused([](auto& o) { o.holdout = -1; }, {"--holdout -1"});
  refused([](auto& o) { o.overfit = -1; }, {"--overfit -1"});
  // What JSON, and so a checkpoint, cannot hold.
  refused([&](auto& o) { o.lr_end = nan; }, {"--lr-end"});
  refused([](auto& o) { o.warm_up = HUGE_VAL; }, {"--warm-up"});
  refused([&](auto& o) { o.lr_drops = {55, nan}; }, {"--lr-drops"});
  refused([](auto& o) { o.data = {"a\xff"}; }, {"--data", "UTF-8"});
  refused([](auto& o) { o.init = "\x80"; }, {"--init", "UTF-8"});
}

TEST_CASE("training options: a number that is none is refused, whichever it is",
          "[training_options][error]") {
  int doubles = 0;
  TrainingOptions options = sensible();
  for_each_option(options, [&](const char* name, auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      const double before = std::exchange(value, std::nan(""));
      check_refused<UsageError>([&] { check(options); }, {"--", name});
      value = before;
      ++doubles;
    }
  });
  CHECK(doubles >= 17);
  check(options);
}

TEST_CASE("training options: what the loader is told", "[training_options]") {
  const BatchOptions batches = batch_options(unusual());
  CHECK(batches.seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(batches.batch == 7);
  CHECK(batches.sizes == std::vector<Index>{320, 480});
  CHECK(batches.mosaic == 0.75);
  CHECK(batches.augment.crop_min == 0.2);
  CHECK(batches.augment.crop_max == 2);
  CHECK(batches.augment.mirror == 0.25);
  CHECK_FALSE(batches.augment.photometric);
  CHECK(batches.augment.min_face == 4);
  CHECK(batches.augment.whole);  // --overfit
  CHECK(batches.matching.positive == 0.35);
  CHECK(batches.matching.negative == 0.25);
  CHECK_FALSE(batch_options(TrainingOptions()).augment.whole);
}

TEST_CASE("training options: the learning rate over the epochs", "[training_options]") {
  const auto close = [](double a, double b) { return std::abs(a - b) <= 1e-12; };
  TrainingOptions options;
  const auto step = learning_rate(options);
  CHECK(close(step(0), 1e-3));
  CHECK(close(step(2.5), 5.5e-3));
  CHECK(close(step(5), 1e-2));
  CHECK(close(step(54.99), 1e-2));
  CHECK(close(step(55), 1e-3));
  CHECK(close(step(68), 1e-4));
  options.schedule = "cosine";
  options.epochs = 45;
  options.lr_end = 2e-3;
  const auto cosine = learning_rate(options);
  CHECK(close(cosine(2.5), 5.5e-3));
  CHECK(close(cosine(25), 6e-3));  // half way down
  CHECK(close(cosine(45), 2e-3));
  options.schedule = "constant";
  CHECK(learning_rate(options)(0) == 1e-2);
  CHECK(learning_rate(options)(44) == 1e-2);
  options.schedule = "step";
  options.lr_drops = {68, 55};
  check_refused<UsageError>([&] { (void)learning_rate(options); }, {"drop 55"});
}

}  // namespace rf::test
