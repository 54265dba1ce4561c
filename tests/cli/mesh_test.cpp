// retinaface mesh: what it prints, writes and refuses.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

// A sheet of n x n vertices, faces of four corners; the bump is how high its middle stands.
std::string sheet(int n, double bump = 0) {
  std::string text;
  for (int i = 0; i < n * n; ++i) {
    const double z = i == (n * n) / 2 ? bump : 0;
    text +=
        "v " + std::to_string(i % n) + " " + std::to_string(i / n) + " " + std::to_string(z) + "\n";
  }
  for (int i = 0; i + n + 1 < n * n; ++i) {
    if (i % n == n - 1) continue;
    for (const int corner : {i + 1, i + 2, i + n + 2, i + n + 1})
      text += (corner == i + 1 ? "f " : " ") + std::to_string(corner);
    text += "\n";
  }
  return text;
}

void check_refused(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

std::size_t files_in(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file();
  return count;
}

std::size_t lines_with(const std::string& text, const std::string& beginning) {
  std::size_t count = text.starts_with(beginning);
  for (std::size_t at = 0; (at = text.find("\n" + beginning, at)) != std::string::npos; ++at)
    ++count;
  return count;
}

}  // namespace

TEST_CASE("mesh info tells what a file holds", "[mesh]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("sheet.obj");
  put(path, sheet(5) + "v 0 0 7\n");
  const Outcome text = run_program({"mesh", "info", path});
  CHECK(text.exit_code == 0);
  CHECK(text.err.empty());
  CHECK_THAT(text.out, Catch::Contains("vertices    26, 1 isolated\n") &&
                           Catch::Contains("triangles   32, 0 degenerate\n") &&
                           Catch::Contains("edges       56, 0 non-manifold, 0 reversed\n") &&
                           Catch::Contains("boundary    16 edges in 1 loop\n") &&
                           Catch::Contains("Euler       1\n") &&
                           Catch::Contains("area        16\n") &&
                           Catch::Contains("box         (0, 0, 0) to (4, 4, 7)\n"));
  const auto json = nlohmann::json::parse(run_program({"mesh", "info", path, "--json"}).out);
  CHECK(json["schema"] == "retinaface-mesh/1");
  CHECK(json["path"] == path);
  CHECK(json["vertices"] == 26);
  CHECK(json["coloured"] == false);
  CHECK(json["boundary_loops"] == 1);
  CHECK(json["area"] == 16);
  CHECK(json["high"] == nlohmann::json{4, 4, 7});
}

TEST_CASE("mesh simplify writes a file for each level and prints a table", "[mesh]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("sheet.obj"), out = folder.file("new/levels") + "/";
  put(path, sheet(9));
  const std::vector<std::string> call{"mesh", "simplify", path, "--to", "30,12,4", "--out", out};
  const Outcome outcome = run_program(call);
  CAPTURE(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.complaints().size() == 3);
  CHECK_THAT(outcome.err, Catch::Contains("wrote " + out + "sheet_30.obj"));
  CHECK_THAT(outcome.out, Catch::StartsWith("level  vertices  triangles         mean      maximum\n"
                                            "    0        81        128            -            -\n"
                                            "    1        30 "));
  CHECK(files_in(out) == 3);
  const std::string coarsest = get(out + "sheet_4.obj");
  CHECK(lines_with(coarsest, "v ") == 4);
  CHECK(lines_with(coarsest, "f ") == 2);
  check_refused(run_program(call), 3, "exists already; --overwrite");
  std::vector<std::string> again = call;
  again.emplace_back("--overwrite");
  CHECK(run_program(again).out == outcome.out);
  CHECK(get(out + "sheet_4.obj") == coarsest);

  const std::string prefix = folder.file("coarse");
  CHECK(run_program({"mesh", "simplify", path, "--to", "5", "--out", prefix, "--keep", "40"})
            .exit_code == 0);
  CHECK_THAT(get(prefix + "_5.obj"), Catch::Contains("v 4 4 0\n"));
  put(folder.file("rows.txt"), "40, 10\n70\r\n");
  CHECK(run_program({"mesh", "simplify", path, "--to", "7", "--out", prefix, "--keep",
                     folder.file("rows.txt")})
            .exit_code == 0);
  CHECK_THAT(get(prefix + "_7.obj"), Catch::Contains("v 1 1 0\n") && Catch::Contains("v 7 7 0\n"));
}

TEST_CASE("mesh simplify heeds other poses, even if their squares would be cut otherwise",
          "[mesh]") {
  const TemporaryFolder folder;
  const std::string flat = folder.file("flat.obj"), bumped = folder.file("bumped.obj");
  put(flat, sheet(9));
  put(bumped, sheet(9, 3));
  const Outcome one =
      run_program({"mesh", "simplify", flat, "--to", "20", "--out", folder.file("one")});
  const Outcome two =
      run_program({"mesh", "simplify", flat, bumped, "--to", "20", "--out", folder.file("two")});
  CAPTURE(two.err);
  CHECK(one.exit_code == 0);
  REQUIRE(two.exit_code == 0);
  CHECK_THAT(get(folder.file("two_20.obj")), Catch::Contains("v 4 4 0\n"));  // the bump's place
  put(bumped, sheet(8));
  check_refused(
      run_program({"mesh", "simplify", flat, bumped, "--to", "20", "--out", folder.file("x")}), 3,
      bumped + ": has 64 vertices");
  put(bumped, sheet(9) + "f 1 2 3\n");
  check_refused(
      run_program({"mesh", "simplify", flat, bumped, "--to", "20", "--out", folder.file("x")}), 3,
      bumped + ": its faces are not those of");
}

TEST_CASE("mesh simplify says when a target cannot be reached", "[mesh]") {
  const TemporaryFolder folder;
  put(folder.file("a.obj"),
      "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 4 2\nf 1 3 4\nf 2 4 3\n");
  const Outcome outcome = run_program(
      {"mesh", "simplify", folder.file("a.obj"), "--to", "2", "--out", folder.file("b")});
  CHECK(outcome.exit_code == 0);
  REQUIRE(outcome.complaints().size() == 2);
  CHECK_THAT(outcome.complaints()[0], Catch::Contains("b_2.obj: 4 vertices, not 2"));
  CHECK(lines_with(get(folder.file("b_2.obj")), "v ") == 4);
}

TEST_CASE("mesh refuses what it cannot do, and leaves nothing behind", "[mesh][usage]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.obj"), missing = folder.file("missing.obj");
  put(path, sheet(4));
  const auto simplify = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"mesh", "simplify"});
    return run_program(more);
  };
  check_refused(run_program({"mesh"}), 2, "subcommand");
  check_refused(run_program({"mesh", "info"}), 2, "FILE");
  check_refused(run_program({"mesh", "info", path, "--fast"}), 2, "--fast");
  check_refused(run_program({"mesh", "info", missing}), 3, missing);
  check_refused(simplify({path, "--to", "5"}), 2, "--out");
  check_refused(simplify({path, "--to", "5", "--out", ""}), 2, "--out");
  check_refused(simplify({path, "--to", "5", "--out", std::string(5000, 'x')}), 3, "xxx");
  check_refused(simplify({path, "--to", "5", "--out", path + "/b"}), 3, path);
  for (const char* targets :
       {"", ",", "0", "-3", "5,5", "3,5", "many", "5 4", "1e1", "99999999999999999999"})
    check_refused(simplify({path, "--to", targets, "--out", folder.file("b")}), 2, "--to");
  check_refused(simplify({path, "--to", "5", "--out", folder.file("b"), "--keep", "16"}), 3,
                "vertex 16");
  check_refused(simplify({path, "--to", "5", "--out", folder.file("b"), "--keep", missing}), 3,
                missing);
  put(folder.file("rows"), "1 2 x");
  check_refused(
      simplify({path, "--to", "5", "--out", folder.file("b"), "--keep", folder.file("rows")}), 3,
      "\"x\" where a whole number is due");
  put(folder.file("rows"), "99");
  check_refused(
      simplify({path, "--to", "5", "--out", folder.file("b"), "--keep", folder.file("rows")}), 3,
      "vertex 99");
  put(folder.file("bad.obj"), "v 0 0 0\nf 1 2 3\n");
  check_refused(run_program({"mesh", "info", folder.file("bad.obj")}), 3, "bad.obj:2: vertex 2");
  std::filesystem::copy_file(path, folder.file("a_5.obj"));
  check_refused(
      simplify({folder.file("a_5.obj"), "--to", "5", "--out", folder.file("a"), "--overwrite"}), 3,
      "is an input");
  CHECK(get(folder.file("a_5.obj")) == get(path));
  CHECK(files_in(folder.path()) == 4);  // a.obj, a_5.obj, bad.obj, rows

  put(path, sheet(9));
  const FullDisk full(400);
  const Outcome outcome = simplify({path, "--to", "60,5", "--out", folder.file("c")});
  CHECK(outcome.exit_code == 3);
  CHECK_THAT(outcome.err, Catch::Contains("c_60.obj: cannot write"));
  CHECK(files_in(folder.path()) == 4);
}

}  // namespace rf::test
