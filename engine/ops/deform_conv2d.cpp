#include "engine/ops/deform_conv2d.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/ops/deform_conv2d_problem.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/run.hpp"
#include "engine/ops/sum.hpp"

namespace rf {

namespace {

// Places are floats, and numbers of pixels integers of 32 bits.
constexpr Index kMostRows = Index{1} << 24, kMostPixels = Index{1} << 31;

Shape check(const DeformConv2dInputs& in, const DeformConv2dParams& p) {
  const Shape y = conv2d_out_shape(in.x.shape(), in.w.shape(), p.conv);
  check_same_dtype("deform_conv2d", {&in.x, &in.offset, in.mask.numel() ? &in.mask : nullptr, &in.w,
                                     in.b.numel() ? &in.b : nullptr});
  RF_CHECK_SHAPE(p.deform_groups >= 1 && in.x.shape()[1] % p.deform_groups == 0, "deform_conv2d",
                 "input ", in.x.shape(), " has ", in.x.shape()[1],
                 " channels, which deform_groups=", p.deform_groups, " does not divide");
  RF_CHECK_SHAPE(in.x.shape()[2] <= kMostRows && in.x.shape()[3] <= kMostRows &&
                     in.x.shape()[2] * in.x.shape()[3] < kMostPixels,
                 "deform_conv2d", "input ", in.x.shape(),
                 " has planes of more than 2^31 pixels or 2^24 rows or columns");
  const Index places = checked_mul(p.deform_groups, in.w.shape()[2] * in.w.shape()[3]);
  const auto fits = [&](const char* name, const Tensor& t, Index channels) {
    const Shape needed{y[0], channels, y[2], y[3]};
    RF_CHECK_SHAPE(t.shape() == needed, "deform_conv2d", name, " ", t.shape(), " must be ", needed,
                   " for weight ", in.w.shape(), " and deform_groups=", p.deform_groups);
  };
  fits("offset", in.offset, checked_mul(2, places));
  if (in.mask.numel() > 0) fits("mask", in.mask, places);
  RF_CHECK_SHAPE(in.b.numel() == 0 || in.b.shape() == Shape{y[1]}, "deform_conv2d", "bias ",
                 in.b.shape(), " must be [", y[1], "]");
  return y;
}

// For the problem's x_last.
Tensor channels_last(const Tensor& x) { return permute(x, std::array{0, 2, 3, 1}); }

template <class T>
DeformConv2dProblem<T> problem_of(const DeformConv2dInputs& in, const Tensor& x_last,
                                  const DeformConv2dParams& p) {
  const auto values = [](const Tensor& t) { return t.numel() > 0 ? t.data<T>() : nullptr; };
  return {{.x = in.x.data<T>(),
           .offset = in.offset.data<T>(),
           .mask = values(in.mask),
           .w = in.w.data<T>(),
           .b = values(in.b),
           .slope = nullptr,
           .x_last = values(x_last)},
          conv2d_geometry(in.x.shape(), in.w.shape(), p.conv),
          p.deform_groups};
}

template <class T>
Tensor forward(const DeformConv2dInputs& in, const DeformConv2dParams& params, const Shape& out) {
  Tensor x_last;
  if (in.x.dtype() == DType::f32 && deform_wants_channels_last(in.x.shape()[1]))
    x_last = channels_last(in.x);
  const DeformConv2dProblem<T> problem = problem_of<T>(in, x_last, params);
  Tensor y = Tensor::empty(out, in.x.dtype());
  T* const to = y.data<T>();
  parallel_for(out[0] * problem.chunks, problem.scratch_bytes(),
               [&](Index chunk, std::byte* scratch) { problem.run(chunk, to, scratch); });
  return y;
}

// to[j][i] = from[i][j], in blocks that a first-level cache holds.
template <class T>
void turn(const T* from, Index rows, Index columns, T* to) {
  constexpr Index kBlock = 16;
  for (Index i0 = 0; i0 < rows; i0 += kBlock) {
    const Index i1 = std::min(i0 + kBlock, rows);
    for (Index j = 0; j < columns; ++j) {
      for (Index i = i0; i < i1; ++i) to[j * rows + i] = from[i * columns + j];
    }
  }
}

// An image is gone through in bands of a few chunks of pixels, of which dL/dcolumns is kept,
// [group][pixels, taps, channels of the group]: each chunk makes its part of it, of dL/doffset and
// dL/dmask, and adds to a dL/dw of its own; then each slice of channels adds to its dL/dx. What is
// added in which order is a matter of shapes alone.
template <class T>
class Backward {
 public:
  Backward(const Tensor& gy, const DeformConv2dInputs& in, const DeformConv2dParams& params,
           const DeformConv2dWanted& wanted)
      : in_(in),
        x_last_(wanted.w || wanted.offset ? channels_last(in.x) : Tensor()),
        problem_(problem_of<T>(in, x_last_, params)),
        gy_(gy),
        wanted_(wanted),
        dtype_(gy.dtype()) {
    const Conv2dGeometry& g = problem_.g;
    if (wanted.x) {
      grads_.x = Tensor::empty(in.x.shape(), dtype_);
      x_sums_ = Tensor::empty(in.x.shape().with(0, 1), dtype_);
    }
    if (wanted.offset) {
      grads_.offset = Tensor::zeros(in.offset.shape(), dtype_);
      if (in.mask.numel()) grads_.mask = Tensor::zeros(in.mask.shape(), dtype_);
    }
    const Index parts = std::min(problem_.chunks, kBand);
    if (wanted.w) weight_sums_ = Tensor::zeros({parts, in.w.numel()}, dtype_);
    if (needs_columns()) {
      gcolumns_ = Tensor::empty({g.groups, parts * kPixels, problem_.rows}, dtype_);
      arrange_weights();
    }
    columns_bytes_ = problem_.columns_bytes();
    gy_bytes_ = problem_.bytes_of(g.out_channels * kPixels + kReadAfter);
    product_bytes_ =
        std::max(rf::kernels().conv2d_scratch_bytes(
                     deform_product(g.out_channels, kPixels, problem_.rows), problem_.rows),
                 rf::kernels().conv2d_scratch_bytes(
                     deform_product(kPixels, g.out_channels, problem_.rows), problem_.rows));
  }

  DeformConv2dGrads run() {
    const Index bands = ceil_div(problem_.chunks, kBand);
    for (Index n = 0; n < in_.x.shape()[0]; ++n) {
      if (wanted_.x) std::ranges::fill(x_sums_.span<T>(), T(0));
      for (Index band = 0; band < bands; ++band) {
        const Index first = band * problem_.chunks / bands,
                    chunks = (band + 1) * problem_.chunks / bands - first;
        parallel_for(chunks, columns_bytes_ + 2 * gy_bytes_ + product_bytes_,
                     [&](Index part, std::byte* scratch) { run_chunk(n, first, part, scratch); });
        if (wanted_.x)
          add_input_grad(n, first * kPixels, problem_.end_of((first + chunks - 1) * kPixels));
      }
      if (wanted_.x) turn_input_grad(n);
    }
    if (wanted_.w) grads_.w = weight_grad();
    return std::move(grads_);
  }

 private:
  // Chunks of a band: dL/dw of all, at 256 channels 19 MB, stay in a third-level cache.
  static constexpr Index kBand = 8, kPixels = DeformConv2dProblem<T>::kPixels;
  static constexpr Index kSlice = 32;  // channels whose dL/dx one chunk makes
  [[nodiscard]] bool needs_columns() const { return wanted_.x || wanted_.offset; }

  // Weights as the columns lie: arranged_[group][k][tap][channel].
  void arrange_weights() {
    const Conv2dGeometry& g = problem_.g;
    arranged_ = Tensor::empty({in_.w.numel() + kReadAfter}, dtype_);
    for (Index k = 0; k < g.groups * g.out_channels; ++k)
      turn(in_.w.template data<T>() + k * problem_.rows, g.in_channels, problem_.taps,
           arranged_.data<T>() + k * problem_.rows);
  }

  Tensor weight_grad() {
    const Tensor total = sum(weight_sums_, std::array{0});
    Tensor gw = Tensor::empty(in_.w.shape(), dtype_);
    for (Index k = 0; k < in_.w.shape()[0]; ++k)
      turn(total.data<T>() + k * problem_.rows, problem_.taps, problem_.g.in_channels,
           gw.data<T>() + k * problem_.rows);
    return gw;
  }

  // Chunk `part` of the band that begins with chunk `first`.
  void run_chunk(Index n, Index first, Index part, std::byte* scratch) {
    const Conv2dGeometry& g = problem_.g;
    auto* columns = reinterpret_cast<T*>(scratch);
    auto* gy = reinterpret_cast<T*>(scratch + columns_bytes_);
    auto* turned = reinterpret_cast<T*>(scratch + columns_bytes_ + gy_bytes_);
    std::byte* rest = scratch + columns_bytes_ + 2 * gy_bytes_;
    const Index begin = (first + part) * kPixels, count = problem_.end_of(begin) - begin,
                pixels = problem_.pixels;
    const Index rows = problem_.rows, places = problem_.deform_groups * problem_.taps * pixels;
    // result[i][row] = bias[i][row] + sum_j a[i][j] b[j][row]
    const auto multiply = [&](const T* a, Index outer, Index inner, const T* b, T* result,
                              const T* bias) {
      problem_.kernels.conv2d({.x = b,
                               .w = a,
                               .b = nullptr,
                               .y = result,
                               .geometry = deform_product(inner, outer, rows),
                               .x_pitch = rows,
                               .y_pitch = rows,
                               .residual = bias},
                              {.image = 0, .group = 0, .begin = 0, .end = rows, .scratch = rest});
    };
    for (Index group = 0; group < g.groups; ++group) {
      const T* from = gy_.data<T>() + (n * g.groups + group) * g.out_channels * pixels + begin;
      for (Index k = 0; k < g.out_channels; ++k)
        std::memcpy(gy + k * count, from + k * pixels, static_cast<std::size_t>(count) * sizeof(T));
      T* const gcolumns = needs_columns() ? gcolumns_of(group) + part * kPixels * rows : nullptr;
      if (gcolumns) {
        turn(gy, g.out_channels, count, turned);
        multiply(turned, count, g.out_channels,
                 std::as_const(arranged_).data<T>() + group * g.out_channels * rows, gcolumns,
                 nullptr);
      }
      if (!wanted_.w && !wanted_.offset) continue;
      problem_.kernels.sample_grads(
          problem_.image(n), problem_.range(group, begin),
          {.gcolumns = gcolumns,
           .columns = wanted_.w ? columns : nullptr,
           .goffset = wanted_.offset ? grads_.offset.data<T>() + n * 2 * places : nullptr,
           .gmask = grads_.mask.numel() ? grads_.mask.data<T>() + n * places : nullptr});
      if (wanted_.w) {
        T* gw = weight_sums_.data<T>() + part * in_.w.numel() + group * g.out_channels * rows;
        multiply(gy, g.out_channels, count, columns, gw, gw);
      }
    }
  }

  [[nodiscard]] T* gcolumns_of(Index group) {
    return gcolumns_.data<T>() + group * gcolumns_.shape()[1] * problem_.rows;
  }

  // Calls run(group, first, last, sums) for each slice of each group's channels [first, last).
  // Sums [plane, last - first] follow each other by slices.
  template <class Run>
  void for_each_slice(Run&& run) {
    const Conv2dGeometry& g = problem_.g;
    const Index slices = ceil_div(g.in_channels, kSlice);
    parallel_for(g.groups * slices, [&](Index task) {
      const Index group = task / slices, first = task % slices * kSlice;
      run(group, first, std::min(first + kSlice, g.in_channels),
          x_sums_.data<T>() + (group * g.in_channels + first) * g.in_h * g.in_w);
    });
  }

  void add_input_grad(Index n, Index begin, Index end) {
    const Index channels = problem_.g.in_channels;
    const DeformArgs<T> args = problem_.image(n);
    for_each_slice([&](Index group, Index first, Index last, T* sums) {
      problem_.kernels.scatter(args,
                               {.first_channel = group * channels + first,
                                .last_channel = group * channels + last,
                                .begin = begin,
                                .end = end},
                               gcolumns_of(group) + first, channels, sums);
    });
  }

  void turn_input_grad(Index n) {
    const Index plane = problem_.g.in_h * problem_.g.in_w;
    T* const gx = grads_.x.data<T>() + n * problem_.channels * plane;
    for_each_slice([&](Index group, Index first, Index last, const T* sums) {
      turn(sums, plane, last - first, gx + (group * problem_.g.in_channels + first) * plane);
    });
  }

  const DeformConv2dInputs& in_;
  Tensor x_last_;
  DeformConv2dProblem<T> problem_;
  const Tensor& gy_;
  DeformConv2dWanted wanted_;
  DType dtype_;
  DeformConv2dGrads grads_;
  Tensor arranged_, gcolumns_, x_sums_, weight_sums_;
  std::size_t columns_bytes_ = 0, gy_bytes_ = 0, product_bytes_ = 0;
};

}  // namespace

Tensor deform_conv2d(const DeformConv2dInputs& in, const DeformConv2dParams& params) {
  const Shape out = check(in, params);
  if (out.numel() == 0) return Tensor::zeros(out, in.x.dtype());
  return in.x.dtype() == DType::f64 ? forward<double>(in, params, out)
                                    : forward<float>(in, params, out);
}

DeformConv2dGrads deform_conv2d_grad(const Tensor& gy, const DeformConv2dInputs& in,
                                     const DeformConv2dParams& params,
                                     const DeformConv2dWanted& wanted) {
  const Shape out = check(in, params);
  check_same_dtype("deform_conv2d gradient", {&gy, &in.x});
  RF_CHECK_SHAPE(gy.shape() == out, "deform_conv2d gradient", "dL/dy is ", gy.shape(),
                 ", the output was ", out);
  if (out.numel() == 0) {
    DeformConv2dGrads zero;
    const auto zeros = [&](const Tensor& t) { return Tensor::zeros(t.shape(), gy.dtype()); };
    if (wanted.x) zero.x = zeros(in.x);
    if (wanted.offset) zero.offset = zeros(in.offset);
    if (wanted.w) zero.w = zeros(in.w);
    return zero;
  }
  return gy.dtype() == DType::f64 ? Backward<double>(gy, in, params, wanted).run()
                                  : Backward<float>(gy, in, params, wanted).run();
}

}  // namespace rf
