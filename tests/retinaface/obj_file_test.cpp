// OBJ files, good, odd and hostile; PLY files byte by byte; what is told about a mesh.
#include "retinaface/mesh/obj_file.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "engine/check.hpp"
#include "engine/random.hpp"
#include "retinaface/mesh/ply_file.hpp"
#include "tests/retinaface/mesh_shapes.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

using Triangles = std::vector<std::array<Index, 3>>;

constexpr const char* kSquare = "v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 1 0\n";

void check_refused(const std::string& text, const std::string& problem) {
  CAPTURE(text.substr(0, 200));
  try {
    (void)parse_obj(text, "bad.obj");
    FAIL("accepted");
  } catch (const FormatError& error) {
    const std::string said = error.what();
    CHECK_THAT(said, Catch::StartsWith("bad.obj:") && Catch::Contains(problem));
    CHECK(said.find('\n') == std::string::npos);
    CHECK(said.size() < 250);
  }
}

}  // namespace

TEST_CASE("OBJ: every way to write a corner gives the same triangle", "[mesh][obj]") {
  for (const char* face : {"f 1 2 3", "f 1/7 2/8 3/9", "f 1//1 2//1 3//1", "f 1/1/1 2/2/1 3/3/1",
                           "f -4 -3 -2", "f -4/-1/-1 2/-1 3//-1", "\tf  1\t2 3 \r", "f 1 2 \\\n3",
                           "f \\\r\n 1 2\\\r\n 3", "f 1 2 3 # a face"}) {
    CAPTURE(face);
    const TriangleMesh mesh = parse_obj(std::string(kSquare) + face + "\n", "a.obj");
    CHECK(mesh.vertices.size() == 4);
    CHECK(mesh.vertices[2] == std::array<double, 3>{2, 1, 0});
    CHECK(mesh.triangles == Triangles{{0, 1, 2}});
    CHECK(mesh.colours.empty());
  }
}

TEST_CASE("OBJ: faces of four corners are cut along the shorter diagonal, others are fans",
          "[mesh][obj]") {
  const std::string tie = std::string(kSquare) + "f 1 2 3 4\n";
  CHECK(parse_obj(tie, "a").triangles == Triangles{{0, 1, 2}, {0, 2, 3}});
  const std::string second = "v 0 0 0\nv 2 0 0\nv 4 1 0\nv 0 1 0\nf 1 2 3 4";
  CHECK(parse_obj(second, "a").triangles == Triangles{{0, 1, 3}, {1, 2, 3}});
  const TriangleMesh like = parse_obj(second, "a");
  CHECK(parse_obj(tie, "a", {.split_as = &like}).triangles == like.triangles);
  const TriangleMesh none;
  CHECK(parse_obj(second, "a", {.split_as = &none}).triangles == like.triangles);
  CHECK(parse_obj(std::string(kSquare) + "v 9 9 9\nf 2 3 4 5 1\n", "a").triangles ==
        Triangles{{1, 2, 3}, {1, 3, 4}, {1, 4, 0}});
}

TEST_CASE("OBJ: numbers in every notation, colours, and what is left out", "[mesh][obj]") {
  const TriangleMesh mesh = parse_obj(
      "\xef\xbb\xbf# made by C:\\tool\\\r\nmtllib a.mtl\r\no thing\ng a b\nv +1 -2.5e-1 .5 0 0.5 "
      "1\r\n"
      "vn 0 0 nan\nvt nothing\ns off\nusemtl #2\ncurv2 1 2\nv 1E2 1. 0 1 1 1\n\n  v 0 0 0 0 0 0\nl "
      "1 2\n"
      "f 1 2 3",
      "a.obj");
  CHECK(mesh.vertices ==
        std::vector<std::array<double, 3>>{{1, -0.25, 0.5}, {100, 1, 0}, {0, 0, 0}});
  CHECK(mesh.colours == std::vector<std::array<double, 3>>{{0, 0.5, 1}, {1, 1, 1}, {0, 0, 0}});
  CHECK(mesh.triangles.size() == 1);
  CHECK(parse_obj("v 1 2 3 0.5\n", "a").vertices[0] == std::array<double, 3>{1, 2, 3});  // a weight
}

TEST_CASE("OBJ: what cannot be honoured is refused with its line and value", "[mesh][obj][error]") {
  check_refused("", "no vertex");
  check_refused("f 1 2 3\nv 0 0 0\n", ":1: vertex 1, but 0 vertices stand above");
  check_refused("v 0 0 0\n\nf 1 1 2\n", ":3: vertex 2, but 1 vertices");
  check_refused("v 0 0 0\nf -2 1 1\n", ":2: vertex -2");
  check_refused("v 0 0 0\nf 0 1 1\n", ":2: \"0\" where a corner is due");
  for (const char* corner : {"1/", "1//", "1/2/", "/1", "1/0", "1//0", "1/2/3/4", "1.5", "x", "1-1",
                             "+1", "99999999999999999999", "-9223372036854775808x", "1/x"}) {
    check_refused(std::string("v 0 0 0\nf 1 1 ") + corner + "\n", corner);
  }
  check_refused("v 0 0 0\nf 1 1 -9223372036854775808\n", "vertex -9223372036854775808");
  check_refused("v 0 0 0\nf 9223372036854775807 1 1\n", "vertex 9223372036854775807");
  check_refused("v 0 0 0\nf 1 1\n", "a face of 2 corners");
  check_refused("v 0 0 0\nf\n", "a face of 0 corners");
  for (const char* number : {"nan", "-nan", "inf", "-inf", "infinity", "1e39", "-4e38", "1e999"})
    check_refused(std::string("v 0 0 ") + number + "\n", ":1: the number \"" + std::string(number));
  for (const char* number : {"x", "1,5", "0x10", "--1", "+-1", "1e", "+", "1\x01"})
    check_refused(std::string("v 0 0 ") + number + "\n", "where a number is due");
  check_refused("v 0 0\n", "2 numbers");
  check_refused("v 0 0 0 1 1\n", "5 numbers");
  check_refused("v 0 0 0 1 1 1 1\n", "more than 6 numbers");
  check_refused("v 0 0 0 255 0 0\n", "the colour 255");
  check_refused("v 0 0 0 0 0 -0.1\n", "the colour -0.1");
  check_refused("v 0 0 0\nv 0 0 0 1 1 1\n", ":2: a vertex with a colour");
  check_refused("v 0 0 0 1 1 1\n# a\nv 0 0 \\\n0\nv", ":3: a vertex without a colour");
  check_refused(std::string("v 0 0 0\n\0", 9), "zero bytes");
  check_refused("v 0 0 " + std::string(1 << 20, '9') + "\n", "999...\"");
  check_refused("v 0 0 0\nf" + std::string(1 << 20, ' ') + "1", "a face of 1 corners");
  std::string wide = "v 0 0 0\nf";
  for (int i = 0; i < 65537; ++i) wide += " 1";
  check_refused(wide, "more than 65536 corners");
}

TEST_CASE("OBJ: a file above the limit is refused before it is read", "[mesh][obj][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("long.obj");
  write_file(path, "v", IfExists::refuse);
  std::filesystem::resize_file(path, std::uintmax_t{1} << 31);  // one line, of zeros on no disk
  CHECK_THROWS_AS(read_obj(path), FileError);
  CHECK_THROWS_WITH(read_obj(path), Catch::Contains(path) && Catch::Contains("2147483648 bytes"));
  CHECK_THROWS_AS(read_obj(folder.file("missing.obj")), FileError);
}

TEST_CASE("OBJ: what is written reads back as the same floats, or doubles", "[mesh][obj]") {
  TriangleMesh mesh = sphere(2);
  Random random(1, RandomPurpose::test);
  for (auto& v : mesh.vertices) {
    for (double& x : v) {
      float wild = 0;
      do wild = std::bit_cast<float>(random.next_u32());
      while (!std::isfinite(wild));
      x = static_cast<double>(wild);
    }
    mesh.colours.push_back({static_cast<double>(random.uniform()), 0, 1});
  }
  const TemporaryFolder folder;
  const std::string path = folder.file("a.obj");
  write_obj(path, mesh, IfExists::refuse);
  CHECK_THROWS_AS(write_obj(path, mesh, IfExists::refuse), FileError);
  const TriangleMesh again = read_obj(path);
  REQUIRE(again.vertices.size() == mesh.vertices.size());
  CHECK(again.triangles == mesh.triangles);
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(static_cast<float>(again.vertices[v][i]) == static_cast<float>(mesh.vertices[v][i]));
      CHECK(static_cast<float>(again.colours[v][i]) == static_cast<float>(mesh.colours[v][i]));
    }
  }
  CHECK(obj_text(again) == obj_text(mesh));

  const TriangleMesh doubles{
      .vertices = {{1.0 / 3, 1e-300, -123456789.123}}, .triangles = {}, .colours = {}};
  CHECK(parse_obj(obj_text(doubles), "a").vertices == doubles.vertices);
  CHECK(obj_text({.vertices = {{static_cast<double>(0.1F), -0.0, 2}},
                  .triangles = {{0, 0, 0}},
                  .colours = {}}) == "v 0.1 -0 2\nf 1 1 1\n");
}

TEST_CASE("OBJ and PLY: a mesh that is not sound is not written", "[mesh][obj][ply][error]") {
  TriangleMesh mesh = grid(2, 2);
  mesh.triangles[1][2] = 4;
  CHECK_THROWS_WITH(obj_text(mesh), Catch::Contains("triangle 1 names vertex 4 of 4"));
  mesh = grid(2, 2);
  mesh.vertices[3][1] = std::nan("");
  CHECK_THROWS_AS(ply_bytes(mesh), ShapeError);
  mesh = grid(2, 2);
  mesh.colours = {{0, 0, 0}};
  CHECK_THROWS_WITH(ply_bytes(mesh), Catch::Contains("1 colours for 4 vertices"));
  mesh.colours.assign(4, {0, 0, 1.5});
  CHECK_THROWS_AS(obj_text(mesh), ShapeError);
}

TEST_CASE("PLY: the bytes are those of the format", "[mesh][ply]") {
  TriangleMesh mesh{
      .vertices = {{0, 0, 0}, {1, 0, 0}, {0, -2, 0}}, .triangles = {{0, 1, 2}}, .colours = {}};
  const std::string plain = ply_bytes(mesh);
  CHECK_THAT(plain, Catch::StartsWith("ply\nformat binary_little_endian 1.0\nelement vertex 3\n"
                                      "property float x\nproperty float y\nproperty float z\n"
                                      "element face 1\nproperty list uchar int vertex_indices\n"
                                      "end_header\n"));
  const auto body = [](const std::string& bytes) {
    return bytes.substr(bytes.find("end_header\n") + 11);
  };
  REQUIRE(body(plain).size() == 3 * 12 + 13);
  CHECK(body(plain).substr(12, 4) == std::string("\0\0\x80\x3f", 4));
  CHECK(body(plain).substr(28, 4) == std::string("\0\0\0\xc0", 4));
  CHECK(body(plain).substr(36) == std::string("\3\0\0\0\0\1\0\0\0\2\0\0\0", 13));
  mesh.colours = {{0, 0.5, 1}, {0.1, 0.2, 0.3}, {1, 1, 1}};
  const std::string coloured = ply_bytes(mesh);
  CHECK_THAT(coloured,
             Catch::Contains("property float z\nproperty uchar red\nproperty uchar green\n"
                             "property uchar blue\nelement face 1\n"));
  REQUIRE(body(coloured).size() == 3 * 15 + 13);
  CHECK(body(coloured).substr(12, 3) == std::string("\0\x80\xff", 3));
  const TemporaryFolder folder;
  write_ply(folder.file("a.ply"), mesh, IfExists::refuse);
  const auto read = read_file(folder.file("a.ply"), 4096);
  CHECK(std::memcmp(read.data(), coloured.data(), coloured.size()) == 0);
}

TEST_CASE("a mesh's report counts edges, borders and pieces", "[mesh]") {
  const MeshReport ball = describe(sphere(2));
  CHECK(ball.vertices == 66);
  CHECK(ball.triangles == 128);
  CHECK(ball.edges == 192);
  CHECK(ball.euler == 2);
  CHECK(ball.components == 1);
  CHECK(ball.boundary_edges + ball.boundary_loops + ball.reversed_edges + ball.non_manifold_edges ==
        0);
  CHECK(ball.low == std::array<double, 3>{-1, -1, -1});
  CHECK(describe(torus(8, 5)).euler == 0);
  const MeshReport box = describe(tilted_box(3));
  CHECK(box.euler == 2);
  CHECK(box.reversed_edges == 0);
  CHECK(box.area == Approx(54));

  TriangleMesh odd = grid(4, 4);
  odd.triangles.erase(odd.triangles.begin() + 8,
                      odd.triangles.begin() + 10);  // a hole in the middle
  MeshReport report = describe(odd);
  CHECK(report.boundary_loops == 2);
  CHECK(report.boundary_edges == 16);
  CHECK(report.euler == 0);
  CHECK(report.area == Approx(8));
  odd.vertices.push_back({9, 9, 9});
  odd.triangles.push_back({0, 0, 1});  // names one twice
  odd.triangles.push_back({0, 1, 2});  // no area, on one border edge and an edge of its own
  report = describe(odd);
  CHECK(report.isolated_vertices == 1);
  CHECK(report.degenerate_triangles == 2);
  TriangleMesh book{.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, -1, 0}},
                    .triangles = {{0, 1, 2}, {0, 1, 3}, {0, 1, 4}},
                    .colours = {}};
  CHECK(describe(book).non_manifold_edges == 1);
  book.triangles.pop_back();
  CHECK(describe(book).reversed_edges == 1);
  CHECK(describe({}).euler == 0);
}

}  // namespace rf::test
