// Kernels of deformable convolution: samples of the input at places between pixels, and their
// gradients. What is convolved is then an ordinary matrix product (engine/ops/deform_conv2d.cpp).
#pragma once

#include "engine/kernels/args.hpp"

namespace rf {

// For output pixel p = i out_w + j of one image and tap r = u kernel_w + v of deformable group d:
//   place = (i stride - pad_h + u dilation + dy, j stride - pad_w + v dilation + dx),
// dy and dx the offsets of (d, r, p). x(place) is the bilinear mean of the four pixels around, of
// which those outside of the image are 0; NaN where the place is not a number.
template <class T>
struct DeformArgs {
  const T* x;       // [channels, in_h, in_w], of one image
  const T* offset;  // [deform_groups, taps, 2, out_h out_w]: dy, dx
  const T* mask;    // [deform_groups, taps, out_h out_w], or nullptr: 1
  Conv2dGeometry geometry;
  Index channels, deform_groups;  // of the image; the groups are equal parts of the channels
};

// Output pixels [begin, end), and channels [first_channel, last_channel).
struct DeformRange {
  Index first_channel, last_channel, begin, end;
};

namespace reference {

// columns[(c - first_channel) taps + r][p - begin] = mask x_c(place), rows `pitch` apart.
template <class T>
void deform_sample(const DeformArgs<T>& args, const DeformRange& range, T* columns,
                   Index pitch) noexcept;

// From dL/dcolumns of all channels, rows `pitch` apart, the first pixel p = 0:
//   dL/doffset = sum_c dL/dcolumn mask dx_c/dplace,  dL/dmask = sum_c dL/dcolumn x_c(place),
// of the pixels of the range, laid out as offset and mask; either may be nullptr. Of x(place),
// which has no derivative where a coordinate is whole, the right one is taken, as if its floor were
// fixed.
template <class T>
void deform_offset_grad(const DeformArgs<T>& args, Index begin, Index end, const T* gcolumns,
                        Index pitch, T* goffset, T* gmask) noexcept;

// gx[q] += sum of dL/dcolumn mask w over all places that give pixel q the weight w, in the order of
// taps and pixels, for one channel's plane; `gcolumns` are the channel's.
template <class T>
void deform_scatter(const DeformArgs<T>& args, Index channel, const T* gcolumns, Index pitch,
                    T* gx) noexcept;

}  // namespace reference
}  // namespace rf
