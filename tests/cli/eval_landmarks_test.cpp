// eval landmarks, run as a shell would.
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::json;

constexpr std::array<const char*, 5> kNames{"image_left_eye", "image_right_eye", "nose_tip",
                                            "image_left_mouth_corner", "image_right_mouth_corner"};

// A network with random weights that finds "faces" in noise, and a folder of labels for it.
class Data {
 public:
  Data() {
    std::filesystem::create_directories(folder_.path() / "images");
    write_random_model(model());
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string model() const { return file("model.safetensors"); }

  [[nodiscard]] Json detect(const std::string& picture) const {
    const Outcome outcome = run_program({"detect", picture, "--model", model(), "--json"});
    REQUIRE(outcome.exit_code == 0);
    const Json faces = Json::parse(outcome.out)["images"][0]["faces"];
    REQUIRE(faces.size() >= 2);
    return faces;
  }

  [[nodiscard]] Outcome eval(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"eval", "landmarks", "--data", file(""), "--model", model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  [[nodiscard]] Json eval_json(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--json", "-q"});
    const Outcome outcome = eval(more);
    CAPTURE(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    return Json::parse(outcome.out);
  }

 private:
  TemporaryFolder folder_;
};

// The box x1 y1 x2 y2 of a detection as JSON has it.
std::array<double, 4> box_of(const Json& face) { return face["box"]; }

// A label for that box, moved by (-shift, -shift), with all five points in its middle (where random
// weights put them is often too far away for a label file).
std::string label_of(const Json& face, double shift = 0) {
  const auto [x1, y1, x2, y2] = box_of(face);
  std::ostringstream line;
  line << x1 - shift << ' ' << y1 - shift << ' ' << x2 - x1 << ' ' << y2 - y1;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    line << ' ' << (x1 + x2) / 2 - shift << ' ' << (y1 + y2) / 2 - shift << " 0";
  return line.str() + "\n";
}

// What each point of the detection is off by then, in % of sqrt(w h).
std::array<double, 5> errors_of(const Json& face) {
  const auto [x1, y1, x2, y2] = box_of(face);
  std::array<double, 5> errors{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::array<double, 2> point = face["landmarks"][kNames[i]];
    errors[i] = 100 * std::hypot(point[0] - (x1 + x2) / 2, point[1] - (y1 + y2) / 2) /
                std::sqrt((x2 - x1) * (y2 - y1));
  }
  return errors;
}

double mean_error(const Json& face) {
  const auto errors = errors_of(face);
  return std::accumulate(errors.begin(), errors.end(), 0.0) / 5;
}

}  // namespace

TEST_CASE("eval landmarks measures what was detected against its labels, found and missed") {
  const Data data;
  put(data.file("images/a.ppm"), noise_ppm(160, 120));
  const Json faces = data.detect(data.file("images/a.ppm"));
  // Two faces as detected, one that nothing can find, one without landmarks.
  put(data.file("label.txt"),
      "# a.ppm\n" + label_of(faces[0]) + label_of(faces[1]) +
          "900 900 9 9 901 901 0 905 901 0 903 903 0 901 905 0 905 905 0\n1 1 20 20\n");
  const Json json = data.eval_json();
  CHECK(json["schema"] == "retinaface-eval-landmarks/1");
  CHECK(json["all"]["faces"] == 3);
  CHECK(json["all"]["missed"] == 1);
  CHECK(json["faces_without_landmarks"] == 1);
  const double first = mean_error(faces[0]), second = mean_error(faces[1]);
  CHECK(json["all"]["mean"].get<double>() == Approx((first + second) / 2).epsilon(0.001));
  CHECK(json["all"]["median"].get<double>() == Approx((first + second) / 2).epsilon(0.001));
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    CHECK(json["points"][kNames[i]]["mean"].get<double>() ==
          Approx((errors_of(faces[0])[i] + errors_of(faces[1])[i]) / 2).epsilon(0.001));
  }
  const int failures = 1 + (first > 10 ? 1 : 0) + (second > 10 ? 1 : 0);
  CHECK(json["all"]["failure_rate"].get<double>() == Approx(failures / 0.03));

  const Outcome table = data.eval({"--svg", data.file("error.svg")});
  CHECK(table.exit_code == 0);
  CHECK_THAT(table.out, Catch::Contains("\n3 faces; 1 missed; failures "));
  CHECK_THAT(table.out, Catch::Contains("protocol: five landmarks of "));
  CHECK_THAT(get(data.file("error.svg")), Catch::Contains("Landmark error, 3 faces: failures "));
  CHECK(data.eval({"--svg", data.file("error.svg")}).exit_code == 3);
  CHECK(data.eval({"--svg", data.file("error.svg"), "--overwrite"}).exit_code == 0);
}

TEST_CASE("eval landmarks undoes the frame and the size of the network's picture") {
  const Data data;
  // A picture of 80 x 60 and the same one with 20 pixels of the model's mean colour around it.
  const std::string inner = noise_ppm(80, 60, 3);
  put(data.file("images/a.ppm"), inner);
  const std::string pixels = inner.substr(inner.size() - 80 * 60 * 3);
  std::string outer = "P6\n120 100\n255\n";
  for (std::size_t y = 0; y < 100; ++y) {
    for (std::size_t x = 0; x < 120; ++x) {
      const bool inside = x >= 20 && x < 100 && y >= 20 && y < 80;
      outer += inside ? pixels.substr(((y - 20) * 80 + x - 20) * 3, 3) : "\x7B\x75\x68";
    }
  }
  put(data.file("framed.ppm"), outer);
  const Json faces = data.detect(data.file("framed.ppm"));
  put(data.file("label.txt"), "# a.ppm\n" + label_of(faces[0], 20));
  const Json json = data.eval_json({"--frame", "20"});
  CHECK(json["all"]["missed"] == 0);
  CHECK(json["all"]["mean"].get<double>() == Approx(mean_error(faces[0])).epsilon(0.001));
  CHECK(json["protocol"]["frame"] == 20);
}

TEST_CASE("eval landmarks takes every N-th picture, and tells errors by pose") {
  const Data data;
  std::string labels;
  for (const char* name : {"a", "b", "c"}) {
    const std::string path = data.file(std::string("images/") + name + ".ppm");
    put(path, noise_ppm(64, 64, static_cast<std::uint64_t>(*name)));
    labels += std::string("# ") + name + ".ppm\n" + label_of(data.detect(path)[0]);
  }
  put(data.file("label.txt"), labels);
  put(data.file("attributes_gender_smile_glasses_pose.txt"),
      "images/a.ppm 1 1 1 3\nimages/c.ppm 1 1 1 1\n");
  const Json every = data.eval_json();
  CHECK(every["all"]["faces"] == 3);
  CHECK(every["poses"].size() == 2);
  const Json second = data.eval_json({"--every", "2"});
  CHECK(second["all"]["faces"] == 2);
  CHECK(second["poses"]["frontal"]["faces"] == 1);
  CHECK(second["poses"]["left profile"]["missed"] == 0);
  CHECK_THAT(second["protocol"]["text"].get<std::string>(), Catch::Contains("2 of 3 pictures"));

  put(data.file("images/c.ppm"), "no picture");
  const Outcome some = data.eval({"-q"});
  CHECK(some.exit_code == 1);
  REQUIRE(some.complaints().size() == 1);
  CHECK_THAT(some.complaints()[0], Catch::Contains("c.ppm"));
  CHECK_THAT(some.out, Catch::Contains("3 faces; 1 missed"));
}

TEST_CASE("eval landmarks refuses what it cannot measure in one line") {
  const Data data;
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& text) {
    const Outcome outcome = data.eval(std::move(more));
    CAPTURE(outcome.err, text);
    CHECK(outcome.exit_code == code);
    REQUIRE(outcome.complaints().size() == 1);
    CHECK_THAT(outcome.complaints()[0], Catch::Contains(text));
  };
  refused({}, 3, "label.txt");
  put(data.file("label.txt"), "# a.ppm\n1 1 20 20\n");
  refused({}, 3, "no face with five landmarks");
  put(data.file("label.txt"), "# a.ppm\n0 0 9 9 1 1 0 5 1 0 3 3 0 1 5 0 5 5 0\n");
  refused({}, 3, "a.ppm: is missing");
  put(data.file("images/a.ppm"), noise_ppm(8, 8));
  put(data.file("attributes_gender_smile_glasses_pose.txt"), "a.ppm 3\n");
  refused({}, 3, "pose.txt:1: ");
  refused({"--frame", "-1"}, 2, "--frame");
  refused({"--every", "0"}, 2, "--every");
  refused({"--iou", "nan"}, 2, "--iou");
  refused({"--size", "scale:0"}, 2, "scale:0");
  CHECK(run_program({"eval", "landmarks"}).exit_code == 2);
}

TEST_CASE("eval landmarks gives the known error of the public weights on aflw80") {
  const auto weights = shared_file("weights/mobilenet0.25_Final.pth");
  const auto faces = shared_file("data/aflw80");
  if (!weights || !faces) return;
  if (kSanitized) return skip("587 pictures with a sanitizer");
  const Outcome outcome = run_program({"eval", "landmarks", "--data", faces->string(), "--model",
                                       weights->string(), "--threads", "1", "--every", "5",
                                       "--frame", "20", "--size", "scale:2", "--json", "-q"});
  REQUIRE(outcome.exit_code == 0);
  const Json all = Json::parse(outcome.out)["all"];
  // Another program, with PyTorch and OpenCV: 3.69 % mean, 3.48 % median, none above 10 %.
  CHECK(all["faces"] == 587);
  CHECK(all["missed"] == 0);
  CHECK(all["failure_rate"] == 0);
  CHECK(all["mean"].get<double>() == Approx(3.69).margin(0.011));
  CHECK(all["median"].get<double>() == Approx(3.48).margin(0.015));
}

}  // namespace rf::test
