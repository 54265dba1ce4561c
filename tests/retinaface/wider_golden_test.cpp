// The official evaluation set and published detections: numbers of the README in RF_SHARED's data
// folder.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/parallel.hpp"
#include "retinaface/evaluation/wider_protocol.hpp"
#include "tests/support.hpp"

namespace {

struct Golden {
  rf::WiderGroundTruth truth;
  rf::WiderDetections detections;
};

std::optional<Golden> golden(const std::string& ground_truth) {
  const auto folder = rf::test::shared_file("data/wider/val");
  if (!folder) return std::nullopt;
  const std::string list = *folder / "list.txt";
  Golden loaded;
  loaded.truth = rf::keep_listed(rf::read_wider_ground_truth(*folder / ground_truth),
                                 rf::read_wider_list(list), list);
  loaded.detections =
      rf::read_wider_detections(*folder / "golden_mobilenet0.25", loaded.truth.images);
  return loaded;
}

}  // namespace

TEST_CASE("wider: the published detections score 89.23, 85.37 and 73.65 by the official files",
          "[wider][golden]") {
  const std::optional<Golden> loaded = golden("ground_truth");
  if (!loaded) return;
  CHECK(loaded->truth.images.size() == 461);
  CHECK(loaded->truth.images_in_source == 3226);
  CHECK(loaded->detections.missing.empty());
  CHECK(loaded->detections.others.empty());
  const auto results = rf::evaluate_wider(loaded->truth, loaded->detections.images,
                                          {.iou = rf::coco_iou_thresholds()});
  REQUIRE(results.size() == 3);
  CHECK(results[0].name == "easy");
  CHECK(results[1].name == "medium");
  CHECK(results[2].name == "hard");
  CHECK(std::abs(100 * results[0].ap[0] - 89.23) <= 0.01);
  CHECK(std::abs(100 * results[1].ap[0] - 85.37) <= 0.01);
  CHECK(std::abs(100 * results[2].ap[0] - 73.65) <= 0.01);
  for (const auto& result : results)
    CHECK(std::is_sorted(result.ap.rbegin(), result.ap.rend()));  // stricter is lower
}

TEST_CASE("wider: the number of threads changes no number", "[wider][golden]") {
  const std::optional<Golden> loaded = golden("ground_truth");
  if (!loaded) return;
  std::vector<double> aps;
  for (const int threads : {1, 3, 8}) {
    const rf::test::WithThreads limit(threads);
    const auto results = rf::evaluate_wider(loaded->truth, loaded->detections.images);
    std::vector<double> now;
    for (const auto& result : results) now.push_back(result.ap[0]);
    if (aps.empty()) aps = now;
    CHECK(now == aps);
  }
}

TEST_CASE("wider: the text ground truth has the boxes of the official files", "[wider][golden]") {
  const std::optional<Golden> text = golden("ground_truth/wider_face_val_bbx_gt.txt"),
                              official = golden("ground_truth");
  if (!text || !official) return;
  REQUIRE(text->truth.images.size() == official->truth.images.size());
  // 5,426 labels of the training release and the two it leaves out: faces of the val images that
  // are not invalid.
  REQUIRE(text->truth.subsets.size() == 1);
  CHECK(rf::count_faces(text->truth.subsets[0]) >= 5426);
  std::size_t same = 0;
  for (const rf::WiderImage& image : text->truth.images) {
    for (const rf::WiderImage& other : official->truth.images) {
      if (image.name != other.name) continue;
      REQUIRE(image.boxes.size() == other.boxes.size());
      for (std::size_t i = 0; i < image.boxes.size(); ++i) {
        CHECK(image.boxes[i].x == other.boxes[i].x);
        CHECK(image.boxes[i].height == other.boxes[i].height);
      }
      ++same;
    }
  }
  CHECK(same == 461);
}
