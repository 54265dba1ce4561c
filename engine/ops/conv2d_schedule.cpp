#include "engine/ops/conv2d_schedule.hpp"

#include <algorithm>

namespace rf {

namespace {

// Whether Winograd's tiles pay: their transforms cost as much as a few channels.
bool by_winograd(const Conv2dGeometry& g) {
  return kernels().winograd && g.groups == 1 && g.kernel_h == 3 && g.kernel_w == 3 &&
         g.stride == 1 && g.dilation == 1 && g.in_channels >= 16 && g.out_channels >= 16 &&
         g.out_h >= 4 && g.out_w >= 4;
}

}  // namespace

// About 192 KiB of input, so that it stays in a second-level cache while all output channels pass
// over it.
Index conv2d_pixels_per_chunk(const Conv2dGeometry& g) {
  constexpr Index kInputs = 49152;
  const Index out_plane = g.out_h * g.out_w;
  return std::clamp<Index>(kInputs / g.in_channels, std::min<Index>(out_plane, 64), out_plane);
}

Conv2dSchedule::Conv2dSchedule(const Conv2dGeometry& g, Index batch)
    : table_(&kernels()),
      winograd_(by_winograd(g)),
      groups_(g.groups),
      units_(winograd_ ? ceil_div(g.out_h, 4) : g.out_h * g.out_w) {
  if (units_ == 0) return;
  if (winograd_) {  // about 128 tiles a chunk, in chunks of equal size
    const Index most = std::clamp<Index>(128 / ceil_div(g.out_w, 4), 1, units_);
    per_chunk_ = ceil_div(units_, ceil_div(units_, most));
    scratch_bytes_ = table_->winograd_scratch_bytes(g, per_chunk_);
  } else {
    per_chunk_ = conv2d_pixels_per_chunk(g);
    scratch_bytes_ = table_->conv2d_scratch_bytes(g, per_chunk_);
  }
  parts_ = ceil_div(units_, per_chunk_);
  chunks_ = batch * groups_ * parts_;
}

Tensor Conv2dSchedule::transformed(const Conv2dGeometry& g, const float* w) const {
  if (!winograd_) return {};
  Tensor u = Tensor::empty({36, g.out_channels, g.in_channels});
  table_->winograd_weights(g, w, u.data<float>());
  return u;
}

void Conv2dSchedule::run(const Conv2dArgs<float>& args, const float* u, Index chunk,
                         std::byte* scratch) const noexcept {
  const Index plane = chunk / parts_, begin = chunk % parts_ * per_chunk_;
  const Conv2dTile tile{.image = plane / groups_,
                        .group = plane % groups_,
                        .begin = begin,
                        .end = std::min(begin + per_chunk_, units_),
                        .scratch = scratch};
  if (winograd_)
    table_->winograd(args, u, tile);
  else
    table_->conv2d(args, tile);
}

}  // namespace rf
