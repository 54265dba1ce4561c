// train decoder, head and crops, run as a shell would: one after another, stopped and resumed.
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

void check_one_complaint(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK_THAT(outcome.complaints()[0], Catch::Contains(text));
}

std::vector<std::string> with(std::vector<std::string> call, const std::vector<std::string>& more) {
  call.insert(call.end(), more.begin(), more.end());
  return call;
}

// Eight steps of the smallest decoder of the procedural head.
std::vector<std::string> decoder(const std::string& out) {
  std::vector<std::string> call{"train", "decoder", "--out", out, "-q"};
  return with(call, {"--samples", "32", "--batch", "4", "--code", "8", "--widths", "4,4,3,3",
                     "--order", "2", "--checkpoint-every", "4", "--log-every", "3"});
}

std::size_t rows(const std::string& csv) {
  std::istringstream lines(csv);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) ++count;
  return count;
}

}  // namespace

TEST_CASE("train decoder leaves a decoder; threads and an interruption change no byte",
          "[long][train_stages]") {
  const TemporaryFolder folder;
  const std::string whole = folder.file("whole"), other = folder.file("other");
  const Outcome outcome = run_program(with(decoder(whole), {"--threads", "1"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Catch::StartsWith("step 8 of 8: vertices_mm ") &&
                              Catch::EndsWith(whole + "/last.safetensors\n"));
  CHECK(outcome.err.empty());
  CHECK_THAT(get(whole + "/metrics.csv"),
             Catch::StartsWith("step,loss,") && Catch::Contains("\n8,"));
  CHECK(rows(get(whole + "/validation.csv")) == 2);
  CHECK(fs::exists(whole + "/checkpoint-00000004.safetensors"));
  CHECK(fs::exists(whole + "/checkpoint-00000008.safetensors"));

  // Back to step 4, as after a crash, and on from there.
  REQUIRE(run_program(with(decoder(other), {"--threads", "3"})).exit_code == 0);
  fs::remove(other + "/checkpoint-00000008.safetensors");
  fs::remove(other + "/last.safetensors");
  const Outcome resumed = run_program({"train", "decoder", "--resume", other, "--log-every", "3"});
  CAPTURE(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK_THAT(resumed.err, Catch::Contains("step 8/8  loss "));
  for (const char* const name :
       {"/last.safetensors", "/checkpoint-00000008.safetensors", "/validation.csv"})
    CHECK(get(other + name) == get(whole + name));
}

TEST_CASE("train says what is wrong with a stage's flags and checkpoints", "[train_stages]") {
  const TemporaryFolder folder;
  const std::string run = folder.file("run");
  REQUIRE(run_program(decoder(run)).exit_code == 0);
  check_one_complaint(run_program({"train", "decoder"}), 2, "--out DIR is needed");
  check_one_complaint(run_program(decoder(run)), 2, "holds a training already");
  check_one_complaint(run_program(with(decoder(folder.file("o")), {"--lr", "nan"})), 2, "--lr");
  check_one_complaint(run_program(with(decoder(folder.file("o")), {"--clip", "-1"})), 2,
                      "--clip -1");
  check_one_complaint(run_program(with(decoder(folder.file("o")), {"--log-every", "0"})), 2,
                      "--log-every");
  check_one_complaint(run_program(with(decoder(folder.file("o")), {"--wings", "2"})), 2, "--wings");
  check_one_complaint(
      run_program(with(decoder(folder.file("o")), {"--face-model", folder.file("none")})), 3,
      "none");
  check_one_complaint(run_program({"train", "head", "--out", folder.file("o")}), 2,
                      "--decoder FILE is needed");
  check_one_complaint(run_program({"train", "crops", "--out", folder.file("o")}), 2,
                      "--data DIR is needed");
  CHECK_FALSE(fs::exists(folder.file("o")));

  // Another stage, other options, other files.
  check_one_complaint(run_program({"train", "head", "--resume", run}), 2, "is of `train decoder`");
  check_one_complaint(run_program({"train", "decoder", "--resume", run, "--lr", "0.5"}), 2,
                      "--lr 0.5, but the training has 0.002");
  check_one_complaint(run_program({"train", "decoder", "--resume", run + "/last.safetensors"}), 4,
                      "is no checkpoint of a stage");
  check_one_complaint(run_program({"train", "decoder", "--resume", folder.file("none")}), 4,
                      "none");
  check_one_complaint(run_program({"train", "decoder", "--resume", folder.path().string()}), 2,
                      "has no checkpoint");
  check_one_complaint(run_program({"train", "--resume", run}), 4, "is no checkpoint");
  // Flags that say the same again are none.
  CHECK(run_program({"train", "decoder", "--resume", run, "--order", "2", "-q"}).exit_code == 0);
}

TEST_CASE("train's verbs are listed, and a detector is still trained without one",
          "[train_stages]") {
  const Outcome help = run_program({"help", "train"});
  CHECK(help.exit_code == 0);
  for (const char* const stage : {"decoder", "head", "crops"})
    CHECK_THAT(help.out, Catch::Contains(std::string("  ") + stage));
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "data/images");
  put(folder.file("data/images/p.ppm"), noise_ppm(96, 72));
  put(folder.file("data/label.txt"), "# p.ppm\n10 12 30 34\n");
  const Outcome outcome =
      run_program({"train", "--data", folder.file("data"), "--out", folder.file("run"), "--size",
                   "64", "--batch", "1", "--epochs", "1", "--holdout", "0", "-q"});
  CAPTURE(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(fs::exists(folder.file("run/checkpoint-00000001.safetensors")));
}

TEST_CASE("The three stages follow each other", "[long][train_stages]") {
  if (!embedded_model()) return skip("no model is built in");
  const TemporaryFolder folder;
  const std::string a = folder.file("a"), b = folder.file("b"), c = folder.file("c"),
                    data = folder.file("data");
  REQUIRE(run_program(decoder(a)).exit_code == 0);
  const std::vector<std::string> head{"train",
                                      "head",
                                      "--decoder",
                                      a + "/last.safetensors",
                                      "--out",
                                      b,
                                      "--pictures",
                                      "4",
                                      "--batch",
                                      "2",
                                      "--size",
                                      "64",
                                      "--hidden",
                                      "4",
                                      "--large-every",
                                      "0",
                                      "--log-every",
                                      "1",
                                      "-q"};
  const Outcome second = run_program(head);
  CAPTURE(second.err);
  REQUIRE(second.exit_code == 0);
  CHECK_THAT(second.out, Catch::StartsWith("step 2 of 2: rotation_degrees "));
  CHECK_THAT(get(b + "/validation.csv"), Catch::StartsWith("step,rotation_degrees,"));
  CHECK(rows(get(b + "/metrics.csv")) == 3);

  REQUIRE(run_program({"synth", data, "--count", "2", "--size", "96x96", "--face-size", "60,70",
                       "--faces", "1,1"})
              .exit_code == 0);
  const std::vector<std::string> crops{"train",
                                       "crops",
                                       "--dense",
                                       b + "/last.safetensors",
                                       "--data",
                                       data,
                                       "--out",
                                       c,
                                       "--crops",
                                       "4",
                                       "--batch",
                                       "2",
                                       "--size",
                                       "16",
                                       "--synthetic",
                                       "0",
                                       "--checkpoint-every",
                                       "1",
                                       "-q"};
  const Outcome third = run_program(crops);
  CAPTURE(third.err);
  REQUIRE(third.exit_code == 0);
  CHECK_THAT(third.out, Catch::StartsWith("step 2 of 2: rotation_degrees "));
  CHECK_THAT(get(c + "/metrics.csv"), Catch::StartsWith("step,loss,pixel,landmark,prior,"));
  // What the training began with has changed.
  fs::copy_file(b + "/last.safetensors", folder.file("kept"));
  fs::copy_file(a + "/last.safetensors", b + "/last.safetensors",
                fs::copy_options::overwrite_existing);
  check_one_complaint(run_program({"train", "crops", "--resume", c}), 2, "a decoder alone");
  fs::copy_file(folder.file("kept"), b + "/last.safetensors", fs::copy_options::overwrite_existing);
  put(data + "/label.txt", get(data + "/label.txt") + "# 000000.png\n1 1 9 9\n");
  check_one_complaint(run_program({"train", "crops", "--resume", c, "-q"}), 2,
                      "the set of photographs is not what the training began with");
  check_one_complaint(
      run_program({"train", "head", "--decoder", data + "/label.txt", "--out", folder.file("o")}),
      4, "label.txt");
}

}  // namespace rf::test
