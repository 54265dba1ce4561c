// docs/weights-format.md promises bytes; these tests hold the code to them.
#include <catch2/catch.hpp>

#include <sstream>

#include "engine/file.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/model_file.hpp"
#include "weights/name_map.hpp"

using namespace rf;

namespace {

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string document() { return text_of(std::string(RF_SOURCE_DIR) + "/docs/weights-format.md"); }

// The bytes of the hex dump: "00000010: 6461 7461 ..  text" in each line.
std::string bytes_of_dump(const std::string& text) {
  std::istringstream lines(text.substr(text.find("00000000: ")));
  std::string bytes;
  for (std::string line; std::getline(lines, line) && line.starts_with("0");) {
    std::string digits;
    for (const char c : line.substr(10, 40)) {
      if (c != ' ') digits += c;
    }
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("format document: its worked example is what is written, and can be read", "[document]") {
  test::TemporaryFolder folder;
  const ModelFile tiny{
      .format = {},
      .description = R"({"schema":"retinaface-model/1","name":"tiny","sha256":""})",
      .tensors = {{"a", test::tensor<float>({2}, {1.0F, -2.5F})}},
      .sha256 = {}};
  write_model(folder.file("tiny"), tiny, IfExists::refuse);
  const std::string bytes = bytes_of_dump(document());
  CHECK(bytes.size() == 264);
  CHECK(text_of(folder.file("tiny")) == bytes);
  CHECK(test::same(read_model(folder.file("tiny")).tensors.at("a"), tiny.tensors.at("a")));
}

TEST_CASE("format document: its name map is one", "[document]") {
  const std::string text = document();
  const std::size_t schema = text.find("\"retinaface-name-map/1\"");
  REQUIRE(schema != std::string::npos);
  const std::size_t begin = text.rfind("```json\n", schema) + 8;
  const NameMap map =
      parse_name_maps(text.substr(begin, text.find("```", begin) - begin), "document").at(0);
  REQUIRE(map.entries.size() == 2 + 4 + 1);
  CHECK(map.entries[1].from == "a.1.weight");
  CHECK(map.entries[3].to == "backbone.stage1.1.pointwise.bn.bias");
}
