#include "retinaface/dense/camera_fit.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/dense/dense_head.hpp"
#include "retinaface/dense/procedural_head.hpp"
#include "tests/retinaface/dense_fixture.hpp"

namespace rf::test {

namespace {

constexpr Index kSide = 48;

Tensor numbers(const Shape& shape, const std::vector<double>& values) {
  return Tensor::from(shape, std::span<const double>(values)).to(DType::f32);
}

struct Scene {
  FaceModel model = procedural_head();
  MeshRenderer renderer{model.levels.back().vertices, model.levels.back().triangles};
  Tensor mesh;
  Tensor camera = numbers({7}, {0.3, 0.2, 90, 0.05, -0.1, 0.02, 3.5});
  Tensor light = DenseHead::usual_light();
  SquarePixels pixels;

  Scene() {
    const Index vertices = model.levels.back().vertices;
    mesh = make_faces(model, {.identity = Tensor::zeros({1, model.identity.shape()[0]}),
                              .expression = Tensor::zeros({1, model.expression.shape()[0]}),
                              .albedo = Tensor::zeros({1, model.albedo_modes.shape()[0]})})
               .reshaped({vertices, 6});
    pixels.rgb = look_of(renderer, mesh, camera, light, kSide).colour;
    pixels.inside = numbers({kSide, kSide, 1},
                            std::vector<double>(static_cast<std::size_t>(kSide * kSide), 1.0));
  }
  // To the pixels where the mesh is in the picture.
  [[nodiscard]] Tensor mask() const {
    return mask_of(look_of(renderer, mesh, camera, light, kSide), pixels);
  }
  [[nodiscard]] FittedCamera fit(const Tensor& from, const Tensor& lit,
                                 const CameraFitOptions& options = {}) const {
    return fit_camera(renderer, mesh, from, lit, pixels, mask(), options);
  }
};

Tensor changed(const Tensor& from, const std::vector<double>& by) {
  Tensor to = from.clone();
  for (std::size_t i = 0; i < by.size(); ++i) to.data<float>()[i] += static_cast<float>(by[i]);
  return to;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data<float>(), b.data<float>(),
                     static_cast<std::size_t>(a.numel()) * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("camera fit: a picture of the mesh itself brings camera and light back") {
  const Scene scene;
  const Tensor camera = changed(scene.camera, {0.6, -0.5, 6, 0.04, 0.03, -0.03, 0.1});
  const Tensor light = changed(scene.light, {5, -5, 0, -0.1, -0.1, 0.1, 0.1, 0.05, -0.1});
  const FittedCamera fitted = scene.fit(camera, light);
  CAPTURE(fitted.before, fitted.after);
  CHECK(fitted.before > 0.05);
  CHECK(fitted.after < 0.25 * fitted.before);
  const FittedCamera longer = scene.fit(camera, light, {.steps = 200, .rate = 0.1});
  CHECK(longer.after < fitted.after);
  // Where it ends is what its `after` says.
  CHECK(scene.fit(fitted.camera, fitted.light, {.steps = 0}).before ==
        Approx(fitted.after).epsilon(1e-5));
}

TEST_CASE("camera fit: a start that nothing betters, and no steps, give the start") {
  const Scene scene;
  const FittedCamera perfect = scene.fit(scene.camera, scene.light);
  CHECK(perfect.before < 1e-4);
  CHECK(perfect.after <= perfect.before);
  const Tensor camera = changed(scene.camera, {0.6});
  const FittedCamera none = scene.fit(camera, scene.light, {.steps = 0});
  CHECK(none.before == none.after);
  CHECK(same_bits(none.camera, camera));
  CHECK(same_bits(none.light, scene.light));
}

TEST_CASE("camera fit: a mesh that covers nothing of the mask stays where it is") {
  const Scene scene;
  for (const double depth : {90.0, -90.0}) {
    Tensor camera = changed(scene.camera, {1000});
    camera.data<float>()[2] = static_cast<float>(depth);
    const FittedCamera fitted = scene.fit(camera, scene.light);
    CHECK(same_bits(fitted.camera, camera));
    CHECK(fitted.after == 1);
  }
  const FittedCamera none = fit_camera(scene.renderer, scene.mesh, scene.camera, scene.light,
                                       scene.pixels, Tensor::zeros({kSide, kSide, 1}));
  CHECK(same_bits(none.camera, scene.camera));
  CHECK(none.after == 0);
}

TEST_CASE("camera fit: a face that is too small grows over the whole mask") {
  Scene scene;
  // One colour everywhere: only pixels that are left free can tell the size.
  for (Index i = 0; i < 3 * kSide * kSide; ++i) scene.pixels.rgb.data<float>()[i] = 0.4F;
  const Tensor camera = changed(scene.camera, {0, 0, 30});
  const FittedCamera fitted = scene.fit(camera, scene.light);
  const MeshLook look = look_of(scene.renderer, scene.mesh, fitted.camera, fitted.light, kSide);
  const Tensor mask = scene.mask();
  Index free = 0;
  for (Index p = 0; p < kSide * kSide; ++p)
    free += mask.data<float>()[p] > 0 && look.covered.data<Index>()[p] < 0 ? 1 : 0;
  CHECK(fitted.before > 0.4);
  CHECK(fitted.after < 0.2);
  CHECK(free < 20);
}

TEST_CASE("camera fit: the error counts pixels of the mask alone, free ones as 1") {
  SquarePixels pixels{.rgb = Tensor::zeros({2, 2, 3}), .inside = numbers({2, 2, 1}, {1, 1, 1, 0})};
  MeshLook look{.colour = numbers({2, 2, 3}, {.1, .2, .3, 9, 9, 9, 0, 0, 0, .5, .5, .5}),
                .covered = Tensor::zeros({2, 2}, DType::i64)};
  look.covered.data<Index>()[2] = -1;
  CHECK(masked_error(look, numbers({2, 2, 1}, {1, 0, 0, 0}), pixels) == Approx(0.2));
  CHECK(masked_error(look, numbers({2, 2, 1}, {1, 0, 1, 0}), pixels) == Approx(0.6));
  CHECK(masked_error(look, numbers({2, 2, 1}, {0, 0, 0, 0}), pixels) == 0);
  const Tensor mask = mask_of(look, pixels);  // not where it is free, not outside of the picture
  CHECK(same_bits(mask, numbers({2, 2, 1}, {1, 1, 0, 0})));
}

TEST_CASE("camera fit: numbers that are none end it without an error") {
  Scene scene;
  scene.pixels.rgb.data<float>()[3 * (kSide * kSide / 2 + kSide / 2)] =
      std::numeric_limits<float>::quiet_NaN();
  const FittedCamera fitted = scene.fit(scene.camera, scene.light);
  CHECK(same_bits(fitted.camera, scene.camera));
  CHECK(same_bits(fitted.light, scene.light));
}

TEST_CASE("camera fit: the same bits for any number of threads") {
  const Scene scene;
  const Tensor camera = changed(scene.camera, {0.6, -0.5, 6, 0.04});
  const auto fit = [&](int count) {
    const WithThreads threads(count);
    return scene.fit(camera, scene.light, {.steps = 10});
  };
  const FittedCamera one = fit(1), three = fit(3);
  CHECK(one.after < one.before);
  CHECK(one.after == three.after);
  CHECK(same_bits(one.camera, three.camera));
  CHECK(same_bits(one.light, three.light));
}

TEST_CASE("camera fit: refuses shapes and options without sense") {
  const Scene scene;
  CHECK_THROWS_AS(scene.fit(Tensor::zeros({6}), scene.light), ShapeError);
  CHECK_THROWS_AS(scene.fit(scene.camera, Tensor::zeros({7})), ShapeError);
  CHECK_THROWS_AS(fit_camera(scene.renderer, Tensor::zeros({5, 3}), scene.camera, scene.light,
                             scene.pixels, scene.mask()),
                  ShapeError);
  SquarePixels narrow = scene.pixels;
  narrow.rgb = Tensor::zeros({kSide, kSide - 1, 3});
  CHECK_THROWS_AS(
      fit_camera(scene.renderer, scene.mesh, scene.camera, scene.light, narrow, scene.mask()),
      ShapeError);
  CHECK_THROWS_AS(scene.fit(scene.camera, scene.light, {.steps = -1}), UsageError);
  CHECK_THROWS_AS(scene.fit(scene.camera, scene.light, {.prior = -1}), UsageError);
  CHECK_THROWS_AS(
      scene.fit(scene.camera, scene.light, {.rate = std::numeric_limits<double>::quiet_NaN()}),
      UsageError);
}

TEST_CASE("camera fit: a code that is fitted too finds another face") {
  const DenseModel model = tiny_dense_model();
  const std::unique_ptr<MeshDecoder> decoder = make_decoder(model);
  const MeshRenderer renderer(5, model.levels.back().triangles);
  const Tensor camera = numbers({7}, {0, 0, 60, 0.02, 0.05, 0, 3}),
               light = DenseHead::usual_light();
  const auto mesh_of = [&](const Tensor& code) {
    const Tensor mesh = decoder->forward(Var(code.reshaped({1, 3}))).value();
    return mesh.reshaped({5, 6});
  };
  const Tensor code = numbers({3}, {0.6, -0.4, 0.5}), zero = Tensor::zeros({3});
  const MeshLook wanted = look_of(renderer, mesh_of(code), camera, light, kSide);
  const SquarePixels pixels{
      .rgb = wanted.colour,
      .inside = numbers({kSide, kSide, 1}, std::vector<double>(kSide * kSide, 1.0))};
  const Tensor mask = mask_of(wanted, pixels);
  const CameraFitOptions options{.steps = 100, .rate = 0.05, .code_prior = 0};
  const FittedCamera without =
      fit_camera(renderer, mesh_of(zero), camera, light, pixels, mask, options);
  const FittedCamera fitted =
      fit_face(renderer, *decoder, zero, camera, light, pixels, mask, options);
  CAPTURE(fitted.before, without.after, fitted.after);
  CHECK(fitted.before == without.before);
  CHECK(without.after > 0.05);
  CHECK(fitted.after < 0.7 * without.after);
  CHECK(same_bits(zero, Tensor::zeros({3})));
  // Where it ends is what its `after` says.
  REQUIRE(fitted.code.shape() == Shape{3});
  CHECK(masked_error(look_of(renderer, mesh_of(fitted.code), fitted.camera, fitted.light, kSide),
                     mask, pixels) == Approx(fitted.after).epsilon(1e-5));
  CHECK(without.code.numel() == 0);
  // Nobody's code is far from 0 where being unusual costs enough.
  const FittedCamera usual = fit_face(renderer, *decoder, zero, camera, light, pixels, mask,
                                      {.steps = 100, .rate = 0.05, .code_prior = 100});
  double largest = 0;
  for (const float x : usual.code.span<float>())
    largest = std::max(largest, std::abs(static_cast<double>(x)));
  CHECK(largest < 0.3);
  CHECK_THROWS_AS(
      fit_face(renderer, *decoder, zero, camera, light, pixels, mask, {.code_prior = -1}),
      UsageError);
}

}  // namespace rf::test
