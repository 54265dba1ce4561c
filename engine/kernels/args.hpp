// What kernels are given: raw pointers and sizes, already checked by the op. Kernels are noexcept,
// check nothing and allocate nothing. A kernel call covers a range [begin, end) of independent
// units (named at each struct); the op cuts the whole range into chunks by shape alone.
#pragma once

#include <cstddef>

#include "engine/shape.hpp"

namespace rf {

// y[n,k,i,j] = b[k] + sum_{c,u,v} w[k,c,u,v] x[n,c, i s - p + u d, j s - p + v d], per group; zero
// outside x. Unit: output pixel i * out_w + j of one image and one group, all of the group's output
// channels.
template <class T>
struct Conv2dArgs {
  const T* x;  // [batch, groups * in_channels, in_h, in_w]
  const T* w;  // [groups * out_channels, in_channels, kernel_h, kernel_w]
  const T* b;  // [groups * out_channels] or nullptr
  T* y;        // [batch, groups * out_channels, out_h, out_w]
  Index groups, in_channels, out_channels;  // channels per group
  Index in_h, in_w, out_h, out_w;
  Index kernel_h, kernel_w, stride, pad, dilation;
};

// Which part of a convolution one call computes, and memory to work in.
struct Conv2dTile {
  Index image, group, begin, end;
  std::byte* scratch;  // as many bytes as the table's conv2d_scratch_bytes says
};

// y = gamma (x - mean) / sqrt(var + eps) + beta per channel. Unit: plane n * channels + c.
template <class T>
struct BatchNormArgs {
  const T* x;  // [batch, channels, plane]
  T* y;
  const T *gamma, *beta, *mean, *var;  // [channels]
  T eps;
  Index channels, plane;
};

}  // namespace rf
