// Reference kernels: each the equation at its arguments (args.hpp) as loops, for float and double.
// Never optimised: an auditor reads them, and every fast kernel is tested against them.
#pragma once

#include "engine/kernels/args.hpp"

namespace rf::reference {

template <class T>
void conv2d(const Conv2dArgs<T>& a, const Conv2dTile& tile) noexcept;

template <class T>
void conv2d_grad_input(const Conv2dGradInputArgs<T>& a, Index image, Index group) noexcept;

template <class T>
void conv2d_grad_weight(const Conv2dGradWeightArgs<T>& a, const Conv2dRows& band, T* gw) noexcept;

// Deformable convolution (DeformArgs). columns[(c - first_channel) taps + r][p - begin] = mask
// x_c(place), rows `pitch` apart.
template <class T>
void deform_sample(const DeformArgs<T>& a, const DeformRange& range, T* columns,
                   Index pitch) noexcept;
// The samples once more, and what offsets and mask get from dL/dcolumns. Of x(place), which has no
// derivative where a coordinate is whole, the one to the right or below is taken.
template <class T>
void deform_sample_grads(const DeformArgs<T>& a, const DeformRange& range,
                         const DeformSampleGrads<T>& to) noexcept;
// gx[q][c - first_channel] += the sum of dL/dcolumn mask w over all of the range's places that give
// pixel q the weight w, by taps and pixels in turn. gcolumns [pixels, taps] begins at the range's
// first pixel and channel; from tap to tap it is `pitch` elements.
template <class T>
void deform_scatter(const DeformArgs<T>& a, const DeformRange& range, const T* gcolumns,
                    Index pitch, T* gx) noexcept;

template <class T>
void batch_norm(const BatchNormArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void batch_norm_moments(const BatchNormMomentsArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void batch_norm_products(const BatchNormProductsArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void batch_norm_grad(const BatchNormGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void relu(const ReluArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void leaky_relu(const LeakyReluArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void leaky_relu_grad(const LeakyReluGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void elu(const EluArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void elu_grad(const EluGradArgs<T>& a, Index begin, Index end) noexcept;

// Named in full, so that exp, log and tanh in this namespace are those of engine/math.hpp.
template <class T>
void exponential(const UnaryArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void exponential_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void logarithm(const UnaryArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void logarithm_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void sigmoid(const UnaryArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void sigmoid_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void hyperbolic_tangent(const UnaryArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void hyperbolic_tangent_grad(const UnaryGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void add(const BinaryArgs<T>& args, Index begin, Index end) noexcept;

template <class T>
void subtract(const BinaryArgs<T>& args, Index begin, Index end) noexcept;

template <class T>
void multiply(const BinaryArgs<T>& args, Index begin, Index end) noexcept;

template <class T>
void divide(const BinaryArgs<T>& args, Index begin, Index end) noexcept;

template <class T>
void scatter_add(const ScatterAddArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void csr_matmul(const CsrMatmulArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void cross(const CrossArgs<T>& args, Index begin, Index end) noexcept;

template <class T>
void normalize(const NormalizeArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void normalize_grad(const NormalizeGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void max_pool2d(const MaxPool2dArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void max_pool2d_grad(const MaxPool2dGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void softmax(const SoftmaxArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void softmax_grad(const SoftmaxGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void softmax_cross_entropy(const SoftmaxCrossEntropyArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void softmax_cross_entropy_grad(const SoftmaxCrossEntropyGradArgs<T>& a, Index begin,
                                Index end) noexcept;

template <class T>
void smooth_l1(const SmoothL1Args<T>& a, Index begin, Index end) noexcept;

template <class T>
void smooth_l1_grad(const SmoothL1GradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void sum(const SumArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void matmul_rows(const MatmulRowsArgs<T>&, Index begin, Index end, T* packed) noexcept;
template <class T>
void linear(const LinearArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void resize_bilinear(const ResizeBilinearArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void resize_bilinear_grad(const ResizeBilinearGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void upsample_nearest_grad(const UpsampleNearestGradArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void project_mesh(const ProjectMeshArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void project_mesh_grad(const ProjectMeshGradArgs<T>& a, Index image) noexcept;

template <class T>
void shade_mesh(const ShadeMeshArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void shade_mesh_grad(const ShadeMeshGradArgs<T>& a, Index image) noexcept;

// `sums` is memory for a vertex each, [per_image, 3].
template <class T>
void vertex_normals(const VertexNormalsArgs<T>& a, Index image, double* sums) noexcept;

// `sums` is memory for two vectors of a vertex each, [2, per_image, 3].
template <class T>
void vertex_normals_grad(const VertexNormalsGradArgs<T>& a, Index image, double* sums) noexcept;

template <class T>
void project_vertices(const ProjectVerticesArgs<T>& a, Index begin, Index end) noexcept;

// Rows [row_begin, row_end) of one image; `depth` is memory for them, [rows, width].
template <class T>
void rasterize(const RasterizeArgs<T>& a, Index image, Index row_begin, Index row_end,
               double* depth) noexcept;

// `sums` is memory for a vertex each, [vertices, 3].
template <class T>
void rasterize_grad(const RasterizeGradArgs<T>& a, Index image, double* sums) noexcept;

template <class T>
void interpolate_mesh(const InterpolateMeshArgs<T>& a, Index begin, Index end) noexcept;

template <class T>
void interpolate_mesh_grad_barycentric(const InterpolateMeshGradBarycentricArgs<T>& a, Index begin,
                                       Index end) noexcept;

// `sums` is memory for the attributes of one image, [vertices, channels].
template <class T>
void interpolate_mesh_grad_attributes(const InterpolateMeshGradAttributesArgs<T>& a, Index image,
                                      double* sums) noexcept;

}  // namespace rf::reference
