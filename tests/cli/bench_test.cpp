// retinaface bench: one picture, and the grid of processes.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/kernels/table.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

using Arguments = std::vector<std::string>;

// One line on stderr that holds `text`, nothing on stdout, and the exit code.
void check_refused(const Arguments& arguments, int exit_code, const std::string& text) {
  const Outcome outcome = run_program(arguments);
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

Arguments grid(const std::string& model, const Arguments& more) {
  Arguments arguments{"bench", "--grid", "--model", model, "--runs", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("bench gives every stage in one JSON object") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors"), photo = folder.file("photo.ppm");
  write_random_model(model);
  put(photo, noise_ppm(50, 40));
  const Outcome outcome =
      run_program({"bench", photo, "--model", model, "--size", "64x48", "--threads", "1", "--isa",
                   "scalar", "--runs", "3", "--json"});
  REQUIRE(outcome.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(outcome.out);
  CHECK(json["width"] == 64);
  CHECK(json["height"] == 48);
  CHECK(json["image_width"] == 50);
  CHECK(json["threads"] == 1);
  CHECK(json["isa"] == "scalar");
  CHECK(json["runs"] == 3);
  for (const std::string stage : {"decode", "resize", "network", "post", "total"}) {
    CAPTURE(stage);
    CHECK(json[stage + "_ms"].get<double>() >= json[stage + "_min"].get<double>());
    CHECK(json[stage + "_min"].get<double>() >= 0);
  }
  CHECK(json["network_min"] > 0);
  CHECK(json["flops"] == 15026688);
  CHECK(json["gflop_s"].get<double>() ==
        Approx(15.026688 / json["network_ms"].get<double>()).epsilon(0.01));
  CHECK(json["share_of_peak"].get<double>() ==
        Approx(json["gflop_s"].get<double>() / json["peak_gflop_s"].get<double>()).margin(0.001));
  CHECK(!json.contains("cold_ms"));
  CHECK(json["first_ms"] > 0);
  CHECK(json["peak_memory_mb"] > 1);

  const Outcome table = run_program({"bench", "--model", model, "--size", "64x48", "--runs", "2"});
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("| stage | median ms | min ms |\n|---|---:|---:|\n| resize |") !=
        std::string::npos);
  check_refused({"bench", folder.file("missing.jpg"), "--model", model}, 3, "missing.jpg");
}

TEST_CASE("bench --grid measures every combination in a process of its own", "[long]") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  const Outcome outcome = run_program(
      grid(model, {"--size", "64x48,32x32", "--threads", "1,3", "--isa", "scalar", "--json"}));
  CAPTURE(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  const nlohmann::json json = nlohmann::json::parse(outcome.out);
  CHECK(json["schema"] == "retinaface-bench-grid/1");
  CHECK(json["model"] == model);
  CHECK(json["model_sha256"].get<std::string>().size() == 64);
  const auto& rows = json["rows"];
  REQUIRE(rows.size() == 4);
  const std::vector<std::pair<int, int>> expected{{64, 1}, {64, 3}, {32, 1}, {32, 3}};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& row = rows[i];
    CHECK(row["width"] == expected[i].first);
    CHECK(row["threads"] == expected[i].second);
    CHECK(row["isa"] == "scalar");
    CHECK(row["runs"] == 2);
    CHECK(row["network_ms"].get<double>() >= row["network_min"].get<double>());
    // Reading the model and the first picture are parts of what passes since the start.
    CHECK(row["cold_ms"].get<double>() >
          row["load_ms"].get<double>() + row["first_ms"].get<double>());
    CHECK(row["cold_ms"] < 600e3);
    CHECK(row["peak_gflop_s"] > 0);
    CHECK(row["share_of_peak"] > 0);
    CHECK(row["peak_memory_mb"] > 1);
  }
  CHECK(rows[0]["flops"] == 15026688);
  CHECK(rows[0]["flops"] == rows[1]["flops"]);
}

TEST_CASE("bench --grid prints a Markdown table, by default of every instruction set", "[long]") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  const Outcome all = run_program(grid(model, {"--size", "32x32", "--threads", "1"}));
  REQUIRE(all.exit_code == 0);
  const bool one_alone = std::getenv("RF_ISA") != nullptr;
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name, all.out);
    const bool listed =
        all.out.find("| 32x32 | " + std::string(table->name) + " | 1 | ") != std::string::npos;
    CHECK(listed == (!one_alone || table == &kernels()));
  }
  CHECK(all.out.find("direct convolution") != std::string::npos);
  const Outcome one = run_program(grid(model, {"--size", "32x32"}),
                                  {.environment = {"RF_ISA=scalar", "RF_THREADS=3"}});
  REQUIRE(one.exit_code == 0);
  std::string kernels_and_threads;
  for (std::size_t at = 0; (at = one.out.find("| 32x32 | ", at)) != std::string::npos; ++at)
    kernels_and_threads += one.out.substr(at + 10, 10) + ";";
  CHECK(kernels_and_threads == "scalar | 1;scalar | 2;scalar | 3;");
}

TEST_CASE("bench --grid goes on after a row that fails", "[long]") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  const std::string large = "60000x60000";
  const Arguments some{"--size", large + ",32x32", "--threads", "1", "--isa", "scalar", "--json"};
  const Outcome outcome = run_program(grid(model, some));
  CHECK(outcome.exit_code == 1);
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].starts_with(
      "retinaface: bench: 60000x60000, scalar, 1 thread: exit code 2: bench: --size"));
  const auto rows = nlohmann::json::parse(outcome.out)["rows"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["error"].get<std::string>().find("more pixels") != std::string::npos);
  CHECK(rows[1]["network_ms"] > 0);
  CHECK(run_program(grid(model, {"--size", large, "--threads", "1"})).exit_code == 3);
}

TEST_CASE("bench refuses what it cannot measure") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  check_refused({"bench", "--model", model, "--threads", "1,2"}, 2, "--threads has 2 values");
  check_refused({"bench", "--model", model, "--size", "9x9,8x8"}, 2, "--size has 2 values");
  check_refused({"bench", "--model", model, "--size", "60000x60000"}, 2, "more pixels");
  check_refused(grid(model, {"photo.jpg"}), 2, "no PHOTO");
  check_refused(grid(model, {"--isa", "scalar,mmx"}), 2, "--isa mmx");
  check_refused(grid(model, {"--size", "64x48,big"}), 2, "big");
  check_refused(grid(model, {"--threads", "1,0"}), 2, "--threads: 0 is not a number");
  check_refused(grid(folder.file("none.pth"), {}), 4, "none.pth");
  CHECK(run_program({"help", "bench"}).out.find("--started") == std::string::npos);
}

}  // namespace rf::test
