// retinaface detect, run as a shell runs it: formats, bad input, outputs, the same bytes for any
// number of threads.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/image.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/image_files.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A folder with a model and some images.
struct Scene {
  TemporaryFolder folder;
  std::string model = folder.file("model.safetensors");

  Scene() { write_random_model(model); }
  std::string image(const std::string& name, Index width = 48, Index height = 40,
                    std::uint64_t seed = 1) const {
    fs::create_directories(fs::path(folder.file(name)).parent_path());
    put(folder.file(name), noise_ppm(width, height, seed));
    return folder.file(name);
  }
  Outcome detect(std::vector<std::string> arguments, const RunOptions& options = {}) const {
    arguments.insert(arguments.begin(), {"detect", "--model", model});
    return run_program(arguments, options);
  }
};

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(folder), {}));
}

std::vector<std::vector<std::string>> rows_of(const std::string& text, char separator) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    rows.emplace_back();
    for (std::string field; std::getline(fields, field, separator);) rows.back().push_back(field);
  }
  return rows;
}

Json without_run(const std::string& text) {
  Json json = Json::parse(text);
  json.erase("run");
  return json;
}

}  // namespace

TEST_CASE("JSON, CSV, WIDER text and the table carry the same faces") {
  const Scene scene;
  const std::string image = scene.image("0--Parade/first.ppm");
  const std::string wider = scene.folder.file("wider");
  const Outcome json_run = scene.detect({image, "--json", "--wider", wider});
  REQUIRE(json_run.exit_code == 0);
  const Json json = Json::parse(json_run.out);
  CHECK(json["schema"] == "retinaface-detections/1");
  CHECK(json["model"]["name"] == "mobilenet0.25 with random weights");
  CHECK(json["model"]["licence"] == "none: random numbers");
  CHECK(json["options"]["score"] == 0.5);
  CHECK(json["options"]["nms"] == 0.4);
  CHECK(json["options"]["size"] == "original");
  CHECK(json["run"]["threads"] >= 1);
  CHECK(json["run"]["times_ms"]["network"] > 0);
  REQUIRE(json["images"].size() == 1);
  CHECK(json["images"][0]["width"] == 48);
  CHECK(json["images"][0]["height"] == 40);
  const Json& faces = json["images"][0]["faces"];
  REQUIRE(faces.size() >= 2);  // or the test shows nothing

  const auto csv = rows_of(scene.detect({image, "--csv"}).out, ',');
  const auto text = rows_of(get(wider + "/0--Parade/first.txt"), ' ');
  REQUIRE(csv.size() == faces.size() + 1);
  REQUIRE(text.size() == faces.size() + 2);
  CHECK(text[0][0] == "first");
  CHECK(text[1][0] == std::to_string(faces.size()));
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const Json& box = faces[i]["box"];
    REQUIRE(csv[i + 1].size() == 16);
    CHECK(csv[i + 1][0] == image);
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::stod(csv[i + 1][k + 1]) == box[k].get<double>());
    CHECK(std::stod(csv[i + 1][5]) == faces[i]["score"].get<double>());
    CHECK(std::stod(csv[i + 1][10]) == faces[i]["landmarks"]["nose_tip"][0].get<double>());
    CHECK(std::stod(text[i + 2][0]) == box[0].get<double>());
    CHECK(std::abs(std::stod(text[i + 2][2]) - (box[2].get<double>() - box[0].get<double>())) <
          0.002);
    CHECK(text[i + 2][4] == csv[i + 1][5]);
    if (i > 0) CHECK(faces[i]["score"].get<double>() <= faces[i - 1]["score"].get<double>());
  }
  const Outcome table = scene.detect({image});
  CHECK(table.out.starts_with(image + ": " + std::to_string(faces.size()) + " faces (48x40)\n"));
  CHECK(rows_of(table.out, ' ').size() == faces.size() + 2);
}

TEST_CASE("the same bytes with 1, 2, 3 and 8 threads, and from run to run") {
  const Scene scene;
  scene.image("photos/a.ppm", 97, 61, 1);
  scene.image("photos/b.ppm", 33, 120, 2);
  const std::string photos = scene.folder.file("photos");
  std::string first_csv, first_wider;
  Json first_json;
  for (const char* threads : {"1", "2", "3", "8", "1"}) {
    CAPTURE(threads);
    const std::string wider = scene.folder.file("wider");
    const Outcome csv = scene.detect(
        {photos, "--csv", "--wider", wider, "--overwrite", "-q", "--threads", threads});
    const Outcome json = scene.detect({photos, "--json", "--threads", threads});
    REQUIRE(csv.exit_code == 0);
    REQUIRE(json.exit_code == 0);
    const std::string text = get(wider + "/photos/a.txt") + get(wider + "/photos/b.txt");
    CHECK(Json::parse(json.out)["run"]["threads"] == std::stoi(threads));
    if (first_csv.empty()) {
      first_csv = csv.out;
      first_wider = text;
      first_json = without_run(json.out);
      CHECK(rows_of(first_csv, ',').size() > 3);
    }
    CHECK(csv.out == first_csv);
    CHECK(text == first_wider);
    CHECK(without_run(json.out) == first_json);
    // The bytes, not only the values: "run" is the last line.
    CHECK(json.out.substr(0, json.out.find("\"run\":")).find("threads") == std::string::npos);
  }
}

TEST_CASE("JSON lines come one per image, each complete, from a list on standard input") {
  const Scene scene;
  const std::string a = scene.image("a.ppm"), b = scene.image("b c.ppm");
  const Outcome outcome = scene.detect(
      {"-", "--jsonl"}, {.input = a + "\r\n" + scene.folder.file("missing.ppm") + "\n" + b});
  CHECK(outcome.exit_code == 1);
  const auto lines = rows_of(outcome.out, '\n');
  REQUIRE(lines.size() == 3);
  const Json first = Json::parse(lines[0][0]), second = Json::parse(lines[1][0]),
             third = Json::parse(lines[2][0]);
  CHECK(first["schema"] == "retinaface-detections/1");
  CHECK(first["path"] == a);
  CHECK(first["run"].contains("isa"));
  CHECK(second["error"].get<std::string>().find("missing.ppm") != std::string::npos);
  CHECK_FALSE(second.contains("faces"));
  CHECK(third["path"] == b);
  const Outcome none = scene.detect({"-", "--jsonl"}, {.input = ""});
  CHECK(none.exit_code == 3);
  CHECK(none.complaints().size() == 1);
}

TEST_CASE("every bad image is one line that names it, and the others are processed") {
  const Scene scene;
  const std::string good = scene.image("good.ppm", 40, 32);
  const std::string bad = scene.folder.file("bad.jpg");
  const auto check_bad = [&](const std::string& path, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> alone{path}, together{path, good, "--csv"};
    for (const std::string& flag : flags) {
      alone.push_back(flag);
      together.push_back(flag);
    }
    const Outcome only = scene.detect(alone);
    CAPTURE(path, only.err);
    CHECK(only.exit_code == 3);
    REQUIRE(only.complaints().size() == 1);
    CHECK(only.complaints()[0].starts_with("retinaface: " + path + ": "));
    const Outcome both = scene.detect(together);
    CHECK(both.exit_code == 1);
    CHECK(both.complaints().size() == 1);
    CHECK(both.out.find(good) != std::string::npos);
    CHECK(both.out.find(path + ",") == std::string::npos);
  };
  const std::string png = scene.folder.file("whole.png");
  write_image(png, read_image(scene.image("large.ppm", 48, 40)), IfExists::refuse);

  SECTION("missing") { check_bad(scene.folder.file("missing.jpg")); }
  SECTION("empty") {
    put(bad, "");
    check_bad(bad);
  }
  SECTION("a text with the name of an image") {
    put(bad, "Dear Sir or Madam");
    check_bad(bad);
  }
  SECTION("a model with the name of an image") {
    fs::copy(scene.model, bad);
    check_bad(bad);
  }
  SECTION("a GIF, which is not decoded") {
    put(bad, "GIF89a\1\0\1\0\x80");
    check_bad(bad);
  }
  SECTION("truncated in the header") {
    put(bad, get(png).substr(0, 20));
    check_bad(bad);
  }
  SECTION("truncated in the pixels") {
    put(bad, get(png).substr(0, get(png).size() / 2));
    check_bad(bad);
  }
  SECTION("only the header of 65,500 x 65,500 pixels") {
    put(bad, png_header(65500, 65500));
    check_bad(bad);
  }
  SECTION("the same as PPM") {
    put(bad, "P6 65500 65500 255\n");
    check_bad(bad);
  }
  SECTION("above --max-pixels") { check_bad(png, {"--max-pixels", "1919"}); }  // 48 x 40 = 1920
  SECTION("a dangling link") {
    fs::create_symlink("nowhere", bad);
    check_bad(bad);
  }
  SECTION("a named pipe") {
    REQUIRE(::mkfifo(bad.c_str(), 0600) == 0);
    check_bad(bad);
  }
  SECTION("a folder without images") {
    fs::create_directory(bad);
    check_bad(bad);
  }
}

TEST_CASE("flipped bits give faces or an error, nothing else") {
  const Scene scene;
  const std::string ppm = scene.image("good.ppm", 24, 24);
  for (const char* extension : {".png", ".jpg", ".bmp", ".ppm"}) {
    const std::string whole = scene.folder.file(std::string("whole") + extension);
    write_image(whole, read_image(ppm), IfExists::refuse);
    const std::string bytes = get(whole);
    for (std::size_t i = 0; i < 40; ++i) {  // most of them in the header
      std::string flipped = bytes;
      const std::size_t at = i < 30 ? i * 2 : i * (bytes.size() / 41);
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (i % 8)));
      const std::string path = scene.folder.file("flipped/" + std::to_string(i) + extension);
      fs::create_directories(scene.folder.file("flipped"));
      put(path, flipped);
    }
  }
  // 10,000 pixels: a flipped bit may well ask for a large picture.
  const Outcome outcome =
      scene.detect({scene.folder.file("flipped"), "--json", "--max-pixels", "10000"});
  CHECK((outcome.exit_code == 0 || outcome.exit_code == 1));
  std::size_t errors = 0;
  const Json json = Json::parse(outcome.out);
  CHECK(json["images"].size() == 160);
  for (const Json& image : json["images"]) {
    CHECK(image.contains("faces") != image.contains("error"));
    errors += image.contains("error") ? 1 : 0;
  }
  CHECK(outcome.complaints().size() == errors);
}

TEST_CASE("images of one pixel, one column and one row are images") {
  const Scene scene;
  const std::string dot = scene.image("dot.ppm", 1, 1), column = scene.image("column.ppm", 1, 4000),
                    row = scene.image("row.ppm", 4000, 1);
  const Outcome outcome = scene.detect({dot, column, row, "--json"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.complaints().empty());
  CHECK(Json::parse(outcome.out)["images"].size() == 3);
  CHECK(scene.detect({dot, row, "--max-pixels", "4000"}).exit_code == 0);  // no more than allowed
  CHECK(scene.detect({dot, column, "--size", "long:320"}).exit_code == 0);
  CHECK(scene.detect({dot, column, "--size", "64x64"}).exit_code == 0);
}

TEST_CASE("a picture is turned upright by its EXIF orientation unless --no-exif is given") {
  const Scene scene;
  FlatJpeg jpeg;
  jpeg.width = 24;
  jpeg.height = 16;
  jpeg.components = {{0, 50, 100, 150, 200, 250}};
  const std::string path = scene.folder.file("turned.jpg");
  write_file(path, exif_segment(6, true), IfExists::replace);
  const std::string exif = get(path);  // 6: turn by 90 degrees, width and height change places
  write_file(path, make_jpeg(jpeg), IfExists::replace);
  put(path, get(path).insert(2, exif));  // behind the start of the image
  const Json upright = Json::parse(scene.detect({path, "--json"}).out);
  CHECK(upright["images"][0]["width"] == 16);
  CHECK(upright["images"][0]["height"] == 24);
  CHECK(upright["run"]["exif_applied"] == true);
  const Json stored = Json::parse(scene.detect({path, "--json", "--no-exif"}).out);
  CHECK(stored["images"][0]["width"] == 24);
  CHECK(stored["run"]["exif_applied"] == false);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need all addresses
TEST_CASE("a picture that does not fit the memory fails alone") {
  const Scene scene;
  const std::string small = scene.image("small.ppm");
  const std::string large = scene.image("large.ppm", 3000, 3000);
  const std::string command = std::string("bash -c 'ulimit -v 300000; ") + RF_CLI_BINARY +
                              " detect --threads 1 --csv --model " + scene.model + " " + large +
                              " " + small + " >" + scene.folder.file("out") + " 2>" +
                              scene.folder.file("err") + "'";
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 1);
  CHECK(get(scene.folder.file("err")).find(large + ": not enough memory") != std::string::npos);
  CHECK(get(scene.folder.file("out")).find(small) != std::string::npos);
}
#endif

TEST_CASE(
    "a folder of mixed files: images are processed, the broken one is told, the rest left alone") {
  const Scene scene;
  scene.image("mixed/a.ppm");
  scene.image("mixed/deep/b.PPM");
  put(scene.folder.file("mixed/notes.txt"), "notes");
  put(scene.folder.file("mixed/broken.png"), "no picture");
  const Outcome outcome = scene.detect({scene.folder.file("mixed"), "--json"});
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.complaints().size() == 1);
  CHECK(Json::parse(outcome.out)["images"].size() == 3);
}

TEST_CASE("an output that exists is kept unless --overwrite is given") {
  const Scene scene;
  const std::string a = scene.image("in/a.ppm"), b = scene.image("in/b.ppm");
  const std::string drawn = scene.folder.file("drawn");
  fs::create_directory(drawn);
  put(drawn + "/a.png", "precious");
  const Outcome kept = scene.detect({a, b, "--draw", drawn});
  CHECK(kept.exit_code == 1);
  CHECK(get(drawn + "/a.png") == "precious");
  CHECK(fs::exists(drawn + "/b.png"));
  CHECK(files_in(drawn) == 2);  // no temporary files
  CHECK(kept.err.find("wrote " + drawn + "/b.png\n") != std::string::npos);
  CHECK(kept.err.find(drawn + "/a.png: exists already; --overwrite replaces it") !=
        std::string::npos);
  CHECK(scene.detect({a, "--draw", drawn}).exit_code == 3);

  const Outcome replaced = scene.detect({a, b, "--draw", drawn, "--overwrite", "-q"});
  CHECK(replaced.exit_code == 0);
  CHECK(replaced.err.empty());
  CHECK(replaced.out.empty());  // -q beside --draw: no table
  CHECK(read_image(drawn + "/a.png").width >= 48);
  CHECK(scene.detect({a, "-q"}).out.starts_with(a));
}

TEST_CASE("two inputs with one output name are told apart") {
  const Scene scene;
  const std::string a = scene.image("one/x.ppm"), b = scene.image("two/x.ppm");
  for (const char* flag : {"--draw", "--crops"}) {
    const std::string folder = scene.folder.file(flag);
    const Outcome outcome = scene.detect({a, b, flag, folder, "--overwrite"});
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.err.find("already written for " + a) != std::string::npos);
  }
  CHECK(scene.detect({a, b, "--wider", scene.folder.file("wider")}).exit_code ==
        0);  // by parent folder
}

TEST_CASE("an input is never replaced") {
  const Scene scene;
  const std::string ppm = scene.image("in/a.ppm"), png = scene.folder.file("in/a.png");
  write_image(png, read_image(ppm), IfExists::refuse);
  const std::string before = get(png);
  CHECK(scene.detect({png, "--draw", png, "--overwrite"}).exit_code == 3);
  // a.png comes first and is an input; the drawing of a.ppm would be called a.png too.
  CHECK(scene.detect({scene.folder.file("in"), "--draw", scene.folder.file("in"), "--overwrite"})
            .exit_code == 3);
  CHECK(get(png) == before);
}

TEST_CASE("crops are numbered by score, aligned ones are square") {
  const Scene scene;
  const std::string image = scene.image("x.ppm");
  const std::string crops = scene.folder.file("crops"), aligned = scene.folder.file("aligned");
  const std::size_t faces =
      Json::parse(scene.detect({image, "--json"}).out)["images"][0]["faces"].size();
  CHECK(scene.detect({image, "--crops", crops, "--json"}).exit_code == 0);
  CHECK(files_in(crops) == faces);
  CHECK(fs::exists(crops + "/x_1.png"));
  CHECK(scene.detect({image, "--crops", aligned, "--align", "64"}).exit_code == 0);
  CHECK(files_in(aligned) == faces);
  const Image first = read_image(aligned + "/x_1.png");
  CHECK(first.width == 64);
  CHECK(first.height == 64);
}

TEST_CASE("--draw draws into a file for one input, and refuses other names") {
  const Scene scene;
  const std::string image = scene.image("x.ppm");
  const std::string drawn = scene.folder.file("faces.jpg");
  CHECK(scene.detect({image, "--draw", drawn}).exit_code == 0);
  CHECK(read_image(drawn).width >= 48);
  const Outcome folder = scene.detect({image, "--draw", scene.model});
  CHECK(folder.exit_code == 3);
  CHECK(folder.complaints().size() == 1);
}

TEST_CASE("a full disk is noticed, whatever the format") {
  if (!fs::exists("/dev/full")) return skip("/dev/full");
  const Scene scene;
  const std::string image = scene.image("x.ppm");
  for (const char* format : {"--json", "--jsonl", "--csv", "-q"}) {
    const Outcome outcome = scene.detect({image, format}, {.output_file = "/dev/full"});
    CAPTURE(format, outcome.err);
    CHECK(outcome.exit_code == 3);
    REQUIRE(outcome.complaints().size() == 1);
    CHECK(outcome.complaints()[0].starts_with("retinaface: standard output: cannot write: "));
  }
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"--help"}, {"--version"}, {"info"}}) {
    CHECK(run_program(arguments, {.output_file = "/dev/full"}).exit_code == 3);
  }
}

TEST_CASE("a closed stdout is noticed and never mixed into an output file") {
  const Scene scene;
  const std::string image = scene.image("x.ppm");
  const std::string command = std::string("bash -c '") + RF_CLI_BINARY + " detect --model " +
                              scene.model + " " + image + " --csv --wider " +
                              scene.folder.file("wider") + " >&- 2>/dev/null'";
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 3);
  CHECK(get(scene.folder.file("wider") + "/" + scene.folder.path().filename().string() + "/x.txt")
            .starts_with("x\n"));
}

TEST_CASE("a reader that leaves ends the program quietly") {
  const Scene scene;
  const std::string image = scene.image("x.ppm");
  const std::string err = scene.folder.file("err");
  const std::string command = std::string("bash -c \"set -o pipefail; ") + RF_CLI_BINARY +
                              " detect --model " + scene.model + " - --jsonl -q 2>" + err +
                              " < <(for i in {1..200}; do echo " + image +
                              "; done) | head -1 >/dev/null\"";
  CHECK(WEXITSTATUS(std::system(command.c_str())) == 128 + 13);
  CHECK(get(err).empty());
}

}  // namespace rf::test
