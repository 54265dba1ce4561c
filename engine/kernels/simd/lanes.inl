// Lanes of vectors: some of them from and to memory, and from one place to another.
namespace rf {
namespace {

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
template <class Lane, int... I>
inline Vec shuffle(Vec a, Vec b, Lane lane, std::integer_sequence<int, I...>) {
  return Vec(__builtin_shufflevector(a.data, b.data, lane(I)...));
}
// The lanes lane(0), lane(1), .. of those of a, then b; -1: any.
template <class Lane>
inline Vec shuffle(Vec a, Vec b, Lane lane) {
  return shuffle(a, b, lane, std::make_integer_sequence<int, Vec::size>{});
}
constexpr int kShift = Vec::size;  // lane i of b is lane kShift + i of both

// even = a[0], a[2], .. b[0], b[2], ..; odd = a[1], a[3], .. b[1], b[3], ..
inline void unzip(Vec a, Vec b, Vec& even, Vec& odd) {
  even = shuffle(a, b, [](int i) { return 2 * i; });
  odd = shuffle(a, b, [](int i) { return 2 * i + 1; });
}

// low = a[0], b[0], a[1], b[1], ..; high = the rest.
inline void zip(Vec a, Vec b, Vec& low, Vec& high) {
  low = shuffle(a, b, [](int i) { return i / 2 + i % 2 * kShift; });
  high = shuffle(a, b, [](int i) { return kShift / 2 + i / 2 + i % 2 * kShift; });
}

// Of x[0], x[1], x[2] as one line, elements Phase, Phase + 3, ..
template <int Phase>
inline Vec every_third(const Vec (&x)[3]) {
  constexpr int kBoth = 2 * kShift;
  const Vec low = shuffle(x[0], x[1], [](int i) {
    const int at = 3 * i + Phase;
    return at < kBoth ? at : -1;
  });
  return shuffle(low, x[2], [](int i) {
    const int at = 3 * i + Phase;
    return at < kBoth ? i : at - kShift;
  });
}

// The opposite: v[0][0], v[1][0], v[2][0], v[0][1], .., from element Line * kLanes on.
template <int Line>
inline Vec third_of_turns(const Vec (&v)[3]) {
  const Vec two = shuffle(v[0], v[1], [](int i) {
    const int at = Line * kShift + i;
    return at % 3 < 2 ? at / 3 + at % 3 * kShift : -1;
  });
  return shuffle(two, v[2], [](int i) {
    const int at = Line * kShift + i;
    return at % 3 < 2 ? i : at / 3 + kShift;
  });
}

// v[1], v[0], v[3], v[2], ..
inline Vec turn_pairs(Vec v) {
  return shuffle(v, v, [](int i) { return i + 1 - i % 2 * 2; });
}

// v[1], v[2], .., v[kLanes - 1], next[Lane].
template <int Lane>
inline Vec shift_in(Vec v, Vec next) {
  return shuffle(v, next, [](int i) { return i + 1 < kShift ? i + 1 : kShift + Lane; });
}

// before[kLanes - 1], v[0], v[1], .., v[kLanes - 2].
inline Vec shift_out(Vec before, Vec v) {
  return shuffle(before, v, [](int i) { return kShift - 1 + i; });
}

// The vectors of a line, x, by phase: with n phases v[i] = its elements i, i + n, ..
inline void split_phases(const Vec* x, Vec (&v)[2]) noexcept { unzip(x[0], x[1], v[0], v[1]); }

inline void split_phases(const Vec* x, Vec (&v)[4]) noexcept {
  Vec even[2], odd[2];
  for (int i = 0; i < 2; ++i) unzip(x[2 * i], x[2 * i + 1], even[i], odd[i]);
  unzip(even[0], even[1], v[0], v[2]);
  unzip(odd[0], odd[1], v[1], v[3]);
}

inline void split_phases(const Vec* x, Vec (&v)[6]) noexcept {
  Vec even[3], odd[3];
  for (int i = 0; i < 3; ++i) unzip(x[2 * i], x[2 * i + 1], even[i], odd[i]);
  v[0] = every_third<0>(even), v[2] = every_third<1>(even), v[4] = every_third<2>(even);
  v[1] = every_third<0>(odd), v[3] = every_third<1>(odd), v[5] = every_third<2>(odd);
}

// The opposite: v[0][0], v[1][0], .., v[0][1], ..: as many vectors as v has to `to`.
inline void store_by_turns(const Vec (&v)[2], float* to) {
  Vec line[2];
  zip(v[0], v[1], line[0], line[1]);
  for (int i = 0; i < 2; ++i) line[i].store_unaligned(to + i * kLanes);
}

inline void store_by_turns(const Vec (&v)[4], float* to) {
  Vec even[2], odd[2], line[4];
  zip(v[0], v[2], even[0], even[1]);
  zip(v[1], v[3], odd[0], odd[1]);
  for (int i = 0; i < 2; ++i) zip(even[i], odd[i], line[2 * i], line[2 * i + 1]);
  for (int i = 0; i < 4; ++i) line[i].store_unaligned(to + i * kLanes);
}

inline void store_by_turns(const Vec (&v)[6], float* to) {
  const Vec of_even[3] = {v[0], v[2], v[4]}, of_odd[3] = {v[1], v[3], v[5]};
  const Vec even[3] = {third_of_turns<0>(of_even), third_of_turns<1>(of_even),
                       third_of_turns<2>(of_even)},
            odd[3] = {third_of_turns<0>(of_odd), third_of_turns<1>(of_odd),
                      third_of_turns<2>(of_odd)};
  Vec line[6];
  for (int i = 0; i < 3; ++i) zip(even[i], odd[i], line[2 * i], line[2 * i + 1]);
  for (int i = 0; i < 6; ++i) line[i].store_unaligned(to + i * kLanes);
}

}  // namespace
}  // namespace rf
