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

// For the problem's x_last; without elements: none.
Tensor channels_last(const Tensor& x) {
  if (x.dtype() != DType::f32 || !deform_wants_channels_last(x.shape()[1])) return {};
  return permute(x, std::array{0, 2, 3, 1});
}

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
  const Tensor x_last = channels_last(in.x);
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

// dL/dcolumns of one image is kept whole, [C taps, pixels]: each chunk of pixels makes its part of
// it, of dL/doffset and dL/dmask, and adds to its part's dL/dw; then each channel gathers its
// dL/dx. What is added in which order is a matter of shapes alone.
template <class T>
class Backward {
 public:
  Backward(const Tensor& gy, const DeformConv2dInputs& in, const DeformConv2dParams& params,
           const DeformConv2dWanted& wanted)
      : in_(in),
        x_last_(wanted.w ? channels_last(in.x) : Tensor()),
        problem_(problem_of<T>(in, x_last_, params)),
        gy_(gy),
        wanted_(wanted),
        dtype_(gy.dtype()) {
    const Conv2dGeometry& g = problem_.g;
    if (wanted.x) grads_.x = Tensor::zeros(in.x.shape(), dtype_);
    if (wanted.offset) {
      grads_.offset = Tensor::empty(in.offset.shape(), dtype_);
      if (in.mask.numel()) grads_.mask = Tensor::empty(in.mask.shape(), dtype_);
    }
    parts_ = std::min(problem_.chunks, kParts);
    if (wanted.w) weight_sums_ = Tensor::zeros({parts_, in.w.numel()}, dtype_);
    if (needs_columns()) turn_weights();
    columns_bytes_ = problem_.columns_bytes();
    gy_bytes_ = problem_.bytes_of(g.out_channels * kPixels + kReadAfter);
    product_bytes_ =
        std::max(rf::kernels().conv2d_scratch_bytes(
                     deform_product(g.out_channels, problem_.rows, kPixels), kPixels),
                 rf::kernels().conv2d_scratch_bytes(
                     deform_product(kPixels, g.out_channels, problem_.rows), problem_.rows));
  }

  DeformConv2dGrads run() {
    const Conv2dGeometry& g = problem_.g;
    Tensor gcolumns;
    if (needs_columns())
      gcolumns = Tensor::empty({g.groups * problem_.rows, problem_.pixels}, dtype_);
    T* const all = gcolumns.data<T>();
    for (Index n = 0; n < in_.x.shape()[0]; ++n) {
      parallel_for(parts_, 2 * columns_bytes_ + gy_bytes_ + product_bytes_,
                   [&](Index part, std::byte* scratch) {
                     for (Index chunk = part * problem_.chunks / parts_;
                          chunk < (part + 1) * problem_.chunks / parts_; ++chunk)
                       run_chunk(n, chunk * kPixels, part, all, scratch);
                   });
      if (!wanted_.x) continue;
      const DeformArgs<T> args = problem_.image(n);
      T* const gx = grads_.x.data<T>() + n * problem_.channels * g.in_h * g.in_w;
      constexpr Index kChannels = 8;
      parallel_for(ceil_div(problem_.channels, kChannels), [&](Index block) {
        const Index first = block * kChannels,
                    last = std::min(first + kChannels, problem_.channels);
        problem_.kernels.scatter(args, first, last, all, problem_.pixels, gx);
      });
    }
    if (wanted_.w) grads_.w = sum(weight_sums_, std::array{0}).reshaped(in_.w.shape());
    return std::move(grads_);
  }

 private:
  static constexpr Index kParts = 16, kPixels = DeformConv2dProblem<T>::kPixels;
  [[nodiscard]] bool needs_columns() const { return wanted_.x || wanted_.offset; }

  // turned_[group][row][k] = w[group K + k][row].
  void turn_weights() {
    const Conv2dGeometry& g = problem_.g;
    turned_ = Tensor::empty({g.groups, problem_.rows, g.out_channels}, dtype_);
    const Index size = g.out_channels * problem_.rows;
    for (Index group = 0; group < g.groups; ++group) {
      turn(in_.w.template data<T>() + group * size, g.out_channels, problem_.rows,
           turned_.data<T>() + group * size);
    }
  }

  void run_chunk(Index n, Index begin, Index part, T* gcolumns, std::byte* scratch) {
    const Conv2dGeometry& g = problem_.g;
    auto* columns = reinterpret_cast<T*>(scratch);
    auto* turned = reinterpret_cast<T*>(scratch + columns_bytes_);
    auto* gy = reinterpret_cast<T*>(scratch + 2 * columns_bytes_);
    std::byte* rest = scratch + 2 * columns_bytes_ + gy_bytes_;
    const Index end = problem_.end_of(begin), count = end - begin, pixels = problem_.pixels;
    const DeformArgs<T> args = problem_.image(n);
    for (Index group = 0; group < g.groups; ++group) {
      const T* from = gy_.data<T>() + (n * g.groups + group) * g.out_channels * pixels + begin;
      for (Index k = 0; k < g.out_channels; ++k)
        std::memcpy(gy + k * count, from + k * pixels, static_cast<std::size_t>(count) * sizeof(T));
      if (needs_columns()) {
        const Index first = group * problem_.rows;
        problem_.kernels.conv2d(
            {.x = gy,
             .w = std::as_const(turned_).data<T>() + first * g.out_channels,
             .b = nullptr,
             .y = gcolumns + first * pixels + begin,
             .geometry = deform_product(g.out_channels, problem_.rows, count),
             .x_pitch = count,
             .y_pitch = pixels},
            {.image = 0, .group = 0, .begin = 0, .end = count, .scratch = rest});
      }
      if (wanted_.w) {
        problem_.kernels.sample(args, problem_.range(group, begin), columns, count);
        turn(columns, problem_.rows, count, turned);
        T* gw =
            weight_sums_.data<T>() + part * in_.w.numel() + group * g.out_channels * problem_.rows;
        problem_.kernels.conv2d(
            {.x = turned,
             .w = gy,
             .b = nullptr,
             .y = gw,
             .geometry = deform_product(count, g.out_channels, problem_.rows),
             .x_pitch = problem_.rows,
             .y_pitch = problem_.rows,
             .residual = gw},
            {.image = 0, .group = 0, .begin = 0, .end = problem_.rows, .scratch = rest});
      }
    }
    if (!wanted_.offset) return;
    const Index places = problem_.deform_groups * problem_.taps * pixels;
    problem_.kernels.offset_grad(
        args, begin, end, gcolumns, pixels, grads_.offset.data<T>() + n * 2 * places,
        grads_.mask.numel() ? grads_.mask.data<T>() + n * places : nullptr);
  }

  const DeformConv2dInputs& in_;
  Tensor x_last_;
  DeformConv2dProblem<T> problem_;
  const Tensor& gy_;
  DeformConv2dWanted wanted_;
  DType dtype_;
  DeformConv2dGrads grads_;
  Tensor turned_, weight_sums_;
  Index parts_ = 0;
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
