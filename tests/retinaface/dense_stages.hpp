// What the tests of the dense branch's stages share: the smallest trainings on the procedural head
// and the built-in detector, and the check that they go on where they were stopped.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "engine/file.hpp"
#include "retinaface/training/checkpoint.hpp"
#include "retinaface/training/decoder_learner.hpp"
#include "retinaface/training/head_learner.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"

namespace rf::test {

// A learner without its validation, which takes longer than all else here.
class Hurried final : public StageLearner {
 public:
  explicit Hurried(StageLearner& learner) : learner_(learner) {}
  [[nodiscard]] Index steps() const override { return learner_.steps(); }
  std::vector<Measured> step(Index step) override { return learner_.step(step); }
  std::vector<Measured> validate() override { return {{"nothing", 0}}; }
  [[nodiscard]] StateDict state() const override { return learner_.state(); }
  void load_state(const StateDict& state) override { learner_.load_state(state); }
  void write(const std::string& path, const std::string& provenance) const override {
    learner_.write(path, provenance);
  }
  [[nodiscard]] std::string name() const override { return learner_.name(); }
  [[nodiscard]] std::string options() const override { return learner_.options(); }
  [[nodiscard]] std::map<std::string, std::string> inputs() const override {
    return learner_.inputs();
  }

 private:
  StageLearner& learner_;
};

class StopAfter final : public StageObserver {
 public:
  explicit StopAfter(Index step) : step_(step) {}
  void stepped(Index step) override { stop = step >= step_; }
  std::atomic<bool> stop{false};

 private:
  Index step_;
};

inline std::string bytes_in(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, 1 << 28);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The whole run on one thread, the same stopped after step 2 and resumed on three: the same bytes.
template <class Learner, class Options>
void check_goes_on(const TemporaryFolder& folder, const Options& options, Index steps) {
  const auto run_until = [&](const std::string& out, Index stop, bool resume) {
    Learner learner(options);
    Hurried hurried(learner);
    REQUIRE(learner.steps() == steps);
    StopAfter observer(stop);
    std::optional<StageCheckpoint> from;
    if (resume) from = read_stage_checkpoint(checkpoint_path(out, 2));
    return run_stage(hurried, {.folder = out, .log_every = 1, .minutes = 0}, from, observer,
                     observer.stop);
  };
  const std::string whole = folder.file("whole"), parts = folder.file("parts");
  {
    const WithThreads one(1);
    (void)run_until(whole, steps, false);
  }
  const WithThreads three(3);
  CHECK(run_until(parts, 2, false).end == StageEnd::stopped);
  (void)run_until(parts, steps, true);
  CHECK(bytes_in(checkpoint_path(parts, steps)) == bytes_in(checkpoint_path(whole, steps)));
  CHECK(bytes_in(parts + "/last.safetensors") == bytes_in(whole + "/last.safetensors"));
}

inline void check_finite(const std::vector<Measured>& values) {
  CHECK_FALSE(values.empty());
  for (const Measured& each : values) {
    CAPTURE(each.name, each.value);
    CHECK(std::isfinite(each.value));
  }
}

inline double value_of(const std::vector<Measured>& values, const std::string& name) {
  for (const Measured& each : values) {
    if (each.name == name) return each.value;
  }
  FAIL("no " << name);
  return 0;
}

// Another learner of these options, whose state is NaN wherever it is f32, ends with TrainingError.
inline void check_nan_ends(StageLearner& learner, Index step) {
  StateDict state;
  for (const auto& [name, tensor] : learner.state()) {
    Tensor broken = tensor.clone();
    if (name.starts_with("model/") && tensor.dtype() == DType::f32)
      std::ranges::fill(broken.span<float>(), std::numeric_limits<float>::quiet_NaN());
    state.emplace(name, broken);
  }
  learner.load_state(state);
  CHECK_THROWS_AS(learner.step(step), TrainingError);
}

inline DecoderTrainingOptions tiny_decoder() {
  DecoderTrainingOptions options;
  options.code = 8;
  options.widths = {4, 4, 3, 3};
  options.order = 2;
  options.samples = 7;
  options.batch = 2;
  return options;
}

inline HeadTrainingOptions tiny_head(const std::string& decoder) {
  HeadTrainingOptions options;
  options.decoder = decoder;
  options.hidden = 6;
  options.pictures = 8;
  options.batch = 2;
  options.size = 96;
  options.large_every = kSanitized ? 0 : 3;
  return options;
}

// A decoder that learned nothing, and a branch with such a head.
inline std::string untrained(const TemporaryFolder& folder, bool with_a_head) {
  const std::string decoder = folder.file("decoder"), branch = folder.file("branch");
  DecoderLearner(tiny_decoder()).write(decoder, "untrained");
  if (!with_a_head) return decoder;
  HeadLearner(tiny_head(decoder)).write(branch, "untrained");
  return branch;
}

inline bool no_detector() {
  if (embedded_model()) return false;
  skip("no model is built in");
  return true;
}

}  // namespace rf::test
