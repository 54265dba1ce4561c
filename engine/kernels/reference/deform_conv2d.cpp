#include <cmath>
#include <limits>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// The four pixels around a place: where they are in a plane (0 for those outside), their weights,
// and the weights' derivatives along y and x.
template <class T>
struct Corners {
  Index at[4] = {0, 0, 0, 0};
  T weight[4] = {0, 0, 0, 0}, dy[4] = {0, 0, 0, 0}, dx[4] = {0, 0, 0, 0};

  Corners(T y, T x, Index in_h, Index in_w) noexcept {
    if (std::isnan(y) || std::isnan(x)) {
      weight[0] = dy[0] = dx[0] = std::numeric_limits<T>::quiet_NaN();
      return;
    }
    if (!(y > -1 && x > -1 && y < static_cast<T>(in_h) && x < static_cast<T>(in_w))) return;
    const T top = std::floor(y), left = std::floor(x), fy = y - top, fx = x - left;
    for (int i = 0; i < 4; ++i) {
      const Index row = static_cast<Index>(top) + i / 2, column = static_cast<Index>(left) + i % 2;
      if (row < 0 || row >= in_h || column < 0 || column >= in_w) continue;
      const T wy = i / 2 ? fy : 1 - fy, wx = i % 2 ? fx : 1 - fx;
      at[i] = row * in_w + column;
      weight[i] = wy * wx;
      dy[i] = i / 2 ? wx : -wx;
      dx[i] = i % 2 ? wy : -wy;
    }
  }
};

template <class T>
T dot(const T (&weight)[4], const Corners<T>& corners, const T* plane) noexcept {
  T sum = 0;
  for (int i = 0; i < 4; ++i) sum += weight[i] * plane[corners.at[i]];
  return sum;
}

// Where tap r of deformable group d reads for output pixel p.
template <class T>
Corners<T> corners(const DeformArgs<T>& args, Index d, Index r, Index p) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w;
  const T* offset = args.offset + (d * taps + r) * 2 * pixels + p;
  const Index i = p / g.out_w, j = p % g.out_w, u = r / g.kernel_w, v = r % g.kernel_w;
  return {static_cast<T>(i * g.stride - g.pad_h + u * g.dilation) + offset[0],
          static_cast<T>(j * g.stride - g.pad_w + v * g.dilation) + offset[pixels], g.in_h, g.in_w};
}

template <class T>
T mask_of(const DeformArgs<T>& args, Index d, Index r, Index p) noexcept {
  const Conv2dGeometry& g = args.geometry;
  return args.mask ? args.mask[(d * g.kernel_h * g.kernel_w + r) * g.out_h * g.out_w + p] : T(1);
}

}  // namespace

template <class T>
void deform_sample(const DeformArgs<T>& args, const DeformRange& range, T* columns,
                   Index pitch) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, per_group = args.channels / args.deform_groups;
  for (Index first = range.first_channel; first < range.last_channel;) {
    const Index d = first / per_group, next = (d + 1) * per_group;
    const Index last = next < range.last_channel ? next : range.last_channel;
    for (Index r = 0; r < taps; ++r) {
      for (Index p = range.begin; p < range.end; ++p) {
        const Corners<T> at = corners(args, d, r, p);
        const T mask = mask_of(args, d, r, p);
        for (Index c = first; c < last; ++c) {
          columns[((c - range.first_channel) * taps + r) * pitch + p - range.begin] =
              mask * dot(at.weight, at, args.x + c * g.in_h * g.in_w);
        }
      }
    }
    first = last;
  }
}

template <class T>
void deform_offset_grad(const DeformArgs<T>& args, Index begin, Index end, const T* gcolumns,
                        Index pitch, T* goffset, T* gmask) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w,
              per_group = args.channels / args.deform_groups;
  for (Index d = 0; d < args.deform_groups; ++d) {
    for (Index r = 0; r < taps; ++r) {
      for (Index p = begin; p < end; ++p) {
        const Corners<T> at = corners(args, d, r, p);
        T dy = 0, dx = 0, value = 0;
        for (Index c = d * per_group; c < (d + 1) * per_group; ++c) {
          const T* plane = args.x + c * g.in_h * g.in_w;
          const T gradient = gcolumns[(c * taps + r) * pitch + p];
          dy += gradient * dot(at.dy, at, plane);
          dx += gradient * dot(at.dx, at, plane);
          value += gradient * dot(at.weight, at, plane);
        }
        if (goffset) {
          const T mask = mask_of(args, d, r, p);
          T* to = goffset + (d * taps + r) * 2 * pixels + p;
          to[0] = mask * dy;
          to[pixels] = mask * dx;
        }
        if (gmask) gmask[(d * taps + r) * pixels + p] = value;
      }
    }
  }
}

template <class T>
void deform_scatter(const DeformArgs<T>& args, Index first, Index last, const T* gcolumns,
                    Index pitch, T* gx) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w;
  for (Index c = first; c < last; ++c) {
    const Index d = c / (args.channels / args.deform_groups);
    for (Index r = 0; r < taps; ++r) {
      for (Index p = 0; p < pixels; ++p) {
        const Corners<T> at = corners(args, d, r, p);
        const T gradient = mask_of(args, d, r, p) * gcolumns[(c * taps + r) * pitch + p];
        for (int i = 0; i < 4; ++i) gx[c * g.in_h * g.in_w + at.at[i]] += gradient * at.weight[i];
      }
    }
  }
}

#define RF_INSTANTIATE(T)                                                                    \
  template void deform_sample(const DeformArgs<T>&, const DeformRange&, T*, Index) noexcept; \
  template void deform_offset_grad(const DeformArgs<T>&, Index, Index, const T*, Index, T*,  \
                                   T*) noexcept;                                             \
  template void deform_scatter(const DeformArgs<T>&, Index, Index, const T*, Index, T*) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
