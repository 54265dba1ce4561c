#include "engine/ops/conv2d_schedule.hpp"

#include <algorithm>

#include "engine/parallel.hpp"

namespace rf {

namespace {

// Whether Winograd's tiles pay: their transforms cost as much as a few channels.
bool by_winograd(const Conv2dGeometry& g) {
  return kernels().winograd && g.groups == 1 && g.kernel_h == 3 && g.kernel_w == 3 &&
         g.stride == 1 && g.dilation == 1 && g.in_channels >= 16 && g.out_channels >= 16 &&
         g.out_h >= 4 && g.out_w >= 4;
}

constexpr Index kSmallChunk = 8192;  // inputs

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
      batch_(batch),
      groups_(g.groups),
      units_(winograd_ ? ceil_div(g.out_h, 4) : g.out_h * g.out_w) {
  if (units_ == 0) return;
  // In Winograd's kernel about 128 tiles.
  const Index most = winograd_ ? std::clamp<Index>(128 / ceil_div(g.out_w, 4), 1, units_)
                               : conv2d_pixels_per_chunk(g);
  const Index threads = thread_count();
  parts_ = ceil_div(units_, most);
  if (batch * groups_ == 1) parts_ = std::min(ceil_div(parts_, threads) * threads, units_);
  per_chunk_ = ceil_div(units_, parts_);
  parts_ = ceil_div(units_, per_chunk_);
  // Planes that are parts of a chunk each: several to one, but some chunks for every thread.
  if (parts_ == 1) {
    together_ = std::clamp<Index>(kSmallChunk / (units_ * g.in_channels), 1,
                                  ceil_div(groups_, 4 * threads));
  }
  scratch_bytes_ = winograd_ ? table_->winograd_scratch_bytes(g, per_chunk_)
                             : table_->conv2d_scratch_bytes(g, per_chunk_);
  chunks_ = batch * ceil_div(groups_, together_) * parts_;
}

Tensor Conv2dSchedule::transformed(const Conv2dGeometry& g, const float* w) const {
  if (!winograd_) return {};
  Tensor u =
      Tensor::empty({36, ceil_div(g.out_channels, kWeightBlock), g.in_channels, kWeightBlock});
  table_->winograd_weights(g, w, u.data<float>());
  return u;
}

double Conv2dSchedule::flops(const Conv2dGeometry& g) const {
  const Index outputs = winograd_ ? ceil_div(g.out_h, 4) * ceil_div(g.out_w, 4) * 36
                                  : g.out_h * g.out_w * g.kernel_h * g.kernel_w;
  return 2.0 * static_cast<double>(batch_ * g.groups * g.in_channels * g.out_channels) *
         static_cast<double>(outputs);
}

void Conv2dSchedule::run(const Conv2dArgs<float>& args, const float* u, Index chunk,
                         std::byte* scratch) const noexcept {
  const Index planes = chunk / parts_, begin = chunk % parts_ * per_chunk_;
  const Index of_image = ceil_div(groups_, together_), first = planes % of_image * together_;
  for (Index group = first; group < std::min(first + together_, groups_); ++group) {
    const Conv2dTile tile{.image = planes / of_image,
                          .group = group,
                          .begin = begin,
                          .end = std::min(begin + per_chunk_, units_),
                          .scratch = scratch};
    if (winograd_)
      table_->winograd(args, u, tile);
    else
      table_->conv2d(args, tile);
  }
}

}  // namespace rf
