// Which model the program uses: the one that --model names, else the one that is built in. While
// none ships, what needs one is skipped.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/file.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"
#include "weights/model_file.hpp"

namespace rf::test {

namespace {

using nlohmann::json;

// The program without a built-in model.
Outcome run_bare(const std::vector<std::string>& arguments) {
  return run_program(arguments, {.program = RF_BARE_BINARY});
}

json parsed(const Outcome& outcome) {
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out);
}

}  // namespace

TEST_CASE("without --model the built-in model detects, exactly as the same model in a file") {
  const auto embedded = embedded_model();
  if (!embedded) return skip("no model is built in");
  const TemporaryFolder folder;
  const std::string photo = std::string(RF_SOURCE_DIR) + "/docs/images/demo.jpg";
  const std::string model = folder.file("m.safetensors");
  write_file(model, *embedded, IfExists::refuse);
  const std::vector<std::string> detect{"detect", photo, "--size", "long:320", "--json"};
  std::vector<std::string> detect_with = detect;
  detect_with.insert(detect_with.end(), {"--model", model});
  const json without = parsed(run_program(detect)), with = parsed(run_program(detect_with));
  CHECK(without["images"][0]["faces"].size() > 0);
  CHECK(without["images"] == with["images"]);
  CHECK(without["model"] == with["model"]);
  CHECK(without["model"]["sha256"] == read_model(model).sha256);
}

TEST_CASE("info and bench name the model in use") {
  const TemporaryFolder folder;
  const std::string other = folder.file("m.safetensors");
  write_random_model(other);
  const std::vector<std::string> bench{"bench", "--size", "32x32", "--runs", "1", "--json"};
  std::vector<std::string> bench_other = bench;
  bench_other.insert(bench_other.end(), {"--model", other});
  CHECK(parsed(run_program(bench_other))["model"] == other);

  const auto embedded = embedded_model();
  if (!embedded) return skip("no model is built in");
  const ModelFile model = read_model(*embedded, "", nullptr);
  const json info = parsed(run_program({"info", "--json"}));
  CHECK(info["model"]["path"] == "built-in model");
  CHECK(info["model"]["sha256"] == model.sha256);
  CHECK(info["model"]["name"] == json::parse(model.description)["name"]);
  CHECK(info["model"]["licence"] == json::parse(model.description)["licence"]);
  CHECK(info["face_sizes"]["smallest_face"] > 0);
  CHECK(parsed(run_program(bench))["model"] == "built-in model");
  CHECK(run_program({"help", "detect"}).out.find("Default: the model that is built into") !=
        std::string::npos);
}

TEST_CASE("--model wins over the built-in model, and over none") {
  const TemporaryFolder folder;
  const std::string photo = folder.file("photo.ppm"), model = folder.file("m.safetensors");
  put(photo, noise_ppm(32, 32));
  write_random_model(model);
  const std::vector<std::string> detect{"detect", photo, "--model", model, "--json"};
  for (const Outcome& outcome : {run_program(detect), run_bare(detect)})
    CHECK(parsed(outcome)["model"]["name"] == "mobilenet0.25 with random weights");
  CHECK(parsed(run_program({"info", model, "--json"}))["model"]["path"] == model);
}

TEST_CASE("an empty --model is a mistake, not a wish for the built-in model") {
  for (const std::string verb : {"detect", "bench"}) {
    const Outcome outcome = run_program({verb, "photo.jpg", "--model", ""});
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err.find("--model: names no file") != std::string::npos);
  }
}

TEST_CASE("without a built-in model --model is needed, and the message says where to get one") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"detect", "photo.jpg"},
                                                    {"bench"},
                                                    {"eval", "wider", "--data", "wider/val"}}) {
    const Outcome outcome = run_bare(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.complaints().size() == 1);
    CHECK(outcome.err.find("--model FILE is needed, no model is built into this program") !=
          std::string::npos);
    CHECK(outcome.err.find("Pytorch_Retinaface") != std::string::npos);
  }
  CHECK(run_bare({"help", "detect"}).out.find("No default") != std::string::npos);
  CHECK(run_bare({"info"}).out.find("\nbuilt-in model none\n") != std::string::npos);
  CHECK(!parsed(run_bare({"info", "--json"})).contains("model"));
}

}  // namespace rf::test
