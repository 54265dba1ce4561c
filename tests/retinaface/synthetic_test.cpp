#include "retinaface/dense/synthetic.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

#include "engine/parallel.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

namespace {

const FaceModel& head() {
  static const FaceModel model = procedural_head();
  return model;
}

// Nothing done to whole pictures: what is not a face is the background.
SyntheticOptions plain() {
  SyntheticOptions options;
  options.blur = options.noise = options.brightness = options.contrast = 0;
  return options;
}

// Where a camera of layers/mesh_camera.hpp sees a vertex of a face, in pixels of the picture: the
// equations again, in double, with the rotation as a matrix.
std::array<double, 2> seen_at(const SyntheticFace& face, Index vertex) {
  const auto number = [](const Tensor& t, Index i) {
    return static_cast<double>(t.data<float>()[i]);
  };
  const double x = number(face.mesh, 6 * vertex), y = -number(face.mesh, 6 * vertex + 1),
               z = -number(face.mesh, 6 * vertex + 2);
  const double a = number(face.camera, 3), b = number(face.camera, 4), c = number(face.camera, 5),
               s = 1 + a * a + b * b + c * c, focal = number(face.camera, 6);
  const double p = ((1 + a * a - b * b - c * c) * x + 2 * (a * b - c) * y + 2 * (a * c + b) * z) /
                   s,
               q = (2 * (a * b + c) * x + (1 - a * a + b * b - c * c) * y + 2 * (b * c - a) * z) /
                   s,
               r = (2 * (a * c - b) * x + 2 * (b * c + a) * y + (1 - a * a - b * b + c * c) * z) /
                   s;
  const double depth = r + number(face.camera, 2);
  return {face.crop.x + face.crop.side * (focal * (p + number(face.camera, 0)) / depth + 0.5),
          face.crop.y + face.crop.side * (focal * (q + number(face.camera, 1)) / depth + 0.5)};
}

bool same_picture(const SyntheticPicture& a, const SyntheticPicture& b) {
  if (a.image.rgb != b.image.rgb || a.faces.size() != b.faces.size()) return false;
  for (std::size_t k = 0; k < a.faces.size(); ++k) {
    const SyntheticFace &f = a.faces[k], &g = b.faces[k];
    if (!same(f.mesh, g.mesh) || !same(f.camera, g.camera) || !same(f.light, g.light) ||
        !same(f.points, g.points) || !same(f.parameters.identity, g.parameters.identity) ||
        f.visible != g.visible)
      return false;
  }
  return true;
}

}  // namespace

TEST_CASE("synthetic pictures: the labels are where the camera sees the vertices", "[synthetic]") {
  const SyntheticPictures pictures(head(), {}, {.width = 240, .height = 200});
  int faces = 0;
  for (std::uint64_t i = 0; i < 6; ++i) {
    for (const SyntheticFace& face : pictures(i).faces) {
      ++faces;
      double worst = 0, low_x = 1e9, low_y = 1e9, high_x = -1e9, high_y = -1e9;
      for (Index v = 0; v < head().neutral.shape()[0]; ++v) {
        const auto [x, y] = seen_at(face, v);
        const float* point = face.points.data<float>() + 2 * v;
        worst = std::max({worst, std::abs(x - static_cast<double>(point[0])),
                          std::abs(y - static_cast<double>(point[1]))});
        low_x = std::min(low_x, x);
        low_y = std::min(low_y, y);
        high_x = std::max(high_x, x);
        high_y = std::max(high_y, y);
      }
      CHECK(worst < 1e-3);
      CHECK(static_cast<double>(face.box.x1) == Approx(low_x).margin(1e-3));
      CHECK(static_cast<double>(face.box.y1) == Approx(low_y).margin(1e-3));
      CHECK(static_cast<double>(face.box.x2) == Approx(high_x).margin(1e-3));
      CHECK(static_cast<double>(face.box.y2) == Approx(high_y).margin(1e-3));
      for (std::size_t k = 0; k < 5; ++k) {
        const auto [x, y] = seen_at(face, head().landmarks5[k]);
        CHECK(static_cast<double>(face.landmarks[k].x) == Approx(x).margin(1e-3));
        CHECK(static_cast<double>(face.landmarks[k].y) == Approx(y).margin(1e-3));
      }
      // Its mesh is that of its parameters.
      CHECK(same(make_faces(head(), face.parameters).reshaped(face.mesh.shape()), face.mesh));
    }
  }
  CHECK(faces > 6);
}

TEST_CASE("synthetic pictures: faces are drawn inside of their boxes and up to them",
          "[synthetic]") {
  SyntheticOptions with = plain(), without = plain();
  with.largest = 280;
  without.min_faces = without.max_faces = 0;
  const SyntheticPictures pictures(head(), {}, with), backgrounds(head(), {}, without);
  for (std::uint64_t i = 0; i < 12; ++i) {
    const SyntheticPicture picture = pictures(i), background = backgrounds(i);
    REQUIRE(!picture.faces.empty());
    REQUIRE(background.faces.empty());
    std::map<std::size_t, Box> drawn;  // by face, what differs from the background
    Index outside = 0;
    for (Index at = 0; at < 320 * 320; ++at) {
      if (std::equal(picture.image.rgb.begin() + 3 * at, picture.image.rgb.begin() + 3 * at + 3,
                     background.image.rgb.begin() + 3 * at))
        continue;
      const auto x = static_cast<float>(at % 320), y = static_cast<float>(at / 320);
      // The pixel, and one more for outlines that are smoothed.
      const auto owner =
          std::find_if(picture.faces.begin(), picture.faces.end(), [&](const SyntheticFace& face) {
            return x + 2 > face.box.x1 && x - 1 < face.box.x2 && y + 2 > face.box.y1 &&
                   y - 1 < face.box.y2;
          });
      if (owner == picture.faces.end()) {
        ++outside;
        continue;
      }
      const auto k = static_cast<std::size_t>(owner - picture.faces.begin());
      const Box pixel{x, y, x + 1, y + 1};
      Box& box = drawn.emplace(k, pixel).first->second;
      box = {std::min(box.x1, x), std::min(box.y1, y), std::max(box.x2, x + 1),
             std::max(box.y2, y + 1)};
    }
    CHECK(outside == 0);
    CHECK(drawn.size() == picture.faces.size());
    for (const auto& [k, box] : drawn) {
      const Box& label = picture.faces[k].box;
      CAPTURE(i, k, label.x1, box.x1, label.y1, box.y1, label.x2, box.x2, label.y2, box.y2);
      for (const float distance :
           {label.x1 - box.x1, label.y1 - box.y1, label.x2 - box.x2, label.y2 - box.y2})
        CHECK(std::abs(distance) < 2.1F);
    }
  }
}

TEST_CASE("synthetic pictures: boxes lie in the picture, apart, and have the sizes asked for",
          "[synthetic]") {
  const SyntheticOptions options{
      .width = 200, .height = 300, .min_faces = 5, .max_faces = 12, .smallest = 16, .largest = 100};
  const SyntheticPictures pictures(head(), {}, options);
  double small = 1000, large = 0;
  std::size_t most = 0, faces = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const SyntheticPicture picture = pictures(i);
    CHECK(picture.image.width == 200);
    CHECK(picture.image.height == 300);
    most = std::max(most, picture.faces.size());
    faces += picture.faces.size();
    CHECK(picture.faces.size() <= 12);
    for (std::size_t k = 0; k < picture.faces.size(); ++k) {
      const Box& a = picture.faces[k].box;
      CHECK((a.x1 > 0.9F && a.y1 > 0.9F && a.x2 < 199.1F && a.y2 < 299.1F));
      const double size = static_cast<double>(std::max(a.x2 - a.x1, a.y2 - a.y1));
      small = std::min(small, size);
      large = std::max(large, size);
      for (std::size_t other = 0; other < k; ++other) {
        const Box& b = picture.faces[other].box;
        CHECK(
            (a.x2 + 1.9F < b.x1 || b.x2 + 1.9F < a.x1 || a.y2 + 1.9F < b.y1 || b.y2 + 1.9F < a.y1));
      }
    }
  }
  CHECK(most > 5);
  CHECK(faces > 40);
  CHECK(small > 15.9);
  CHECK(small < 22);
  CHECK(large < 100.1);
  CHECK(large > 60);
}

TEST_CASE("synthetic pictures: a picture is the same in any order, on any number of threads",
          "[synthetic]") {
  const SyntheticOptions options{.width = 160, .height = 160, .largest = 144, .seed = 7};
  const SyntheticPictures pictures(head(), {}, options), again(head(), {}, options);
  std::vector<SyntheticPicture> first;
  for (std::uint64_t i = 0; i < 4; ++i) first.push_back(pictures(i));
  CHECK(!same_picture(first[0], first[1]));
  const std::uint64_t far = (std::uint64_t{1} << 40) + 1;  // not picture 1
  CHECK(!same_picture(pictures(far), first[1]));
  for (const int threads : {1, 3}) {
    const WithThreads with(threads);
    for (std::uint64_t i = 4; i-- > 0;) CHECK(same_picture(again(i), first[i]));
  }
  // Beside each other, in one object.
  std::vector<SyntheticPicture> beside(4);
  std::vector<std::thread> workers;
  for (std::uint64_t i = 0; i < 4; ++i)
    workers.emplace_back([&, i] {
      const SerialScope serial;
      beside[i] = pictures(i);
    });
  for (std::thread& worker : workers) worker.join();
  for (std::size_t i = 0; i < 4; ++i) CHECK(same_picture(beside[i], first[i]));

  SyntheticOptions other = options;
  other.seed = 8;
  CHECK(!same_picture(SyntheticPictures(head(), {}, other)(0), first[0]));
}

TEST_CASE("synthetic pictures: faces of the ICT face kit", "[synthetic]") {
  const auto folder = shared_file("mesh/ict");
  if (!folder) return;
  const FaceModel model = read_face_model(folder->string());
  const SyntheticPictures pictures(model, {}, plain());
  for (std::uint64_t i = 0; i < 3; ++i) {
    for (const SyntheticFace& face : pictures(i).faces) {
      for (Index v = 0; v < 1728; v += 50) {
        const auto [x, y] = seen_at(face, v);
        CHECK(static_cast<double>(face.points.data<float>()[2 * v]) == Approx(x).margin(1e-3));
        CHECK(static_cast<double>(face.points.data<float>()[2 * v + 1]) == Approx(y).margin(1e-3));
      }
    }
  }
}

}  // namespace rf::test
