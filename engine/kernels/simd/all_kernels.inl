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

// A number as a type, for blocks whose size is a template argument.
template <int N>
struct Count {
  static constexpr int value = N;
};

// The `count` lowest lanes from and to memory, 0 <= count <= kLanes; the other lanes load as
// `fill`. load_lanes: those of lanes_between(begin, end), 0 <= begin, end <= kLanes, the others 0;
// none when end <= begin.
#if defined(__AVX512F__)  // masks, for which xsimd 8.1 has no word
inline Vec load_partial(const float* p, Index count, float fill = 0) {
  const auto mask = static_cast<__mmask16>((1U << count) - 1);
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), mask, p);
}
using LaneMask = __mmask16;
inline LaneMask lanes_between(Index begin, Index end) {
  return static_cast<__mmask16>(((1U << end) - 1) & ~((1U << begin) - 1));
}
inline Vec load_lanes(const float* p, LaneMask mask) { return _mm512_maskz_loadu_ps(mask, p); }
inline void store_partial(float* p, Vec v, Index count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << count) - 1), v);
}
#else
inline Vec load_partial(const float* p, Index count, float fill = 0) {
  alignas(64) float lanes[kLanes];
  for (Index i = count; i < kLanes; ++i) lanes[i] = fill;
  for (Index i = 0; i < count; ++i) lanes[i] = p[i];
  return Vec::load_aligned(lanes);
}
#if defined(__AVX__)  // as above
struct LaneMask {
  __m256i lanes;
};
inline LaneMask lanes_between(Index begin, Index end) {
  alignas(32) static constexpr std::int32_t kFrom[16] = {0,  0,  0,  0,  0,  0,  0,  0,
                                                         -1, -1, -1, -1, -1, -1, -1, -1};
  alignas(32) static constexpr std::int32_t kUpTo[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                         0,  0,  0,  0,  0,  0,  0,  0};
  const auto mask = [](const std::int32_t* lanes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes));
  };
  return {_mm256_and_si256(mask(kFrom + 8 - begin), mask(kUpTo + 8 - end))};
}
inline Vec load_lanes(const float* p, LaneMask mask) { return _mm256_maskload_ps(p, mask.lanes); }
#else
struct LaneMask {
  Index begin, end;
};
inline LaneMask lanes_between(Index begin, Index end) { return {begin, end}; }
inline Vec load_lanes(const float* p, LaneMask mask) {
  if (mask.begin == 0 && mask.end == kLanes) return Vec::load_unaligned(p);
  alignas(64) float lanes[kLanes] = {};
  for (Index i = mask.begin; i < mask.end; ++i) lanes[i] = p[i];
  return Vec::load_aligned(lanes);
}
#endif
inline void store_partial(float* p, Vec v, Index count) {
  alignas(64) float lanes[kLanes];
  v.store_aligned(lanes);
  for (Index i = 0; i < count; ++i) p[i] = lanes[i];
}
#endif

// The compilers' shuffles serve every instruction set; xsimd 8.1 has no word for these.
#if defined(__AVX512F__)
#define RF_NEXT_LANES 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define RF_LANES_BEFORE 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
#define RF_PAIRS_TURNED 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define RF_EVERY_SECOND(i)                                                                       \
  i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14, i + 16, i + 18, i + 20, i + 22, i + 24, \
      i + 26, i + 28, i + 30
#define RF_BY_TURNS(i)                                                                         \
  i, i + 16, i + 1, i + 17, i + 2, i + 18, i + 3, i + 19, i + 4, i + 20, i + 5, i + 21, i + 6, \
      i + 22, i + 7, i + 23
#elif defined(__AVX__)
#define RF_NEXT_LANES 1, 2, 3, 4, 5, 6, 7
#define RF_LANES_BEFORE 7, 8, 9, 10, 11, 12, 13, 14
#define RF_PAIRS_TURNED 1, 0, 3, 2, 5, 4, 7, 6
#define RF_EVERY_SECOND(i) i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14
#define RF_BY_TURNS(i) i, i + 8, i + 1, i + 9, i + 2, i + 10, i + 3, i + 11
#else
#define RF_NEXT_LANES 1, 2, 3
#define RF_LANES_BEFORE 3, 4, 5, 6
#define RF_PAIRS_TURNED 1, 0, 3, 2
#define RF_EVERY_SECOND(i) i, i + 2, i + 4, i + 6
#define RF_BY_TURNS(i) i, i + 4, i + 1, i + 5
#endif

// even = a[0], a[2], .. b[0], b[2], ..; odd = a[1], a[3], .. b[1], b[3], ..
inline void unzip(Vec a, Vec b, Vec& even, Vec& odd) {
  even = Vec(__builtin_shufflevector(a.data, b.data, RF_EVERY_SECOND(0)));
  odd = Vec(__builtin_shufflevector(a.data, b.data, RF_EVERY_SECOND(1)));
}

// low = a[0], b[0], a[1], b[1], ..; high = the rest.
inline void zip(Vec a, Vec b, Vec& low, Vec& high) {
  low = Vec(__builtin_shufflevector(a.data, b.data, RF_BY_TURNS(0)));
  high = Vec(__builtin_shufflevector(a.data, b.data, RF_BY_TURNS(kLanes / 2)));
}

// v[1], v[0], v[3], v[2], ..
inline Vec turn_pairs(Vec v) {
  return Vec(__builtin_shufflevector(v.data, v.data, RF_PAIRS_TURNED));
}

// a / b, rounded once; xsimd 8.1 estimates it on NEON.
inline Vec quotient(Vec a, Vec b) { return Vec(a.data / b.data); }

// v[1], v[2], .., v[kLanes - 1], next[Lane].
template <int Lane>
inline Vec shift_in(Vec v, Vec next) {
  return Vec(
      __builtin_shufflevector(v.data, next.data, RF_NEXT_LANES, static_cast<int>(kLanes) + Lane));
}

// before[kLanes - 1], v[0], v[1], .., v[kLanes - 2].
inline Vec shift_out(Vec before, Vec v) {
  return Vec(__builtin_shufflevector(before.data, v.data, RF_LANES_BEFORE));
}

// v[0][0], v[1][0], v[2][0], v[3][0], v[0][1], ..: 4 kLanes floats to `to`.
inline void store_by_turns(const Vec (&v)[4], float* to) {
  Vec even[2], odd[2], line[4];
  zip(v[0], v[2], even[0], even[1]);
  zip(v[1], v[3], odd[0], odd[1]);
  for (int i = 0; i < 2; ++i) zip(even[i], odd[i], line[2 * i], line[2 * i + 1]);
  for (int i = 0; i < 4; ++i) line[i].store_unaligned(to + i * kLanes);
}

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
    .winograd_weights = winograd_weights,
    .winograd_scratch_bytes = winograd_scratch_bytes,
    .winograd = winograd,
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
