#include "retinaface/training/dense_supervision.hpp"

#include <algorithm>
#include <cmath>

#include "engine/ops/concat.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

const FaceModel& model() {
  static const FaceModel head = procedural_head();
  return head;
}

// As many numbers as the face has parameters: nothing is left out.
Index all_parameters() {
  return model().identity.shape()[0] + model().expression.shape()[0] +
         model().albedo_modes.shape()[0];
}

const DenseSupervision& supervision() {
  static const DenseSupervision whole(model(), all_parameters());
  return whole;
}

const std::vector<SyntheticFace>& faces() {
  static const std::vector<SyntheticFace> made = [] {
    SyntheticOptions options{.width = 128, .height = 128, .min_faces = 1, .max_faces = 1};
    options.smallest = options.largest = 60;
    const SyntheticPictures pictures(model(), {}, options);
    return std::vector<SyntheticFace>{pictures(1).faces.at(0), pictures(2).faces.at(0)};
  }();
  return made;
}

// Rows that look at the squares in which the truth is given: row 0 at the second face.
DenseRows rows() {
  DenseRows rows;
  rows.order = {1, 0};
  rows.squares = {faces()[1].crop, faces()[0].crop};
  return rows;
}

std::vector<const SyntheticFace*> truth() { return {&faces()[0], &faces()[1]}; }

Tensor stacked(const Tensor& a, const Tensor& b) {
  return concat(std::vector<Tensor>{a.reshaped({1, a.numel()}), b.reshaped({1, b.numel()})}, 0);
}

struct Answer {
  Tensor code, camera, light;
  [[nodiscard]] SupervisedLosses losses() const {
    return supervision().losses({Var(code), Var(camera), Var(light)},
                                supervision().labels(rows(), truth()));
  }
};

// What a perfect head would say.
Answer perfect() {
  return {supervision().labels(rows(), truth()).code.clone(),
          stacked(faces()[1].camera, faces()[0].camera),
          stacked(faces()[1].light, faces()[0].light)};
}

double number(const Var& loss) { return static_cast<double>(loss.value().data<float>()[0]); }
double at(const Tensor& t, Index i) { return static_cast<double>(t.data<float>()[i]); }

}  // namespace

TEST_CASE("dense supervision: labels are the truth, each row its face's", "[dense_supervision]") {
  const DenseLabels labels = supervision().labels(rows(), truth());
  const auto places = static_cast<Index>(supervision().vertices().size());
  CHECK(labels.code.shape() == Shape{2, all_parameters()});
  CHECK(labels.mesh.shape() == Shape{2, places, 6});
  CHECK(labels.points.shape() == Shape{2, places, 2});
  // All landmarks are among the vertices, which ascend.
  const std::vector<Index>& vertices = supervision().vertices();
  CHECK(std::ranges::is_sorted(vertices));
  for (const Index v : model().landmarks68) CHECK(std::ranges::binary_search(vertices, v));
  for (const Index v : model().landmarks5) CHECK(std::ranges::binary_search(vertices, v));
  for (Index r = 0; r < 2; ++r) {
    const SyntheticFace& face = faces()[static_cast<std::size_t>(1 - r)];
    for (Index i = 0; i < 3; ++i) CHECK(at(labels.pose, 3 * r + i) == at(face.camera, 3 + i));
    for (Index i = 0; i < 9; ++i) CHECK(at(labels.light, 9 * r + i) == at(face.light, i));
    for (Index k = 0; k < places; ++k) {
      const Index v = vertices[static_cast<std::size_t>(k)], row = r * places + k;
      for (Index i = 0; i < 6; ++i) CHECK(at(labels.mesh, 6 * row + i) == at(face.mesh, 6 * v + i));
      CHECK(face.crop.x + face.crop.side * at(labels.points, 2 * row) ==
            Approx(at(face.points, 2 * v)).margin(1e-3));
      CHECK(face.crop.y + face.crop.side * at(labels.points, 2 * row + 1) ==
            Approx(at(face.points, 2 * v + 1)).margin(1e-3));
    }
  }
}

// Colours alone are left: the model clips them, its linear form does not.
TEST_CASE("dense supervision: the truth has no loss", "[dense_supervision]") {
  const SupervisedLosses l = perfect().losses();
  CHECK(number(l.code) == 0);
  CHECK(number(l.pose) == 0);
  CHECK(number(l.light) == 0);
  CHECK(number(l.points) < 1e-3);
  CHECK(number(l.mesh) < 0.05);
}

TEST_CASE("dense supervision: distances are what the header says", "[dense_supervision]") {
  const double mesh = number(perfect().losses().mesh);
  Answer turned = perfect();
  turned.camera.data<float>()[3] += 0.25F;
  turned.camera.data<float>()[7 + 5] -= 0.5F;
  CHECK(number(turned.losses().pose) == Approx(0.75 / 2).epsilon(1e-4));
  CHECK(number(turned.losses().mesh) == mesh);
  CHECK(number(turned.losses().points) > 0.05);

  Answer shifted = perfect();  // by a tenth of the square's width at the origin's depth
  double expected = 0;
  const auto places = static_cast<double>(supervision().vertices().size());
  for (Index r = 0; r < 2; ++r) {
    float* c = shifted.camera.data<float>() + 7 * r;
    c[0] += 0.1F * c[2] / c[6];
    const SyntheticFace& face = faces()[static_cast<std::size_t>(1 - r)];
    const Tensor seen = picture_points(face.mesh, face.camera, face.crop);
    for (const Index v : supervision().vertices())
      expected += 0.1 * at(face.camera, 2) / at(seen, 3 * v + 2) / places / 2;
  }
  CHECK(number(shifted.losses().points) == Approx(expected).epsilon(1e-2));

  Answer lit = perfect();
  for (Index i = 0; i < 9; ++i)
    lit.light.data<float>()[i] += DenseHead::light_step().data<float>()[i];
  CHECK(number(lit.losses().light) == Approx(0.5).epsilon(1e-4));

  Answer other = perfect();
  for (float& x : other.code.span<float>()) x += 0.5F;
  const SupervisedLosses l = other.losses();
  CHECK(number(l.code) == Approx(0.5).epsilon(1e-4));
  CHECK(number(l.mesh) > mesh + 0.1);
  CHECK(number(l.total) == Approx(20 * number(l.points) + number(l.mesh) + 4 * number(l.pose) +
                                  0.05 * number(l.code) + 0.05 * number(l.light))
                               .epsilon(1e-5));
}

TEST_CASE("dense supervision: every number of an answer learns, wherever the face is",
          "[dense_supervision][grad]") {
  for (const float depth : {70.0F, 0.0F, -50.0F}) {  // also behind the camera
    Answer answer = perfect();
    Var code(random_tensor(answer.code.shape(), 1)), light(random_tensor({2, 9}, 2));
    for (Index r = 0; r < 2; ++r) answer.camera.data<float>()[7 * r + 2] = depth;
    Var camera(answer.camera);
    for (Var* each : {&code, &camera, &light}) each->set_requires_grad(true);
    const SupervisedLosses l =
        supervision().losses({code, camera, light}, supervision().labels(rows(), truth()));
    CHECK(std::isfinite(number(l.total)));
    l.total.backward();
    for (const Var& each : {code, camera, light}) {
      REQUIRE(each.grad().numel() == each.value().numel());
      for (const float g : each.grad().span<float>()) CHECK(std::isfinite(g));
      CHECK(std::ranges::any_of(each.grad().span<float>(), [](float g) { return g != 0; }));
    }
  }
}

TEST_CASE("dense supervision: the same bits on any number of threads", "[dense_supervision]") {
  const Answer answer = perfect();
  check_same_bits_on_any_threads([&] { return answer.losses().total.value(); });
  check_same_bits_on_any_threads([&] { return supervision().labels(rows(), truth()).points; });
}

TEST_CASE("dense supervision: no rows, no loss", "[dense_supervision]") {
  const DenseLabels none = supervision().labels({}, {});
  CHECK(none.code.shape() == Shape{0, all_parameters()});
  const SupervisedLosses l =
      supervision().losses({Var(Tensor::zeros({0, all_parameters()})), Var(Tensor::zeros({0, 7})),
                            Var(Tensor::zeros({0, 9}))},
                           none);
  CHECK(number(l.total) == 0);
}

}  // namespace rf::test
