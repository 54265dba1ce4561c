// KernelTable: one set of float kernels, compiled for one instruction set. All tables compute the
// same functions (args.hpp) to within 1e-4 of a tensor's largest magnitude; `scalar` is the
// reference itself.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/kernels/args.hpp"

namespace rf {

// Winograd's F(outputs x outputs, 3x3).
struct WinogradKernel {
  Index outputs;  // of a tile, along one axis; 0: no such kernel
  // What the transforms of one vector of tiles take, of one channel on both sides, in products of
  // two vectors; measured.
  double transform_cost;
  // The layer's weights for it, made once: u of [(outputs + 2)^2][out_channels / 8, rounded up]
  // [in_channels][8], channels that are not there 0.
  void (*weights)(const Conv2dGeometry&, const float* w, float* u) noexcept;
  std::size_t (*scratch_bytes)(const Conv2dGeometry&) noexcept;
  // A Conv2dTile's range is of output tiles, row by row.
  void (*run)(const Conv2dArgs<float>&, const float* u, const Conv2dTile&) noexcept;
};

struct KernelTable {
  const char* name;     // as RF_ISA spells it
  Index vector_floats;  // how many numbers are computed at a time

  // What the instruction set can do at most, for other kernels to be compared with: x = factor x +
  // term, `rounds` times, for `multiply_adds` numbers x that never leave the registers, whatever
  // they begin as. Gives their sum.
  Index multiply_adds;
  float (*multiply_add)(Index rounds, float factor, float term) noexcept;

  // Bytes of scratch that one call may need, for so many pixels or output rows.
  std::size_t (*conv2d_scratch_bytes)(const Conv2dGeometry&, Index pixels) noexcept;
  void (*conv2d)(const Conv2dArgs<float>&, const Conv2dTile&) noexcept;
  // Whether conv2d takes a picture instead of x for this layer (args.hpp).
  bool (*conv2d_reads_picture)(const Conv2dGeometry&) noexcept;
  // The same for 3x3 layers of stride 1, by tiles of 2x2, 4x4 and 6x6 outputs.
  WinogradKernel winograd[3];
  // dL/dx of a depthwise 3x3 layer with stride 2 and pad 1, alone (any other is conv2d of dL/dy
  // with turned weights).
  std::size_t (*depthwise_grad_input_scratch_bytes)(const Conv2dGeometry&) noexcept;
  void (*depthwise_grad_input)(const Conv2dGradInputArgs<float>&, Index image, Index group,
                               std::byte* scratch) noexcept;
  std::size_t (*conv2d_grad_weight_scratch_bytes)(const Conv2dGeometry&, Index rows) noexcept;
  void (*conv2d_grad_weight)(const Conv2dGradWeightArgs<float>&, const Conv2dRows&,
                             float* gw) noexcept;
  // Deformable convolution: reference.hpp says what they do. Planes of fewer than 2^31 elements, of
  // at most 2^24 rows and columns.
  void (*deform_sample)(const DeformArgs<float>&, const DeformRange&, float* columns,
                        Index pitch) noexcept;
  void (*deform_sample_grads)(const DeformArgs<float>&, const DeformRange&,
                              const DeformSampleGrads<float>&) noexcept;
  void (*deform_scatter)(const DeformArgs<float>&, const DeformRange&, const float* gcolumns,
                         Index pitch, float* gx) noexcept;
  void (*batch_norm)(const BatchNormArgs<float>&, Index begin, Index end) noexcept;
  void (*batch_norm_moments)(const BatchNormMomentsArgs<float>&, Index begin, Index end) noexcept;
  void (*batch_norm_products)(const BatchNormProductsArgs<float>&, Index begin, Index end) noexcept;
  void (*batch_norm_grad)(const BatchNormGradArgs<float>&, Index begin, Index end) noexcept;
  void (*relu)(const ReluArgs<float>&, Index begin, Index end) noexcept;
  void (*leaky_relu)(const LeakyReluArgs<float>&, Index begin, Index end) noexcept;
  void (*leaky_relu_grad)(const LeakyReluGradArgs<float>&, Index begin, Index end) noexcept;
  // packed: matmul_rows_scratch(depth) elements, at a multiple of 64 bytes.
  void (*matmul_rows)(const MatmulRowsArgs<float>&, Index begin, Index end, float* packed) noexcept;
  void (*elu)(const EluArgs<float>&, Index begin, Index end) noexcept;
  void (*elu_grad)(const EluGradArgs<float>&, Index begin, Index end) noexcept;
  void (*sigmoid)(const UnaryArgs<float>&, Index begin, Index end) noexcept;
  void (*add)(const BinaryArgs<float>&, Index begin, Index end) noexcept;
  void (*subtract)(const BinaryArgs<float>&, Index begin, Index end) noexcept;
  void (*multiply)(const BinaryArgs<float>&, Index begin, Index end) noexcept;
  void (*divide)(const BinaryArgs<float>&, Index begin, Index end) noexcept;
  void (*max_pool2d)(const MaxPool2dArgs<float>&, Index begin, Index end) noexcept;
  void (*csr_matmul)(const CsrMatmulArgs<float>&, Index begin, Index end) noexcept;
  void (*smooth_l1)(const SmoothL1Args<float>&, Index begin, Index end) noexcept;
  void (*smooth_l1_grad)(const SmoothL1GradArgs<float>&, Index begin, Index end) noexcept;
  void (*softmax)(const SoftmaxArgs<float>&, Index begin, Index end) noexcept;
  void (*softmax_cross_entropy)(const SoftmaxCrossEntropyArgs<float>&, Index begin,
                                Index end) noexcept;
  void (*softmax_cross_entropy_grad)(const SoftmaxCrossEntropyGradArgs<float>&, Index begin,
                                     Index end) noexcept;
  void (*sum)(const SumArgs<float>&, Index begin, Index end) noexcept;
  void (*linear)(const LinearArgs<float>&, Index begin, Index end) noexcept;
  void (*resize_bilinear)(const ResizeBilinearArgs<float>&, Index begin, Index end) noexcept;
};

// The table in use: the best that this CPU and its operating system support, or the one RF_ISA
// names. Decided at the first call. Throws UsageError when RF_ISA names no table or one this CPU
// cannot run.
[[nodiscard]] const KernelTable& kernels();

// Why that one, for people: "best of scalar, sse2, avx2, avx512", "RF_ISA".
[[nodiscard]] const std::string& kernels_reason();

// Every table this CPU can run, slowest first. `all_kernel_table_names` has also those it cannot.
[[nodiscard]] const std::vector<const KernelTable*>& supported_kernel_tables();
[[nodiscard]] const std::vector<std::string>& all_kernel_table_names();

// Replaces the table in use, for tests and benchmarks. Not while another thread computes.
void use_kernels(const KernelTable& table);

namespace isa {  // one definition per file in engine/kernels/isa/
extern const KernelTable scalar, sse2, avx2, avx512, neon;
}

}  // namespace rf
