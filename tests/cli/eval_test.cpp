// eval wider, run as a shell would, on the example that docs/evaluation.md works out by hand.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "retinaface/test_time.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

// Two images, three faces. By falling score: a face, a wrong box, a face, the first face again, a
// wrong box. AP = 1/3 + 1/3 * 2/3 = 55.56 %.
class Example {
 public:
  Example() {
    std::filesystem::create_directories(folder_.path() / "d/0--A");
    put(truth(),
        "0--A/a.jpg\n2\n0 0 50 50 0 0 0 0 0 0\n100 100 50 50 0 0 0 0 0 0\n"
        "0--A/b.jpg\n1\n0 0 40 40 0 0 0 0 0 0\n");
    put(file("d/0--A/a.txt"),
        "a\n4\n0 0 50 50 0.9\n300 300 20 20 0.8\n100 100 50 50 0.7\n0 0 50 50 0.6\n");
    put(file("d/0--A/b.txt"), "b\n1\n200 200 20 20 0.5\n");
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string truth() const { return file("gt.txt"); }
  [[nodiscard]] Outcome eval(std::vector<std::string> more, const RunOptions& options = {}) const {
    std::vector<std::string> arguments{"eval", "wider", "--ground-truth", truth()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, options);
  }
  [[nodiscard]] Outcome eval_files(std::vector<std::string> more,
                                   const RunOptions& options = {}) const {
    more.insert(more.begin(), {"--detections", file("d")});
    return eval(std::move(more), options);
  }

 private:
  TemporaryFolder folder_;
};

void check_one_complaint(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("eval wider prints the average precision with its protocol beside it") {
  const Example example;
  const Outcome table = example.eval_files({});
  CAPTURE(table.err);
  CHECK(table.exit_code == 0);
  CHECK_THAT(table.out, Catch::Contains("\nall              55.56"));
  CHECK_THAT(table.out, Catch::Contains("\nprotocol: WIDER FACE val, 2 of 2 images"));

  const Outcome outcome = example.eval_files({"--json"});
  CHECK(outcome.exit_code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["schema"] == "retinaface-eval-wider/1");
  CHECK(json["subsets"]["all"]["faces"] == 3);
  CHECK(json["subsets"]["all"]["ap"] == 55.56);
  CHECK(json["protocol"]["images"] == 2);
  CHECK(json["detections"]["count"] == 5);
}

TEST_CASE("eval wider takes a part of the images, and says so") {
  const Example example;
  put(example.file("list.txt"), "0--A/b.jpg\n");
  const Outcome outcome = example.eval_files({"--list", example.file("list.txt")});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Catch::Contains("1 of 2 images"));
  CHECK_THAT(outcome.out, Catch::Contains("\nall               0.00"));
  put(example.file("list.txt"), "0--A/c.jpg\n");
  check_one_complaint(example.eval_files({"--list", example.file("list.txt")}), 3, "0--A/c");
}

TEST_CASE("eval wider draws curves, and keeps those that exist") {
  const Example example;
  CHECK(example.eval_files({"--svg", example.file("s"), "-q"}).exit_code == 0);
  const std::string svg = get(example.file("s/precision-recall.svg"));
  CHECK_THAT(svg, Catch::Contains("<svg"));
  CHECK_THAT(svg, Catch::Contains("55.56"));
  put(example.file("s/precision-recall.svg"), "mine");
  const Outcome refused = example.eval_files({"--svg", example.file("s")});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("--overwrite"));
  CHECK(get(example.file("s/precision-recall.svg")) == "mine");
  CHECK(example.eval_files({"--svg", example.file("s"), "--overwrite", "-q"}).exit_code == 0);
  CHECK(get(example.file("s/precision-recall.svg")) == svg);
}

TEST_CASE("eval wider detects with a model, and evaluates what it saved to the same numbers") {
  const Example example;
  std::filesystem::create_directories(example.file("images/0--A"));
  put(example.file("images/0--A/a.jpg"), noise_ppm(160, 120, 1));  // known by content, not by name
  put(example.file("images/0--A/b.jpg"), noise_ppm(120, 160, 2));
  const std::string model = example.file("model.safetensors");
  write_random_model(model);
  const Outcome detected = example.eval(
      {"--data", example.file(""), "--model", model, "--save", example.file("saved"), "--json"});
  CAPTURE(detected.err);
  REQUIRE(detected.exit_code == 0);
  const Outcome evaluated = example.eval({"--detections", example.file("saved"), "--json"});
  REQUIRE(evaluated.exit_code == 0);
  const auto now = nlohmann::json::parse(detected.out);
  const auto later = nlohmann::json::parse(evaluated.out);
  CHECK(now["subsets"] == later["subsets"]);
  CHECK(now["detections"]["count"] == later["detections"]["count"]);
  CHECK(now["detections"]["count"] > 0);
  for (const char* jobs : {"1", "2", "5"}) {
    const Outcome outcome = example.eval(
        {"--data", example.file(""), "--model", model, "--json", "--jobs", jobs, "--threads", "3"});
    CHECK_THAT(outcome.err,
               Catch::Contains(*jobs == '1' ? "1 job x 3 threads" : "2 jobs x 1 thread"));
    auto again = nlohmann::json::parse(outcome.out), once = now;
    again.erase("run");
    once.erase("run");
    CHECK(again == once);
  }
  CHECK(example.eval({"--data", example.file(""), "--jobs", "0"}).exit_code == 2);

  put(example.file("images/0--A/b.jpg"), "no picture");
  const Outcome some = example.eval({"--data", example.file(""), "--model", model, "--json", "-q"});
  check_one_complaint(some, 1, "b.jpg");
  CHECK(nlohmann::json::parse(some.out)["detections"]["images_failed"] == 1);
}

TEST_CASE("eval wider looks in several sizes and mirrored, lets boxes vote, and says so") {
  const Example example;
  std::filesystem::create_directories(example.file("images/0--A"));
  put(example.file("images/0--A/a.jpg"), noise_ppm(96, 64, 1));
  put(example.file("images/0--A/b.jpg"), noise_ppm(64, 96, 2));
  const std::string model = example.file("model.safetensors");
  write_random_model(model);
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(),
                {"--data", example.file(""), "--model", model, "--json", "-q", "--score", "0.5"});
    const Outcome outcome = example.eval(more);
    CAPTURE(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return nlohmann::json::parse(outcome.out);
  };
  const auto once = eval({});
  CHECK(once["protocol"]["flip"] == false);
  CHECK(once["protocol"]["vote"] == nullptr);
  const auto more = eval({"--scales", "64,scale:1.5", "--flip", "--vote", "0.4"});
  CHECK(more["protocol"]["flip"] == true);
  CHECK(more["protocol"]["vote"] == 0.4);
  CHECK(more["protocol"]["size"] == "short:64,scale:1.5");
  CHECK_THAT(more["protocol"]["text"].get<std::string>(),
             Catch::Contains("sizes short:64,scale:1.5, ") &&
                 Catch::Contains("; flip; box voting at 0.40;"));
  CHECK(more["detections"]["count"] > once["detections"]["count"]);
  // The same size twice is looked at once.
  CHECK(eval({"--scales", "original,64,scale:1"})["detections"] == once["detections"]);
}

TEST_CASE("eval wider with flip finds in a mirrored picture the mirrored faces") {
  const TemporaryFolder folder;
  write_random_model(folder.file("model.safetensors"));
  const Pipeline pipeline(folder.file("model.safetensors"), {});
  constexpr Index kWidth = 72, kHeight = 64;
  Image image{kWidth, kHeight, {}}, mirror = image;
  const std::string ppm = noise_ppm(kWidth, kHeight, 5);
  image.rgb.assign(ppm.end() - kWidth * kHeight * 3, ppm.end());
  for (Index row = 0; row < kHeight; ++row) {
    for (Index x = kWidth; x-- > 0;) {
      const auto pixel = image.rgb.begin() + 3 * (row * kWidth + x);
      mirror.rgb.insert(mirror.rgb.end(), pixel, pixel + 3);
    }
  }
  const TestTimeOptions options{
      .sizes = parse_sizes("original,scale:1.5"), .flip = true, .vote = 0.4};
  const std::vector<Face> faces = detect_test_time(pipeline, image, options);
  const std::vector<Face> others = detect_test_time(pipeline, mirror, options);
  REQUIRE(faces.size() > 3);
  REQUIRE(faces.size() == others.size());
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const Face face = mirrored(others[i], static_cast<float>(kWidth));
    CHECK(face.score == Approx(faces[i].score).margin(1e-4));
    CHECK(face.x1 == Approx(faces[i].x1).margin(0.05));
    CHECK(face.x2 == Approx(faces[i].x2).margin(0.05));
    CHECK(face.landmarks[3].x == Approx(faces[i].landmarks[3].x).margin(0.05));
  }
}

TEST_CASE("eval wider refuses what it cannot evaluate in one line") {
  const Example example;
  check_one_complaint(example.eval({}), 2, "--detections");
  check_one_complaint(example.eval_files({"--model", "m"}), 2, "--model");
  check_one_complaint(example.eval({"--detections", example.file("none")}), 3, "none");
  std::filesystem::create_directories(example.file("images/0--A"));
  for (const char* name : {"a", "b"}) {
    put(example.file(std::string("images/0--A/") + name + ".jpg"), noise_ppm(8, 8));
  }
  check_one_complaint(example.eval({"--model", example.file("none"), "--data", example.file("")}),
                      4, "none");
  check_one_complaint(example.eval_files({"--score", "nan"}), 2, "--score");
  check_one_complaint(example.eval_files({"--flip"}), 2, "--flip");
  const std::vector<std::string> detect{"--model", "m", "--data", example.file("")};
  const auto refused = [&](std::vector<std::string> more, const std::string& text) {
    more.insert(more.begin(), detect.begin(), detect.end());
    check_one_complaint(example.eval(more), 2, text);
  };
  refused({"--vote", "nan"}, "--vote");
  refused({"--scales", "500,,800"}, "size ''");
  refused({"--scales", "500", "--size", "original"}, "--scales");
  check_one_complaint(run_program({"eval", "wider", "--ground-truth", example.file("none.txt"),
                                   "--detections", example.file("d")}),
                      3, "none.txt");
  put(example.file("d/0--A/b.txt"), "b\n2\n200 200 20 20 0.5\n");
  check_one_complaint(example.eval_files({}), 3, "b.txt");
  put(example.file("d/0--A/b.txt"), "b\n1\n200 200 20 nan 0.5\n");
  check_one_complaint(example.eval_files({}), 3, "b.txt:3");
}

TEST_CASE("eval wider notices a full disk") {
  const Example example;
  const Outcome outcome = example.eval_files({}, {.output_file = "/dev/full"});
  CHECK(outcome.exit_code == 3);
  CHECK(outcome.complaints().size() == 1);
}

}  // namespace rf::test
