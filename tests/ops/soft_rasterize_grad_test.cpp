// Gradients of soft_rasterize, and what they are for.
#include "tests/ops/soft_pictures.hpp"

namespace rf::test {

namespace {

// How far, in pixels, the nearest kink of the picture is from a pixel's centre: the lines of edges,
// the lines at right angles to them at their ends (a jump of the second derivative), points with
// two nearest edges, and the distance from which a triangle no longer counts.
double closest_to_a_kink(const Mesh& mesh, const SoftRasterizeParams& params) {
  const double reach = std::sqrt(params.sigma * std::log(1 / params.cutoff - 1));
  double closest = std::numeric_limits<double>::infinity();
  for (Index t = 0; t < mesh.triangles.shape()[0]; ++t) {
    const Index* corner = mesh.triangles.data<Index>() + 3 * t;
    Point s[3];
    for (int k = 0; k < 3; ++k) s[k] = on_screen(mesh.clip.data<double>() + 4 * corner[k]);
    for (Index q = 0; q < params.height * params.width; ++q) {
      const Point p{static_cast<double>(q % params.width) + 0.5,
                    static_cast<double>(q / params.width) + 0.5};
      double distance[3];
      for (int k = 0; k < 3; ++k) {
        const Point from = s[k], to = s[(k + 1) % 3];
        const double length = std::hypot(to.x - from.x, to.y - from.y);
        const auto [d, along] = to_segment(from, to, p);
        distance[k] = d;
        closest = std::min({closest, std::abs(area(from, to, p)) / length, std::abs(along) * length,
                            std::abs(along - 1) * length});
      }
      std::sort(distance, distance + 3);
      closest = std::min(closest, std::abs(distance[0] - reach));
      if (inside(s[0], s[1], s[2], p) > 0) closest = std::min(closest, distance[1] - distance[0]);
    }
  }
  return closest;
}

}  // namespace

TEST_CASE("soft_rasterize: gradients by hand", "[soft_rasterize][golden][grad]") {
  // The right edge of a large triangle is 1.5 left of the pixel's centre, halfway along it: moved
  // right by t, S = 1 / (1 + exp((1.5 - t)^2)), dS/dt = 3 S (1 - S), half of it by either end.
  const Tensor clip = clip_of({{{-1, -49.5}, 0, 2}, {{-1, 50.5}, 0, 4}, {{-50, 0}, 0, 1}}),
               triangles = triangles_of({0, 1, 2}), none = Tensor::zeros({1, 3, 0}, DType::f64);
  const SoftRasterizeParams params{.height = 1, .width = 1, .near = 0.5, .far = 9};
  const double s = 1 / (1 + std::exp(2.25)), g = 1.5 * s * (1 - s);
  // x / w of the first end moves by dx / 2 and by -(x / w) dw / 2 = dw / 2; of the second by a
  // quarter of both.
  const SoftRasterizeGrads grads =
      soft_rasterize_grad(tensor({1, 1, 1, 1}, {1}, DType::f64), clip, triangles, none, params);
  CHECK(relative_error(grads.clip, tensor({1, 3, 4},
                                          {g / 2, 0, 0, g / 2,  //
                                           g / 4, 0, 0, g / 4,  //
                                           0, 0, 0, 0},
                                          DType::f64)) < 1e-12);
}

TEST_CASE("soft_rasterize: gradients by central differences, in perspective",
          "[soft_rasterize][grad]") {
  constexpr Index kSize = 6;
  for (const auto& [sigma, gamma, cutoff] :
       {std::tuple{1.0, 0.3, 1e-4}, {0.2, 0.1, 1e-2}, {8.0, 1.0, 1e-4}}) {
    SoftRasterizeParams params = soft_params(kSize);
    params.sigma = sigma, params.gamma = gamma, params.cutoff = cutoff;
    params.background = {0.3, -2};
    int tried = 0;
    for (std::uint64_t seed = 1; tried < 3; ++seed) {
      REQUIRE(seed < 2000);
      const Mesh mesh = grid(2, kSize, 1, 2, seed);
      if (closest_to_a_kink(mesh, params) < 1e-3) continue;  // a vertex is moved by 3e-4
      ++tried;
      CAPTURE(sigma, gamma, seed);
      const Tensor a = random_tensor({1, mesh.clip.shape()[1], 2}, seed, DType::f64);
      const auto of = [&](auto which) {
        return [&, which](const std::vector<ag::Var>& in) {
          return which(ag::soft_rasterize(in[0], mesh.triangles, in[1], params));
        };
      };
      check_gradients(of([](const ag::SoftMeshPicture& p) { return p.colour; }), {mesh.clip, a});
      check_gradients(of([](const ag::SoftMeshPicture& p) { return p.silhouette; }),
                      {mesh.clip, a});
      check_gradients(soft_picture(mesh.triangles, params), {mesh.clip, a});
    }
  }
}

TEST_CASE("soft_rasterize: gradient of what does not change a picture is 0",
          "[soft_rasterize][property]") {
  constexpr Index kSize = 20;
  const Mesh mesh = grid(3, kSize, 1, 2, 14);
  Tensor gy = random_tensor({1, kSize, kSize, 3}, 15, DType::f64);
  for (Index q = 0; q < kSize * kSize; ++q) gy.data<double>()[3 * q + 2] = 0;
  const Tensor ones = tensor({1, 1, 1}, {1}, DType::f64);
  const Index vertices = mesh.clip.shape()[1];
  Tensor silhouette = Tensor::zeros({1, kSize, kSize, 1}, DType::f64);
  for (Index q = 0; q < kSize * kSize; ++q) silhouette.data<double>()[q] = gy.data<double>()[3 * q];
  const Tensor g =
      soft_rasterize_grad(silhouette, mesh.clip, mesh.triangles,
                          Tensor::zeros({1, vertices, 0}, DType::f64), soft_params(kSize))
          .clip;
  double scaled = 0, all = 0;
  for (Index i = 0; i < g.numel(); ++i) {
    const double part = g.data<double>()[i] * mesh.clip.data<double>()[i];
    scaled += part, all += std::abs(part);
    if (i % 4 == 2) CHECK(g.data<double>()[i] == 0);
  }
  // All vertices times one number have the same silhouette.
  CHECK(all > 1);
  CHECK(std::abs(scaled) < 1e-12 * all);

  // Where all attributes and the background are one number, so is the colour, wherever they are.
  SoftRasterizeParams params = soft_params(kSize);
  params.background = {3, 5};
  Tensor a = Tensor::empty({1, vertices, 2}, DType::f64);
  for (Index i = 0; i < a.numel(); ++i) a.data<double>()[i] = i % 2 == 0 ? 3 : 5;
  const SoftRasterizeGrads flat = soft_rasterize_grad(gy, mesh.clip, mesh.triangles, a, params);
  for (const double v : flat.clip.span<double>()) CHECK(std::abs(v) < 1e-10);
}

TEST_CASE("soft_rasterize: gradients reach what is hidden, and what a pixel is beside",
          "[soft_rasterize][property]") {
  // A triangle wholly behind another, both inside a picture of 16 pixels.
  const Tensor clip = clip_of({{{-20, -20}, 0, 1},
                               {{60, -20}, 0, 1},
                               {{-20, 60}, 0, 1},
                               {{4, 4}, 0, 2},
                               {{12, 5}, 0, 2},
                               {{5, 12}, 0, 2}}),
               triangles = triangles_of({0, 1, 2, 3, 4, 5}),
               a = random_tensor({1, 6, 1}, 3, DType::f64),
               gy = random_tensor({1, 16, 16, 2}, 4, DType::f64);
  SoftRasterizeParams params = soft_params(16);
  params.gamma = 0.5;
  const SoftRasterizeGrads grads = soft_rasterize_grad(gy, clip, triangles, a, params);
  for (Index v = 3; v < 6; ++v) {
    CHECK(std::abs(grads.clip.data<double>()[4 * v]) > 1e-3);
    CHECK(std::abs(grads.clip.data<double>()[4 * v + 3]) > 1e-3);
    CHECK(std::abs(grads.attributes.data<double>()[v]) > 1e-3);
  }
}

TEST_CASE("soft_rasterize: a silhouette moves a triangle to a place that it does not touch",
          "[soft_rasterize][grad]") {
  constexpr Index kSize = 24;
  // Six pixels wide, in columns 2 to 8; wanted 10 columns to the right and 5 rows down.
  const std::vector<Corner> start{{{2, 3}, -1, 1}, {{8, 4}, -1, 1}, {{4, 9}, -1, 1}};
  std::vector<Corner> wanted = start;
  for (Corner& c : wanted) c.at = {c.at.x + 10, c.at.y + 5};
  const Tensor triangles = triangles_of({0, 1, 2}), clip = clip_of(start);
  const ag::Var ones(tensor({1, 3, 1}, {1, 1, 1}, DType::f64));
  const auto moved = [&](const ag::Var& shift) {  // w = 1: pixels
    const ag::Var zeros(Tensor::zeros({1, 1, 2}, DType::f64));
    return ag::add(ag::Var(clip), ag::concat({shift, zeros}, 2));
  };
  const auto difference = [](const ag::Var& picture, const ag::Var& target) {
    const ag::Var d = ag::subtract(picture, target);
    return ag::sum(ag::multiply(d, d));
  };

  // The hard rasterizer shows another picture, and its gradient is nothing.
  const auto wanting = [](const Tensor& value) {
    ag::Var var(value);
    var.set_requires_grad(true);
    return var;
  };
  ag::Var shift = wanting(Tensor::zeros({1, 1, 2}, DType::f64));
  const auto hard = picture(triangles, kSize);
  const ag::Var hard_loss = difference(hard({moved(shift), ones}),
                                       ag::Var(hard({ag::Var(clip_of(wanted)), ones}).value()));
  hard_loss.backward();
  CHECK(hard_loss.value().data<double>()[0] > 20);
  for (const double g : shift.grad().span<double>()) CHECK(std::abs(g) < 1e-12);

  SoftRasterizeParams params = soft_params(kSize);
  // From soft to sharp, as far as it sees at first and as exactly as it can at last.
  for (const double sigma : {40.0, 10.0, 1.0}) {
    params.sigma = sigma;
    const auto silhouette = [&](const ag::Var& vertices) {
      return ag::soft_rasterize(vertices, triangles, ones, params).silhouette;
    };
    const ag::Var target(silhouette(ag::Var(clip_of(wanted))).value());
    for (int step = 0; step < 60; ++step) {
      shift = wanting(shift.value());
      difference(silhouette(moved(shift)), target).backward();
      const double *g = shift.grad().data<double>(), size = std::hypot(g[0], g[1]);
      if (size < 1e-9) break;
      const double length = std::min(0.5, 0.3 * size);
      shift = wanting(add(shift.value(), scale(shift.grad(), -length / size)));
    }
  }
  CHECK(shift.value().data<double>()[0] == Approx(10).margin(0.05));
  CHECK(shift.value().data<double>()[1] == Approx(5).margin(0.05));
}

}  // namespace rf::test
