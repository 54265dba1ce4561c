#include "retinaface/training/data.hpp"

#include <filesystem>
#include <fstream>

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

namespace fs = std::filesystem;

// Pictures named by number in `folder`/label.txt, with a face each but for those of `empty`.
std::string data_set(const TemporaryFolder& root, const std::string& name, int pictures,
                     const std::vector<int>& empty = {}) {
  const fs::path folder = root.path() / name;
  fs::create_directories(folder);
  std::ofstream labels(folder / "label.txt");
  for (int i = 0; i < pictures; ++i) {
    labels << "# " << i << ".jpg\n";
    if (std::ranges::count(empty, i) == 0) labels << i << " 2 10 12\n";
  }
  return folder.string();
}

TrainingOptions options_for(const std::vector<std::string>& data, Index holdout = 0) {
  TrainingOptions options;
  options.data = data;
  options.holdout = holdout;
  return options;
}

// File names without folder and extension.
std::vector<std::string> names(const std::vector<TrainingPicture>& pictures) {
  std::vector<std::string> found;
  for (const TrainingPicture& picture : pictures)
    found.push_back(fs::path(picture.path).stem().string());
  return found;
}
std::vector<std::string> names(const Dataset& data) {
  std::vector<TrainingPicture> pictures;
  for (Index i = 0; i < data.pictures(); ++i) pictures.push_back(data[i]);
  return names(pictures);
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("training data: pictures and labels of all folders, with their weights",
          "[training_data]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 4), b = data_set(root, "b", 2);
  fs::create_directory(root.path() / "b" / "images");
  const TrainingData data = read_training_data(options_for({a, b + ":3"}));
  CHECK(data.train.pictures() == 6);
  CHECK(data.train.epoch_size() == 4 + 6);
  CHECK(data.train[1].path == a + "/1.jpg");
  CHECK(data.train[4].path == b + "/images/0.jpg");
  REQUIRE(data.train[1].labels.faces.size() == 1);
  CHECK(data.train[1].labels.faces[0].box.x1 == 1);
  CHECK(data.train[1].labels.faces[0].box.y2 == 14);
  CHECK(data.validation.empty());
  CHECK(data.problems.empty());
}

TEST_CASE("training data: held out evenly from the first folder, and not learned",
          "[training_data]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 10), b = data_set(root, "b", 5);
  const TrainingData data = read_training_data(options_for({a, b}, 3));
  // The middles of three thirds of 10: 1.67, 5, 8.33.
  CHECK(names(data.validation) == Names{"1", "5", "8"});
  CHECK(names(data.train) == Names{"0", "2", "3", "4", "6", "7", "9", "0", "1", "2", "3", "4"});
  CHECK(data.train[6].path == a + "/9.jpg");
  CHECK(data.train[7].path == b + "/0.jpg");
  const TrainingData most = read_training_data(options_for({a}, 9));
  CHECK(most.validation.size() == 9);
  CHECK(names(most.train) == Names{"4"});  // the middles of nine ninths: 3.9, 5, ...
}

TEST_CASE("training data: --overfit learns and validates the same few pictures that have faces",
          "[training_data]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 10, {0, 2, 4, 6, 8}), b = data_set(root, "b", 5);
  TrainingOptions options = options_for({a + ":3", b}, 3);
  options.overfit = 2;
  // With faces: 1 3 5 7 9; the middles of their halves are 1.25 and 3.75.
  const TrainingData data = read_training_data(options);
  CHECK(names(data.train) == Names{"3", "7"});
  CHECK(names(data.validation) == Names{"3", "7"});
  CHECK(data.train.epoch_size() == 2);
  options.overfit = 5;
  CHECK(read_training_data(options).train.pictures() == 5);
  options.overfit = 6;
  check_refused<UsageError>([&] { (void)read_training_data(options); },
                            {"--overfit 6", "5 pictures with faces"});
}

TEST_CASE("training data: a folder for validation leaves the others whole", "[training_data]") {
  const TemporaryFolder root;
  TrainingOptions options = options_for({data_set(root, "a", 4)}, 3);
  options.validation = data_set(root, "v", 2);
  const TrainingData data = read_training_data(options);
  CHECK(data.train.pictures() == 4);
  CHECK(names(data.validation) == Names{"0", "1"});
  CHECK(data.validation[0].path == options.validation + "/0.jpg");
}

TEST_CASE("training data: the hash is of the label and ignore files, whatever else changes",
          "[training_data]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 4), b = data_set(root, "b", 3),
                    v = data_set(root, "v", 2);
  TrainingOptions options = options_for({a, b});
  options.validation = v;
  const auto hash = [&] { return read_training_data(options).sha256; };
  const std::string first = hash();
  CHECK(first.size() == 64);
  std::ofstream(root.path() / "a" / "0.jpg") << "a picture";
  CHECK(hash() == first);
  std::vector<std::string> seen = {first};
  const auto append = [&](const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::app) << text;
    const std::string now = hash();
    CAPTURE(file);
    CHECK(std::ranges::count(seen, now) == 0);
    seen.push_back(now);
  };
  append(a + "/label.txt", "\n");
  append(b + "/label.txt", "# new.jpg\n");
  append(v + "/label.txt", "# new.jpg\n");
  append(a + "/ignore.txt", "# 0.jpg\n1 1 5 5\n");
  CHECK(read_training_data(options).train[0].labels.ignored.size() == 1);
  options.data = {b, a};
  CHECK(std::ranges::count(seen, hash()) == 0);
}

TEST_CASE("training data: lines that were left out are told, with their files", "[training_data]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 2), v = data_set(root, "v", 2);
  std::ofstream(a + "/label.txt", std::ios::app) << "1 2 -3 4\n";
  std::ofstream(v + "/label.txt", std::ios::app) << "no numbers\n";
  TrainingOptions options = options_for({a});
  options.validation = v;
  const TrainingData data = read_training_data(options);
  REQUIRE(data.problems.size() == 2);
  CHECK(data.problems[0].file == a + "/label.txt");
  CHECK(data.problems[0].line == 5);
  CHECK(data.problems[1].file == v + "/label.txt");
}

TEST_CASE("training data: what cannot be learned from is refused", "[training_data][error]") {
  const TemporaryFolder root;
  const std::string a = data_set(root, "a", 4);
  check_refused<UsageError>([&] { (void)read_training_data(options_for({a}, 4)); },
                            {"--holdout 4", "4 pictures"});
  check_refused<UsageError>([&] { (void)read_training_data(options_for({a + ":0.01"})); },
                            {"4 pictures", "0.01"});
  check_refused<FileError>([&] { (void)read_training_data(options_for({root.file("b")})); },
                           {"/b"});
  TrainingOptions options = options_for({a});
  options.validation = root.file("none");
  check_refused<FileError>([&] { (void)read_training_data(options); }, {"/none"});
  fs::create_directory(root.path() / "empty");
  std::ofstream(root.path() / "empty" / "label.txt") << "";
  check_refused<FormatError>([&] { (void)read_training_data(options_for({root.file("empty")})); },
                             {"/empty/label.txt"});
}

}  // namespace rf::test
