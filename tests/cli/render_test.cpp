// retinaface render: the pictures and meshes that it writes, and what it refuses.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "engine/image.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

// A square of four corners that looks to +z, with this colour behind each vertex.
std::string square(const std::string& colour = "") {
  std::string text;
  for (const char* place : {"-1 -1 0", "1 -1 0", "1 1 0", "-1 1 0"})
    text += std::string("v ") + place + " " + colour + "\n";
  return text + "f 1 2 3 4\n";
}

struct Pixel {
  int r, g, b;
  bool operator==(const Pixel&) const = default;
};
Pixel pixel(const Image& image, Index x, Index y) {
  const std::uint8_t* p = image.rgb.data() + 3 * (y * image.width + x);
  return {p[0], p[1], p[2]};
}

// The part of the picture that is not as its first pixel.
double covered(const Image& image) {
  Index count = 0;
  for (Index y = 0; y < image.height; ++y) {
    for (Index x = 0; x < image.width; ++x) count += pixel(image, x, y) != pixel(image, 0, 0);
  }
  return static_cast<double>(count) / static_cast<double>(image.width * image.height);
}

void check_refused(const std::vector<std::string>& arguments, int exit_code,
                   const std::string& text) {
  std::vector<std::string> call{"render"};
  call.insert(call.end(), arguments.begin(), arguments.end());
  const Outcome outcome = run_program(call);
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

Image rendered(const std::string& out, std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"render", out, "--overwrite"});
  const Outcome outcome = run_program(flags);
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.complaints() == std::vector<std::string>{"retinaface: wrote " + out});
  return read_image(out);
}

}  // namespace

TEST_CASE("render draws a random face in front of the background", "[render]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("face.png");
  const std::vector<std::string> flags{"--random",     "3",       "--size", "128",
                                       "--background", "9,200,30"};
  const Image face = rendered(out, flags);
  CHECK(face.width == 128);
  CHECK(face.height == 128);
  for (const Index corner : {0, 127}) {
    CHECK(pixel(face, corner, corner) == Pixel{9, 200, 30});
    CHECK(pixel(face, 127 - corner, corner) == Pixel{9, 200, 30});
  }
  CHECK(covered(face) > 0.4);
  CHECK(covered(face) < 0.9);
  const Pixel forehead = pixel(face, 64, 20);  // skin: red above green above blue, about
  CHECK(forehead.r > forehead.g);
  CHECK(forehead.r > forehead.b);
  std::vector<std::string> turned = flags;
  turned.insert(turned.end(), {"--yaw", "90"});
  const Image profile = rendered(out, turned);
  CHECK(covered(profile) < covered(face));
  // The nose is on the right: of the middle rows, the rightmost column of the head is there.
  Index rightmost = 0, row = 0;
  for (Index y = 0; y < 128; ++y) {
    for (Index x = 0; x < 128; ++x) {
      if (x > rightmost && pixel(profile, x, y) != Pixel{9, 200, 30}) {
        rightmost = x;
        row = y;
      }
    }
  }
  CHECK((row > 50 && row < 80));
  CHECK(rendered(out, {"--random", "4", "--size", "128"}).rgb != face.rgb);
}

TEST_CASE("render draws a mesh file, with its colours or in grey", "[render]") {
  const TemporaryFolder folder;
  const std::string mesh = folder.file("a.obj"), out = folder.file("a.png");
  const std::vector<std::string> flags{"--mesh", mesh, "--size", "50", "--ambient", "1"};
  put(mesh, square());
  const Image grey = rendered(out, flags);
  CHECK(pixel(grey, 0, 0) == Pixel{255, 255, 255});
  CHECK(pixel(grey, 25, 25).r == pixel(grey, 25, 25).b);
  CHECK(std::abs(pixel(grey, 25, 25).r - 179) <= 1);
  put(mesh, square("1 0 0"));
  CHECK(pixel(rendered(out, flags), 25, 25) == Pixel{255, 0, 0});
}

TEST_CASE("render makes a sheet of random faces, each as if drawn alone", "[render]") {
  const TemporaryFolder folder;
  const Image sheet = rendered(folder.file("sheet.png"),
                               {"--random", "7", "--count", "3", "--columns", "2", "--size", "40"});
  CHECK(sheet.width == 80);
  CHECK(sheet.height == 80);
  const Image second = rendered(folder.file("one.png"), {"--random", "8", "--size", "40"});
  for (Index y = 0; y < 40; ++y) {
    for (Index x = 0; x < 40; ++x) {
      CHECK(pixel(sheet, 40 + x, y) == pixel(second, x, y));
      CHECK(pixel(sheet, 40 + x, 40 + y) == Pixel{255, 255, 255});
    }
  }
  const Image five = rendered(folder.file("five.png"),
                              {"--random", "0", "--count", "5", "--size", "8", "--samples", "1"});
  CHECK(five.width == 24);
  CHECK(five.height == 16);
}

TEST_CASE("render writes the random face as a mesh, which it draws to the same picture",
          "[render]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("face.png"), obj = folder.file("face.obj"),
                    ply = folder.file("face.ply");
  const Outcome outcome = run_program(
      {"render", out, "--random", "5", "--size", "64", "--yaw", "-25", "--obj", obj, "--ply", ply});
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.complaints() == std::vector<std::string>{"retinaface: wrote " + out,
                                                         "retinaface: wrote " + obj,
                                                         "retinaface: wrote " + ply});
  const TriangleMesh mesh = read_obj(obj);
  CHECK(mesh.vertices.size() == 1728);
  CHECK(mesh.colours.size() == 1728);
  CHECK(get(ply).starts_with("ply\nformat binary_little_endian 1.0\n"));
  CHECK(rendered(folder.file("again.png"), {"--mesh", obj, "--size", "64", "--yaw", "-25"}).rgb ==
        read_image(out).rgb);
}

TEST_CASE("render: the same bytes for any number of threads", "[render]") {
  const TemporaryFolder folder;
  const std::string out = folder.file("face.png");
  std::string first;
  for (const char* threads : {"1", "3"}) {
    (void)rendered(out, {"--random", "1", "--size", "96", "--roll", "30", "--threads", threads});
    if (first.empty()) first = get(out);
    CHECK(get(out) == first);
  }
}

TEST_CASE("render draws faces of a face model's folder", "[render]") {
  const auto ict = shared_file("mesh/ict");
  if (!ict) return;
  const TemporaryFolder folder;
  const Image face = rendered(folder.file("ict.png"),
                              {"--random", "1", "--size", "64", "--face-model", ict->string()});
  CHECK(covered(face) > 0.3);
  CHECK(face.rgb != rendered(folder.file("own.png"), {"--random", "1", "--size", "64"}).rgb);
}

TEST_CASE("render refuses what it cannot do, and leaves nothing behind", "[render][usage]") {
  const TemporaryFolder folder;
  const std::string mesh = folder.file("a.obj"), out = folder.file("out.png"),
                    missing = folder.file("missing.obj");
  put(mesh, square());
  check_refused({}, 2, "OUT");
  check_refused({out}, 2, "--mesh FILE or --random SEED");
  check_refused({out, "--mesh", mesh, "--random", "1"}, 2, "--mesh FILE or --random SEED");
  check_refused({out, "--random", "1", "--fast"}, 2, "--fast");
  for (const char* number : {"nan", "inf", "1e400", "abc", "", "181", "-1e9"}) {
    for (const char* flag : {"--yaw", "--pitch", "--roll"})
      check_refused({out, "--random", "1", flag, number}, 2, flag);
  }
  for (const char* number : {"0", "-1", "nan", "1e9", "x"})
    check_refused({out, "--random", "1", "--focal", number}, 2, "--focal");
  for (const char* number : {"-0.1", "1.1", "nan"})
    check_refused({out, "--random", "1", "--ambient", number}, 2, "--ambient");
  for (const char* number : {"0", "-3", "1e12", "99999999999999999999", "2.5", "nan"}) {
    for (const char* flag : {"--size", "--samples", "--count", "--columns", "--threads"})
      check_refused({out, "--random", "1", flag, number}, 2, flag);
  }
  for (const char* seed : {"-1", "1e40", "x", "0.5", "nan"})
    check_refused({out, "--random", seed}, 2, "--random");
  for (const char* light : {"1", "1,2", "1,2,3,4", "1,2,nan", "1,2,inf", "a,b,c", "1,,2", "1,2,3,"})
    check_refused({out, "--random", "1", "--light", light}, 2, "--light");
  for (const char* colour : {"1,2", "256,0,0", "-1,0,0", "nan,0,0"})
    check_refused({out, "--random", "1", "--background", colour}, 2, "--background");
  check_refused({out, "--random", "1", "--size", "4096", "--samples", "2"}, 2, "above 4096");
  check_refused({out, "--random", "1", "--size", "2000", "--samples", "1", "--count", "1000"}, 2,
                "more than 100000000 pixels");
  check_refused({out, "--mesh", mesh, "--count", "2"}, 2, "go with --random");
  check_refused({out, "--mesh", mesh, "--face-model", "x"}, 2, "go with --random");
  check_refused({out, "--mesh", mesh, "--obj", folder.file("b.obj")}, 2, "go with --random");
  check_refused({out, "--random", "1", "--count", "2", "--ply", folder.file("b.ply")}, 2,
                "hold one face");
  check_refused({out, "--random", "1", "--obj", out}, 2, "named for two outputs");
  check_refused({folder.file("out.gif"), "--random", "1", "--size", "8"}, 2, "must end in");
  check_refused({out, "--mesh", missing}, 3, missing);
  check_refused({out, "--random", "1", "--face-model", folder.file("none")}, 3, "none");
  check_refused({folder.file("none/out.png"), "--random", "1", "--size", "8"}, 3, "none/out.png");
  const std::string renamed = folder.file("mesh.png");
  put(renamed, square());
  check_refused({renamed, "--mesh", renamed, "--overwrite"}, 3, "is the input");
  put(mesh, "v 0 0 0\nv 1 0 0\nv 0 1 0\n");
  check_refused({out, "--mesh", mesh}, 3, mesh + ": has no face");
  put(mesh, "v 1 2 3\nv 1 2 3\nv 1 2 3\nf 1 2 3\n");
  check_refused({out, "--mesh", mesh}, 3, mesh + ": ");
  put(mesh, "v 0 0 0\nf 1 2 3\n");
  check_refused({out, "--mesh", mesh}, 3, "a.obj:2");
  CHECK_FALSE(std::filesystem::exists(out));
  put(out, "mine");
  check_refused({out, "--random", "1"}, 3, "exists already; --overwrite");
  CHECK(get(out) == "mine");
  put(mesh, square());
  const FullDisk full(4000);
  check_refused({folder.file("large.ppm"), "--mesh", mesh}, 3, "cannot write");
  CHECK_FALSE(std::filesystem::exists(folder.file("large.ppm")));
  CHECK(get(out) == "mine");
}

}  // namespace rf::test
