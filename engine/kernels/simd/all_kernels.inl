// Every SIMD kernel, compiled once per instruction set (engine/kernels/isa/*.cpp define ISA_ARCH,
// ISA_NAME and ISA_TABLE). Everything is in an anonymous namespace, names its vector type in full
// and uses nothing of the standard library that another object file could share: otherwise the
// linker might keep a copy that old CPUs cannot run. tests/checks/isa_leak.sh holds us to it.
#include <xsimd/xsimd.hpp>

#include "engine/kernels/table.hpp"

namespace rf {
namespace {

using Vec = xsimd::batch<float, ISA_ARCH>;
constexpr Index kLanes = static_cast<Index>(Vec::size);

// The `count` lowest lanes from and to memory, 0 <= count <= kLanes; the other lanes load as
// `fill`.
inline Vec load_partial(const float* p, Index count, float fill = 0) {
  alignas(64) float lanes[kLanes];
  for (Index i = count; i < kLanes; ++i) lanes[i] = fill;
  for (Index i = 0; i < count; ++i) lanes[i] = p[i];
  return Vec::load_aligned(lanes);
}
inline void store_partial(float* p, Vec v, Index count) {
  alignas(64) float lanes[kLanes];
  v.store_aligned(lanes);
  for (Index i = 0; i < count; ++i) p[i] = lanes[i];
}

// The sum of all lanes, halves added to halves.
inline float sum_lanes(Vec v) {
  alignas(64) float lanes[kLanes];
  v.store_aligned(lanes);
  for (Index half = kLanes / 2; half > 0; half /= 2) {
    for (Index i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

}  // namespace
}  // namespace rf

#include "engine/kernels/simd/batch_norm.inl"
#include "engine/kernels/simd/conv2d.inl"
#include "engine/kernels/simd/elementwise.inl"
#include "engine/kernels/simd/linear.inl"
#include "engine/kernels/simd/max_pool2d.inl"
#include "engine/kernels/simd/resize_bilinear.inl"
#include "engine/kernels/simd/softmax.inl"

namespace rf::isa {

const KernelTable ISA_TABLE = {
    .name = ISA_NAME,
    .conv2d_scratch_bytes = conv2d_scratch_bytes,
    .conv2d = conv2d,
    .batch_norm = batch_norm,
    .relu = relu,
    .leaky_relu = leaky_relu,
    .add = add,
    .max_pool2d = max_pool2d,
    .softmax = softmax,
    .linear = linear,
    .resize_bilinear = resize_bilinear,
};

}  // namespace rf::isa
