// The operations of engine/ops on Vars: what layers are written in. Shapes, equations and errors
// are those of the engine's function of the same name; each has its gradient in autograd/ops/.
#pragma once

#include <vector>

#include "autograd/var.hpp"
#include "engine/ops/activation.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/batch_norm.hpp"
#include "engine/ops/concat.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/ops/conv2d_batch_norm.hpp"
#include "engine/ops/cross.hpp"
#include "engine/ops/csr.hpp"
#include "engine/ops/deform_conv2d.hpp"
#include "engine/ops/exp_log.hpp"
#include "engine/ops/gather.hpp"
#include "engine/ops/interpolate_mesh.hpp"
#include "engine/ops/linear.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/ops/max_pool2d.hpp"
#include "engine/ops/normalize.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/rasterize.hpp"
#include "engine/ops/resize_bilinear.hpp"
#include "engine/ops/slice.hpp"
#include "engine/ops/smooth_l1.hpp"
#include "engine/ops/soft_rasterize.hpp"
#include "engine/ops/softmax.hpp"
#include "engine/ops/softmax_cross_entropy.hpp"
#include "engine/ops/sum.hpp"
#include "engine/ops/upsample_nearest.hpp"

namespace rf::ag {

[[nodiscard]] Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dParams& params);
// Without elements: mask for 1, b for 0.
[[nodiscard]] Var deform_conv2d(const Var& x, const Var& offset, const Var& mask, const Var& w,
                                const Var& b, const DeformConv2dParams& params);
// mean and var are constants: no gradient reaches them.
[[nodiscard]] Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const Var& mean,
                             const Var& var, const BatchNormParams& params);
// With the mean and variance of x itself, which are written to `stats`.
[[nodiscard]] Var batch_norm_training(const Var& x, const Var& gamma, const Var& beta,
                                      const BatchNormParams& params, BatchNormStats& stats);
// conv2d, then batch_norm_training, in fewer passes over memory.
[[nodiscard]] Var conv2d_batch_norm(const Var& x, const Var& w, const Var& b, const Var& gamma,
                                    const Var& beta, const Conv2dBatchNormParams& params,
                                    BatchNormStats& stats);
[[nodiscard]] Var relu(const Var& x);
[[nodiscard]] Var leaky_relu(const Var& x, const LeakyReluParams& params);
[[nodiscard]] Var elu(const Var& x, const EluParams& params = {});
[[nodiscard]] Var sigmoid(const Var& x);
[[nodiscard]] Var tanh(const Var& x);
[[nodiscard]] Var exp(const Var& x);
[[nodiscard]] Var log(const Var& x);
[[nodiscard]] Var add(const Var& a, const Var& b);
[[nodiscard]] Var subtract(const Var& a, const Var& b);
[[nodiscard]] Var multiply(const Var& a, const Var& b);
[[nodiscard]] Var divide(const Var& a, const Var& b);
[[nodiscard]] Var scale(const Var& x, double factor);
[[nodiscard]] Var sum(const Var& x, const std::vector<int>& axes);
[[nodiscard]] Var sum(const Var& x);  // over all axes: a scalar
// The sum over `axes`, or all, by the number of elements in it. Throws ShapeError like sum, and
// when there are none.
[[nodiscard]] Var mean(const Var& x, const std::vector<int>& axes);
[[nodiscard]] Var mean(const Var& x);
[[nodiscard]] Var concat(const std::vector<Var>& parts, int axis);
[[nodiscard]] Var slice(const Var& x, int axis, Index begin, Index end);
[[nodiscard]] Var permute(const Var& x, const std::vector<int>& axes);
// Two axes exchanged: a permute. Throws ShapeError: an axis outside [0, rank).
[[nodiscard]] Var transpose(const Var& x, int axis_a, int axis_b);
// x laid out in another shape of as many elements, which shares its storage. Throws ShapeError.
[[nodiscard]] Var reshape(const Var& x, const Shape& shape);
[[nodiscard]] Var upsample_nearest(const Var& x, const UpsampleNearestParams& params);
[[nodiscard]] Var resize_bilinear(const Var& x, const ResizeBilinearParams& params);
[[nodiscard]] Var max_pool2d(const Var& x, const MaxPool2dParams& params);
[[nodiscard]] Var softmax(const Var& x, int axis);
[[nodiscard]] Var gather(const Var& x, int axis, const Tensor& index);
[[nodiscard]] Var scatter_add(const Var& x, int axis, const Tensor& index, Index size);
[[nodiscard]] Var linear(const Var& x, const Var& w, const Var& b);
[[nodiscard]] Var matmul(const Var& a, const Var& b);
// The matrix is a constant.
[[nodiscard]] Var csr_matmul(const CsrPair& a, const Var& x);
// factor a x - minus + plus; minus and plus may be without elements
[[nodiscard]] Var csr_matmul(const CsrPair& a, const Var& x, double factor, const Var& minus,
                             const Var& plus = {});
[[nodiscard]] Var cross(const Var& a, const Var& b);
[[nodiscard]] Var normalize(const Var& x, double eps = 1e-12);

// Losses.
[[nodiscard]] Var softmax_cross_entropy(const Var& x, const Tensor& labels);
[[nodiscard]] Var smooth_l1(const Var& x, const Var& target, const SmoothL1Params& params = {});
[[nodiscard]] Var l1(const Var& x, const Var& target);

// Pictures of meshes. Vertices: where a camera sees them, their normals, their colours in a light.
[[nodiscard]] Var project_mesh(const Var& vertices, const Var& camera, Index size);
[[nodiscard]] Var vertex_normals(const Var& vertices, const Tensor& triangles);
[[nodiscard]] Var shade_mesh(const Var& albedo, const Var& vertices, const Var& normals,
                             const Var& light);

// A raster whose barycentrics can be differentiated with respect to clip: the
// triangle of each pixel is a constant.
struct MeshRaster {
  Tensor triangle;
  Var barycentric;
};
[[nodiscard]] MeshRaster rasterize(const Var& clip, const Tensor& triangles,
                                   const RasterizeParams& params);
[[nodiscard]] Var interpolate_mesh(const Var& barycentric, const Tensor& triangle_ids,
                                   const Tensor& triangles, const Var& attributes);

// A picture of a mesh that is soft at its outlines: gradients from pixels beside a triangle too.
struct SoftMeshPicture {
  Var colour;      // [N, H, W, C]
  Var silhouette;  // [N, H, W]
};
[[nodiscard]] SoftMeshPicture soft_rasterize(const Var& clip, const Tensor& triangles,
                                             const Var& attributes,
                                             const SoftRasterizeParams& params);

}  // namespace rf::ag
