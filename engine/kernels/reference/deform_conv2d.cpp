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

// The deformable group of channel c.
template <class T>
Index group_of(const DeformArgs<T>& args, Index c) noexcept {
  return c / (args.channels / args.deform_groups);
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
  const Index taps = g.kernel_h * g.kernel_w;
  for (Index c = range.first_channel; c < range.last_channel; ++c) {
    for (Index r = 0; r < taps; ++r) {
      for (Index p = range.begin; p < range.end; ++p) {
        const Index d = group_of(args, c);
        const Corners<T> at = corners(args, d, r, p);
        columns[((c - range.first_channel) * taps + r) * pitch + p - range.begin] =
            mask_of(args, d, r, p) * dot(at.weight, at, args.x + c * g.in_h * g.in_w);
      }
    }
  }
}

template <class T>
void deform_sample_grads(const DeformArgs<T>& args, const DeformRange& range,
                         const DeformSampleGrads<T>& to) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w,
              channels = range.last_channel - range.first_channel;
  for (Index p = range.begin; p < range.end; ++p) {
    for (Index r = 0; r < taps; ++r) {
      for (Index c = range.first_channel; c < range.last_channel; ++c) {
        const Index d = group_of(args, c);
        const Index column = ((p - range.begin) * taps + r) * channels + c - range.first_channel;
        const Corners<T> at = corners(args, d, r, p);
        const T mask = mask_of(args, d, r, p), *plane = args.x + c * g.in_h * g.in_w;
        const T x = dot(at.weight, at, plane);
        if (to.columns) to.columns[column] = mask * x;
        if (!to.goffset) continue;
        const T gradient = to.gcolumns[column];
        T* const goffset = to.goffset + (d * taps + r) * 2 * pixels + p;
        goffset[0] += mask * gradient * dot(at.dy, at, plane);
        goffset[pixels] += mask * gradient * dot(at.dx, at, plane);
        if (to.gmask) to.gmask[(d * taps + r) * pixels + p] += gradient * x;
      }
    }
  }
}

template <class T>
void deform_scatter(const DeformArgs<T>& args, const DeformRange& range, const T* gcolumns,
                    Index pitch, T* gx) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, channels = range.last_channel - range.first_channel;
  for (Index r = 0; r < taps; ++r) {
    for (Index p = range.begin; p < range.end; ++p) {
      const T* from = gcolumns + ((p - range.begin) * taps + r) * pitch;
      for (Index c = 0; c < channels; ++c) {
        const Index d = group_of(args, range.first_channel + c);
        const Corners<T> at = corners(args, d, r, p);
        const T gradient = mask_of(args, d, r, p) * from[c];
        for (int i = 0; i < 4; ++i) gx[at.at[i] * channels + c] += gradient * at.weight[i];
      }
    }
  }
}

#define RF_INSTANTIATE(T)                                                                    \
  template void deform_sample(const DeformArgs<T>&, const DeformRange&, T*, Index) noexcept; \
  template void deform_sample_grads(const DeformArgs<T>&, const DeformRange&,                \
                                    const DeformSampleGrads<T>&) noexcept;                   \
  template void deform_scatter(const DeformArgs<T>&, const DeformRange&, const T*, Index,    \
                               T*) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
