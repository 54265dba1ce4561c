#include "engine/ops/rasterize.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"

namespace rf::ag {

namespace {

struct RasterizeNode final : Node {
  Tensor triangles;
  Raster raster;
  RasterizeNode(Tensor t, Raster r) : triangles(std::move(t)), raster(std::move(r)) {}
  const char* name() const override { return "rasterize"; }
  Attributes attributes() const override {
    const Shape& shape = raster.triangle.shape();
    return {{"height", static_cast<double>(shape[1])}, {"width", static_cast<double>(shape[2])}};
  }
  void backward(const Tensor& gy) override {
    input(0).accumulate(rasterize_grad(gy, input(0).value(), triangles, raster));
  }
};

}  // namespace

MeshRaster rasterize(const Var& clip, const Tensor& triangles, const RasterizeParams& params) {
  Raster raster = rf::rasterize(clip.value(), triangles, params);
  Var barycentric = record<RasterizeNode>(raster.barycentric, {clip}, triangles, raster);
  return {.triangle = std::move(raster.triangle), .barycentric = std::move(barycentric)};
}

}  // namespace rf::ag
