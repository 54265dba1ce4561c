// What soft_rasterize refuses, what it leaves out, and that its bits depend on nothing else.
#include "engine/kernels/reference/soft_rasterize.hpp"

#include "engine/kernels/reference.hpp"
#include "engine/math.hpp"
#include "tests/ops/soft_pictures.hpp"

namespace rf::test {

namespace {

struct Pictures {
  Tensor picture, gclip, gattributes;
};

// The kernel by itself with this reach; infinite: every pixel looks at every triangle.
Pictures with_reach(double reach, const Mesh& mesh, const Tensor& attributes, const Tensor& gy,
                    const SoftRasterizeParams& p) {
  const Index vertices = mesh.clip.shape()[1], triangles = mesh.triangles.shape()[0],
              channels = attributes.shape()[2], images = mesh.clip.shape()[0];
  Tensor screen = Tensor::empty({images, vertices, 2}, DType::f64);
  reference::project_vertices<double>(
      {.clip = mesh.clip.data<double>(), .screen = screen.data<double>()}, 0, images * vertices);
  const reference::SoftMeshes<double> meshes{
      .clip = mesh.clip.data<double>(),
      .screen = screen.data<double>(),
      .triangle = mesh.triangles.data<Index>(),
      .attributes = attributes.data<double>(),
      .background = p.background.data(),
      .vertices = vertices,
      .triangles = triangles,
      .channels = channels,
      .height = p.height,
      .width = p.width,
      .blend = {.sigma = p.sigma,
                .gamma = p.gamma,
                .inverse_far = 1 / p.far,
                .nearness_scale = 1 / (1 / p.near - 1 / p.far),
                .farthest_square = p.sigma * rf::log(1 / p.cutoff - 1)},
      .reach = reach};
  std::vector<reference::SoftTriangle> band(static_cast<std::size_t>(triangles));
  std::vector<Index> tile(band.size());
  std::vector<reference::SoftSample> pixel(band.size());
  std::vector<double> colour(static_cast<std::size_t>(channels)),
      sums(static_cast<std::size_t>(vertices * (3 + channels)));
  const reference::SoftScratch scratch{.band = band.data(),
                                       .tile = tile.data(),
                                       .pixel = pixel.data(),
                                       .colour = colour.data(),
                                       .sums = sums.data()};
  Pictures result{Tensor::empty(gy.shape(), DType::f64),
                  Tensor::empty(mesh.clip.shape(), DType::f64),
                  Tensor::empty(attributes.shape(), DType::f64)};
  for (Index n = 0; n < images; ++n) {
    reference::soft_rasterize(meshes, n, 0, p.height, scratch, result.picture.data<double>());
    reference::soft_rasterize_grad(meshes, n, scratch,
                                   {.gy = gy.data<double>(),
                                    .gclip = result.gclip.data<double>(),
                                    .gattributes = result.gattributes.data<double>()});
  }
  return result;
}

}  // namespace

TEST_CASE("soft_rasterize: refuses what it cannot honour, and says what",
          "[soft_rasterize][error]") {
  const Tensor clip = Tensor::zeros({2, 5, 4}), a = Tensor::zeros({2, 5, 3}),
               triangles = triangles_of({0, 1, 2, 2, 3, 4});
  const SoftRasterizeParams good = soft_params(3);
  const auto refused = [&](const Tensor& c, const Tensor& t, const Tensor& attributes,
                           std::initializer_list<const char*> parts) {
    check_refused([&] { (void)soft_rasterize(c, t, attributes, good); }, parts);
  };
  refused(Tensor::zeros({5, 4}), triangles, a, {"soft_rasterize", "[5, 4]", "[N, V, 4]"});
  refused(Tensor::zeros({2, 5, 3}), triangles, a, {"[2, 5, 3]", "[N, V, 4]"});
  refused(clip.to(DType::i64), triangles, a.to(DType::i64), {"soft_rasterize", "i64"});
  refused(clip, triangles, a.to(DType::f64), {"f32", "f64"});
  refused(clip, triangles, Tensor::zeros({2, 4, 3}), {"attributes", "[2, 4, 3]", "[2, 5, C]"});
  refused(clip, triangles, Tensor::zeros({5, 3}), {"[5, 3]", "[2, 5, C]"});
  refused(clip, Tensor::zeros({2, 4}, DType::i64), a, {"[2, 4]", "[T, 3]"});
  refused(clip, Tensor::zeros({2, 3}), a, {"f32", "i64"});
  refused(clip, triangles_of({0, 1, 2, 4, 5, 3}), a, {"triangle 1", "vertex 5"});
  refused(clip, triangles_of({0, -1, 2}), a, {"triangle 0", "vertex -1"});

  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const auto bad = [&](auto set, std::initializer_list<const char*> parts) {
    SoftRasterizeParams params = good;
    set(params);
    check_refused([&] { (void)soft_rasterize(clip, triangles, a, params); }, parts);
    check_refused([&] { (void)soft_rasterize_grad(a, clip, triangles, a, params); }, parts);
  };
  bad([](auto& p) { p.height = -3; }, {"-3 x 3", "negative"});
  for (const double value : {nan, inf, 0.0, -1.0, 1e-13}) {
    bad([=](auto& p) { p.sigma = value; }, {"sigma is", "1e-12"});
    bad([=](auto& p) { p.gamma = value; }, {"gamma is", "1e-12"});
    bad([=](auto& p) { p.far = value; }, {"near is 0.5 and far"});
  }
  for (const double value : {nan, inf, 0.0, -1.0, 4.0, 5.0})
    bad([=](auto& p) { p.near = value; }, {"near is", "far 4"});
  for (const double value : {nan, 0.5, 0.0, -1.0})
    bad([=](auto& p) { p.cutoff = value; }, {"cutoff is", "0.5"});
  bad([](auto& p) { p.background = {1, 2}; }, {"background of 2", "3 attributes"});
  check_refused(
      [&] {
        (void)soft_rasterize_grad(Tensor::zeros({2, 3, 3, 3}), clip, triangles, a, good);
      },
      {"soft_rasterize gradient", "[2, 3, 3, 3]", "[2, 3, 3, 4]"});
  check_refused<Error>(
      [&] {
        SoftRasterizeParams huge = good;
        huge.height = huge.width = Index{1} << 40;
        (void)soft_rasterize(clip, triangles, a, huge);
      },
      {});
}

TEST_CASE("soft_rasterize: looking only where D is above the cutoff changes no bit",
          "[soft_rasterize][property]") {
  for (const Index size : {1, 7, 8, 9, 30}) {
    CAPTURE(size);
    const Mesh mesh = grid(6, static_cast<double>(size), 2, 2, 9);
    const Tensor attributes = random_tensor({2, mesh.clip.shape()[1], 3}, 10, DType::f64),
                 gy = random_tensor({2, size, size, 4}, 11, DType::f64);
    SoftRasterizeParams params = soft_params(size);
    params.background = {0.1, 0.2, 0.3};
    params.sigma = 0.3;
    const Pictures all =
        with_reach(std::numeric_limits<double>::infinity(), mesh, attributes, gy, params);
    CHECK(same_bits(soft_rasterize(mesh.clip, mesh.triangles, attributes, params), all.picture));
    const SoftRasterizeGrads grads =
        soft_rasterize_grad(gy, mesh.clip, mesh.triangles, attributes, params);
    CHECK(same_bits(grads.clip, all.gclip));
    CHECK(same_bits(grads.attributes, all.gattributes));
    CHECK(all_finite(grads.clip));
  }
}

TEST_CASE("soft_rasterize: a triangle that rasterize leaves out is not there",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 6;
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor good = clip_of({{{-9, -9}, 0, 1},
                                 {{14, -9}, 0, 1.5},
                                 {{-9, 14}, 0, 1.2},
                                 {{-9, -9}, 1, 2},
                                 {{9, -9}, 1, 2},
                                 {{-9, 9}, 1, 2}});
    const Tensor both = triangles_of({0, 1, 2, 3, 4, 5}), second = triangles_of({3, 4, 5}),
                 a = random_tensor({1, 6, 2}, 12, DType::f64).to(dtype),
                 gy = random_tensor({1, kSize, kSize, 3}, 13, DType::f64).to(dtype);
    const SoftRasterizeParams params = soft_params(kSize);
    const Tensor alone = soft_rasterize(good.to(dtype), second, a, params);
    CHECK_FALSE(same_bits(soft_rasterize(good.to(dtype), both, a, params), alone));
    const auto with = [&](Index vertex, Index coordinate, double value) {
      Tensor clip = good.clone();
      clip.data<double>()[4 * vertex + coordinate] = value;
      clip = clip.to(dtype);
      Tensor y = soft_rasterize(clip, both, a, params);
      CHECK(all_finite(y));
      const SoftRasterizeGrads grads = soft_rasterize_grad(gy, clip, both, a, params);
      CHECK(all_finite(grads.clip));
      CHECK(all_finite(grads.attributes));
      return y;
    };
    for (Index vertex = 0; vertex < 3; ++vertex) {
      CAPTURE(vertex);
      for (Index coordinate = 0; coordinate < 4; ++coordinate) {
        for (const double value : {nan, inf, -inf}) {
          CAPTURE(coordinate, value);
          CHECK(same_bits(with(vertex, coordinate, value), alone));
        }
        // Coordinates that no integer holds: drawn or not, nothing breaks.
        for (const double value : {1e-6, 1e19, -1e19, 1e30, -1e30, 3e38, -3e38})
          (void)with(vertex, coordinate, value);
      }
      for (const double w : {0.0, -0.0, -1.0, -1e-30, 1e-31, 1e-42})
        CHECK(same_bits(with(vertex, 3, w), alone));
    }
    // Without area: a vertex twice, and three on a line.
    for (const Index vertex : {1, 2}) {
      Tensor flat = good.clone();
      std::copy_n(flat.data<double>(), 4, flat.data<double>() + 4 * vertex);
      CHECK(same_bits(soft_rasterize(flat.to(dtype), both, a, params), alone));
    }
    Tensor line = clip_of({{{-9, -9}, 0, 1},
                           {{4, -9}, 0, 1},
                           {{2, -9}, 0, 2},
                           {{-9, -9}, 1, 2},
                           {{9, -9}, 1, 2},
                           {{-9, 9}, 1, 2}},
                          dtype);
    CHECK(same_bits(soft_rasterize(line, both, a, params), alone));
  }
}

TEST_CASE("soft_rasterize: no images, no pixels, no triangles, no vertices, no attributes",
          "[soft_rasterize][property]") {
  const Tensor triangles = triangles_of({0, 1, 2}), none = Tensor::zeros({0, 3}, DType::i64);
  const auto check = [](const Tensor& clip, const Tensor& t, Index channels, Index height,
                        Index width) {
    SoftRasterizeParams params = soft_params(0);
    params.height = height, params.width = width;
    params.background.assign(static_cast<std::size_t>(channels), 0.25);
    const Index images = clip.shape()[0], vertices = clip.shape()[1];
    const Tensor a = Tensor::zeros({images, vertices, channels});
    const Tensor y = soft_rasterize(clip, t, a, params);
    REQUIRE(y.shape() == Shape{images, height, width, channels + 1});
    for (Index i = 0; i < y.numel(); ++i)
      CHECK(y.data<float>()[i] == (i % (channels + 1) == channels ? 0 : 0.25F));
    const SoftRasterizeGrads grads = soft_rasterize_grad(y, clip, t, a, params);
    CHECK(same_bits(grads.clip, Tensor::zeros(clip.shape())));
    CHECK(same_bits(grads.attributes, Tensor::zeros(a.shape())));
  };
  check(Tensor::zeros({0, 3, 4}), triangles, 3, 4, 5);
  check(Tensor::zeros({2, 3, 4}), triangles, 3, 0, 5);
  check(Tensor::zeros({2, 3, 4}), triangles, 3, 5, 0);
  check(Tensor::zeros({2, 3, 4}), none, 3, 4, 5);
  check(Tensor::zeros({2, 0, 4}), none, 3, 4, 5);
  check(Tensor::zeros({2, 3, 4}), triangles, 0, 4, 5);
}

TEST_CASE("soft_rasterize: where operations only give shapes, it does",
          "[soft_rasterize][property]") {
  const Mesh mesh = grid(3, 20, 2, 1, 14);
  const ShapesOnlyScope shapes_only;
  const ag::SoftMeshPicture picture = ag::soft_rasterize(
      ag::Var(mesh.clip), mesh.triangles,
      ag::Var(Tensor::zeros({2, mesh.clip.shape()[1], 5}, DType::f64)), soft_params(20));
  CHECK(picture.colour.shape() == Shape{2, 20, 20, 5});
  CHECK(picture.silhouette.shape() == Shape{2, 20, 20});
}

TEST_CASE("soft_rasterize: same bits for any number of threads, float agrees with double",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 45;
  const Mesh mesh = grid(10, kSize, 3, 2, 15);
  const Tensor clip = mesh.clip.to(DType::f32), a = random_tensor({3, clip.shape()[1], 3}, 16);
  const auto f = soft_picture(mesh.triangles, soft_params(kSize));
  const auto values = [&] { return f({ag::Var(clip), ag::Var(a)}).value(); };
  check_same_bits_on_any_threads(values);
  check_same_bits_on_any_threads([&] { return all_gradients(f, {clip, a}); });
  const Tensor wide = clip.to(DType::f64), wide_a = a.to(DType::f64);
  CHECK(relative_error(values(), f({ag::Var(wide), ag::Var(wide_a)}).value()) < 1e-6);
  CHECK(relative_error(all_gradients(f, {clip, a}), all_gradients(f, {wide, wide_a})) <
        kFloatTolerance);
}

}  // namespace rf::test
