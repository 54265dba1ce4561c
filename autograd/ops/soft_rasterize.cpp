#include "engine/ops/soft_rasterize.hpp"

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf::ag {

namespace {

struct SoftRasterizeNode final : Node {
  Tensor triangles;
  SoftRasterizeParams params;
  SoftRasterizeNode(Tensor t, SoftRasterizeParams p)
      : triangles(std::move(t)), params(std::move(p)) {}
  const char* name() const override { return "soft_rasterize"; }
  Attributes attributes() const override {
    Attributes all{{"height", static_cast<double>(params.height)},
                   {"width", static_cast<double>(params.width)},
                   {"near", params.near},
                   {"far", params.far},
                   {"sigma", params.sigma},
                   {"gamma", params.gamma},
                   {"cutoff", params.cutoff}};
    for (std::size_t c = 0; c < params.background.size(); ++c)
      all.emplace_back(message("background ", c), params.background[c]);
    return all;
  }
  void backward(const Tensor& gy) override {
    const SoftRasterizeGrads grads =
        soft_rasterize_grad(gy, input(0).value(), triangles, input(1).value(), params);
    if (wants(0)) input(0).accumulate(grads.clip);
    if (wants(1)) input(1).accumulate(grads.attributes);
  }
};

}  // namespace

SoftMeshPicture soft_rasterize(const Var& clip, const Tensor& triangles, const Var& attributes,
                               const SoftRasterizeParams& params) {
  const Var picture = record<SoftRasterizeNode>(
      rf::soft_rasterize(clip.value(), triangles, attributes.value(), params), {clip, attributes},
      triangles, params);
  const Shape& s = picture.shape();
  const Index channels = s[3] - 1;
  return {.colour = slice(picture, 3, 0, channels),
          .silhouette = reshape(slice(picture, 3, channels, channels + 1), {s[0], s[1], s[2]})};
}

}  // namespace rf::ag
