#include "engine/ops/conv2d_schedule.hpp"

#include <algorithm>
#include <limits>

#include "engine/parallel.hpp"

namespace rf {

namespace {

Index tiles_of(const WinogradKernel& kernel, const Conv2dGeometry& g) {
  return ceil_div(g.out_h, kernel.outputs) * ceil_div(g.out_w, kernel.outputs);
}

Index places_of(const WinogradKernel& kernel) {
  return (kernel.outputs + 2) * (kernel.outputs + 2);
}

constexpr Index kSmallChunk = 8192;  // inputs
constexpr Index kGrain = 48;         // units: whole blocks of every table's kernel

}  // namespace

// About 192 KiB of input, so that it stays in a second-level cache while all output channels pass
// over it.
Index conv2d_pixels_per_chunk(const Conv2dGeometry& g) {
  constexpr Index kInputs = 49152;
  const Index out_plane = g.out_h * g.out_w;
  return std::clamp<Index>(kInputs / g.in_channels, std::min<Index>(out_plane, 64), out_plane);
}

namespace {

// Units that stay together: whole blocks of the kernel, where rows have no gaps; of few tiles whole
// vectors, lest one thread gets twice what another does.
Index grain_of(const Conv2dGeometry& g, const WinogradKernel* winograd, Index units) {
  constexpr Index kFew = 16 * kGrain;
  if (winograd) return std::min(units < kFew ? kGrain / 3 : kGrain, units);
  return g.kernel_w == 1 ? std::min(kGrain, units) : 1;
}

// Blocks of the kernels are three vectors; smaller ones have fewer products for each weight that is
// loaded.
double vectors_of(Index positions) {
  constexpr double kRest[3] = {0, 1.2, 2.1};
  const Index whole = ceil_div(positions, kernels().vector_floats);
  return static_cast<double>(whole / 3 * 3) + kRest[whole % 3];
}

// Positions that the direct kernel computes for so many pixels: it walks rows as one line, with a
// gap where a window would reach into the next row.
Index positions_of(const Conv2dGeometry& g, Index pixels) {
  return pixels + (pixels - 1) / g.out_w * ((g.kernel_w - 1) * g.dilation / g.stride);
}

// The kernel whose tiles cost least, nullptr: the direct one.
const WinogradKernel* winograd_for(const Conv2dGeometry& g) {
  if (g.groups != 1 || g.kernel_h != 3 || g.kernel_w != 3 || g.stride != 1 || g.dilation != 1 ||
      g.out_h * g.out_w == 0)
    return nullptr;
  const auto in = static_cast<double>(g.in_channels), out = static_cast<double>(g.out_channels);
  constexpr double kPacking = 20;  // of one vector of one channel, for the direct kernel
  double best =
      vectors_of(positions_of(g, g.out_h * g.out_w)) * (1.1 * 9 * in * out + kPacking * in);
  const WinogradKernel* chosen = nullptr;
  for (const WinogradKernel& kernel : kernels().winograd) {
    if (!kernel.run) continue;
    const double cost =
        vectors_of(tiles_of(kernel, g)) * (static_cast<double>(places_of(kernel)) * in * out +
                                           kernel.transform_cost * (in + out) / 2);
    if (cost < best) best = cost, chosen = &kernel;
  }
  return chosen;
}

// The ways to cut one plane, and what the busiest thread then has to do, in products of a vector of
// outputs with the weights of all input channels.
class Cuts {
 public:
  Cuts(const Conv2dGeometry& g, const WinogradKernel* winograd)
      : geometry_(g), winograd_(winograd), channels_(static_cast<double>(g.out_channels)) {}

  // So many of the plane's units.
  [[nodiscard]] double vectors(Index units) const {
    return vectors_of(winograd_ ? units : positions_of(geometry_, units));
  }

  // A chunk of one of `splits` parts of the output channels. Inputs are prepared once more for each
  // split, and a core finds some of them in another core's cache, where they were made; weights
  // come from a farther cache once for each chunk.
  [[nodiscard]] double chunk(double vectors, Index splits) const {
    constexpr double kFetch = 0.25, kFromOthers = 0.07;
    const double prepare =
        winograd_ ? winograd_->transform_cost / 2 / static_cast<double>(places_of(*winograd_)) : 2;
    const double alone =
        (vectors + kFetch) * channels_ / static_cast<double>(splits) + prepare * vectors;
    return splits > 1 ? (1 + kFromOthers) * alone : alone;
  }

 private:
  const Conv2dGeometry& geometry_;
  const WinogradKernel* winograd_;
  double channels_;
};

}  // namespace

Conv2dSchedule::Conv2dSchedule(const Conv2dGeometry& g, Index batch)
    : table_(&kernels()),
      winograd_(winograd_for(g)),
      batch_(batch),
      groups_(g.groups),
      units_(winograd_ ? tiles_of(*winograd_, g) : g.out_h * g.out_w),
      grain_(grain_of(g, winograd_, units_)),
      blocks_(ceil_div(g.out_channels, kWeightBlock)) {
  if (units_ == 0) return;
  const Index most = winograd_ ? std::min(3 * kGrain, units_) : conv2d_pixels_per_chunk(g);
  parts_ = ceil_div(units_, most);
  const Index threads = thread_count(), grains = ceil_div(units_, grain_);
  if (batch * groups_ == 1) balance(g, threads);
  parts_ = std::min(parts_, grains);
  // Planes that are parts of a chunk each: several to one, but some chunks for every thread.
  if (parts_ == 1) {
    together_ = std::clamp<Index>(kSmallChunk / (units_ * g.in_channels), 1,
                                  ceil_div(groups_, 4 * threads));
  }
  const Index largest = std::min(ceil_div(grains, parts_) * grain_, units_);
  scratch_bytes_ =
      winograd_ ? winograd_->scratch_bytes(g) : table_->conv2d_scratch_bytes(g, largest);
  chunks_ = batch * ceil_div(groups_, together_) * splits_ * parts_;
}

// Of one plane: among somewhat more parts than a cache asks for, with and without a split of the
// output channels between threads, those that keep the busiest thread least busy.
void Conv2dSchedule::balance(const Conv2dGeometry& g, Index threads) {
  const Index least = parts_, grains = ceil_div(units_, grain_);
  if (least > 16 * threads) return;  // enough for any number of threads
  const Cuts cuts(g, winograd_);
  double best = std::numeric_limits<double>::infinity();
  for (const Index splits : {Index{1}, threads}) {
    if (splits > 1 && (g.in_channels < 16 || blocks_ < 2 * splits)) continue;
    for (Index parts = least; parts <= std::min(least + 2 * threads, grains); ++parts) {
      const Index largest = std::min(ceil_div(grains, parts) * grain_, units_);
      const double longest = static_cast<double>(ceil_div(parts * splits, threads)) *
                             cuts.chunk(cuts.vectors(largest), splits);
      if (longest < best) best = longest, parts_ = parts, splits_ = splits;
    }
  }
}

Tensor Conv2dSchedule::transformed(const Conv2dGeometry& g, const float* w) const {
  if (!winograd_) return {};
  Tensor u = Tensor::empty(
      {places_of(*winograd_), ceil_div(g.out_channels, kWeightBlock), g.in_channels, kWeightBlock});
  winograd_->weights(g, w, u.data<float>());
  return u;
}

double Conv2dSchedule::flops(const Conv2dGeometry& g) const {
  const Index outputs = winograd_ ? tiles_of(*winograd_, g) * places_of(*winograd_)
                                  : g.out_h * g.out_w * g.kernel_h * g.kernel_w;
  return 2.0 * static_cast<double>(batch_ * g.groups * g.in_channels * g.out_channels) *
         static_cast<double>(outputs);
}

void Conv2dSchedule::run(const Conv2dArgs<float>& args, const float* u, Index chunk,
                         std::byte* scratch) const noexcept {
  const Index part = chunk % parts_, split = chunk / parts_ % splits_,
              planes = chunk / (parts_ * splits_), grains = ceil_div(units_, grain_);
  const Index of_image = ceil_div(groups_, together_), first = planes % of_image * together_;
  const auto from_block = [this](Index of) { return of * blocks_ / splits_ * kWeightBlock; };
  for (Index group = first; group < std::min(first + together_, groups_); ++group) {
    const Conv2dTile tile{.image = planes / of_image,
                          .group = group,
                          .begin = part * grains / parts_ * grain_,
                          .end = std::min((part + 1) * grains / parts_ * grain_, units_),
                          .scratch = scratch,
                          .first_channel = from_block(split),
                          .last_channel = from_block(split + 1)};
    if (winograd_)
      winograd_->run(args, u, tile);
    else
      table_->conv2d(args, tile);
  }
}

}  // namespace rf
