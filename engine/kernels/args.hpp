// What kernels are given: raw pointers and sizes, already checked by the op. Kernels are noexcept,
// check nothing and allocate nothing. A kernel call covers a range [begin, end) of independent
// units (named at each struct); the op cuts the whole range into chunks by shape alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "engine/shape.hpp"

namespace rf {

// Which input pixel a convolution's tap (u, v) reads for output pixel (i, j): row
// i stride - pad_h + u dilation, column j stride - pad_w + v dilation; zero where that is outside.
// The output may be of any size and a pad may be negative: the op has decided both.
struct Conv2dGeometry {
  Index groups, in_channels, out_channels;  // channels per group
  Index in_h, in_w, out_h, out_w;
  Index kernel_h, kernel_w, stride, pad_h, pad_w, dilation;
};

// Elements after the last of an input that a kernel may read, without using them, where it is told
// to read the input in place.
inline constexpr Index kReadAfter = 64;

// Output channels whose weights for one input value lie side by side, where weights are transformed
// once.
inline constexpr Index kWeightBlock = 8;

// A picture of 8-bit red, green and blue that stands for a tensor [1, 3, H, W] of at least its
// size:
//   x[0, c, i, j] = (rgb[i row_bytes + 3 j + sample[c]] - mean[c]) scale[c]
// in float, and 0 where there is no pixel.
struct PictureInput {
  const std::uint8_t* rgb;
  Index row_bytes, height, width;
  int sample[3];  // 0, 1 and 2 in some order
  float mean[3], scale[3];
};

// Some of a convolution's output channels, in an array of their own.
template <class T>
struct Conv2dPart {
  T* y;
  Index channels;
};

// y[n,k,i,j] = f(b[k] + sum_{c,u,v} w[k,c,u,v] x[n,c, row(i,u), column(j,v)] + residual[n,k,i,j]),
// per group; f(z) = z for z > 0, slope[k] z otherwise.
// Unit: output pixel i * out_w + j of one image and one group, all of the group's output channels.
template <class T>
struct Conv2dArgs {
  const T* x;  // [batch, groups * in_channels, in_h, in_w]
  const T* w;  // [groups * out_channels, in_channels, kernel_h, kernel_w]
  const T* b;  // [groups * out_channels] or nullptr
  T* y;        // [batch, groups * out_channels, out_h, out_w]
  Conv2dGeometry geometry;
  const T* slope = nullptr;  // [groups * out_channels] or nullptr: no activation
  // Elements from one channel to the next, where that is not in_h in_w or out_h out_w. With an
  // x_pitch, kReadAfter elements after the last of x may be read too.
  Index x_pitch = 0, y_pitch = 0;
  // Where given, of one image and one group: output channels go here in turn, and y is not used.
  const Conv2dPart<T>* parts = nullptr;
  Index part_count = 0;
  // Instead of x, of one image, where the table's conv2d_reads_picture allows it.
  const PictureInput* picture = nullptr;
  // As y, whose pitch it has, or nullptr. Of the direct kernel that is not depthwise, without
  // parts.
  const T* residual = nullptr;

  [[nodiscard]] Index x_plane() const { return x_pitch ? x_pitch : geometry.in_h * geometry.in_w; }
  [[nodiscard]] Index y_plane() const {
    return y_pitch ? y_pitch : geometry.out_h * geometry.out_w;
  }
};

// gx[n,c,row(i,u),column(j,v)] = the sum of w[k,c,u,v] gy[n,k,i,j] over all that read it. Unit:
// image and group.
template <class T>
struct Conv2dGradInputArgs {
  const T *gy, *w;
  T* gx;
  Conv2dGeometry geometry;
};

// gw[k,c,u,v] += sum_{i,j} gy[n,k,i,j] x[n,c, row(i,u), column(j,v)] over some output rows of one
// image n and one group. The op adds up what the calls give, each in a gw of its own.
template <class T>
struct Conv2dGradWeightArgs {
  const T* x;   // [batch, groups * in_channels, in_h, in_w]
  const T* gy;  // [batch, groups * out_channels, out_h, out_w]
  Conv2dGeometry geometry;
};

// The output rows of one call, and memory to work in.
struct Conv2dRows {
  Index image, group, begin, end;
  std::byte* scratch;  // as many bytes as the table's conv2d_grad_weight_scratch_bytes says
};

// Which part of a convolution one call computes, and memory to work in.
struct Conv2dTile {
  Index image, group, begin, end;
  std::byte* scratch;  // as many bytes as the table's conv2d_scratch_bytes says
  // Output channels of the group, [first_channel, last_channel) or as many of them as there are:
  // multiples of kWeightBlock. Of layers with fewer than 16 input channels: all.
  Index first_channel = 0, last_channel = std::numeric_limits<Index>::max();
};

// Deformable convolution samples the input at places between pixels; what is convolved is then an
// ordinary matrix product. For output pixel p = i out_w + j of one image and tap r = u kernel_w + v
// of deformable group d:
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
  // x once more as [in_h, in_w, channels]. nullptr: deform_sample does without, gradients do not.
  const T* x_last = nullptr;
};

// Output pixels [begin, end), and channels [first_channel, last_channel).
struct DeformRange {
  Index first_channel, last_channel, begin, end;
};

// Columns with the channels innermost, [pixels, taps, channels] of a range, are what gradients work
// on. Either result may be nullptr: not wanted.
template <class T>
struct DeformSampleGrads {
  const T* gcolumns;  // dL/dcolumns; not read without goffset
  T* columns;         // written: mask x(place)
  // Added to, laid out as offset and mask: dL/doffset = sum_c dL/dcolumn mask dx_c/dplace, dL/dmask
  // = sum_c dL/dcolumn x_c(place). gmask: nullptr where there is no mask.
  T *goffset, *gmask;
};

// Batch norm with the activation that follows: y = f(z), z = gamma (x - mean) / sqrt(var + eps) +
// beta per channel, f(z) = z for z > 0, slope z otherwise.
template <class T>
struct BatchNormFunction {
  const T *gamma, *beta, *mean, *var;  // [channels]
  T eps, slope;
  Index channels, plane;
};

// Unit: plane n * channels + c.
template <class T>
struct BatchNormArgs {
  const T* x;  // [batch, channels, plane]
  T* y;
  BatchNormFunction<T> f;
};

// mean[p] = sum_i x[p,i] / plane, m2[p] = sum_i (x[p,i] - mean[p])^2. Unit: plane p.
template <class T>
struct BatchNormMomentsArgs {
  const T* x;         // [planes, plane]
  double *mean, *m2;  // [planes]
  Index plane;
};

// With gz = dL/dz = f'(z) gy: sum_gz[p] = sum_i gz[p,i], sum_gzx[p] = sum_i gz[p,i] (x[p,i] -
// mean). Unit: plane p.
template <class T>
struct BatchNormProductsArgs {
  const T *gy, *x;           // [planes, plane]
  double *sum_gz, *sum_gzx;  // [planes]
  BatchNormFunction<T> f;
};

// gx = a gz + b x + c per channel. Unit: plane.
template <class T>
struct BatchNormGradArgs {
  const T *gy, *x;
  T* gx;
  const T *a, *b, *c;  // [channels]
  BatchNormFunction<T> f;
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

// gx = gy for y > 0, slope gy otherwise; with slope 0 exactly 0, whatever gy is. Unit: element.
template <class T>
struct LeakyReluGradArgs {
  const T *gy, *y;
  T* gx;
  T slope;
};

// y = x for x > 0, alpha (e^x - 1) otherwise. Unit: element.
template <class T>
struct EluArgs {
  const T* x;
  T* y;
  T alpha;
};

// gx = gy for y > 0, (y + alpha) gy otherwise. Unit: element.
template <class T>
struct EluGradArgs {
  const T *gy, *y;
  T* gx;
  T alpha;
};

// y = f(x) for an f without parameters. Unit: element.
template <class T>
struct UnaryArgs {
  const T* x;
  T* y;
};

// gx = f'(x) gy, where f'(x) is computed from what the forward pass saved: its result or its input.
// Unit: element.
template <class T>
struct UnaryGradArgs {
  const T *gy, *saved;
  T* gx;
};

// y = a + b, a - b, a b or a / b with broadcasting. The axes are those of y, outermost first; a
// step says how many elements apart neighbours along an axis lie in a or b, and is 0 where that one
// repeats, else, along the last axis, 1. Unit: element of y.
template <class T>
struct BinaryArgs {
  const T *a, *b;
  T* y;
  int axes = 1;  // 1 .. Shape::kMaxRank
  Index size[Shape::kMaxRank] = {1}, a_step[Shape::kMaxRank] = {}, b_step[Shape::kMaxRank] = {};
};

// y[o,p,r] = the sum of x[o,m,r] over the m in list[list_begin[p]] .. list[list_begin[p + 1] - 1],
// in that order. Unit: output row o * size + p.
template <class T>
struct ScatterAddArgs {
  const T* x;  // [outer, count, inner]
  T* y;        // [outer, size, inner]
  const Index *list_begin, *list;
  Index count, size, inner;
};

// y[o,r,f] = factor sum over row r's entries e of value[e] x[o,column[e],f] - minus[o,r,f]. Unit:
// output row o * rows + r.
template <class T>
struct CsrMatmulArgs {
  const Index *row_begin, *column;  // row r's entries are row_begin[r] .. row_begin[r + 1] - 1
  const double* value;
  const T* x;  // [outer, columns, features]
  T* y;        // [outer, rows, features]
  Index rows, columns, features;
  T factor = 1;
  const T* minus = nullptr;  // as y; nullptr: 0
  const T* plus = nullptr;   // the same
};

// y = a x b, the cross product. Unit: vector.
template <class T>
struct CrossArgs {
  const T *a, *b;  // [vectors, 3]
  T* y;
};

// y = x / max(|x|, eps). Unit: vector.
template <class T>
struct NormalizeArgs {
  const T* x;  // [vectors, size]
  T* y;
  Index size;
  double eps;
};

// With y as above: gx = (gy - y <y, gy>) / |x| where |x| > eps, gy / eps elsewhere. Unit: vector.
template <class T>
struct NormalizeGradArgs {
  const T *gy, *x;
  T* gx;
  Index size;
  double eps;
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

// gx = the sum of gy over the windows whose maximum (the first of equal ones, the last NaN) is that
// element of x. Unit: plane.
template <class T>
struct MaxPool2dGradArgs {
  const T *gy, *x;
  T* gx;
  Index in_h, in_w, out_h, out_w;
  Index kernel, stride, pad;
};

// y[o,r] = sum_s x[o,s,r]. Unit: output element o * inner + r.
template <class T>
struct SumArgs {
  const T* x;  // [outer, size, inner]
  T* y;        // [outer, inner]
  Index size, inner;
};

// y[o,i,r] = exp(x[o,i,r] - m) / sum_j exp(x[o,j,r] - m), m = max_j x[o,j,r]. Unit: line o * inner
// + r.
template <class T>
struct SoftmaxArgs {
  const T* x;  // [outer, size, inner]
  T* y;
  Index size, inner;
};

// y[r] = log sum_c exp(x[r,c]) - x[r,label[r]], 0 where label[r] is -1. Unit: row r.
template <class T>
struct SoftmaxCrossEntropyArgs {
  const T* x;                 // [rows, classes]
  const std::int64_t* label;  // [rows], each -1 or in [0, classes)
  T* y;                       // [rows]
  Index classes;
};

// gx[r,c] = gy[r] (softmax(x[r])[c] - [c = label[r]]), 0 where label[r] is -1. Unit: row r.
template <class T>
struct SoftmaxCrossEntropyGradArgs {
  const T *gy, *x;
  const std::int64_t* label;
  T* gx;
  Index classes;
};

// With d = x - target: y = d^2 / (2 beta) for |d| < beta, |d| - beta / 2 otherwise; beta 0: |d|.
// Unit: element.
template <class T>
struct SmoothL1Args {
  const T *x, *target;
  T* y;
  T beta;
};

// gx = gy dy/dx: gy d / beta for |d| < beta, gy sign(d) otherwise. Unit: element.
template <class T>
struct SmoothL1GradArgs {
  const T *gy, *x, *target;
  T* gx;
  T beta;
};

// gx[o,i,r] = y[o,i,r] (gy[o,i,r] - sum_j gy[o,j,r] y[o,j,r]). Unit: line o * inner + r.
template <class T>
struct SoftmaxGradArgs {
  const T *gy, *y;  // [outer, size, inner]
  T* gx;
  Index size, inner;
};

// y[m,n] = sum_k a[m a_row + k a_depth] b[k,n]. Unit: row m of y.
template <class T>
struct MatmulRowsArgs {
  const T* a;
  const T* b;            // [depth, columns]
  T* y;                  // [rows, columns]
  Index a_row, a_depth;  // distances in a: 1 and the rows' number for a transposed one
  Index depth, columns;
};
// Elements of scratch that a kernel of any table uses: the columns of two vectors.
[[nodiscard]] constexpr Index matmul_rows_scratch(Index depth) { return 32 * depth; }

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

// The transpose of ResizeBilinearArgs: gx gets from each gy what y took from each x. Unit: plane.
template <class T>
struct ResizeBilinearGradArgs {
  const T* gy;  // [planes, out_h, out_w]
  T* gx;        // [planes, in_h, in_w]
  Index in_h, in_w, out_h, out_w;
};

// gx[plane,p,q] = sum of gy[plane,i,j] over rows[p] <= i < rows[p + 1], columns[q] <= j <
// columns[q + 1]. Unit: row plane * in_h + p.
template <class T>
struct UpsampleNearestGradArgs {
  const T* gy;  // [planes, out_h, out_w]
  T* gx;        // [planes, in_h, in_w]
  Index in_h, in_w, out_h, out_w;
  const Index *rows, *columns;  // [in_h + 1], [in_w + 1], from 0 to out_h and out_w
};

// Where a camera sees vertices (engine/ops/project_mesh.hpp). Unit: vertex, over all images.
template <class T>
struct ProjectMeshArgs {
  const T *vertices, *camera;  // [images, vertices, 3], [images, 7]
  T* clip;                     // [images, vertices, 4]
  Index per_image;
  double size;  // of the picture, pixels
};

// gvertices and gcamera of gclip, each perhaps nullptr. Unit: image.
template <class T>
struct ProjectMeshGradArgs {
  const T *gclip, *vertices, *camera;
  T *gvertices, *gcamera;
  Index per_image;
  double size;
};

// y = albedo (ambient + colour max(0, n . l)) (engine/ops/shade_mesh.hpp). Unit: vertex, over all
// images.
template <class T>
struct ShadeMeshArgs {
  const T *albedo, *vertices, *normals, *light;  // [images, vertices, 3] thrice, [images, 9]
  T* y;                                          // [images, vertices, 3]
  Index per_image;
};

// The gradients of gy, each perhaps nullptr. Unit: image.
template <class T>
struct ShadeMeshGradArgs {
  const T *gy, *albedo, *vertices, *normals, *light;
  T *galbedo, *gvertices, *gnormals, *glight;
  Index per_image;
};

// n = s / max(|s|, 1e-12), s the sum of (v1 - v0) x (v2 - v0) over a vertex's triangles. Unit:
// image.
template <class T>
struct VertexNormalsArgs {
  const T* vertices;      // [images, per_image, 3]
  const Index* triangle;  // [triangles, 3], each in [0, per_image)
  T *y, *length;          // [images, per_image, 3]; |s| [images, per_image]
  Index per_image, triangles;
};

// gvertices of gy, with y and length as they were. Unit: image.
template <class T>
struct VertexNormalsGradArgs {
  const T *gy, *y, *length, *vertices;
  const Index* triangle;
  T* gvertices;
  Index per_image, triangles;
};

// Clip coordinates (x, y, z, w) to pixels: screen = (x / w, y / w), NaN for a vertex that no
// triangle may use (engine/ops/rasterize.hpp says which). Unit: vertex, over all images.
template <class T>
struct ProjectVerticesArgs {
  const T* clip;   // [images, vertices, 4]
  double* screen;  // [images, vertices, 2]
};

// The nearest triangle of each pixel and the pixel's barycentrics in it. Unit: row of pixels of one
// image.
template <class T>
struct RasterizeArgs {
  const T* clip;          // [images, vertices, 4]
  const double* screen;   // [images, vertices, 2]
  const Index* triangle;  // [triangles, 3], each in [0, vertices)
  std::int64_t* id;       // [images, height, width], -1 for none
  T* barycentric;         // [images, height, width, 3]
  Index vertices, triangles, height, width;
};

// gclip of gb = dL/d barycentric, the triangle of each pixel held fixed. Unit: image.
template <class T>
struct RasterizeGradArgs {
  const T *gb, *clip;
  const Index* triangle;
  const std::int64_t* id;
  const T* barycentric;
  T* gclip;  // [images, vertices, 4]
  Index vertices, height, width;
};

// y[n,p,c] = sum_i barycentric[n,p,i] attributes[n,triangle[id[n,p],i],c], 0 where id is -1. Unit:
// pixel n * pixels + p.
template <class T>
struct InterpolateMeshArgs {
  const T *barycentric, *attributes;  // [images, pixels, 3], [images, vertices, channels]
  const Index* triangle;              // [triangles, 3], each in [0, vertices)
  const std::int64_t* id;             // [images, pixels], each in [-1, triangles)
  T* y;                               // [images, pixels, channels]
  Index vertices, pixels, channels;
};

// gb[n,p,i] = sum_c gy[n,p,c] attributes[n,triangle[id[n,p],i],c], 0 where id is -1. Unit: pixel.
template <class T>
struct InterpolateMeshGradBarycentricArgs {
  const T *gy, *attributes;
  const Index* triangle;
  const std::int64_t* id;
  T* gb;  // [images, pixels, 3]
  Index vertices, pixels, channels;
};

// ga[n,v,c] = the sum of barycentric[n,p,i] gy[n,p,c] over the p and i with triangle[id[n,p],i] =
// v, in the order of p. Unit: image.
template <class T>
struct InterpolateMeshGradAttributesArgs {
  const T *gy, *barycentric;
  const Index* triangle;
  const std::int64_t* id;
  T* ga;  // [images, vertices, channels]
  Index vertices, pixels, channels;
};

}  // namespace rf
