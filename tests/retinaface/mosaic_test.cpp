// Four pictures in one.
#include <map>
#include <set>

#include "retinaface/networks.hpp"
#include "tests/ops/op_test.hpp"
#include "tests/retinaface/loader_fixture.hpp"

namespace rf::test {

namespace {

const ModelConfig kModel = three_level_config("mobilenet0.25");

}  // namespace

TEST_CASE("mosaic: each quarter is one picture, and its face lies in it", "[loader]") {
  const TemporaryFolder folder;
  const std::vector<int> levels = {10, 40, 70, 130, 160};
  std::vector<PictureSource> sources = {grey_source(folder, "a", levels)};
  for (TrainingPicture& picture : sources[0].pictures) {
    picture.labels.faces[0].landmarks = {{{8, 8}, {24, 8}, {16, 16}, {8, 32}, {24, 32}}};
    picture.labels.ignored = {{30, 30, 40, 40}};
  }
  const Dataset data(std::move(sources));
  for (const Index size : {64, 65}) {
    CAPTURE(size);
    BatchOptions batches = plain_batches(5, {size});
    batches.mosaic = 1;
    Loader loader(data, kModel, batches, {.threads = 2}, 0);
    const Index side = (size + 1) / 2, right = size - side;  // where the second tile begins
    const float scale = static_cast<float>(side) / 40;
    std::set<int> own;
    std::map<int, int> others;
    for (Index step = 0; step < 4; ++step) {
      const Batch batch = loader.next();
      for (Index i = 0; i < 5; ++i) {
        const PictureLabels& labels = batch.labels[static_cast<std::size_t>(i)];
        REQUIRE(labels.faces.size() == 4);
        REQUIRE(labels.ignored.size() == 4);
        for (Index tile = 0; tile < 4; ++tile) {
          const Index x = tile % 2 == 0 ? 0 : right, y = tile / 2 == 0 ? 0 : right;
          const int level = level_at(batch, i, y + side / 2, x + side / 2);
          CHECK(std::ranges::count(levels, level) == 1);
          if (tile == 0) {
            if (step == 0) own.insert(level);
          } else {
            ++others[level];
          }
          // Of one colour up to the tile's edge; the middle row and column of an odd size are the
          // later tile's.
          for (Index at : {Index{0}, right - 1}) CHECK(level_at(batch, i, y + at, x + at) == level);
          const auto t = static_cast<std::size_t>(tile);
          const float left = static_cast<float>(x), top = static_cast<float>(y);
          const Box& box = labels.faces[t].box;
          CHECK((box.x1 == left && box.y1 == top));
          CHECK((box.x2 == left + static_cast<float>(side) &&
                 box.y2 == top + static_cast<float>(side)));
          REQUIRE(labels.faces[t].landmarks);
          CHECK(std::abs((*labels.faces[t].landmarks)[4].x - (left + 24 * scale)) < 1e-4F);
          CHECK(std::abs((*labels.faces[t].landmarks)[4].y - (top + 32 * scale)) < 1e-4F);
          CHECK(std::abs(labels.ignored[t].x1 - (left + 30 * scale)) < 1e-4F);
          CHECK(labels.ignored[t].y2 == top + static_cast<float>(side));
        }
      }
    }
    // The first tile is the sample's own picture, so that an epoch still shows each; the other
    // three are any.
    CHECK(own.size() == 5);
    CHECK(others.size() == 5);
  }
}

TEST_CASE("mosaic: as often as asked, and never of whole pictures", "[loader]") {
  const TemporaryFolder folder;
  std::vector<PictureSource> sources = {grey_source(folder, "a", {10, 40})};
  const Dataset data(std::move(sources));
  const auto mosaics = [&](double probability, bool whole) {
    BatchOptions batches = plain_batches(100, {32});
    batches.mosaic = probability;
    batches.augment.whole = whole;
    Loader loader(data, kModel, batches, {}, 0);
    Index count = 0;
    for (int step = 0; step < 4; ++step) {
      for (const PictureLabels& labels : loader.next().labels) count += labels.faces.size() == 4;
    }
    return count;
  };
  CHECK(mosaics(0, false) == 0);
  CHECK(std::abs(mosaics(0.25, false) - 100) < 35);  // 4 sigma
  CHECK(mosaics(1, true) == 0);
}

}  // namespace rf::test
