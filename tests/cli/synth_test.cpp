// retinaface synth: the files that it writes, and what it refuses.
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/data/labels.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

void check_refused(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

// By name, relative to the folder, what every file holds.
std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = get(entry.path().string());
  }
  return files;
}

std::vector<std::string> small(const std::string& out) {
  return {"synth", out,           "--count", "3",       "--size",
          "96x80", "--face-size", "20,60",   "--faces", "1,3"};
}

std::vector<std::string> with(std::vector<std::string> call, const std::vector<std::string>& more) {
  call.insert(call.end(), more.begin(), more.end());
  return call;
}

double number(const nlohmann::json& json) { return json.get<double>(); }

}  // namespace

TEST_CASE("synth writes a data set that train accepts", "[synth]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("new/set");
  const Outcome outcome = run_program(with(small(out), {"--meshes"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Catch::Contains("wrote 3 pictures with "));

  const Outcome check = run_program({"train", "--check-data", "--data", out});
  CHECK(check.exit_code == 0);
  CHECK_THAT(check.out, Catch::Contains("3 pictures (0 unreadable, 0 without faces)") &&
                            Catch::Contains("0 problems"));

  const Labels labels = read_labels(out + "/label.txt", "");
  const auto json = nlohmann::json::parse(get(out + "/faces.json"));
  CHECK(json["schema"] == "retinaface-synth/1");
  CHECK(json["seed"] == 1);
  CHECK(json["face_model"]["name"] == "procedural");
  REQUIRE(json["pictures"].size() == 3);
  REQUIRE(labels.pictures.size() == 3);
  std::set<std::string> expected{"label.txt", "faces.json"};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = "00000" + std::to_string(i);
    expected.insert("images/" + name + ".png");
    CHECK(json["pictures"][i]["path"] == name + ".png");
    CHECK(labels.pictures[i].path == name + ".png");
    const Image image = read_image(out + "/images/" + name + ".png");
    CHECK(image.width == 96);
    CHECK(image.height == 80);
    const auto& faces = json["pictures"][i]["faces"];
    REQUIRE(faces.size() == labels.pictures[i].labels.faces.size());
    for (std::size_t k = 0; k < faces.size(); ++k) {
      const LabelledFace& label = labels.pictures[i].labels.faces[k];
      CHECK(number(faces[k]["box"][2]) == Approx(label.box.x2).margin(2e-3));
      REQUIRE(label.landmarks);
      CHECK(number(faces[k]["landmarks"][4][1]) == Approx((*label.landmarks)[4].y).margin(2e-3));
      CHECK(faces[k]["visible"].size() == 5);
      CHECK(faces[k]["camera"].size() == 7);
      CHECK(faces[k]["light"].size() == 9);
      CHECK(faces[k]["crop"].size() == 3);
      CHECK(faces[k]["points68"].size() == 68);
      for (const char* part : {"identity", "expression", "albedo"}) {
        const std::string modes =
            part == std::string("identity") ? "identities" : std::string(part) + "s";
        CHECK(faces[k][part].size() == json["face_model"][modes]);
      }
      const std::string mesh = "meshes/" + name + "_" + std::to_string(k) + ".obj";
      expected.insert(mesh);
      CHECK(read_obj(out + "/" + mesh).vertices.size() == json["face_model"]["vertices"]);
    }
  }
  std::set<std::string> found;
  for (const auto& [name, text] : contents(out)) found.insert(name);
  CHECK(found == expected);
}

// Camera and crop of the file against its own boxes: see docs/synth.md.
TEST_CASE("synth's cameras see the meshes that it writes where its labels are", "[synth]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("set");
  REQUIRE(run_program(with(small(out), {"--meshes", "-q"})).exit_code == 0);
  const auto json = nlohmann::json::parse(get(out + "/faces.json"));
  const auto& face = json["pictures"][1]["faces"][0];
  std::array<double, 7> camera{};
  for (std::size_t i = 0; i < 7; ++i) camera[i] = number(face["camera"][i]);
  const double a = camera[3], b = camera[4], c = camera[5], s = 1 + a * a + b * b + c * c;
  double low = 1e9, high = -1e9;
  for (const auto& v : read_obj(out + "/meshes/000001_0.obj").vertices) {
    const double x = v[0], y = -v[1], z = -v[2];
    const double column =
        ((1 + a * a - b * b - c * c) * x + 2 * (a * b - c) * y + 2 * (a * c + b) * z) / s;
    const double depth =
        (2 * (a * c - b) * x + 2 * (b * c + a) * y + (1 - a * a - b * b + c * c) * z) / s;
    const double seen =
        number(face["crop"][0]) +
        number(face["crop"][2]) * (camera[6] * (column + camera[0]) / (depth + camera[2]) + 0.5);
    low = std::min(low, seen);
    high = std::max(high, seen);
  }
  CHECK(number(face["box"][0]) == Approx(low).margin(2e-3));
  CHECK(number(face["box"][2]) == Approx(high).margin(2e-3));
}

TEST_CASE("synth writes the same bytes for any number of threads, and others for other seeds",
          "[synth]") {
  const TemporaryFolder folder;
  const std::string one = folder.file("one"), three = folder.file("three"),
                    other = folder.file("other");
  REQUIRE(run_program(with(small(one), {"--threads", "1"})).exit_code == 0);
  REQUIRE(run_program(with(small(three), {"--threads", "3"})).exit_code == 0);
  REQUIRE(run_program(with(small(other), {"--seed", "18446744073709551615"})).exit_code == 0);
  CHECK(contents(one) == contents(three));
  CHECK(contents(one).size() == 5);
  CHECK(contents(one) != contents(other));
  CHECK_THAT(get(other + "/faces.json"), Catch::Contains("\"seed\":18446744073709551615"));
}

TEST_CASE("synth takes backgrounds from a data set, and writes JPEG", "[synth]") {
  const TemporaryFolder folder;
  const std::string data = folder.file("data"), out = folder.file("set");
  fs::create_directories(data + "/images");
  put(data + "/images/a.ppm", noise_ppm(200, 150));
  put(data + "/label.txt", "# a.ppm\n5 5 40 40\n");
  const Outcome outcome =
      run_program(with(small(out), {"--backgrounds", data, "--format", "jpg", "-q"}));
  CAPTURE(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.complaints().empty());
  CHECK(read_image(out + "/images/000002.jpg").width == 96);

  put(data + "/images/a.ppm", "no picture");
  const Outcome broken =
      run_program(with(small(folder.file("broken")), {"--backgrounds", data, "-q"}));
  CHECK(broken.exit_code == 1);
  CHECK_THAT(broken.err, Catch::Contains("a.ppm"));
  CHECK(fs::exists(folder.file("broken/label.txt")));
}

TEST_CASE("synth writes into folders with files when told so, and never into its inputs",
          "[synth]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("set");
  REQUIRE(run_program(small(out)).exit_code == 0);
  const auto before = contents(out);
  check_refused(run_program(small(out)), 3, "--overwrite replaces");
  CHECK(contents(out) == before);
  CHECK(run_program(with(small(out), {"--overwrite"})).exit_code == 0);
  CHECK(contents(out) == before);
  check_refused(run_program(with(small(out), {"--overwrite", "--backgrounds", out})), 2,
                "is an input");
  check_refused(
      run_program(with(small(folder.file("set/images")), {"--overwrite", "--backgrounds", out})), 2,
      "is an input");
  CHECK(contents(out) == before);

  fs::create_directories(folder.file("empty"));
  CHECK(run_program(small(folder.file("empty"))).exit_code == 0);
  put(folder.file("file"), "text");
  check_refused(run_program(small(folder.file("file"))), 3, "is not a folder");
  check_refused(run_program(small(folder.file("file/in"))), 3, "cannot make this folder");
}

TEST_CASE("synth without room on the disk leaves no label.txt", "[synth]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("set");
  REQUIRE(run_program(small(out)).exit_code == 0);
  Outcome outcome;
  {
    const FullDisk full(4096);
    outcome = run_program(with(small(out), {"--overwrite"}));
  }
  check_refused(outcome, 3, "images/");
  CHECK(!fs::exists(out + "/label.txt"));
  for (const auto& [name, text] : contents(out)) CHECK(name.find("tmp") == std::string::npos);
}

TEST_CASE("synth refuses what makes no sense in one line", "[synth]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("set");
  const auto refused = [&](const std::vector<std::string>& more, int exit_code,
                           const std::string& text) {
    check_refused(run_program(with({"synth", out}, more)), exit_code, text);
  };
  refused({}, 2, "--count");
  refused({"--count", "0"}, 2, "0 is not a number from 1 to 10000000");
  refused({"--count", "-3"}, 2, "-3 is not a number");
  refused({"--count", "100000000000"}, 2, "100000000000 is not a number");
  refused({"--count", "3", "--size", "100x"}, 2, "--size 100x: two numbers");
  refused({"--count", "3", "--size", "100x20"}, 2, "height 20 is not from 32 to 2048");
  refused({"--count", "3", "--size", "100000x100000"}, 2, "width 100000 is not");
  refused({"--count", "3", "--size", "99999999999999999999x64"}, 2, "two numbers");
  refused({"--count", "3", "--faces", "4,1"}, 2, "min_faces 4 is not from 0 to 1");
  refused({"--count", "3", "--faces", "1,1000"}, 2, "max_faces 1000");
  refused({"--count", "3", "--face-size", "50,nan"}, 2, "largest face nan");
  refused({"--count", "3", "--format", "gif"}, 2, "--format");
  refused({"--count", "3", "--seed", "-1"}, 2, "--seed");
  refused({"--count", "3", "--seed", "18446744073709551616"}, 2, "from 0 to 18446744073709551615");
  refused({"--count", "3", "--face-model", folder.file("none")}, 3, "none");
  refused({"--count", "3", "--backgrounds", folder.file("none")}, 3, "no such folder");
  CHECK(!fs::exists(out));
  check_refused(run_program({"synth", "", "--count", "1"}), 2, "OUT");
}

}  // namespace rf::test
