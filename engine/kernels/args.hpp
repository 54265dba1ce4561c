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

// y = max(x, 0). Unit: element.
template <class T>
struct ReluArgs {
  const T* x;
  T* y;
};

// y = x for x > 0, slope x otherwise. Unit: element.
template <class T>
struct LeakyReluArgs {
  const T* x;
  T* y;
  T slope;
};

// y = a + b. Unit: element.
template <class T>
struct AddArgs {
  const T *a, *b;
  T* y;
};

// y[plane,i,j] = max_{u,v} x[plane, i s - p + u, j s - p + v] over positions inside x; a NaN wins.
// Unit: output row plane * out_h + i.
template <class T>
struct MaxPool2dArgs {
  const T* x;  // [planes, in_h, in_w]
  T* y;        // [planes, out_h, out_w]
  Index in_h, in_w, out_h, out_w;
  Index kernel, stride, pad;  // every window sees at least one position of x
};

// y[o,i,r] = exp(x[o,i,r] - m) / sum_j exp(x[o,j,r] - m), m = max_j x[o,j,r]. Unit: line o * inner
// + r.
template <class T>
struct SoftmaxArgs {
  const T* x;  // [outer, size, inner]
  T* y;
  Index size, inner;
};

// y[n,k] = b[k] + sum_c w[k,c] x[n,c]. Unit: output element n * out_features + k.
template <class T>
struct LinearArgs {
  const T* x;  // [batch, in_features]
  const T* w;  // [out_features, in_features]
  const T* b;  // [out_features] or nullptr
  T* y;        // [batch, out_features]
  Index in_features, out_features;
};

// Bilinear interpolation, per axis of H -> OH positions:
//   s = max((i + 0.5) H / OH - 0.5, 0), y = (1 - frac s) x[floor s] + frac s x[min(floor s + 1, H -
//   1)].
// Positions s are computed in double for either T. Unit: output row plane * out_h + i.
template <class T>
struct ResizeBilinearArgs {
  const T* x;  // [planes, in_h, in_w]
  T* y;        // [planes, out_h, out_w]
  Index in_h, in_w, out_h, out_w;
};

}  // namespace rf
