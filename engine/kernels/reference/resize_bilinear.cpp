#include <algorithm>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// The two positions along an axis that output position i mixes, and the share of the second.
struct Mix {
  Index first, second;
  double share;
};

Mix mix(Index i, Index in, Index out) noexcept {
  const double centre =
      (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  const double s = centre > 0 ? centre : 0;
  const Index last = in - 1, floor = static_cast<Index>(s), first = floor < last ? floor : last;
  return {.first = first,
          .second = first < last ? first + 1 : last,
          .share = s - static_cast<double>(first)};
}

}  // namespace

template <class T>
void resize_bilinear(const ResizeBilinearArgs<T>& a, Index begin, Index end) noexcept {
  for (Index unit = begin; unit < end; ++unit) {
    const Mix row = mix(unit % a.out_h, a.in_h, a.out_h);
    const T* x = a.x + unit / a.out_h * a.in_h * a.in_w;
    const T down = static_cast<T>(row.share);
    for (Index j = 0; j < a.out_w; ++j) {
      const Mix column = mix(j, a.in_w, a.out_w);
      const T right = static_cast<T>(column.share);
      const T upper = (1 - right) * x[row.first * a.in_w + column.first] +
                      right * x[row.first * a.in_w + column.second];
      const T lower = (1 - right) * x[row.second * a.in_w + column.first] +
                      right * x[row.second * a.in_w + column.second];
      a.y[unit * a.out_w + j] = (1 - down) * upper + down * lower;
    }
  }
}

template <class T>
void resize_bilinear_grad(const ResizeBilinearGradArgs<T>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const T* gy = a.gy + plane * a.out_h * a.out_w;
    T* gx = a.gx + plane * a.in_h * a.in_w;
    std::fill(gx, gx + a.in_h * a.in_w, T(0));
    for (Index i = 0; i < a.out_h; ++i) {
      const Mix row = mix(i, a.in_h, a.out_h);
      const T down = static_cast<T>(row.share);
      for (Index j = 0; j < a.out_w; ++j) {
        const Mix column = mix(j, a.in_w, a.out_w);
        const T right = static_cast<T>(column.share);
        const T upper = (1 - down) * gy[i * a.out_w + j], lower = down * gy[i * a.out_w + j];
        gx[row.first * a.in_w + column.first] += (1 - right) * upper;
        gx[row.first * a.in_w + column.second] += right * upper;
        gx[row.second * a.in_w + column.first] += (1 - right) * lower;
        gx[row.second * a.in_w + column.second] += right * lower;
      }
    }
  }
}

template void resize_bilinear(const ResizeBilinearArgs<float>&, Index, Index) noexcept;
template void resize_bilinear(const ResizeBilinearArgs<double>&, Index, Index) noexcept;
template void resize_bilinear_grad(const ResizeBilinearGradArgs<float>&, Index, Index) noexcept;
template void resize_bilinear_grad(const ResizeBilinearGradArgs<double>&, Index, Index) noexcept;

}  // namespace rf::reference
