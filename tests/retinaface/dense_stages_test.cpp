// Stages (a) and (b) of the dense branch on the procedural head and the built-in detector, as small
// as they can be. What the loop around them does, stage_test.cpp holds it to.
#include <functional>

#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/training/crop_learner.hpp"
#include "retinaface/training/option_values.hpp"
#include "tests/retinaface/dense_stages.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

TEST_CASE("decoder stage: stopped and resumed, on one thread or three, the same bytes",
          "[dense_stages]") {
  const TemporaryFolder folder;
  check_goes_on<DecoderLearner>(folder, tiny_decoder(), 4);
  const DenseModel model = read_dense_model(folder.file("whole/last.safetensors"));
  CHECK_FALSE(model.head.has_value());
  CHECK(model.decoder.code == 8);
  CHECK(model.levels.back().vertices == procedural_head().neutral.shape()[0]);
  CHECK(holds(model.provenance, "step 4 of 4"));
}

TEST_CASE("decoder stage: it learns, and a decoder without weights is the mean face",
          "[dense_stages]") {
  DecoderTrainingOptions options = tiny_decoder();
  options.samples = kSanitized ? 32 : 400;
  options.batch = 8;
  options.lr = 1e-2;
  DecoderLearner learner(options);
  const double before = value_of(learner.step(0), "loss");
  double after = 0;
  for (Index step = 1; step < learner.steps(); ++step) after = value_of(learner.step(step), "loss");
  if (!kSanitized) CHECK(after < 0.9 * before);
  if (kSanitized) return;
  const std::vector<Measured> errors = learner.validate();
  check_finite(errors);
  CHECK(errors[0].name == "vertices_mm");
  CHECK(value_of(errors, "components_mm") < value_of(errors, "mean_face_mm"));
  StateDict state = learner.state();
  for (auto& [name, tensor] : state) {
    if (name.starts_with("model/") && name != "model/mean") tensor = Tensor::zeros(tensor.shape());
  }
  learner.load_state(state);
  const std::vector<Measured> of_mean = learner.validate();
  CHECK(value_of(of_mean, "vertices_mm") ==
        Approx(value_of(of_mean, "mean_face_mm")).epsilon(1e-5));
}

TEST_CASE("decoder stage: options out of range, and numbers that are none",
          "[dense_stages][error]") {
  const auto refused = [](const std::function<void(DecoderTrainingOptions&)>& change) {
    DecoderTrainingOptions options = tiny_decoder();
    change(options);
    const std::string what = thrown<UsageError>([&] {
      const DecoderLearner learner(options);
      return 0;
    });
    CHECK(one_line(what));
    return what;
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK(holds(refused([](auto& o) { o.code = 0; }), "--code 0"));
  CHECK_FALSE(refused([](auto& o) { o.code = 9999; }) == "nothing thrown");  // more than there are
  CHECK(holds(refused([](auto& o) { o.order = 0; }), "--order 0"));
  CHECK(holds(refused([](auto& o) { o.widths = {4, 4, 0, 4}; }), "--widths 0"));
  CHECK(holds(refused([](auto& o) { o.widths = {4, 4, 4}; }), "3 widths"));
  CHECK(holds(refused([](auto& o) { o.samples = 0; }), "--samples 0"));
  CHECK(holds(refused([](auto& o) { o.batch = 0; }), "--batch 0"));
  CHECK(holds(refused([&](auto& o) { o.lr = kNan; }), "--lr"));
  CHECK(holds(refused([](auto& o) { o.lr_end = 1; }), "--lr-end 1"));
  CHECK(holds(refused([](auto& o) { o.warm_up = 0.6; }), "--warm-up"));
  CHECK(holds(refused([](auto& o) { o.clip = -1; }), "--clip -1"));
  DecoderLearner learner(tiny_decoder());
  check_nan_ends(learner, 0);
  CHECK_THROWS_AS(learner.load_state({}), ShapeError);
}

TEST_CASE("head stage: stopped and resumed, on one thread or three, the same bytes",
          "[dense_stages]") {
  if (no_detector() || kSanitized) return;  // the crops' stage runs the same kernels
  const TemporaryFolder folder;
  const std::string decoder = untrained(folder, false);
  check_goes_on<HeadLearner>(folder, tiny_head(decoder), 4);
  const DenseModel model = read_dense_model(folder.file("whole/last.safetensors"));
  REQUIRE(model.head.has_value());
  CHECK(model.head->detector_sha256 == load_embedded_model().sha256);
  CHECK(model.head->config.channels == 64);
  CHECK(model.head->config.groups() == 6);
  CHECK(model.head->config.hidden == 6);
  CHECK(model.head->config.shared);
  CHECK(model.head->config.points == parse_feature_maps("context.0,backbone.0"));
  CHECK(model.head->config.point_channels == 128);
  CHECK(model.head->config.colours == 432);
  CHECK(holds(model.provenance, "untrained"));
  CHECK(holds(model.provenance, "train head, step 4 of 4"));
  // Features were measured, and the decoder is what it was.
  CHECK_FALSE(same(model.head->state.at("feature_mean"), Tensor::zeros({1, 2000})));
  const DenseModel before = read_dense_model(decoder);
  for (const auto& [name, tensor] : before.decoder_state)
    CHECK(same(model.decoder_state.at(name), tensor));
}

TEST_CASE("head stage: pictures that come again are those of the first round", "[dense_stages]") {
  if (no_detector() || kSanitized) return;
  const TemporaryFolder folder;
  const std::string decoder = untrained(folder, false);
  HeadTrainingOptions options = tiny_head(decoder);
  options.distinct = 4;
  options.points = "";
  options.colours = 0;
  options.shared = false;
  options.lr = options.lr_end = 0;  // then a loss depends on the pictures alone
  HeadLearner learner(options);
  std::vector<double> losses;
  for (Index step = 0; step < 4; ++step) losses.push_back(value_of(learner.step(step), "loss"));
  CHECK(losses[0] > 0);
  CHECK(losses[0] != losses[1]);
  CHECK(losses[2] == losses[0]);
  CHECK(losses[3] == losses[1]);
  // Stopped and resumed they are drawn again.
  options.lr = 1e-3;
  check_goes_on<HeadLearner>(folder, options, 4);
  const DenseModel model = read_dense_model(folder.file("whole/last.safetensors"));
  CHECK(model.head->config.points.empty());
  CHECK(model.head->state.at("feature_mean").shape() == Shape{6, 64});
}

TEST_CASE("head stage: what does not fit is refused, and numbers that are none end it",
          "[dense_stages][error]") {
  if (no_detector()) return;
  const TemporaryFolder folder;
  const std::string decoder = untrained(folder, false);
  const auto refused = [&](const std::function<void(HeadTrainingOptions&)>& change) {
    HeadTrainingOptions options = tiny_head(decoder);
    change(options);
    return thrown<UsageError>([&] {
      const HeadLearner learner(options);
      return 0;
    });
  };
  CHECK(holds(refused([](auto& o) { o.decoder = ""; }), "--decoder FILE is needed"));
  CHECK(holds(refused([](auto& o) { o.hidden = -1; }), "--hidden -1"));
  CHECK(holds(refused([](auto& o) { o.pictures = 0; }), "--pictures 0"));
  CHECK(holds(refused([](auto& o) { o.distinct = -1; }), "--distinct -1"));
  CHECK(holds(refused([](auto& o) { o.points = "context.0,"; }), "no map of features"));
  CHECK(holds(refused([](auto& o) { o.points = "backbone.3"; }), "has no backbone.3"));
  CHECK(holds(refused([](auto& o) { o.batch = 0; }), "--batch 0"));
  CHECK(holds(refused([](auto& o) { o.size = 63; }), "--size 63"));
  CHECK(holds(refused([](auto& o) { o.score = 1.5; }), "--score 1.5"));
  CHECK(holds(refused([](auto& o) { o.anchors = 0; }), "--anchors 0"));
  CHECK(holds(refused([](auto& o) { o.weight_decay = -1; }), "--weight-decay -1"));
  DenseModel other = read_dense_model(decoder);
  std::swap(other.landmarks5[0], other.landmarks5[1]);
  write_dense_model(folder.file("other"), other, IfExists::refuse);
  CHECK(holds(refused([&](auto& o) { o.decoder = folder.file("other"); }),
              "did not learn this face model"));
  HeadTrainingOptions gone = tiny_head(folder.file("gone"));
  CHECK_THROWS_AS(HeadLearner(gone), ModelError);

  HeadLearner learner(tiny_head(decoder));
  CHECK(learner.inputs().size() == 4);
  check_nan_ends(learner, 1);
}

TEST_CASE("stage options: what a checkpoint says is what was chosen", "[dense_stages]") {
  CropTrainingOptions options;
  options.data = {"a", "b:2"};
  options.dense = "d \"x\"";
  options.crops = 1.5e5;
  options.seed = std::numeric_limits<std::uint64_t>::max();
  const std::string text = option_values::as_json(options).dump();
  const auto found = option_values::parse<CropTrainingOptions>(text, "c");
  CHECK(option_values::as_json(found).dump() == text);
  CHECK(found.data == options.data);
  CHECK(found.seed == options.seed);
  const auto refused = [](const std::string& json) {
    return thrown<FormatError>(
        [&] { return option_values::parse<CropTrainingOptions>(json, "c"); });
  };
  CHECK(refused("[]") == "c: is no JSON object");
  CHECK(holds(refused("{}"), "c: lacks the option data"));
  auto json = option_values::as_json(options);
  json["batch"] = 2.5;
  CHECK(holds(refused(json.dump()), "option batch has a value of another type"));
  json["batch"] = 2;
  json["beta"] = 1;
  CHECK(holds(refused(json.dump()), "not known"));
  const auto shown = option_values::described(DecoderTrainingOptions{});
  const std::pair<std::string, std::string> widths{"widths", "64, 64, 32, 16"};
  CHECK(std::ranges::find(shown, widths) != shown.end());
}

}  // namespace rf::test
