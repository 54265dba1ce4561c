#include "engine/ops/soft_rasterize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/kernels/reference/soft_rasterize.hpp"
#include "engine/math.hpp"
#include "engine/ops/rasterize.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

using reference::SoftMeshes, reference::SoftSample, reference::SoftScratch, reference::SoftTriangle;

void check_params(const SoftRasterizeParams& p, Index channels) {
  constexpr const char* kOp = "soft_rasterize";
  constexpr double kSmallest = 1e-12, kLargest = 1e12;
  RF_CHECK_SHAPE(p.height >= 0 && p.width >= 0, kOp, "a picture of ", p.height, " x ", p.width,
                 " pixels: neither may be negative");
  RF_CHECK_SHAPE(p.near >= 1e-30 && p.near < p.far && p.far <= 1e30 && 1 / p.near > 1 / p.far, kOp,
                 "near is ", p.near, " and far ", p.far,
                 ", must be at least 1e-30, and near below far, and far at most 1e30");
  for (const auto& [name, value] : {std::pair{"sigma", p.sigma}, std::pair{"gamma", p.gamma}}) {
    RF_CHECK_SHAPE(value >= kSmallest && value <= kLargest, kOp, name, " is ", value,
                   ", must be from 1e-12 to 1e12");
  }
  RF_CHECK_SHAPE(p.cutoff >= 1e-300 && p.cutoff < 0.5, kOp, "cutoff is ", p.cutoff,
                 ", must be at least 1e-300 and below 0.5");
  const Index background = static_cast<Index>(p.background.size());
  RF_CHECK_SHAPE(background == 0 || background == channels, kOp, "a background of ", background,
                 " numbers for ", channels, " attributes");
}

// What one thread needs, cut out of the memory of parallel_for.
class Layout {
 public:
  Layout(Index triangles, Index channels, Index sums)
      : triangles_(triangles), channels_(channels), sums_(sums) {}

  [[nodiscard]] std::size_t bytes() const {
    constexpr Index kLine = 64, kDouble = sizeof(double),
                    kTriangle = sizeof(SoftTriangle) + sizeof(Index) + sizeof(SoftSample);
    const Index doubles = checked_mul(checked_add(channels_, sums_), kDouble),
                all = checked_add(checked_mul(triangles_, kTriangle), doubles);
    return static_cast<std::size_t>(ceil_div(std::max<Index>(all, 1), kLine) * kLine);
  }

  [[nodiscard]] SoftScratch at(std::byte* memory) const {
    static_assert(alignof(SoftTriangle) == alignof(double) &&
                  alignof(SoftSample) == alignof(double) && alignof(Index) == alignof(double));
    const auto take = [&]<class T>(T*, Index count) {
      T* taken = reinterpret_cast<T*>(memory);
      memory += count * static_cast<Index>(sizeof(T));
      return taken;
    };
    SoftScratch scratch{};
    scratch.band = take(scratch.band, triangles_);
    scratch.tile = take(scratch.tile, triangles_);
    scratch.pixel = take(scratch.pixel, triangles_);
    scratch.colour = take(scratch.colour, channels_);
    scratch.sums = take(scratch.sums, sums_);
    return scratch;
  }

 private:
  Index triangles_, channels_, sums_;
};

// The kernels' view of meshes, and what it points to.
template <class T>
struct Meshes {
  Tensor screen;
  std::vector<double> background;
  SoftMeshes<T> view{};

  Meshes(const Tensor& clip, const Tensor& triangles, const Tensor& attributes,
         const SoftRasterizeParams& p)
      : screen(Tensor::empty({clip.shape()[0], clip.shape()[1], 2}, DType::f64)),
        background(p.background) {
    const Index vertices = clip.shape()[1], channels = attributes.shape()[2];
    background.resize(static_cast<std::size_t>(channels));
    const ProjectVerticesArgs<T> project{.clip = clip.data<T>(), .screen = screen.data<double>()};
    for_ranges(clip.shape()[0] * vertices, 4,
               [&](Index begin, Index end) { reference::project_vertices(project, begin, end); });
    const double farthest_square = p.sigma * log(1 / p.cutoff - 1);
    view = {.clip = clip.data<T>(),
            .screen = screen.data<double>(),
            .triangle = triangles.data<Index>(),
            .attributes = attributes.data<T>(),
            .background = background.data(),
            .vertices = vertices,
            .triangles = triangles.shape()[0],
            .channels = channels,
            .height = p.height,
            .width = p.width,
            .blend = {.sigma = p.sigma,
                      .gamma = p.gamma,
                      .inverse_far = 1 / p.far,
                      .nearness_scale = 1 / (1 / p.near - 1 / p.far),
                      .farthest_square = farthest_square},
            .reach = std::sqrt(farthest_square)};
  }
};

template <class T>
void draw(const Tensor& clip, const Tensor& triangles, const Tensor& attributes,
          const SoftRasterizeParams& p, Tensor& picture) {
  const Meshes<T> meshes(clip, triangles, attributes, p);
  const Layout layout(meshes.view.triangles, meshes.view.channels, 0);
  const Index bands = ceil_div(p.height, reference::kSoftTile);
  T* to = picture.data<T>();
  parallel_for(clip.shape()[0] * bands, layout.bytes(), [&](Index chunk, std::byte* scratch) {
    const Index begin = chunk % bands * reference::kSoftTile,
                end = std::min(begin + reference::kSoftTile, p.height);
    reference::soft_rasterize(meshes.view, chunk / bands, begin, end, layout.at(scratch), to);
  });
}

template <class T>
void draw_grad(const Tensor& gy, const Tensor& clip, const Tensor& triangles,
               const Tensor& attributes, const SoftRasterizeParams& p, SoftRasterizeGrads& grads) {
  const Meshes<T> meshes(clip, triangles, attributes, p);
  const SoftMeshes<T>& m = meshes.view;
  const Layout layout(m.triangles, m.channels, checked_mul(m.vertices, checked_add(m.channels, 3)));
  const reference::SoftGradients<T> to{
      .gy = gy.data<T>(), .gclip = grads.clip.data<T>(), .gattributes = grads.attributes.data<T>()};
  // Pixels of one image meet at its vertices: an image is one chunk.
  parallel_for(clip.shape()[0], layout.bytes(), [&](Index image, std::byte* scratch) {
    reference::soft_rasterize_grad(m, image, layout.at(scratch), to);
  });
}

}  // namespace

Shape soft_rasterize_out_shape(const Shape& clip, const Shape& attributes, const Shape& triangles,
                               const SoftRasterizeParams& params) {
  constexpr const char* kOp = "soft_rasterize";
  RF_CHECK_SHAPE(clip.rank() == 3 && clip[2] == 4, kOp, "vertices ", clip, " must be [N, V, 4]");
  RF_CHECK_SHAPE(attributes.rank() == 3 && attributes[0] == clip[0] && attributes[1] == clip[1],
                 kOp, "attributes ", attributes, " of vertices ", clip, " must be [", clip[0], ", ",
                 clip[1], ", C]");
  RF_CHECK_SHAPE(triangles.rank() == 2 && triangles[1] == 3, kOp, "triangles ", triangles,
                 " must be [T, 3]");
  check_params(params, attributes[2]);
  return {clip[0], params.height, params.width, checked_add(attributes[2], 1)};
}

Tensor soft_rasterize(const Tensor& clip, const Tensor& triangles, const Tensor& attributes,
                      const SoftRasterizeParams& params) {
  check_same_dtype("soft_rasterize", {&clip, &attributes});
  const Shape shape =
      soft_rasterize_out_shape(clip.shape(), attributes.shape(), triangles.shape(), params);
  check_triangles("soft_rasterize", triangles, clip.shape()[1]);
  Tensor picture = Tensor::empty(shape, clip.dtype());
  if (picture.numel() == 0) return picture;
  with_float_type(clip, [&]<class T>(T) { draw<T>(clip, triangles, attributes, params, picture); });
  return picture;
}

SoftRasterizeGrads soft_rasterize_grad(const Tensor& gy, const Tensor& clip,
                                       const Tensor& triangles, const Tensor& attributes,
                                       const SoftRasterizeParams& params) {
  constexpr const char* kOp = "soft_rasterize gradient";
  check_same_dtype(kOp, {&gy, &clip, &attributes});
  const Shape shape =
      soft_rasterize_out_shape(clip.shape(), attributes.shape(), triangles.shape(), params);
  RF_CHECK_SHAPE(gy.shape() == shape, kOp, "dL/d picture is ", gy.shape(), ", the picture was ",
                 shape);
  check_triangles(kOp, triangles, clip.shape()[1]);
  SoftRasterizeGrads grads{.clip = Tensor::empty(clip.shape(), clip.dtype()),
                           .attributes = Tensor::empty(attributes.shape(), clip.dtype())};
  if (grads.clip.numel() == 0) return grads;
  with_float_type(
      clip, [&]<class T>(T) { draw_grad<T>(gy, clip, triangles, attributes, params, grads); });
  return grads;
}

}  // namespace rf
