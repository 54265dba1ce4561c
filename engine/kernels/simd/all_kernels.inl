// Every SIMD kernel, compiled once per instruction set (engine/kernels/isa/*.cpp define ISA_ARCH,
// ISA_NAME and ISA_TABLE). Everything is in an anonymous namespace, names its vector type in full
// and uses nothing of the standard library that another object file could share: otherwise the
// linker might keep a copy that old CPUs cannot run. tests/checks/isa_leak.sh holds us to it.
#include <utility>
#include <xsimd/xsimd.hpp>

#include "engine/kernels/table.hpp"

namespace rf {
namespace {

using Vec = xsimd::batch<float, ISA_ARCH>;
constexpr Index kLanes = static_cast<Index>(Vec::size);

// A number as a type, for blocks whose size is a template argument.
template <int N>
struct Count {
  static constexpr int value = N;
};

}  // namespace
}  // namespace rf

#include "engine/kernels/simd/lanes.inl"

namespace rf {
namespace {

// a / b, rounded once; xsimd 8.1 estimates it on NEON.
inline Vec quotient(Vec a, Vec b) { return Vec(a.data / b.data); }

inline void copy_floats(float* to, const float* from, Index count) {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes) Vec::load_unaligned(from + i).store_unaligned(to + i);
  if (i < count) store_partial(to + i, load_partial(from + i, count - i), count - i);
}

// x where x > 0, slope x otherwise; where slope <= 1 that is the larger of the two.
inline Vec activated(Vec x, Vec slope) { return xsimd::select(x > Vec(0.0F), x, slope * x); }
inline Vec activated(Vec x, float slope) {
  return slope <= 1 ? xsimd::max(Vec(slope) * x, x) : activated(x, Vec(slope));
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

// The sum of the lanes of each of kLanes vectors: out[i] = sum_lanes(v[i]), in some order of
// adding.
inline void sum_each(const Vec* v, float* out) noexcept {
#if defined(__AVX512F__)
  // Not xsimd::haddp, whose results come in another order in xsimd 8.1. Quarters of vectors are
  // folded until each quarter of t[j] holds one of v[j], v[4 + j], v[8 + j], v[12 + j].
  __m512 t[4];
  const auto fold = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  };
  for (int j = 0; j < 4; ++j) {
    const __m512 low = fold(v[j], v[4 + j]), high = fold(v[8 + j], v[12 + j]);
    t[j] =
        _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xDD));
  }
  const __m512 first =
      _mm512_add_ps(_mm512_unpacklo_ps(t[0], t[1]), _mm512_unpackhi_ps(t[0], t[1]));
  const __m512 second =
      _mm512_add_ps(_mm512_unpacklo_ps(t[2], t[3]), _mm512_unpackhi_ps(t[2], t[3]));
  _mm512_storeu_ps(out, _mm512_add_ps(_mm512_shuffle_ps(first, second, 0x44),
                                      _mm512_shuffle_ps(first, second, 0xEE)));
#else
  xsimd::haddp(v).store_unaligned(out);
#endif
}

// Float accumulators keep their digits over a short run; the runs are added up in double.
constexpr Index kSumRun = 64 * kLanes;

inline double sum_line(const float* x, Index size) noexcept {
  double total = 0;
  Index i = 0;
  while (i + 4 * kLanes <= size) {
    const Index left = size - i,
                run = left < kSumRun ? left / (4 * kLanes) * (4 * kLanes) : kSumRun;
    Vec acc[4] = {Vec(0.0F), Vec(0.0F), Vec(0.0F), Vec(0.0F)};
    for (const Index stop = i + run; i < stop; i += 4 * kLanes) {
      for (int v = 0; v < 4; ++v) acc[v] += Vec::load_unaligned(x + i + v * kLanes);
    }
    total += static_cast<double>(sum_lanes((acc[0] + acc[1]) + (acc[2] + acc[3])));
  }
  for (; i < size; ++i) total += static_cast<double>(x[i]);
  return total;
}

}  // namespace
}  // namespace rf

#include "engine/kernels/simd/arithmetic.inl"
#include "engine/kernels/simd/batch_norm.inl"
#include "engine/kernels/simd/conv_strip.inl"
#include "engine/kernels/simd/depthwise.inl"
#include "engine/kernels/simd/narrow_conv.inl"
// These two build on what is above.
#include "engine/kernels/simd/conv2d.inl"
#include "engine/kernels/simd/conv2d_grad.inl"
#include "engine/kernels/simd/csr_matmul.inl"
#include "engine/kernels/simd/deform_conv2d.inl"
#include "engine/kernels/simd/elementwise.inl"
#include "engine/kernels/simd/exponential.inl"
#include "engine/kernels/simd/linear.inl"
#include "engine/kernels/simd/matmul_rows.inl"
#include "engine/kernels/simd/max_pool2d.inl"
#include "engine/kernels/simd/multiply_add.inl"
#include "engine/kernels/simd/resize_bilinear.inl"
#include "engine/kernels/simd/smooth_l1.inl"
#include "engine/kernels/simd/softmax.inl"
#include "engine/kernels/simd/softmax_cross_entropy.inl"
#include "engine/kernels/simd/sum.inl"
#include "engine/kernels/simd/winograd_transforms.inl"
// This builds on it.
#include "engine/kernels/simd/winograd.inl"

namespace rf::isa {

const KernelTable ISA_TABLE = {
    .name = ISA_NAME,
    .vector_floats = kLanes,
    .multiply_adds = kChains * kLanes,
    .multiply_add = multiply_add,
    .conv2d_scratch_bytes = conv2d_scratch_bytes,
    .conv2d = conv2d,
    .conv2d_reads_picture = conv2d_reads_picture,
    .winograd = {kWinograd<2>, kWinograd<4>, kWinograd<6>},
    .depthwise_grad_input_scratch_bytes = depthwise_grad_input_scratch_bytes,
    .depthwise_grad_input = depthwise_grad_input,
    .conv2d_grad_weight_scratch_bytes = conv2d_grad_weight_scratch_bytes,
    .conv2d_grad_weight = conv2d_grad_weight,
    .deform_sample = deform_sample,
    .deform_sample_grads = deform_sample_grads,
    .deform_scatter = deform_scatter,
    .batch_norm = batch_norm,
    .batch_norm_moments = batch_norm_moments,
    .batch_norm_products = batch_norm_products,
    .batch_norm_grad = batch_norm_grad,
    .relu = relu,
    .leaky_relu = leaky_relu,
    .leaky_relu_grad = leaky_relu_grad,
    .matmul_rows = matmul_rows,
    .elu = elu,
    .elu_grad = elu_grad,
    .sigmoid = sigmoid,
    .add = add,
    .subtract = subtract,
    .multiply = multiply,
    .divide = divide,
    .max_pool2d = max_pool2d,
    .csr_matmul = csr_matmul,
    .smooth_l1 = smooth_l1,
    .smooth_l1_grad = smooth_l1_grad,
    .softmax = softmax,
    .softmax_cross_entropy = softmax_cross_entropy,
    .softmax_cross_entropy_grad = softmax_cross_entropy_grad,
    .sum = sum,
    .linear = linear,
    .resize_bilinear = resize_bilinear,
};

}  // namespace rf::isa
