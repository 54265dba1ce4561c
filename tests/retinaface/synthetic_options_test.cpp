// What the options of synthetic pictures may be, and what poses do to landmarks.
#include <catch2/catch.hpp>

#include <cmath>

#include "retinaface/dense/procedural_head.hpp"
#include "retinaface/dense/synthetic.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

const FaceModel& head() {
  static const FaceModel model = procedural_head();
  return model;
}

}  // namespace

TEST_CASE("synthetic pictures: options without sense are refused by name", "[synthetic][error]") {
  const auto refusal = [](auto&& change) {
    SyntheticOptions options;
    change(options);
    return thrown<UsageError>([&] { return SyntheticPictures(head(), {}, options); });
  };
  using O = SyntheticOptions;
  CHECK(holds(refusal([](O& o) { o.width = 31; }), "width 31 is not from 32 to 2048"));
  CHECK(holds(refusal([](O& o) { o.height = 1 << 20; }), "height 1048576 is not"));
  CHECK(holds(refusal([](O& o) { o.max_faces = 65; }), "max_faces 65 is not from 0 to 64"));
  CHECK(holds(refusal([](O& o) { o.min_faces = 5; }), "min_faces 5 is not from 0 to 4"));
  CHECK(holds(refusal([](O& o) { o.min_faces = -1; }), "min_faces -1"));
  CHECK(holds(refusal([](O& o) { o.smallest = 201; }), "smallest face 201 is not from 8 to 200"));
  CHECK(holds(refusal([](O& o) { o.smallest = std::nan(""); }), "smallest face nan"));
  CHECK(holds(refusal([](O& o) {
                o.width = 40;
                o.smallest = 37;
              }),
              "smallest face 37 is not from 8 to 36"));
  CHECK(holds(refusal([](O& o) { o.largest_yaw = 91; }), "largest_yaw 91"));
  CHECK(holds(refusal([](O& o) { o.largest_pitch = -1; }), "largest_pitch -1"));
  CHECK(holds(refusal([](O& o) { o.shortest_focal = 0.5; }), "shortest_focal 0.5"));
  CHECK(holds(refusal([](O& o) { o.noise = -1; }), "noise -1 is not from 0 to 100"));
  FaceModel empty;
  CHECK(holds(thrown<ShapeError>([&] { return SyntheticPictures(empty, {}, {}); }), "no mesh"));
  FaceModel point = head();
  point.neutral = Tensor::zeros(point.neutral.shape());
  CHECK(holds(thrown<ShapeError>([&] { return SyntheticPictures(point, {}, {}); }), "is 0 large"));
  FaceModel unmarked = head();
  unmarked.landmarks5.clear();
  CHECK(holds(thrown<ShapeError>([&] { return SyntheticPictures(unmarked, {}, {}); }),
              "0 landmarks, must have 5"));
}

TEST_CASE("synthetic pictures: frontal faces show all landmarks, profiles hide an eye",
          "[synthetic]") {
  SyntheticOptions options;
  options.largest_yaw = options.largest_pitch = options.largest_roll = 0;
  options.longest_focal = options.shortest_focal = 4;
  const SyntheticPictures frontal(head(), {}, options);
  for (std::uint64_t i = 0; i < 5; ++i) {
    for (const SyntheticFace& face : frontal(i).faces) {
      CHECK((face.visible[0] && face.visible[1] && face.visible[2]));
      // Upright: eyes above the nose, the mouth below, left and right as the viewer sees them.
      CHECK(face.landmarks[0].x < face.landmarks[1].x);
      CHECK(face.landmarks[0].y < face.landmarks[2].y);
      CHECK(face.landmarks[2].y < face.landmarks[3].y);
      CHECK(face.landmarks[3].x < face.landmarks[4].x);
    }
  }
  options.largest_yaw = 90;
  const SyntheticPictures turning(head(), {}, options);
  int profiles = 0, hidden = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    for (const SyntheticFace& face : turning(i).faces) {
      if (std::abs(face.camera.data<float>()[4]) < 0.7F) continue;  // 70 degrees
      ++profiles;
      const bool right_hides = face.camera.data<float>()[4] < 0;  // the nose is to the right
      CHECK(face.visible[right_hides ? 0 : 1]);
      hidden += face.visible[right_hides ? 1 : 0] ? 0 : 1;
    }
  }
  CHECK(profiles > 5);
  CHECK(hidden > profiles / 2);
}

}  // namespace rf::test
