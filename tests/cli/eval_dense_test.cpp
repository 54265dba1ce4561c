// eval dense, run as a shell would.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "engine/image.hpp"
#include "retinaface/dense/synthetic.hpp"
#include "retinaface/evaluation/dense_landmarks.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/silent_dense_model.hpp"
#include "tests/support.hpp"
#include "weights/embedded_model.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::json;

// A detector with random weights, a dense branch that says nothing, and folders of labels.
class Data {
 public:
  Data() {
    std::filesystem::create_directories(folder_.path() / "images");
    write_random_model(model());
    const LoadedModel detector = load_model(model());
    write_dense_model(dense(), silent_dense_model(detector.config, detector.sha256),
                      IfExists::refuse);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string model() const { return file("model.safetensors"); }
  [[nodiscard]] std::string dense() const { return file("dense.safetensors"); }

  [[nodiscard]] Outcome eval(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"eval", "dense", "--model", model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  [[nodiscard]] Outcome landmarks(std::vector<std::string> more) const {
    more.insert(more.end(), {"--landmarks", file(""), "--dense", dense()});
    return eval(std::move(more));
  }

 private:
  TemporaryFolder folder_;
};

// 68 points whose box is that of a face.
std::string points_in(const Face& face) {
  std::ostringstream text;
  for (int i = 0; i < 68; ++i) {
    text << (i % 2 == 0 ? face.x1 : face.x2) << ' '
         << face.y1 + (face.y2 - face.y1) * static_cast<float>(i / 2) / 33 << " 0\n";
  }
  return text.str();
}

// A large synthetic face that the built-in detector finds, in a folder with label.txt.
bool write_face(const std::string& folder) {
  const SyntheticPictures pictures(procedural_head(), SyntheticBackgrounds(),
                                   {.width = 200,
                                    .height = 200,
                                    .min_faces = 1,
                                    .max_faces = 1,
                                    .smallest = 100,
                                    .largest = 150,
                                    .largest_yaw = 10,
                                    .largest_pitch = 10,
                                    .largest_roll = 10});
  const Pipeline detector(load_embedded_model(), {});
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Image image = pictures(i).image;
    const std::vector<Face> faces = detector.detect(image);
    if (faces.size() != 1) continue;
    write_image(folder + "/images/face.png", image, IfExists::refuse);
    std::ostringstream label;
    const Face& f = faces[0];
    label << "# face.png\n" << f.x1 << ' ' << f.y1 << ' ' << f.x2 - f.x1 << ' ' << f.y2 - f.y1;
    put(folder + "/label.txt", label.str() + "\n");
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE("eval dense measures landmarks by yaw, ours and the baseline") {
  const Data data;
  put(data.file("images/a.ppm"), noise_ppm(160, 120));
  put(data.file("images/b.ppm"), noise_ppm(120, 120, 2));
  const Pipeline detector(data.model(), {});
  const DenseBranch branch(read_dense_model(data.dense()));
  const Image picture = read_image(data.file("images/a.ppm"));
  const FaceColumns found = detector.detect_columns(picture);
  REQUIRE_FALSE(found.faces.empty());
  // A face as detected at 40 degrees, and one that nothing can find at -70.
  put(data.file("landmarks68_3d.txt"),
      "# images/a.ppm pose_para 0 0.7 0\n" + points_in(found.faces[0]) +
          "# images/b.ppm pose_para 0 -1.22 0\n" +
          points_in({.x1 = 900, .y1 = 900, .x2 = 990, .y2 = 990, .score = 1, .landmarks = {}}));
  const Landmarks68 labelled = read_landmarks68(data.file("landmarks68_3d.txt")).front();
  const auto expected = landmark_errors(branch, picture, found, labelled);
  REQUIRE(expected);

  const Outcome outcome = data.landmarks({"--json", "-q", "--ced", data.file("ced.svg")});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const Json json = Json::parse(outcome.out);
  CHECK(json["schema"] == "retinaface-eval-dense/1");
  CHECK_FALSE(json.contains("pixels"));
  CHECK_FALSE(json.contains("synthetic"));
  const Json landmarks = json["landmarks"];
  CHECK(landmarks["all"]["faces"] == 2);
  CHECK(landmarks["all"]["missed"] == 1);
  REQUIRE(landmarks["bins"].size() == 3);
  CHECK(landmarks["bins"][0]["faces"] == 0);
  CHECK(landmarks["bins"][0]["ours"].is_null());
  CHECK(landmarks["bins"][1]["ours"].get<double>() == Approx(100 * expected->read).margin(6e-4));
  CHECK(landmarks["bins"][1]["baseline"].get<double>() ==
        Approx(100 * expected->posed).margin(6e-4));
  CHECK(landmarks["bins"][2]["missed"] == 1);
  CHECK(landmarks["mean_of_bins"] == Json({{"ours", landmarks["bins"][1]["ours"]},
                                           {"baseline", landmarks["bins"][1]["baseline"]}}));

  const Outcome table = data.landmarks({});
  CHECK_THAT(table.out, Catch::Contains("yaw 30 to 60 degrees"));
  CHECK_THAT(table.out, Catch::Contains("3DDFA is published with 4.25 to 4.76"));
  CHECK_THAT(table.out, Catch::Contains("note: 2 images are few"));
  CHECK_THAT(table.out, Catch::Contains("protocol: 68 landmarks of "));
  CHECK_THAT(get(data.file("ced.svg")), Catch::Contains("68 landmarks, 2 faces"));
  CHECK(data.landmarks({"--ced", data.file("ced.svg")}).exit_code == 3);
  CHECK(data.landmarks({"--ced", data.file("ced.svg"), "--overwrite"}).exit_code == 0);
  const Outcome nowhere = data.landmarks({"--ced", data.file("missing/ced.svg")});
  CHECK(nowhere.exit_code == 3);
  CHECK(nowhere.out.empty());  // said before anything is measured

  put(data.file("images/b.ppm"), "no picture");
  const Outcome some = data.landmarks({"-q"});
  CHECK(some.exit_code == 1);
  REQUIRE(some.complaints().size() == 1);
  CHECK_THAT(some.complaints()[0], Catch::Contains("b.ppm"));
  put(data.file("images/a.ppm"), "none either");
  CHECK(data.landmarks({"-q"}).exit_code == 3);
}

TEST_CASE("eval dense refuses what it cannot measure in one line") {
  const Data data;
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& text) {
    const Outcome outcome = data.eval(std::move(more));
    CAPTURE(outcome.err, text);
    CHECK(outcome.exit_code == code);
    CHECK(outcome.out.empty());
    REQUIRE(outcome.complaints().size() == 1);
    CHECK_THAT(outcome.complaints()[0], Catch::Contains(text));
  };
  const std::string dense = data.dense();
  refused({"--dense", dense}, 2, "--landmarks DIR, --pixels DIR or --synthetic N is needed");
  refused({"--synthetic", "5"}, 2, "--dense FILE is needed");
  refused({"--dense", dense, "--landmarks", data.file("")}, 3, "landmarks68_3d.txt");
  refused({"--dense", dense, "--pixels", data.file("")}, 3, "label.txt");
  refused({"--dense", dense, "--synthetic", "0"}, 2, "--synthetic");
  refused({"--dense", dense, "--most", "3"}, 2, "--pixels");
  refused({"--dense", dense, "--ced", "a.svg"}, 2, "--landmarks");
  refused({"--dense", dense, "--synthetic", "1", "--face-model", data.file("none")}, 3, "none");
  refused({"--dense", dense, "--synthetic", "1", "--size", "scale:0"}, 2, "scale:0");
  refused({"--dense", data.file("no.safetensors"), "--synthetic", "1"}, 4, "no.safetensors");
  refused({"--dense", data.model(), "--synthetic", "1"}, 4, "model.safetensors");
  DenseModel headless = read_dense_model(dense);
  headless.head.reset();
  write_dense_model(data.file("decoder.safetensors"), headless, IfExists::refuse);
  refused({"--dense", data.file("decoder.safetensors"), "--synthetic", "1"}, 4,
          "decoder.safetensors: holds a decoder alone");
  put(data.file("landmarks68_3d.txt"), "# images/a.ppm pose_para 0 0 0\n1 2 3\n");
  refused({"--dense", dense, "--landmarks", data.file("")}, 3, "landmarks68_3d.txt:3: ");
  put(data.file("landmarks68_3d.txt"),
      "# images/a.ppm pose_para 0 0 0\n" +
          points_in({.x1 = 0, .y1 = 0, .x2 = 9, .y2 = 9, .score = 1, .landmarks = {}}));
  refused({"--dense", dense, "--landmarks", data.file("")}, 3, "a.ppm: is missing");

  // Another detector than the head's.
  write_random_model(data.file("other.safetensors"), 2);
  const Outcome other = run_program({"eval", "dense", "--dense", dense, "--synthetic", "1",
                                     "--model", data.file("other.safetensors")});
  CHECK(other.exit_code == 2);
  CHECK_THAT(other.err, Catch::Contains("SHA-256"));
}

TEST_CASE("eval dense measures pixels and synthetic faces, the same for any number of threads") {
  if (!embedded_model()) return skip("no model is built in");
  if (kSanitized) return skip("fits of cameras with a sanitizer");
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "images");
  const LoadedModel detector = load_embedded_model();
  const std::string dense = folder.file("dense.safetensors");
  write_dense_model(dense, silent_dense_model(detector.config, detector.sha256), IfExists::refuse);
  REQUIRE(write_face(folder.path().string()));
  const auto eval = [&](const std::string& threads) {
    const Outcome outcome = run_program({"eval", "dense", "--dense", dense, "--pixels",
                                         folder.path().string(), "--steps", "4", "--fit-code",
                                         "--synthetic", "6", "--threads", threads, "--json", "-q"});
    CAPTURE(outcome.err);
    REQUIRE(outcome.exit_code == 0);
    Json json = Json::parse(outcome.out);
    json.erase("run");
    return json;
  };
  const Json json = eval("1");
  CHECK(eval("3") == json);
  const Json pixels = json["pixels"];
  CHECK(pixels["faces"] == 1);
  CHECK(pixels["faces_found"] == 1);
  const Json before = pixels["mean"]["before"], after = pixels["mean"]["after"];
  // A branch that says nothing is the mean face.
  CHECK(before["ours"].get<double>() == Approx(before["mean_face"].get<double>()).epsilon(0.01));
  CHECK(after["mean_face"].get<double>() < before["mean_face"].get<double>());
  CHECK(pixels["ratio_after"].get<double>() == Approx(1).margin(0.1));
  CHECK(pixels["code_fitted"]["from_zero"].get<double>() > 0);

  const Json synthetic = json["synthetic"];
  CHECK(synthetic["faces"] == 6);
  CHECK(synthetic["found"].get<int>() > 0);
  for (const char* what : {"rotation_degrees", "points_percent", "vertices_mm"}) {
    const double baseline = synthetic[what]["baseline"].get<double>();
    CAPTURE(what);
    CHECK(baseline > 0);
    CHECK(synthetic[what]["ours"].get<double>() == Approx(baseline).epsilon(0.01));
  }

  // Before photographs the detector sees other pictures.
  const auto before_photographs = [&](const std::string& photographs) {
    return run_program({"eval", "dense", "--dense", dense, "--synthetic", "6", "--backgrounds",
                        photographs, "--json", "-q"});
  };
  const Outcome photographs = before_photographs(folder.path().string());
  CAPTURE(photographs.err);
  REQUIRE(photographs.exit_code == 0);
  const Json other = Json::parse(photographs.out)["synthetic"];
  CHECK(other["faces"] == 6);
  CHECK(other["points_percent"] != synthetic["points_percent"]);
  const Outcome no_folder = before_photographs(folder.file("none"));
  CHECK(no_folder.exit_code == 3);
  CHECK_THAT(no_folder.err, Catch::Contains("none"));

  const Outcome none = run_program({"eval", "dense", "--dense", dense, "--pixels",
                                    folder.path().string(), "--smallest", "5000", "-q"});
  CHECK(none.exit_code == 3);
  CHECK_THAT(none.err, Catch::Contains("no labelled face of 5000 pixels was found"));
}

}  // namespace rf::test
