// train, run as a shell would: what a run leaves, and what stopping and going on changes (nothing).
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

// Six pictures of noise, 96 x 72 pixels, with two faces each, and flags for short trainings on
// them.
class Fixture {
 public:
  Fixture() {
    fs::create_directories(folder_.path() / "data/images");
    std::string labels;
    for (int i = 0; i < 6; ++i) {
      const std::string name = "p" + std::to_string(i) + ".ppm";
      put(file("data/images/" + name), noise_ppm(96, 72, static_cast<std::uint64_t>(i + 1)));
      labels += "# " + name + "\n10 12 30 34\n" + std::to_string(40 + i) +
                " 20 24 24 46 28 0 56 28 0 51 32 0 47 38 0 55 38 0\n";
    }
    put(label_file(), labels);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string label_file() const { return file("data/label.txt"); }

  [[nodiscard]] Outcome train(const std::string& out, const std::vector<std::string>& more) const {
    return run_program(arguments(out, more));
  }
  [[nodiscard]] Outcome train_and_signal(const std::string& out, int signal,
                                         const std::string& when,
                                         const std::vector<std::string>& more = {}) const {
    return run_program_and_signal(arguments(out, more), signal, file(out + "/" + when));
  }
  [[nodiscard]] Outcome resume(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"train", "--resume",           file(out), "--log-every",
                                       "3",     "--checkpoint-every", "4",       "-q"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }

 private:
  [[nodiscard]] std::vector<std::string> arguments(const std::string& out,
                                                   const std::vector<std::string>& more) const {
    std::vector<std::string> all{"train", "--data", file("data"), "--out", file(out)};
    for (const char* const flag : {"--size=64,96", "--batch=2", "--epochs=6", "--lr=0.01",
                                   "--schedule=cosine", "--warm-up=1", "--ema=0.9", "--freeze=1",
                                   "--holdout=2", "--log-every=3", "--checkpoint-every=4", "-q"}) {
      const std::string name = std::string(flag).substr(0, std::string(flag).find('='));
      if (std::find(more.begin(), more.end(), name) == more.end()) all.emplace_back(flag);
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  TemporaryFolder folder_;
};

void check_one_complaint(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  REQUIRE(outcome.complaints().size() == 1);
  CHECK_THAT(outcome.complaints()[0], Catch::Contains(text));
}

// Columns 1 to 10 of metrics.csv: the last two are times.
std::string without_times(const std::string& csv) {
  std::string text;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    for (int i = 0; i < 2; ++i) line.erase(line.find_last_of(','));
    text += line + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("Several processes are refused by a program without MPI, whoever started them") {
  const Fixture fixture;
  const auto started = [&](const std::vector<std::string>& environment,
                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"train"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (more.empty())
      arguments.insert(arguments.end(),
                       {"--data", fixture.file("data"), "--out", fixture.file("o")});
    const Outcome outcome = run_program(arguments, {.environment = environment});
    CHECK_FALSE(fs::exists(fixture.file("o")));
    return outcome;
  };
  // mpirun of Open MPI and of MPICH; srun with PMI2, with PMIx, with neither; PMIx without SLURM.
  for (const std::vector<std::string>& environment : std::vector<std::vector<std::string>>{
           {"OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0"},
           {"PMI_SIZE=2", "PMI_RANK=1"},
           {"PMI_SIZE=2", "PMI_RANK=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=0"},
           {"PMIX_RANK=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=0"},
           {"SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=1"},
           {"PMIX_RANK=0"},
           {"OMPI_COMM_WORLD_SIZE=2", "SLURM_STEP_NUM_TASKS=1"}}) {
    CAPTURE(environment);
    const Outcome outcome = started(environment);
    check_one_complaint(outcome, 2, "without MPI");
    CHECK_THAT(outcome.err, Catch::Contains(environment[0].substr(0, environment[0].find('='))) ||
                                Catch::Contains("SLURM_STEP_NUM_TASKS=2"));
  }
  // What takes one process anyway.
  for (const char* what : {"--dry-run", "--check-data", "decoder"})
    check_one_complaint(started({"SLURM_STEP_NUM_TASKS=4"}, {what}), 2, "SLURM_STEP_NUM_TASKS=4");
  // One process, also where its launcher was started as one of several; and what is no number.
  for (const std::vector<std::string>& environment : std::vector<std::vector<std::string>>{
           {"OMPI_COMM_WORLD_SIZE=1", "SLURM_STEP_NUM_TASKS=4"},
           {"PMI_SIZE=1"},
           {"PMIX_RANK=0", "SLURM_STEP_NUM_TASKS=1", "SLURM_NTASKS=4"},
           {"SLURM_NTASKS=4", "SLURM_PROCID=0"},
           {"PMI_SIZE=two", "SLURM_STEP_NUM_TASKS="}}) {
    CAPTURE(environment);
    CHECK(run_program({"train", "--check-data", "--data", fixture.file("data")},
                      {.environment = environment})
              .exit_code == 0);
  }
}

TEST_CASE("A training leaves checkpoints, metrics and detectors; threads change none of the bytes",
          "[long]") {
  const Fixture fixture;
  const Outcome outcome = fixture.train("one", {"--threads", "1"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  // 4 pictures are trained on: 6 epochs of 2 steps.
  CHECK(fs::exists(fixture.file("one/checkpoint-00000012.safetensors")));
  CHECK_THAT(get(fixture.file("one/metrics.csv")), Catch::Contains("\n12,6,24,"));
  CHECK_THAT(get(fixture.file("one/validation.csv")), Catch::Contains("\n12,6,"));

  const Outcome threads =
      fixture.train("three", {"--threads", "3", "--workers", "4", "--cache-mb", "0"});
  REQUIRE(threads.exit_code == 0);
  CHECK(get(fixture.file("one/last.safetensors")) == get(fixture.file("three/last.safetensors")));
  CHECK(without_times(get(fixture.file("one/metrics.csv"))) ==
        without_times(get(fixture.file("three/metrics.csv"))));
  CHECK(get(fixture.file("one/validation.csv")) == get(fixture.file("three/validation.csv")));

  const Outcome info = run_program({"info", fixture.file("one/last.safetensors")});
  CHECK(info.exit_code == 0);
  CHECK_THAT(info.out, Catch::Contains("step 12 of 12"));
}

TEST_CASE("A training keeps the last checkpoints", "[long]") {
  const Fixture fixture;
  REQUIRE(fixture.train("run", {"--keep", "2", "--holdout", "0"}).exit_code == 0);
  // 6 epochs of 3 steps.
  CHECK(fs::exists(fixture.file("run/checkpoint-00000018.safetensors")));
  CHECK(fs::exists(fixture.file("run/checkpoint-00000016.safetensors")));
  CHECK_FALSE(fs::exists(fixture.file("run/checkpoint-00000012.safetensors")));
}

TEST_CASE("A training that was killed, or asked to stop, goes on to the same bytes", "[long]") {
  const Fixture fixture;
  REQUIRE(fixture.train("whole", {}).exit_code == 0);
  const auto same = [&](const std::string& out, const char* name) {
    return get(fixture.file(out + "/" + name)) == get(fixture.file(std::string("whole/") + name));
  };
  struct Interruption {
    int signal;
    const char* when;
  };
  std::vector<Interruption> interruptions = {{SIGKILL, "checkpoint-00000008.safetensors"},
                                             {SIGTERM, "checkpoint-00000004.safetensors"}};
  if (!kSanitized) {
    interruptions.push_back({SIGKILL, "checkpoint-00000004.safetensors"});
    interruptions.push_back({SIGINT, "checkpoint-00000004.safetensors"});
  }
  for (const auto& [signal, when] : interruptions) {
    const std::string out = std::to_string(signal) + when;
    const Outcome stopped = fixture.train_and_signal(out, signal, when);
    CAPTURE(signal, when, stopped.err);
    // Asked to stop, it saves and ends cleanly.
    CHECK(stopped.exit_code == (signal == SIGKILL ? -SIGKILL : 0));
    CHECK(fs::exists(fixture.file(out + "/last.safetensors")) == (signal != SIGKILL));
    CHECK_FALSE(fs::exists(fixture.file(out + "/checkpoint-00000012.safetensors")));
    CHECK(fixture.resume(out).exit_code == 0);
    CHECK(same(out, "last.safetensors"));
    CHECK(same(out, "checkpoint-00000012.safetensors"));
    CHECK(same(out, "validation.csv"));
  }
}

TEST_CASE("A training does not go on with other options, other labels, or another file", "[long]") {
  const Fixture fixture;
  REQUIRE(fixture.train("run", {"--epochs", "2"}).exit_code == 0);
  check_one_complaint(fixture.resume("run", {"--lr", "0.5", "--batch", "2", "--seed", "9"}), 2,
                      "--seed 9, but the training has 1; --lr 0.5, but the training has 0.01");
  check_one_complaint(fixture.train("run", {}), 2, "holds a training already");
  check_one_complaint(run_program({"train", "--resume", fixture.file("data")}), 2,
                      "has no checkpoint");
  check_one_complaint(run_program({"train", "--resume", fixture.file("run/last.safetensors")}), 4,
                      "is no checkpoint");
  const std::string labels = get(fixture.label_file());
  put(fixture.label_file(), labels + "# p0.ppm\n1 1 9 9\n");
  check_one_complaint(fixture.resume("run"), 2, "label files");
}

TEST_CASE("A training goes on without the file that it began with, and with one process at a time",
          "[long]") {
  const Fixture fixture;
  REQUIRE(fixture.train("first", {"--epochs", "1"}).exit_code == 0);
  const std::string init = fixture.file("first/last.safetensors");
  REQUIRE(fixture.train("whole", {"--init", init}).exit_code == 0);
  CHECK(
      fixture.train_and_signal("run", SIGKILL, "checkpoint-00000004.safetensors", {"--init", init})
          .exit_code == -SIGKILL);
  fs::remove_all(fixture.file("first"));
  CHECK(fixture.resume("run", {"--workers", "4", "--cache-mb", "0"}).exit_code == 0);
  CHECK(get(fixture.file("run/last.safetensors")) == get(fixture.file("whole/last.safetensors")));

  const int lock = ::open(fixture.file("run/lock").c_str(), O_RDWR);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  check_one_complaint(fixture.resume("run"), 2, "another process");
  ::close(lock);
  // Nor into a folder that has another training, nor from a step before checkpoints that are there.
  check_one_complaint(fixture.resume("run", {"--out", fixture.file("whole")}), 2,
                      "holds a training");
  fs::copy(fixture.file("whole/checkpoint-00000004.safetensors"), fixture.file("run"),
           fs::copy_options::overwrite_existing);
  check_one_complaint(fixture.resume("run/checkpoint-00000004.safetensors"), 2,
                      "has a checkpoint of step 12");
}

TEST_CASE("A report that cannot be written ends no training") {
  const Fixture fixture;
  fs::create_directories(fixture.file("run/report.html"));
  const Outcome outcome = fixture.train("run", {});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Catch::Contains("no report"));
  CHECK(fs::exists(fixture.file("run/last.safetensors")));
}

TEST_CASE("The checkpoint of the best validation is kept", "[long]") {
  const Fixture fixture;
  REQUIRE(
      fixture.train("run", {"--keep", "1", "--validate-every", "0.5", "--checkpoint-every", "100"})
          .exit_code == 0);
  // Two checkpoints at most: the last, and the best one, which is the first of the highest AP.
  std::istringstream rows(get(fixture.file("run/validation.csv")));
  std::string line, best;
  double highest = -1;
  std::getline(rows, line);
  while (std::getline(rows, line)) {
    std::istringstream row(line);
    std::string step, epoch, ap;
    std::getline(row, step, ',');
    std::getline(row, epoch, ',');
    std::getline(row, ap, ',');
    if (std::stod(ap) <= highest) continue;
    highest = std::stod(ap);
    best = std::string(8 - step.size(), '0') + step;
  }
  CHECK(fs::exists(fixture.file("run/checkpoint-" + best + ".safetensors")));
  CHECK(fs::exists(fixture.file("run/checkpoint-00000012.safetensors")));
}

TEST_CASE("A picture that breaks during an epoch is left out, counted and named") {
  const Fixture fixture;
  put(fixture.file("data/images/p1.ppm"), "P6 96 72 255\nnot enough");
  const Outcome outcome = fixture.train("run", {"--holdout", "0"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Catch::Contains("p1.ppm: "));
  CHECK_THAT(outcome.err, Catch::Contains("1 pictures could not be read"));
  CHECK(fs::exists(fixture.file("run/last.safetensors")));
  for (int i = 0; i < 6; ++i)
    fs::remove(fixture.file("data/images/p" + std::to_string(i) + ".ppm"));
  check_one_complaint(fixture.train("none", {"--holdout", "0"}), 3, "whole source");
}

TEST_CASE("A loss that is not finite ends a training, or is left out where that is wanted") {
  const Fixture fixture;
  // A rate and a weight at which the outputs overflow within a few steps, on any instruction set.
  const std::vector<std::string> wild = {"--lr",         "1e3", "--lr-start", "1e3",
                                         "--box-weight", "1e6", "--holdout",  "0"};
  const Outcome ended = fixture.train("run", wild);
  check_one_complaint(ended, 3, " is ");
  std::vector<std::string> skipping = wild;
  skipping.insert(skipping.end(), {"--skip-non-finite", "on"});
  const Outcome skipped = fixture.train("skipping", skipping);
  CAPTURE(skipped.err);
  CHECK(skipped.exit_code == 0);
  CHECK_THAT(skipped.err, Catch::Contains("was left out"));
}

TEST_CASE("A training begins with the backbone that it has, and no other") {
  const Fixture fixture;
  const std::string init = fixture.file("init.safetensors");
  write_random_model(init, 5);
  check_one_complaint(fixture.train("o", {"--backbone", "resnet18", "--init", init}), 2,
                      "its backbone is mobilenet0.25; --backbone is resnet18");
}

TEST_CASE("Train says what is wrong with its flags") {
  const Fixture fixture;
  check_one_complaint(run_program({"train", "--out", fixture.file("o")}), 2, "--data");
  check_one_complaint(run_program({"train", "--data", fixture.file("data")}), 2, "--out");
  check_one_complaint(fixture.train("o", {"--data", fixture.file("nowhere")}), 3, "nowhere");
  check_one_complaint(fixture.train("o", {"--schedule", "square"}), 2, "--schedule square");
  check_one_complaint(fixture.train("o", {"--size", "8"}), 2, "size 8");
  check_one_complaint(fixture.train("o", {"--crop", "0.5"}), 2, "--crop");
  check_one_complaint(fixture.train("o", {"--holdout", "6"}), 2, "--holdout 6");
  check_one_complaint(fixture.train("o", {"--backbone", "vgg"}), 2, "vgg");
  check_one_complaint(fixture.train("o", {"--init", fixture.label_file()}), 4, "is no model file");
  check_one_complaint(fixture.train("o", {"--lr", "nan"}), 2, "--lr");
  check_one_complaint(fixture.train("o", {"--overfit", "7"}), 2, "--overfit 7");
}

TEST_CASE(
    "A dry run says what it takes, and a check what is wrong with the labels; neither trains") {
  const Fixture fixture;
  const Outcome dry = fixture.train("o", {"--dry-run"});
  CAPTURE(dry.err);
  CHECK(dry.exit_code == 0);
  CHECK_THAT(dry.out, Catch::Contains("12 steps of 2"));
  CHECK_THAT(dry.out, Catch::Contains(" MB for steps"));

  const Outcome clean = run_program({"train", "--check-data", "--data", fixture.file("data")});
  CHECK(clean.exit_code == 0);
  put(fixture.label_file(), get(fixture.label_file()) + "# gone.ppm\n1 2 0 5\n");
  const Outcome found = run_program({"train", "--check-data", "--data", fixture.file("data")});
  CHECK(found.exit_code == 1);
  CHECK_THAT(found.out, Catch::Contains("label.txt:19: "));
  CHECK_THAT(found.out, Catch::Contains("label.txt:20: "));
  CHECK_FALSE(fs::exists(fixture.file("o")));
  // What a terminal would obey is shown, not done.
  put(fixture.label_file(), "# \x1b[31m.ppm\n1 2 3 4\n");
  const Outcome hostile = run_program({"train", "--check-data", "--data", fixture.file("data")});
  CHECK(hostile.out.find('\x1b') == std::string::npos);
}

}  // namespace rf::test
