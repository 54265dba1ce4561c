#include <filesystem>
#include <fstream>

#include "retinaface/data/source.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

// A data set without pictures.
std::string data_set(const TemporaryFolder& root, const std::string& name) {
  const fs::path folder = root.path() / name;
  fs::create_directories(folder / "images");
  std::ofstream(folder / "label.txt") << "# a.jpg\n";
  return folder.string();
}

}  // namespace

TEST_CASE("data source: label.txt, ignore.txt if it is there, pictures in images or beside",
          "[data_source]") {
  const TemporaryFolder root;
  const std::string folder = data_set(root, "set");
  DataSource source = find_data(folder);
  CHECK(source.label_file == folder + "/label.txt");
  CHECK(source.ignore_file.empty());
  CHECK(source.picture_folder == folder + "/images");
  CHECK(source.weight == 1);
  std::ofstream(folder + "/ignore.txt") << "";
  CHECK(find_data(folder).ignore_file == folder + "/ignore.txt");
  fs::remove(folder + "/images");
  CHECK(find_data(folder).picture_folder == folder);
}

TEST_CASE("data source: a trailing number after a colon is the weight, unless a folder is so named",
          "[data_source]") {
  const TemporaryFolder root;
  const std::string folder = data_set(root, "set"), colon = data_set(root, "a:b"),
                    numbered = data_set(root, "set:2");
  CHECK(parse_data_flag(folder).weight == 1);
  const DataSource weighted = parse_data_flag(folder + ":0.25");
  CHECK(weighted.weight == 0.25);
  CHECK(weighted.label_file == folder + "/label.txt");
  CHECK(parse_data_flag(folder + ":3").weight == 3);
  CHECK(parse_data_flag(folder + "/:1e-3").weight == 1e-3);
  CHECK(parse_data_flag(numbered).weight == 1);
  CHECK(parse_data_flag(numbered).label_file == numbered + "/label.txt");
  CHECK(parse_data_flag(numbered + ":4").weight == 4);
  CHECK(parse_data_flag(colon).weight == 1);
  CHECK(parse_data_flag(colon + ":4").label_file == colon + "/label.txt");
}

TEST_CASE("data source: says what was looked for, and which value is no weight",
          "[data_source][error]") {
  const TemporaryFolder root;
  const std::string folder = data_set(root, "set");
  fs::create_directory(root.file("empty"));
  std::ofstream(root.file("file")) << "x";
  const auto refused = [](const std::string& value, std::initializer_list<const char*> parts) {
    check_refused<FileError>([&] { (void)parse_data_flag(value); }, parts);
  };
  refused(root.file("missing"), {"/missing: no such folder", "label.txt", "images/"});
  refused(root.file("missing") + ":2", {"/missing: no such folder"});
  refused(root.file("file"), {"/file: no such folder"});
  refused(root.file("empty"), {"/empty: holds no label.txt"});
  refused(folder + ":two", {"/set:two: no such folder"});
  refused(folder + ":", {"/set:: no such folder"});
  refused(":2", {":2: no such folder"});
  for (const char* weight : {"0", "-1", "nan", "inf", "1e999"}) {
    CAPTURE(weight);
    check_refused<UsageError>([&] { (void)parse_data_flag(folder + ":" + weight); },
                              {"--data", "/set:", weight, "weight", "above 0"});
  }
  check_refused<UsageError>([] { (void)parse_data_flag(""); }, {"--data", "DIR:WEIGHT"});
}

}  // namespace rf::test
