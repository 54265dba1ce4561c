// The reference kernels as a table: the same code an auditor reads, in float.
#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"

namespace rf::isa {

namespace {

std::size_t no_scratch(const Conv2dGeometry&, Index) noexcept { return 0; }

bool no_picture(const Conv2dGeometry&) noexcept { return false; }

std::size_t no_plane_scratch(const Conv2dGeometry&) noexcept { return 0; }

void depthwise_grad_input(const Conv2dGradInputArgs<float>& args, Index image, Index group,
                          std::byte*) noexcept {
  reference::conv2d_grad_input(args, image, group);
}

// One multiplication and one addition at a time, as the reference does: CMakeLists.txt keeps the
// compiler from making vectors of them.
constexpr int kChains = 14;

float multiply_add(Index rounds, float factor, float term) noexcept {
  float x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = static_cast<float>(i);
  for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 14
    for (int i = 0; i < kChains; ++i) x[i] = x[i] * factor + term;
  }
  float sum = 0;
  for (const float value : x) sum += value;
  return sum;
}

}  // namespace

const KernelTable scalar = {
    .name = "scalar",
    .vector_floats = 1,
    .multiply_adds = kChains,
    .multiply_add = multiply_add,
    .conv2d_scratch_bytes = no_scratch,
    .conv2d = reference::conv2d<float>,
    .conv2d_reads_picture = no_picture,
    .winograd = {},
    .depthwise_grad_input_scratch_bytes = no_plane_scratch,
    .depthwise_grad_input = depthwise_grad_input,
    .conv2d_grad_weight_scratch_bytes = no_scratch,
    .conv2d_grad_weight = reference::conv2d_grad_weight<float>,
    .deform_sample = reference::deform_sample<float>,
    .deform_sample_grads = reference::deform_sample_grads<float>,
    .deform_scatter = reference::deform_scatter<float>,
    .batch_norm = reference::batch_norm<float>,
    .batch_norm_moments = reference::batch_norm_moments<float>,
    .batch_norm_products = reference::batch_norm_products<float>,
    .batch_norm_grad = reference::batch_norm_grad<float>,
    .relu = reference::relu<float>,
    .leaky_relu = reference::leaky_relu<float>,
    .leaky_relu_grad = reference::leaky_relu_grad<float>,
    .matmul_rows = reference::matmul_rows<float>,
    .elu = reference::elu<float>,
    .elu_grad = reference::elu_grad<float>,
    .sigmoid = reference::sigmoid<float>,
    .add = reference::add<float>,
    .subtract = reference::subtract<float>,
    .multiply = reference::multiply<float>,
    .divide = reference::divide<float>,
    .max_pool2d = reference::max_pool2d<float>,
    .csr_matmul = reference::csr_matmul<float>,
    .smooth_l1 = reference::smooth_l1<float>,
    .smooth_l1_grad = reference::smooth_l1_grad<float>,
    .softmax = reference::softmax<float>,
    .softmax_cross_entropy = reference::softmax_cross_entropy<float>,
    .softmax_cross_entropy_grad = reference::softmax_cross_entropy_grad<float>,
    .sum = reference::sum<float>,
    .linear = reference::linear<float>,
    .resize_bilinear = reference::resize_bilinear<float>,
};

}  // namespace rf::isa
