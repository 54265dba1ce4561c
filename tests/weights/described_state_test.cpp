#include "weights/described_state.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/safetensors.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::ordered_json;

constexpr FileSchema kSchema{
    .key = "retinaface-tests", .schema = "retinaface-tests/1", .what = "file of a test"};

DescribedState example() {
  return {.description = {{"name", "an \"example\""}, {"count", 3}},
          .state = {{"b", random_tensor({3, 4}, 1)},
                    {"a", random_tensor({2}, 2, DType::f64)},
                    {"rows", tensor<std::int32_t>({3}, {1, -2, 3})}},
          .sha256 = {}};
}

void put_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string reading(const std::string& path) {
  const std::string what = thrown<ModelError>([&] { return read_described_state(path, kSchema); });
  CHECK(what.starts_with(path + ": "));
  CHECK(one_line(what));
  return what;
}

}  // namespace

TEST_CASE("described state: what is written is read, and the same bytes every time",
          "[described_state]") {
  const TemporaryFolder folder;
  const DescribedState wanted = example();
  write_described_state(folder.file("a"), kSchema, wanted, IfExists::refuse);
  write_described_state(folder.file("b"), kSchema, wanted, IfExists::refuse);
  const DescribedState found = read_described_state(folder.file("a"), kSchema);
  CHECK(found.description.at("schema") == "retinaface-tests/1");
  CHECK(found.description.at("name") == "an \"example\"");
  CHECK(found.sha256 == state_sha256(wanted.state));
  CHECK(found.description.at("sha256") == found.sha256);
  REQUIRE(found.state.size() == 3);
  for (const auto& [name, tensor] : wanted.state) CHECK(same(found.state.at(name), tensor));
  CHECK(read_file(folder.file("a"), 1 << 20) == read_file(folder.file("b"), 1 << 20));
}

// The hash is of the data section alone, as a shell's sha256sum would see it.
TEST_CASE("described state: the SHA-256 is that of the bytes", "[described_state]") {
  const StateDict state{{"a", tensor<float>({2}, {1.0F, -2.5F})}};
  // docs/weights-format.md, "A worked example".
  CHECK(state_sha256(state) ==
        "48943f7a0ea247f8e3c9386d0c5822fe181d323a928998042663"
        "8cc4e72a43e1");
  CHECK(state_sha256({{"b", state.at("a")}}) == state_sha256(state));
  CHECK(state_sha256({{"a", tensor<float>({2}, {1.0F, 2.5F})}}) != state_sha256(state));
}

TEST_CASE("described state: what is no such file is refused by name", "[described_state][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("x");
  (void)reading(path);  // there is none
  put_text(path, "no safetensors file");
  (void)reading(path);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  (void)reading(path);
  std::filesystem::remove(path);

  write_safetensors(path, example().state, {{"something", "{}"}}, IfExists::replace);
  CHECK(holds(reading(path), "is no file of a test"));
  const auto with = [&](const std::string& text) {
    write_safetensors(path, example().state, {{kSchema.key, text}}, IfExists::replace);
    return reading(path);
  };
  CHECK(holds(with("{}"), "another version; this program reads retinaface-tests/1"));
  CHECK(holds(with(R"({"schema": "retinaface-tests/2"})"), "another version"));
  CHECK(holds(with(R"({"schema": 1})"), "another type"));
  CHECK(holds(with("[1]"), "another version"));
  CHECK(holds(with(R"({"schema": "retinaface-tests/1"})"), "lacks a key"));
  CHECK(holds(with(R"({"schema": "retinaface-tests/1", "sha256": "0"})"), "damaged"));
  CHECK(holds(with(R"({"schema": "retinaface-tests/1", "sha256": 7})"), "damaged"));
  CHECK_FALSE(with("{").empty());
}

TEST_CASE("described state: cut and flipped files are refused, or are what they were",
          "[described_state][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("x");
  write_described_state(path, kSchema, example(), IfExists::refuse);
  const std::vector<std::byte> bytes = read_file(path, 1 << 20);
  const std::string file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const StateDict wanted = example().state;
  const Refusals refusals = damage(file, path, 3, [&](const std::string& damaged) {
    put_text(path, damaged);
    const DescribedState found = read_described_state(path, kSchema);
    for (const auto& [name, tensor] : found.state) {
      // A flipped name or description may pass; numbers may not.
      if (wanted.contains(name) && wanted.at(name).shape() == tensor.shape() &&
          wanted.at(name).dtype() == tensor.dtype())
        CHECK(same(tensor, wanted.at(name)));
    }
    return found;
  });
  CHECK(refusals.cuts == (file.size() + 2) / 3);
  CHECK(refusals.flips > file.size());  // of 8 / 3 for each byte
}

TEST_CASE("described state: a full disk leaves the old file whole", "[described_state]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("x");
  write_described_state(path, kSchema, example(), IfExists::refuse);
  DescribedState larger = example();
  larger.state.emplace("large", random_tensor({100, 100}, 3));
  {
    const FullDisk full(20000);
    CHECK_THROWS_AS(write_described_state(path, kSchema, larger, IfExists::replace), FileError);
  }
  CHECK(read_described_state(path, kSchema).state.size() == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_THROWS_AS(write_described_state(path, kSchema, example(), IfExists::refuse), FileError);
}

TEST_CASE("described state: counts are whole numbers of at least 0", "[described_state][error]") {
  const auto count = [](const Json& value) {
    return thrown<ModelError>([&] { return described_count({{"n", value}}, "n", "file"); });
  };
  CHECK(described_count({{"n", 12}}, "n", "file") == 12);
  CHECK(described_count({{"n", 0}}, "n", "file") == 0);
  for (const Json& bad : {Json(-1), Json(1.5), Json("7"), Json(true), Json(nullptr), Json(1e300),
                          Json((std::uint64_t{1} << 63) + 5), Json::array({1})}) {
    CAPTURE(bad.dump());
    CHECK(holds(count(bad), "file: its description has no such number in n"));
  }
}

TEST_CASE("described state: whatever reading throws becomes one line that begins with the path",
          "[described_state][error]") {
  const auto what = [](auto&& read) {
    return thrown<ModelError>([&] { return read_description("p", read); });
  };
  CHECK(what([]() -> int { throw ModelError("its head is odd"); }) == "p: its head is odd");
  CHECK(what([]() -> int { throw ModelError("p: its head is odd"); }) == "p: its head is odd");
  CHECK(what([]() -> int { throw ShapeError("rows"); }) == "p: rows");
  CHECK(what([]() -> int { return Json::object().at("x").get<int>(); }) ==
        "p: its description lacks a key, or has one of another type");
  CHECK(read_description("p", [] { return 5; }) == 5);
}

}  // namespace rf::test
