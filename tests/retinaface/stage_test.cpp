// The loop that the stages of the dense branch share, with a learner that is a line of arithmetic.
#include "retinaface/training/stage.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "engine/file.hpp"
#include "retinaface/training/checkpoint.hpp"
#include "retinaface/training/run_lock.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/described_state.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

class Kill : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Its weights after a step depend on those before and on the step's number.
class Arithmetic final : public StageLearner {
 public:
  explicit Arithmetic(Index steps, Index size = 4)
      : steps_(steps), weights_(Tensor::zeros({size})) {}

  [[nodiscard]] Index steps() const override { return steps_; }
  std::vector<Measured> step(Index step) override {
    if (step == killed_at) throw Kill("killed");
    if (step == nan_at) throw TrainingError("loss is nan");
    Tensor next = weights_.clone();
    double sum = 0;
    for (float& x : next.span<float>()) {
      x = x * 0.75F + static_cast<float>(step + 1);
      sum += static_cast<double>(x);
    }
    weights_ = next;
    return {{"loss", sum}, {"norm", static_cast<double>(step)}};
  }
  std::vector<Measured> validate() override {
    if (on_validation) on_validation();
    return {{"error_mm", static_cast<double>(weights_.data<float>()[0])}};
  }
  [[nodiscard]] StateDict state() const override { return {{"weights", weights_}}; }
  void load_state(const StateDict& state) override {
    const auto found = state.find("weights");
    if (found == state.end() || found->second.shape() != weights_.shape())
      throw ShapeError("weights of another shape");
    weights_ = found->second.clone();
  }
  void write(const std::string& path, const std::string& provenance) const override {
    write_file(path, provenance, IfExists::replace);
  }
  [[nodiscard]] std::string name() const override { return stage; }
  [[nodiscard]] std::string options() const override { return chosen; }
  [[nodiscard]] std::map<std::string, std::string> inputs() const override { return read; }

  Index killed_at = -1, nan_at = -1;
  std::string stage = "sums", chosen = R"({"lr":0.5})";
  std::map<std::string, std::string> read{{"labels", "abc"}, {"model", "def"}};
  std::function<void()> on_validation;

 private:
  Index steps_;
  Tensor weights_;
};

// What the loop tells, in words; stops it after a step.
class Notes final : public StageObserver {
 public:
  explicit Notes(Index stop_after = -1) : stop_after_(stop_after) {}
  void begun(Index step, Index steps) override { text += message("begun ", step, "/", steps, ";"); }
  void stepped(Index step) override {
    if (step == stop_after_) stop = true;
  }
  void logged(Index step, const std::vector<Measured>& values, double seconds) override {
    CHECK(seconds >= 0);
    text += message("log ", step, " ", values.at(0).name, ";");
  }
  void validated(Index step, const std::vector<Measured>& values) override {
    text += message("valid ", step, " ", values.at(0).name, ";");
  }
  std::string text;
  std::atomic<bool> stop{false};

 private:
  Index stop_after_;
};

StageRunOptions into(const std::string& folder) {
  return {.folder = folder, .log_every = 3, .validate_every = 5, .checkpoint_every = 4};
}

StageResult run(StageLearner& learner, const StageRunOptions& options,
                const std::optional<StageCheckpoint>& from = {}, Notes* notes = nullptr) {
  Notes own;
  Notes& told = notes ? *notes : own;
  return run_stage(learner, options, from, told, told.stop);
}

StageCheckpoint at_step(const std::string& folder, Index step) {
  return read_stage_checkpoint(checkpoint_path(folder, step));
}

std::string text_in(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The first column of a table.
std::vector<Index> steps_in(const std::string& path) {
  std::istringstream lines(text_in(path));
  std::vector<Index> steps;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) steps.push_back(std::stoll(line));
  return steps;
}

std::string refusal(const std::function<void(Arithmetic&, StageCheckpoint&)>& change) {
  const TemporaryFolder folder;
  const std::string out = folder.file("run");
  Arithmetic first(10);
  (void)run(first, into(out));
  StageCheckpoint from = at_step(out, 8);
  fs::remove(checkpoint_path(out, 10));
  Arithmetic next(10);
  change(next, from);
  try {
    (void)run(next, into(out), from);
  } catch (const Error& error) {
    CHECK(one_line(error.what()));
    CHECK(at_step(out, 8).step == 8);  // nothing is harmed
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("stage: a run leaves checkpoints, tables and what was learned", "[stage]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("new/run");
  Arithmetic learner(11);
  Notes notes;
  const StageResult result = run(learner, into(out), {}, &notes);
  CHECK(result.end == StageEnd::finished);
  CHECK(result.step == 11);
  REQUIRE(result.validation.size() == 1);
  CHECK(result.validation[0].name == "error_mm");
  CHECK(notes.text ==
        "begun 0/11;log 3 loss;log 4 loss;valid 5 error_mm;log 6 loss;log 8 loss;log 9 loss;"
        "valid 10 error_mm;log 11 loss;valid 11 error_mm;");
  CHECK(checkpoint_steps(out) == std::vector<Index>{8, 11});  // the last two
  CHECK(text_in(out + "/metrics.csv").starts_with("step,loss,norm,seconds_per_step\n3,"));
  CHECK(steps_in(out + "/metrics.csv") == std::vector<Index>{3, 4, 6, 8, 9, 11});
  CHECK(text_in(out + "/validation.csv").starts_with("step,error_mm\n5,"));
  CHECK(steps_in(out + "/validation.csv") == std::vector<Index>{5, 10, 11});
  CHECK(text_in(out + "/last.safetensors") == "retinaface train sums, step 11 of 11");
  const StageCheckpoint last = at_step(out, 11);
  CHECK(last.step == 11);
  CHECK(last.stage == "sums");
  CHECK(last.options == R"({"lr":0.5})");
  CHECK(last.inputs == learner.read);
  CHECK(same(last.state.at("weights"), learner.state().at("weights")));
  // A row is the mean since the row before: that of step 11, of the numbers 9 and 10.
  CHECK(text_in(out + "/metrics.csv").find("\n11,") != std::string::npos);
  CHECK(text_in(out + "/metrics.csv").find(",9.5,") != std::string::npos);
}

TEST_CASE("stage: stopped anywhere and resumed, a run leaves the same bytes", "[stage]") {
  const TemporaryFolder folder;
  const std::string whole = folder.file("whole");
  Arithmetic all(11);
  (void)run(all, into(whole));
  for (const Index k : {1, 4, 5, 8, 10}) {
    CAPTURE(k);
    const std::string out = folder.file(std::to_string(k));
    Arithmetic first(11), second(11);
    Notes notes(k);
    const StageResult stopped = run(first, into(out), {}, &notes);
    CHECK(stopped.end == StageEnd::stopped);
    CHECK(stopped.step == k);
    CHECK(fs::exists(out + "/last.safetensors"));
    // A step is validated once, also when the run stops there.
    const std::vector<Index> validated = steps_in(out + "/validation.csv");
    CHECK(std::count(validated.begin(), validated.end(), k) == 1);
    const StageResult resumed = run(second, into(out), at_step(out, k));
    CHECK(resumed.end == StageEnd::finished);
    CHECK(text_in(checkpoint_path(out, 11)) == text_in(checkpoint_path(whole, 11)));
    CHECK(text_in(out + "/last.safetensors") == text_in(whole + "/last.safetensors"));
  }
}

TEST_CASE("stage: rows of steps that are done again are taken out", "[stage]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run");
  Arithmetic first(20);
  first.killed_at = 10;
  StageRunOptions often = into(out);
  often.log_every = 1;
  CHECK_THROWS_AS(run(first, often), Kill);
  CHECK(checkpoint_steps(out) == std::vector<Index>{4, 8});
  CHECK(steps_in(out + "/metrics.csv").back() == 10);
  CHECK(steps_in(out + "/validation.csv") == std::vector<Index>{5, 10});
  Arithmetic second(20);
  StageRunOptions seldom = into(out);
  seldom.log_every = 100;
  seldom.validate_every = 100;
  seldom.checkpoint_every = 100;
  (void)run(second, seldom, at_step(out, 8));
  CHECK(steps_in(out + "/metrics.csv") == std::vector<Index>{1, 2, 3, 4, 5, 6, 7, 8, 20});
  CHECK(steps_in(out + "/validation.csv") == std::vector<Index>{5, 20});
}

TEST_CASE("stage: a finished run that is resumed stays as it is", "[stage]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("run");
  Arithmetic first(6), second(6);
  (void)run(first, into(out));
  const std::string metrics = text_in(out + "/metrics.csv"),
                    validation = text_in(out + "/validation.csv"),
                    checkpoint = text_in(checkpoint_path(out, 6));
  const StageResult result = run(second, into(out), at_step(out, 6));
  CHECK(result.end == StageEnd::finished);
  CHECK(result.step == 6);
  CHECK(text_in(out + "/metrics.csv") == metrics);
  CHECK(text_in(out + "/validation.csv") == validation);
  CHECK(text_in(checkpoint_path(out, 6)) == checkpoint);
}

TEST_CASE("stage: the time is up, or the run is asked to stop before it begins", "[stage]") {
  const TemporaryFolder folder;
  Arithmetic learner(1'000'000'000);
  StageRunOptions options = into(folder.file("run"));
  options.minutes = 1e-7;
  const StageResult result = run(learner, options);
  CHECK(result.end == StageEnd::out_of_time);
  CHECK(result.step < 1'000'000);
  CHECK(at_step(options.folder, result.step).step == result.step);

  Arithmetic asked(5);
  StageObserver silent;
  const std::atomic<bool> stop{true};
  const StageRunOptions other = into(folder.file("other"));
  CHECK(run_stage(asked, other, {}, silent, stop).end == StageEnd::stopped);
  CHECK(at_step(other.folder, 0).step == 0);
  Arithmetic again(5);
  CHECK(run(again, other, at_step(other.folder, 0)).step == 5);
}

TEST_CASE("stage: a checkpoint of another training is refused", "[stage][error]") {
  using Catch::Contains;
  CHECK(refusal([](Arithmetic&, StageCheckpoint&) {}) == "nothing thrown");
  CHECK_THAT(refusal([](Arithmetic& a, StageCheckpoint&) { a.stage = "products"; }),
             Contains("of the stage \"sums\", not of \"products\""));
  CHECK_THAT(refusal([](Arithmetic& a, StageCheckpoint&) { a.chosen = R"({"lr":0.25})"; }),
             Contains("other options"));
  CHECK_THAT(refusal([](Arithmetic& a, StageCheckpoint&) { a.read["model"] = "x"; }),
             Contains("the model is not what the training began with"));
  CHECK_THAT(refusal([](Arithmetic& a, StageCheckpoint&) { a.read["more"] = "x"; }),
             Contains("the more is not what"));
  CHECK_THAT(refusal([](Arithmetic& a, StageCheckpoint&) { a.read.erase("model"); }),
             Contains("other inputs"));
  CHECK_THAT(refusal([](Arithmetic&, StageCheckpoint& c) { c.step = 11; }),
             Contains("of step 11, but its training has only 10"));
  CHECK_THAT(refusal([](Arithmetic&, StageCheckpoint& c) { c.state.clear(); }),
             Contains("another network"));
  CHECK_THAT(
      refusal([](Arithmetic&, StageCheckpoint& c) { c.state["weights"] = Tensor::zeros({5}); }),
      Contains("another network"));
}

TEST_CASE("stage: a folder that is in use, or that has later checkpoints, is refused",
          "[stage][error]") {
  const TemporaryFolder folder;
  const StageRunOptions options = into(folder.file("run"));
  Arithmetic first(10), second(10);
  (void)run(first, options);
  CHECK(holds(thrown<UsageError>([&] { return run(second, options); }),
              "has a checkpoint of step 10, later than step 0"));
  CHECK(holds(thrown<UsageError>([&] { return run(second, options, at_step(options.folder, 8)); }),
              "later than step 8"));
  {
    const RunLock lock(options.folder);
    CHECK(
        holds(thrown<UsageError>([&] { return run(second, options, at_step(options.folder, 10)); }),
              "another process"));
  }
  std::ofstream(folder.file("file")) << "x";
  CHECK_THROWS_AS(run(second, into(folder.file("file/run"))), FileError);
}

TEST_CASE("stage: a loss that is not finite ends the run, its checkpoints stay", "[stage][error]") {
  const TemporaryFolder folder;
  const StageRunOptions options = into(folder.file("run"));
  Arithmetic learner(20);
  learner.nan_at = 9;
  CHECK(thrown<TrainingError>([&] { return run(learner, options); }) == "loss is nan");
  CHECK(checkpoint_steps(options.folder) == std::vector<Index>{4, 8});
  CHECK(at_step(options.folder, 8).step == 8);
}

TEST_CASE("stage: a full disk leaves the checkpoint before whole", "[stage][error]") {
  const TemporaryFolder folder;
  const StageRunOptions options = into(folder.file("run"));
  Arithmetic learner(20, 5000), again(20, 5000), whole(20, 5000);
  std::optional<FullDisk> full;
  learner.on_validation = [&] { full.emplace(4000); };  // at step 5
  CHECK_THROWS_AS(run(learner, options), FileError);
  full.reset();
  CHECK(checkpoint_steps(options.folder) == std::vector<Index>{4});
  (void)run(again, options, at_step(options.folder, 4));
  (void)run(whole, into(folder.file("whole")));
  CHECK(same(again.state().at("weights"), whole.state().at("weights")));
}

TEST_CASE("stage checkpoint: a description that lies is refused", "[stage][error]") {
  using Json = nlohmann::ordered_json;
  constexpr FileSchema kSchema{
      .key = "retinaface-stage", .schema = "retinaface-stage/1", .what = "test"};
  const TemporaryFolder folder;
  const std::string path = folder.file("c");
  write_stage_checkpoint(path, {.step = 7,
                                .stage = "head",
                                .options = R"({"a":[1,2.5],"b":"x"})",
                                .inputs = {{"model", "m"}},
                                .state = {{"w", random_tensor({3}, 1)}}});
  const StageCheckpoint found = read_stage_checkpoint(path);
  CHECK(found.step == 7);
  CHECK(found.options == R"({"a":[1,2.5],"b":"x"})");
  CHECK(found.inputs == std::map<std::string, std::string>{{"model", "m"}});
  const DescribedState file = read_described_state(path, kSchema);
  const auto refused = [&](const std::function<void(Json&)>& change) {
    DescribedState lie = file;
    change(lie.description);
    const std::string other = folder.file("lie");
    write_described_state(other, kSchema, lie, IfExists::replace);
    const std::string what = thrown<ModelError>([&] { return read_stage_checkpoint(other); });
    CHECK(what.starts_with(other + ": "));
    CHECK(one_line(what));
  };
  for (const char* const key : {"stage", "step", "options", "inputs"})
    refused([&](Json& j) { j.erase(key); });
  for (const Json& step : {Json(-1), Json("7"), Json(1e300), Json(7.5)})
    refused([&](Json& j) { j["step"] = step; });
  refused([](Json& j) { j["stage"] = 3; });
  refused([](Json& j) { j["inputs"] = {1, 2}; });
  refused([](Json& j) { j["inputs"]["model"] = 5; });
  refused([](Json& j) { j["schema"] = "retinaface-stage/2"; });
  write_checkpoint(path, {});  // of a detector's training
  CHECK(holds(thrown<ModelError>([&] { return read_stage_checkpoint(path); }),
              "is no checkpoint of a stage of the dense branch"));
}

}  // namespace rf::test
