#include "retinaface/dense/procedural_head.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <utility>

#include "layers/mesh_graph.hpp"
#include "retinaface/dense/face_code.hpp"
#include "retinaface/dense/portrait.hpp"
#include "retinaface/dense/procedural_features.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

const FaceModel& head_model() {
  static const FaceModel model = procedural_head();
  return model;
}

// Row `v` of [.., V, 3], block `block`.
vector3::Vector row(const Tensor& rows, Index v, Index block = 0) {
  const Index vertices = rows.shape()[rows.shape().rank() - 2];
  const float* p = rows.data<float>() + (block * vertices + v) * 3;
  return {static_cast<double>(p[0]), static_cast<double>(p[1]), static_cast<double>(p[2])};
}

vector3::Vector landmark(int i) {
  return row(head_model().neutral, head_model().landmarks68[static_cast<std::size_t>(i)]);
}

Index numbered(const std::vector<rf::head::ShapeMode>& modes, const std::string& name) {
  for (std::size_t i = 0; i < modes.size(); ++i) {
    if (modes[i].name == name) return static_cast<Index>(i);
  }
  FAIL("no mode " << name);
  return 0;
}

// A landmark when the expression has weight 1.
vector3::Vector shown(const std::string& expression, int i) {
  const FaceModel& model = head_model();
  const Index v = model.landmarks68[static_cast<std::size_t>(i)];
  const vector3::Vector neutral = row(model.neutral, v),
                        moved = row(model.expression, v,
                                    numbered(rf::head::expression_modes(), expression));
  return {neutral[0] + moved[0], neutral[1] + moved[1], neutral[2] + moved[2]};
}

// The level's mesh, in the neutral face if it is the finest, else with places of no meaning.
TriangleMesh mesh_of(const FaceLevel& level) {
  TriangleMesh mesh{.vertices = {}, .triangles = level.triangles, .colours = {}};
  for (Index v = 0; v < level.vertices; ++v) {
    if (level.vertices == head_model().neutral.shape()[0])
      mesh.vertices.push_back(row(head_model().neutral, v));
    else
      mesh.vertices.push_back({static_cast<double>(v), static_cast<double>(v * v), 0});
  }
  return mesh;
}

}  // namespace

TEST_CASE("procedural head: four levels, and as many modes as promised", "[procedural_head]") {
  const FaceModel& model = head_model();
  REQUIRE(model.levels.size() == 4);
  const std::array<Index, 4> sizes{27, 108, 432, 1728};
  Index before = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const FaceLevel& level = model.levels[k];
    CHECK(level.vertices == sizes[k]);
    CHECK(level.up.rows() == level.vertices);
    CHECK(level.up.columns() == before);
    before = level.vertices;
  }
  CHECK(model.neutral.shape() == Shape{1728, 3});
  CHECK(model.albedo.shape() == Shape{1728, 3});
  CHECK(model.identity.shape() == Shape{17, 1728, 3});
  CHECK(model.expression.shape() == Shape{7, 1728, 3});
  CHECK(model.albedo_modes.shape() == Shape{8, 1728, 3});
  CHECK(model.landmarks5.size() == 5);
  CHECK(model.landmarks68.size() == 68);
}

TEST_CASE("procedural head: every level is one sheet with one border", "[procedural_head]") {
  for (const FaceLevel& level : head_model().levels) {
    const MeshReport report = describe(mesh_of(level));
    CAPTURE(level.vertices);
    CHECK(report.vertices == level.vertices);
    CHECK(report.non_manifold_edges == 0);
    CHECK(report.reversed_edges == 0);
    CHECK(report.isolated_vertices == 0);
    CHECK(report.boundary_loops == 1);
    CHECK(report.components == 1);
    CHECK(report.euler == 1);
    if (level.vertices == 1728) CHECK(report.degenerate_triangles == 0);
  }
}

TEST_CASE("procedural head: as large as a face, the nose in front, triangles look outward",
          "[procedural_head]") {
  const FaceModel& model = head_model();
  const MeshReport report = describe(mesh_of(model.levels.back()));
  CHECK(report.high[0] - report.low[0] == Approx(14.5).margin(0.8));
  CHECK(report.high[1] - report.low[1] == Approx(18).margin(0.8));
  CHECK(report.high[2] - report.low[2] == Approx(10.5).margin(1));
  CHECK(landmark(30)[2] > report.high[2] - 0.2);
  CHECK(landmark(30)[2] - landmark(27)[2] > 2);  // above the root of the nose
  const VertexNormals normals(1728, model.levels.back().triangles);
  const Tensor n = normals(ag::Var(model.neutral)).value();
  CHECK(row(n, model.landmarks5[2])[2] > 0.7);
  Index outward = 0;
  for (Index v = 0; v < 1728; ++v) {
    const vector3::Vector normal = row(n, v), place = row(model.neutral, v);
    CHECK(vector3::length(normal) == Approx(1).margin(1e-5));
    outward += vector3::dot(normal, {place[0], place[1], place[2] - 2.5}) > 0 ? 1 : 0;
  }
  CHECK(outward > 1700);  // but for the nostrils and below the chin and lips
}

TEST_CASE("procedural head: landmarks are where the numberings say", "[procedural_head]") {
  const FaceModel& model = head_model();
  const auto five = [&](std::size_t i) { return row(model.neutral, model.landmarks5[i]); };
  CHECK(five(0)[0] < -2.5);  // the picture's left is the face's right
  CHECK(five(1)[0] > 2.5);
  CHECK(five(2)[0] == 0);
  CHECK(five(3)[0] < -1.5);
  CHECK(five(4)[0] > 1.5);
  CHECK(five(0)[1] > five(2)[1]);
  CHECK(five(2)[1] > five(3)[1]);
  CHECK(five(1)[0] - five(0)[0] == Approx(6.3).margin(0.3));  // 63 mm between the eyes
  for (int i = 1; i <= 16; ++i) CHECK(landmark(i)[0] >= landmark(i - 1)[0] - 0.5);
  for (int i = 1; i <= 8; ++i) CHECK(landmark(i)[1] < landmark(i - 1)[1]);
  for (int i = 18; i <= 26; ++i) CHECK(landmark(i)[0] > landmark(i - 1)[0]);
  for (int i = 28; i <= 30; ++i) CHECK(landmark(i)[1] < landmark(i - 1)[1]);
  for (int i = 32; i <= 35; ++i) CHECK(landmark(i)[0] > landmark(i - 1)[0]);
  for (const int eye : {36, 42}) {
    CHECK(landmark(eye)[0] < landmark(eye + 1)[0]);
    CHECK(landmark(eye + 2)[0] < landmark(eye + 3)[0]);
    CHECK(landmark(eye + 1)[1] > landmark(eye + 5)[1]);
    CHECK(landmark(eye + 2)[1] > landmark(eye + 4)[1]);
    CHECK(landmark(eye + 1)[1] < landmark(eye == 36 ? 19 : 24)[1]);
  }
  for (int i = 49; i <= 54; ++i) CHECK(landmark(i)[0] > landmark(i - 1)[0]);
  for (int i = 56; i <= 59; ++i) CHECK(landmark(i)[0] < landmark(i - 1)[0]);
  for (int i = 61; i <= 64; ++i) CHECK(landmark(i)[0] > landmark(i - 1)[0]);
  for (int i = 66; i <= 67; ++i) CHECK(landmark(i)[0] < landmark(i - 1)[0]);
  // From the nose down: upper lip, its border inside, the lower lip's, lower lip, chin.
  const std::array down{30, 33, 51, 62, 66, 57, 8};
  for (std::size_t i = 1; i < down.size(); ++i)
    CHECK(landmark(down[i])[1] < landmark(down[i - 1])[1]);
}

TEST_CASE("procedural head: left and right are mirrored exactly at the landmarks",
          "[procedural_head]") {
  const FaceModel& model = head_model();
  const auto check_mirrored = [](const vector3::Vector& a, const vector3::Vector& b) {
    CHECK(a[0] == -b[0]);
    CHECK(a[1] == b[1]);
    CHECK(a[2] == b[2]);
  };
  const Index to_the_left = numbered(rf::head::expression_modes(), "mouth to the left");
  for (const auto& pair : rf::head::landmarks68()) {
    const Index right = model.landmarks68[at(pair.right)], left = model.landmarks68[at(pair.left)];
    check_mirrored(row(model.neutral, right), row(model.neutral, left));
    for (Index k = 0; k < model.identity.shape()[0]; ++k)
      check_mirrored(row(model.identity, right, k), row(model.identity, left, k));
    for (Index k = 0; k < model.expression.shape()[0]; ++k) {
      if (k != to_the_left)
        check_mirrored(row(model.expression, right, k), row(model.expression, left, k));
    }
    CHECK(row(model.albedo, right) == row(model.albedo, left));
    for (Index k = 0; k < model.albedo_modes.shape()[0]; ++k)
      CHECK(row(model.albedo_modes, right, k) == row(model.albedo_modes, left, k));
  }
}

TEST_CASE("procedural head: up-sampling keeps constants and what was kept", "[procedural_head]") {
  for (std::size_t k = 1; k < 4; ++k) {
    const CsrMatrix& up = head_model().levels[k].up;
    std::vector<int> kept(at(up.columns()));
    for (Index r = 0; r < up.rows(); ++r) {
      double sum = 0;
      const Index begin = up.row_begin()[at(r)], end = up.row_begin()[at(r + 1)];
      CHECK((end > begin && end <= begin + 3));
      for (Index i = begin; i < end; ++i) {
        CHECK(up.value()[at(i)] > 0);
        sum += up.value()[at(i)];
      }
      CHECK(sum == Approx(1).margin(1e-12));
      if (end == begin + 1 && up.value()[at(begin)] == 1) ++kept[at(up.column()[at(begin)])];
    }
    for (const int count : kept) CHECK(count >= 1);  // D U = identity
  }
}

TEST_CASE("procedural head: identities move a face by millimetres", "[procedural_head]") {
  const FaceModel& model = head_model();
  for (Index k = 0; k < model.identity.shape()[0]; ++k) {
    double largest = 0;
    for (Index v = 0; v < 1728; ++v)
      largest = std::max(largest, vector3::length(row(model.identity, v, k)));
    CAPTURE(rf::head::identity_modes()[at(k)].name, largest);
    CHECK(largest > 0.1);
    CHECK(largest < 0.6);
  }
}

TEST_CASE("procedural head: expressions do what their names say", "[procedural_head]") {
  CHECK(shown("mouth open", 62)[1] - shown("mouth open", 66)[1] > 0.8);
  CHECK(landmark(8)[1] - shown("mouth open", 8)[1] > 1);
  CHECK(shown("smile", 54)[0] - landmark(54)[0] > 0.3);
  CHECK(shown("smile", 48)[1] - landmark(48)[1] > 0.3);
  CHECK(shown("brows up", 19)[1] - landmark(19)[1] > 0.5);
  for (const int upper : {37, 38, 43, 44}) {
    const int lower = upper < 42 ? 78 - upper : 90 - upper;
    CHECK(shown("eyes closed", upper)[1] - shown("eyes closed", lower)[1] <
          0.5 * (landmark(upper)[1] - landmark(lower)[1]));
  }
  CHECK(shown("lips pursed", 54)[0] < landmark(54)[0] - 0.2);
  CHECK(shown("brows together", 22)[0] < landmark(22)[0]);
  CHECK(shown("mouth to the left", 57)[0] > 0.3);
}

TEST_CASE("procedural head: skin, lips, brows and eyes have their colours", "[procedural_head]") {
  const vector3::Vector skin = rf::head::albedo(0, 8), lips = rf::head::albedo(0.5, -3.95),
                        brow = rf::head::albedo(3, 5.7), white = rf::head::albedo(2.3, 3.45),
                        pupil = rf::head::albedo(-3.15, 3.48);
  CHECK((skin[0] > skin[1] && skin[1] > skin[2]));
  CHECK(lips[0] / lips[1] > 1.3 * skin[0] / skin[1]);
  CHECK(brow[0] < 0.5 * skin[0]);
  CHECK(white[2] > 0.7);
  CHECK(pupil[0] < 0.1);
  for (const float value : std::as_const(head_model().albedo).span<float>())
    CHECK((value >= 0.02F && value <= 1));
}

TEST_CASE("procedural head: what needs a face model works with it", "[procedural_head]") {
  const FaceModel& model = head_model();
  const FaceParameters parameters = random_faces(model, 5, 3, 0);
  const Tensor faces = make_faces(model, parameters);
  REQUIRE(faces.shape() == Shape{5, 1728, 6});
  for (const float value : faces.span<float>()) CHECK(std::isfinite(value));
  const FaceCodes codes = make_face_codes(model, 32);  // of 17 + 7 + 8 parameters: all of them
  const Tensor again = make_faces(model, decode(codes, model, encode(codes, parameters)));
  CHECK(mean_vertex_error(again, faces) < 1e-3);
  const MeshDecoder decoder(decoder_levels(model.levels), {.code = 8, .widths = {4, 4, 4, 2}});
  CHECK(decoder.forward(ag::Var(random_tensor({2, 8}, 1))).shape() == Shape{2, 1728, 6});
}

TEST_CASE("procedural head: the same bits each time, for any number of threads",
          "[procedural_head]") {
  const WithThreads threads(3);
  const FaceModel again = procedural_head();
  const FaceModel& model = head_model();
  const auto same = [](const Tensor& a, const Tensor& b) {
    return std::ranges::equal(a.span<float>(), b.span<float>());
  };
  CHECK(same(again.neutral, model.neutral));
  CHECK(same(again.identity, model.identity));
  CHECK(same(again.expression, model.expression));
  CHECK(same(again.albedo, model.albedo));
  CHECK(same(again.albedo_modes, model.albedo_modes));
  CHECK(again.landmarks68 == model.landmarks68);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(again.levels[k].triangles == model.levels[k].triangles);
    CHECK(std::ranges::equal(again.levels[k].up.value(), model.levels[k].up.value()));
  }
}

}  // namespace rf::test
