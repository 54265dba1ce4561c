#include "retinaface/cli/picture_file.hpp"

#include <catch2/catch.hpp>

#include "engine/check.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "tests/cli/images.hpp"
#include "tests/support.hpp"

namespace rf::cli {

TEST_CASE("a picture file tells its size and decodes to what read_image gives") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("x.ppm");
  test::put(path, test::noise_ppm(40, 30));
  const PictureFile file = open_picture(path, {});
  CHECK(file.stored_size() == ImageSize{40, 30});
  CHECK(file.decode({}).rgb == read_image(path).rgb);
}

TEST_CASE("a picture file that is not worth decoding is refused when it is opened") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("x.ppm");
  test::put(path, test::noise_ppm(40, 30));
  CHECK_THROWS_AS(open_picture(path, {.max_pixels = 1199}), FormatError);
  CHECK(open_picture(path, {.max_pixels = 1200}).probe.width == 40);
  test::put(path, "no picture");
  CHECK_THROWS_AS(open_picture(path, {}), FormatError);
  CHECK_THROWS_AS(open_picture(folder.file("missing"), {}), FileError);
}

TEST_CASE("the memory of a picture grows with its pixels and with what the network sees") {
  const auto photo = [](Index width, Index height, std::size_t file_bytes) {
    return PictureFile{.path = "",
                       .bytes = std::vector<std::byte>(file_bytes),
                       .probe = {.format = ImageFormat::jpeg, .width = width, .height = height}};
  };
  const PictureFile camera = photo(4000, 3000, 5'000'000);
  const Index memory = picture_memory(camera, {4000, 3000});
  CHECK(memory > 32 * 12'000'000);
  CHECK(memory <= kMemoryPerJob);                            // two cores decode two such at a time
  CHECK(picture_memory(camera, {1024, 768}) == memory);      // it is decoded all the same
  CHECK(picture_memory(camera, {8000, 6000}) > 2 * memory);  // enlarged
  CHECK(picture_memory(photo(1, 1, 100), {1, 1}) < Index{40} << 20);
  // A pixel limit that lets everything through does not make the sum overflow.
  CHECK(picture_memory(photo(1'000'000, 1'000'000, 100), {65536, 65536}) > 32'000'000'000'000);
}

}  // namespace rf::cli
