#include "retinaface/dense/camera_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "autograd/adam.hpp"
#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "retinaface/dense/camera_correction.hpp"
#include "retinaface/dense/dense_head.hpp"

namespace rf {

namespace {

using ag::Var;

// The middle of the mesh [V, 6].
std::array<double, 3> middle_of(const Tensor& mesh) {
  std::array<double, 3> middle{};
  const Index count = mesh.shape()[0];
  for (Index v = 0; v < count; ++v) {
    for (std::size_t i = 0; i < 3; ++i)
      middle[i] += static_cast<double>(mesh.data<float>()[6 * v + static_cast<Index>(i)]);
  }
  for (double& place : middle) place /= static_cast<double>(count);
  return middle;
}

void check(const Tensor& mesh, const Tensor& camera, const Tensor& light,
           const SquarePixels& pixels, const Tensor& mask) {
  const Shape& m = mesh.shape();
  RF_CHECK_SHAPE(m.rank() == 2 && m[0] > 0 && m[1] == 6 && mesh.dtype() == DType::f32, "fit_camera",
                 "mesh ", m, " must be f32 [V, 6]");
  RF_CHECK_SHAPE(camera.shape() == (Shape{7}) && light.shape() == (Shape{9}), "fit_camera",
                 "camera ", camera.shape(), " and light ", light.shape(), " must be [7] and [9]");
  const Shape& s = pixels.rgb.shape();
  RF_CHECK_SHAPE(s.rank() == 3 && s[0] > 0 && s[0] == s[1] && s[2] == 3 &&
                     mask.shape() == (Shape{s[0], s[0], 1}),
                 "fit_camera", "pixels ", s, " and mask ", mask.shape(),
                 " must be [S, S, 3] and [S, S, 1]");
}

void check(const CameraFitOptions& o) {
  const auto sound = [](double x) { return x >= 0 && std::isfinite(x); };
  if (o.steps < 0 || !sound(o.rate) || !sound(o.prior) || !sound(o.code_prior))
    throw UsageError(message("fit_camera: ", o.steps, " steps of rate ", o.rate, ", priors ",
                             o.prior, " and ", o.code_prior, "; each must be at least 0"));
}

Var wanting_gradient(const Tensor& value) {
  Var var(value);
  var.set_requires_grad(true);
  return var;
}

MeshLook as_look(const RenderedMeshes& rendered) {
  const Shape& s = rendered.colour.shape();
  return {.colour = rendered.colour.value().reshaped({s[1], s[2], s[3]}),
          .covered = rendered.triangle.reshaped({s[1], s[2]})};
}

// Pixels of the mask: those that the mesh does not cover, and how many there are in all.
struct MaskPixels {
  std::vector<Index> uncovered;
  Index all = 0;
};
MaskPixels mask_pixels(const MeshLook& look, const Tensor& mask) {
  const std::span<const Index> covered = look.covered.span<Index>();
  const std::span<const float> counts = mask.span<float>();
  MaskPixels pixels;
  for (std::size_t p = 0; p < counts.size(); ++p) {
    if (counts[p] == 0) continue;
    ++pixels.all;
    if (covered[p] < 0) pixels.uncovered.push_back(static_cast<Index>(p));
  }
  return pixels;
}

// Of vertices in the picture (f32 [1, V, 2]) the nearest to a place.
Index nearest(const Tensor& vertices, float x, float y) {
  const float* at = vertices.data<float>();
  Index best = 0;
  float least = std::numeric_limits<float>::infinity();
  for (Index v = 0; v < vertices.shape()[1]; ++v) {
    const float dx = at[2 * v] - x, dy = at[2 * v + 1] - y;
    if (const float square = dx * dx + dy * dy; square < least) {
      least = square;
      best = v;
    }
  }
  return best;
}

// The hard rasterizer says nothing of where a mesh ends. So each pixel of the mask that is left
// free pulls the vertex that is nearest: the distance along both axes in pixels, over the pixels of
// the mask, as one of them changes masked_error() by about that when an edge moves by a pixel.
Var pull(const RenderedMeshes& rendered, const MaskPixels& pixels, Index size) {
  const Var at = ag::divide(ag::slice(rendered.clip, 2, 0, 2), ag::slice(rendered.clip, 2, 3, 4));
  const auto count = static_cast<Index>(pixels.uncovered.size());
  std::vector<Index> vertices;
  Tensor places = Tensor::empty({1, count, 2});
  float* to = places.data<float>();
  for (const Index p : pixels.uncovered) {
    const Index row = p / size, column = p % size;
    const float x = static_cast<float>(column) + 0.5F, y = static_cast<float>(row) + 0.5F;
    vertices.push_back(nearest(at.value(), x, y));
    *to++ = x;
    *to++ = y;
  }
  const Var pulled =
      ag::gather(at, 1, Tensor::from({count}, std::span<const Index>(std::as_const(vertices))));
  return ag::scale(ag::sum(ag::l1(pulled, Var(places))), 1 / static_cast<double>(pixels.all));
}

}  // namespace

MeshLook look_of(const MeshRenderer& renderer, const Tensor& mesh, const Tensor& camera,
                 const Tensor& light, Index size) {
  const ag::NoGradScope no_grad;
  return as_look(renderer(Var(mesh.reshaped({1, mesh.shape()[0], mesh.shape()[1]})),
                          Var(camera.reshaped({1, 7})), Var(light.reshaped({1, 9})), size));
}

Tensor mask_of(const MeshLook& look, const SquarePixels& pixels) {
  Tensor mask = Tensor::zeros(pixels.inside.shape());
  const std::span<const Index> covered = look.covered.span<Index>();
  const std::span<const float> inside = pixels.inside.span<float>();
  RF_ASSERT(covered.size() == inside.size());
  float* to = mask.data<float>();
  for (std::size_t p = 0; p < inside.size(); ++p)
    to[p] = covered[p] >= 0 && inside[p] > 0 ? 1.0F : 0.0F;
  return mask;
}

double masked_error(const MeshLook& look, const Tensor& mask, const SquarePixels& pixels) {
  const std::span<const Index> covered = look.covered.span<Index>();
  const std::span<const float> counts = mask.span<float>();
  const std::span<const float> is = look.colour.span<float>(), wanted = pixels.rgb.span<float>();
  RF_ASSERT(covered.size() == counts.size() && is.size() == wanted.size());
  double sum = 0, count = 0;
  for (std::size_t p = 0; p < counts.size(); ++p) {
    if (counts[p] == 0) continue;
    ++count;
    double difference = 0;
    for (std::size_t c = 3 * p; c < 3 * p + 3; ++c)
      difference += std::abs(static_cast<double>(is[c]) - static_cast<double>(wanted[c]));
    sum += covered[p] < 0 ? 1 : difference / 3;
  }
  return sum / std::max(count, 1.0);
}

namespace {

// Lowers masked_error() of the face that `face` makes over camera, light, and what else the face
// is made of: `shape`, whose mean square costs `shape_prior`, if it has a value.
FittedCamera fit(const MeshRenderer& renderer, const std::function<Var()>& face, const Var& shape,
                 const std::array<double, 3>& pivot, const Tensor& camera, const Tensor& light,
                 const SquarePixels& pixels, const Tensor& mask, const CameraFitOptions& options) {
  const Index size = pixels.rgb.shape()[0];
  const Tensor crop = pixels.rgb.reshaped({1, size, size, 3});
  const Tensor counts = mask.reshaped({1, size, size, 1});
  const Tensor first_camera = camera.reshaped({1, 7});
  const Var first_light(light.reshaped({1, 9}));
  const Var light_step(DenseHead::light_step().reshaped({1, 9}));
  const Var x = wanting_gradient(Tensor::zeros({1, 7}));
  const Var y = wanting_gradient(Tensor::zeros({1, 9}));
  ag::ParameterGroup group{.parameters = {{"camera", x}, {"light", y}}};
  const bool shaped = shape.value().numel() > 0;
  if (shaped) group.parameters.push_back({"shape", shape});
  ag::Adam adam({group});

  const auto code = [&] { return shape.value().reshaped({shape.value().numel()}); };
  FittedCamera best{.camera = camera, .light = light, .code = shaped ? code() : Tensor()};
  for (Index step = 0; step <= options.steps; ++step) {
    const Var now = corrected_camera(first_camera, x, pivot),
              lit = ag::add(first_light, ag::multiply(light_step, y));
    const RenderedMeshes rendered = renderer(face(), now, lit, size);
    const MeshLook look = as_look(rendered);
    const double error = masked_error(look, mask, pixels);
    if (step == 0) {
      best.before = best.after = error;
    } else if (error < best.after) {
      best.after = error;
      best.camera = now.value().reshaped({7});
      best.light = lit.value().reshaped({9});
      if (shaped) best.code = code();
    }
    const MaskPixels in_mask = mask_pixels(look, mask);
    const auto uncovered = static_cast<Index>(in_mask.uncovered.size());
    if (step == options.steps || !std::isfinite(error) || uncovered == in_mask.all) break;
    const auto mean_square = [](const Var& v, double weight) {
      return ag::scale(ag::sum(ag::multiply(v, v)),
                       weight / static_cast<double>(v.value().numel()));
    };
    Var loss = ag::add(pixel_loss(rendered, crop, counts), mean_square(x, options.prior));
    if (shaped) loss = ag::add(loss, mean_square(shape, options.code_prior));
    if (uncovered > 0) loss = ag::add(loss, pull(rendered, in_mask, size));
    loss.backward();
    adam.step(options.rate * (1 - static_cast<double>(step) / static_cast<double>(options.steps)));
    adam.clear_grads();
  }
  return best;
}

}  // namespace

FittedCamera fit_camera(const MeshRenderer& renderer, const Tensor& mesh, const Tensor& camera,
                        const Tensor& light, const SquarePixels& pixels, const Tensor& mask,
                        const CameraFitOptions& options) {
  check(options);
  check(mesh, camera, light, pixels, mask);
  const Var face(mesh.reshaped({1, mesh.shape()[0], 6}));
  return fit(
      renderer, [&] { return face; }, {}, middle_of(mesh), camera, light, pixels, mask, options);
}

FittedCamera fit_face(const MeshRenderer& renderer, const MeshDecoder& decoder, const Tensor& code,
                      const Tensor& camera, const Tensor& light, const SquarePixels& pixels,
                      const Tensor& mask, const CameraFitOptions& options) {
  check(options);
  const Var numbers = wanting_gradient(code.clone().reshaped({1, code.numel()}));
  const auto face = [&] { return decoder.forward(numbers); };
  Tensor mesh = [&] {
    const ag::NoGradScope no_grad;
    return face().value();
  }();
  mesh = mesh.reshaped({mesh.shape()[1], mesh.shape()[2]});
  check(mesh, camera, light, pixels, mask);
  return fit(renderer, face, numbers, middle_of(mesh), camera, light, pixels, mask, options);
}

}  // namespace rf
