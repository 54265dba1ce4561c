#include "retinaface/dense/synthetic_backgrounds.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

#include "engine/file.hpp"
#include "retinaface/dense/procedural_background.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

Random numbers(std::uint32_t item) { return Random(5, RandomPurpose::test, 1, item); }

// Red within the columns and rows of a box, green elsewhere.
Image red_box(Index width, Index height, const Box& box) {
  Image image{.width = width, .height = height, .rgb = {}};
  for (Index i = 0; i < width * height; ++i) {
    const auto x = static_cast<float>(i % width), y = static_cast<float>(i / width);
    const bool inside = x + 1 > box.x1 && x < box.x2 && y + 1 > box.y1 && y < box.y2;
    for (const int level : {inside ? 255 : 0, inside ? 0 : 200, 0})
      image.rgb.push_back(static_cast<std::uint8_t>(level));
  }
  return image;
}

bool is_green(const Image& image) {
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    if (image.rgb[i] != 0 || image.rgb[i + 1] != 200) return false;
  }
  return true;
}

// Two pictures: a face in the first, an ignored region in the second.
DataSource red_boxes(const TemporaryFolder& folder) {
  std::filesystem::create_directories(folder.file("images"));
  write_image(folder.file("images/a.png"), red_box(120, 90, {10, 10, 50, 60}), IfExists::refuse);
  write_image(folder.file("images/b.png"), red_box(100, 100, {0, 70, 100, 100}), IfExists::refuse);
  write_file(folder.file("label.txt"), std::string("# a.png\n10 10 40 50\n# b.png\n"),
             IfExists::refuse);
  write_file(folder.file("ignore.txt"), std::string("# b.png\n0 70 100 30\n"), IfExists::refuse);
  return find_data(folder.path().string());
}

}  // namespace

TEST_CASE("backgrounds: a crop touches no box, and has the size and the shape asked for",
          "[synthetic]") {
  Random random = numbers(1);
  int found = 0;
  for (int i = 0; i < 500; ++i) {
    PictureLabels labels;
    for (int k = 0; k < 6; ++k) {
      const float x = random.uniform(-20, 400), y = random.uniform(-20, 300);
      const Box box{x, y, x + random.uniform(1, 90), y + random.uniform(1, 90)};
      if (k % 2 == 0)
        labels.faces.push_back({box, {}});
      else
        labels.ignored.push_back(box);
    }
    const auto crop = free_crop({400, 300}, labels, {160, 120}, random);
    if (!crop) continue;
    ++found;
    CHECK((crop->x >= 0 && crop->y >= 0 && crop->x + crop->width <= 400 &&
           crop->y + crop->height <= 300));
    CHECK(crop->width >= 80);
    CHECK(std::abs(3 * crop->width - 4 * crop->height) <= 4);
    labels.ignored.insert(labels.ignored.end(),
                          {labels.faces[0].box, labels.faces[1].box, labels.faces[2].box});
    for (const Box& box : labels.ignored) {
      CHECK((box.x2 <= static_cast<float>(crop->x) || box.y2 <= static_cast<float>(crop->y) ||
             box.x1 >= static_cast<float>(crop->x + crop->width) ||
             box.y1 >= static_cast<float>(crop->y + crop->height)));
    }
  }
  CHECK(found > 100);
  CHECK(found < 500);
  CHECK(!free_crop({79, 300}, {}, {160, 120}, random));
  CHECK(free_crop({80, 60}, {}, {160, 120}, random));
}

TEST_CASE("backgrounds: pieces of photographs show nothing of a face", "[synthetic]") {
  const TemporaryFolder folder;
  const SyntheticBackgrounds backgrounds(red_boxes(folder));
  CHECK(backgrounds.pictures() == 2);
  int photographs = 0;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const Image image = backgrounds({64, 48}, numbers(i));
    CHECK(image.width == 64);
    CHECK(image.height == 48);
    photographs += is_green(image) ? 1 : 0;  // no pattern is of one colour
    CHECK(backgrounds({64, 48}, numbers(i)).rgb == image.rgb);
  }
  CHECK(photographs == 40);
  // Without memory for them they are the same.
  const SyntheticBackgrounds forgetful(find_data(folder.path().string()), {.cached_bytes = 0});
  CHECK(forgetful({64, 48}, numbers(3)).rgb == backgrounds({64, 48}, numbers(3)).rgb);
  const SyntheticBackgrounds one(find_data(folder.path().string()), {.most_pictures = 1});
  CHECK(one.pictures() == 1);
}

TEST_CASE("backgrounds: where no piece is free or no file can be read, there are patterns",
          "[synthetic]") {
  const TemporaryFolder folder;
  const DataSource source = red_boxes(folder);
  const SyntheticBackgrounds backgrounds(source);
  const Image large = backgrounds({300, 300}, numbers(1));  // no picture has half of that
  CHECK(large.width == 300);
  CHECK(!is_green(large));
  CHECK(backgrounds.errors().empty());

  std::filesystem::remove(folder.file("images/a.png"));
  write_file(folder.file("images/b.png"), std::string("no picture"), IfExists::replace);
  const SyntheticBackgrounds broken(source);
  CHECK(!is_green(broken({64, 48}, numbers(1))));
  CHECK(broken.errors().size() == 2);
  CHECK(holds(broken.errors().at(folder.file("images/b.png")), "b.png"));

  CHECK(
      holds(thrown<UsageError>([&] { return SyntheticBackgrounds(source, {.most_pictures = -1}); }),
            "neither may be negative"));
  CHECK(holds(thrown<FileError>([] {
                return SyntheticBackgrounds(DataSource{
                    .label_file = "/no/label.txt", .ignore_file = "", .picture_folder = "/no"});
              }),
              "/no/label.txt"));
}

TEST_CASE("backgrounds: patterns fill the picture, each with another", "[synthetic]") {
  const Image a = procedural_background({70, 33}, numbers(1)),
              b = procedural_background({70, 33}, numbers(1)),
              c = procedural_background({70, 33}, numbers(2));
  CHECK(a.rgb.size() == 3 * 70 * 33);
  CHECK(a.rgb == b.rgb);
  CHECK(a.rgb != c.rgb);
  CHECK(procedural_background({1, 1}, numbers(1)).rgb.size() == 3);
  CHECK(procedural_background({1, 500}, numbers(1)).rgb.size() == 1500);
}

}  // namespace rf::test
