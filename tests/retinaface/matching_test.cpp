#include "retinaface/matching.hpp"

#include <cmath>

#include "engine/random.hpp"
#include "retinaface/nms.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// Anchors of 16 and 32 pixels every 16, centres at 8, 24, ..: of a 64 x 32 picture 2 x 4 cells.
const std::vector<AnchorLevel> kLevels{{16, 8, {16, 32}}};
const AnchorGrid kGrid(kLevels, 64, 32);

Index at(Index row, Index column, Index size) { return (row * 4 + column) * 2 + size; }

LabelledFace face(float x1, float y1, float x2, float y2) { return {{x1, y1, x2, y2}, {}}; }

std::vector<Index> match(std::vector<LabelledFace> faces, std::vector<Box> ignored = {}) {
  return match_anchors(kGrid, faces, ignored);
}

}  // namespace

TEST_CASE("matching: an anchor is a face above IoU 0.5, ignored from 0.3 on, else background",
          "[matching]") {
  // The face is anchor (0, 1, 16) moved by 4 pixels: shares 12 x 16 of 320, IoU 0.6. With the
  // anchor to its right it shares 4 x 16: 64 / 448. With the large ones of its column and the next:
  // 256 / 1024 = 0.25.
  const auto matched = match({face(20, 0, 36, 16)});
  CHECK(matched[static_cast<std::size_t>(at(0, 1, 0))] == 0);
  for (Index a = 0; a < kGrid.count(); ++a) {
    if (a != at(0, 1, 0)) CHECK(matched[static_cast<std::size_t>(a)] == kBackground);
  }
  // Moved by 6: 10 x 16 of 352, IoU 0.4545: ignored by rule, but the best there is.
  CHECK(match({face(22, 0, 38, 16)})[static_cast<std::size_t>(at(0, 1, 0))] == 0);
  // A second face that fits better takes that anchor; the first keeps its next best, the large
  // anchor of the cell, which holds all of it: 256 / 1024.
  const auto two = match({face(22, 0, 38, 16), face(16, 0, 32, 16)});
  CHECK(two[static_cast<std::size_t>(at(0, 1, 0))] == 1);
  CHECK(two[static_cast<std::size_t>(at(0, 1, 1))] == 0);
}

TEST_CASE("matching: between the thresholds an anchor is ignored", "[matching]") {
  // 24 x 24 around the centre (24, 8): the 32 anchor of the cell shares 576 of 1024: 0.5625, a
  // face; the 16 anchor 256 of 576: 0.444, ignored.
  const auto matched = match({face(12, -4, 36, 20)});
  CHECK(matched[static_cast<std::size_t>(at(0, 1, 1))] == 0);
  CHECK(matched[static_cast<std::size_t>(at(0, 1, 0))] == kIgnored);
}

TEST_CASE("matching: every face keeps an anchor of its own, the better pair first", "[matching]") {
  // Two tiny faces in one cell: both like the 16 anchor of the cell best. The larger gets it.
  const auto matched = match({face(20, 4, 24, 8), face(24, 4, 30, 10)});
  CHECK(matched[static_cast<std::size_t>(at(0, 1, 0))] == 1);
  int of_first = 0;
  for (const Index face_index : matched) of_first += face_index == 0;
  CHECK(of_first == 1);
  // Equal ones: the lower face gets it.
  const auto equal = match({face(20, 4, 28, 12), face(20, 4, 28, 12)});
  CHECK(equal[static_cast<std::size_t>(at(0, 1, 0))] == 0);
}

TEST_CASE("matching: background that lies half in an ignored region is ignored, a face is not",
          "[matching]") {
  const auto matched = match({face(0, 0, 16, 16)}, {{0, 0, 24, 32}});
  CHECK(matched[static_cast<std::size_t>(at(0, 0, 0))] == 0);         // the face itself
  CHECK(matched[static_cast<std::size_t>(at(1, 0, 0))] == kIgnored);  // all of it inside
  CHECK(matched[static_cast<std::size_t>(at(1, 1, 0))] == kIgnored);  // 8 of 16 columns
  CHECK(matched[static_cast<std::size_t>(at(1, 2, 0))] == kBackground);
}

TEST_CASE("matching: no faces, faces without area or far away, a face larger than the picture",
          "[matching]") {
  const float nan = std::nanf("");
  for (const auto& faces : std::vector<std::vector<LabelledFace>>{{},
                                                                  {face(10, 10, 10, 20)},
                                                                  {face(20, 20, 10, 30)},
                                                                  {face(500, 500, 520, 520)},
                                                                  {face(nan, 0, 10, 10)}}) {
    for (const Index matched : match(faces)) CHECK(matched == kBackground);
  }
  int positives = 0;
  for (const Index matched : match({face(-1000, -1000, 1000, 1000)})) positives += matched == 0;
  CHECK(positives == 1);
}

TEST_CASE("matching: a thousand faces on the anchors of the light model, against every pair",
          "[matching]") {
  const AnchorGrid grid({{8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}}, 640, 640);
  Random random(3, RandomPurpose::test);
  std::vector<LabelledFace> faces;
  for (int i = 0; i < 1000; ++i) {
    const float size = 6 + 90 * random.uniform() * random.uniform();
    const float x = random.uniform(0, 640), y = random.uniform(0, 640);
    faces.push_back(face(x - size / 2, y - 0.6F * size, x + size / 2, y + 0.6F * size));
  }
  const auto matched = match_anchors(grid, faces, {});
  std::vector<int> anchors_of(faces.size(), 0);
  for (Index a = 0; a < grid.count(); ++a) {
    const Anchor anchor = grid[a];
    const auto half = static_cast<float>(anchor.size / 2);
    const auto x = static_cast<float>(anchor.x), y = static_cast<float>(anchor.y);
    const Box square{x - half, y - half, x + half, y + half};
    double best = 0;
    for (const LabelledFace& f : faces) best = std::max(best, iou(square, f.box, false));
    const Index found = matched[static_cast<std::size_t>(a)];
    if (found >= 0) {
      ++anchors_of[static_cast<std::size_t>(found)];
      CHECK(iou(square, faces[static_cast<std::size_t>(found)].box, false) > 0);
    } else if (found == kIgnored) {
      CHECK((best > 0.3 - 1e-6 && best < 0.5 + 1e-6));
    } else {
      CHECK(best < 0.3 + 1e-6);
    }
  }
  for (const int count : anchors_of) CHECK(count >= 1);
}

TEST_CASE("matching: targets decode to the faces they came from", "[matching]") {
  const CodingConfig coding;
  std::vector<PictureLabels> pictures(2);
  pictures[1].faces = {face(20, 2, 35, 19), face(41, 3, 60, 25)};
  pictures[1].faces[1].landmarks = {{{45, 8}, {55, 8.5F}, {50, 14}, {46, 20}, {54, 21}}};
  pictures[1].ignored = {{0, 16, 16, 32}};
  const AnchorTargets targets = make_targets(kGrid, pictures, coding);
  CHECK(targets.label.shape() == Shape{2, kGrid.count()});
  const std::int64_t* label = targets.label.data<std::int64_t>();
  int faces = 0, with_landmarks = 0, ignored = 0;
  for (Index a = 0; a < kGrid.count(); ++a) {
    CHECK(label[a] == 0);
    const Index i = kGrid.count() + a;
    ignored += label[i] == -1;
    if (label[i] != 1) continue;
    ++faces;
    const bool second = targets.has_landmark.data<std::int64_t>()[i] == 1;
    const LabelledFace& wanted = pictures[1].faces[second ? 1 : 0];
    const Box box = decode_box(
        kGrid[a], std::span<const float, 4>(targets.box.data<float>() + i * 4, 4), coding);
    CHECK(std::abs(box.x1 - wanted.box.x1) < 1e-4F);
    CHECK(std::abs(box.y2 - wanted.box.y2) < 1e-4F);
    if (!second) continue;
    ++with_landmarks;
    const auto points = decode_landmarks(
        kGrid[a], std::span<const float, 10>(targets.landmark.data<float>() + i * 10, 10), coding);
    for (std::size_t p = 0; p < 5; ++p) {
      CHECK(std::abs(points[p].x - (*wanted.landmarks)[p].x) < 1e-4F);
      CHECK(std::abs(points[p].y - (*wanted.landmarks)[p].y) < 1e-4F);
    }
  }
  CHECK(faces >= 2);
  CHECK(with_landmarks >= 1);
  CHECK(ignored >= 1);
}

}  // namespace rf::test
