// Softmax, three ways by how the lines lie in memory: pairs side by side (two classes per anchor),
// lines along the last axis, and lines across planes (the channels of NCHW), where each lane
// carries a line of its own.
namespace rf {
namespace {

inline Vec greater(Vec a, Vec b) { return xsimd::select(a > b, a, b); }

inline float max_lane(Vec v) {
  alignas(64) float lanes[kLanes];
  v.store_aligned(lanes);
  float max = lanes[0];
  for (Index i = 1; i < kLanes; ++i) max = lanes[i] > max ? lanes[i] : max;
  return max;
}

// Pairs in even and odd lanes.
inline Vec softmax_of_pairs(Vec x) {
  const Vec e = exp_negative(x - greater(x, turn_pairs(x)));
  return quotient(e, e + turn_pairs(e));
}

void softmax_pairs(const float* x, float* y, Index count) noexcept {
  Index i = 0;
  for (; i + kLanes <= count; i += kLanes)
    softmax_of_pairs(Vec::load_unaligned(x + i)).store_unaligned(y + i);
  if (i < count) store_partial(y + i, softmax_of_pairs(load_partial(x + i, count - i)), count - i);
}

// One line of contiguous values.
void softmax_line(const float* x, float* y, Index size) noexcept {
  const float lowest =
      -__builtin_inff();  // lanes past the end: never the maximum, and e^-inf adds nothing
  const Index rest = size % kLanes, whole = size - rest;
  Vec max(lowest);
  for (Index i = 0; i < whole; i += kLanes) max = greater(Vec::load_unaligned(x + i), max);
  if (rest > 0) max = greater(load_partial(x + whole, rest, lowest), max);
  const Vec m(max_lane(max));
  Vec sum(0.0F);
  for (Index i = 0; i < whole; i += kLanes) {
    const Vec e = exp_negative(Vec::load_unaligned(x + i) - m);
    e.store_unaligned(y + i);
    sum += e;
  }
  Vec last(0.0F);
  if (rest > 0) {
    last = exp_negative(load_partial(x + whole, rest, lowest) - m);
    sum += last;
  }
  const Vec total(sum_lanes(sum));
  for (Index i = 0; i < whole; i += kLanes)
    quotient(Vec::load_unaligned(y + i), total).store_unaligned(y + i);
  if (rest > 0) store_partial(y + whole, quotient(last, total), rest);
}

// `count` <= kLanes lines that lie side by side, their values `inner` apart.
void softmax_lanes(const float* x, float* y, Index size, Index inner, Index count) noexcept {
  const auto load = [&](const float* p) {
    return count == kLanes ? Vec::load_unaligned(p) : load_partial(p, count);
  };
  const auto store = [&](float* p, Vec v) {
    if (count == kLanes)
      v.store_unaligned(p);
    else
      store_partial(p, v, count);
  };
  Vec max = load(x);
  for (Index i = 1; i < size; ++i) max = greater(load(x + i * inner), max);
  Vec sum(0.0F);
  for (Index i = 0; i < size; ++i) {
    const Vec e = exp_negative(load(x + i * inner) - max);
    store(y + i * inner, e);
    sum += e;
  }
  for (Index i = 0; i < size; ++i) store(y + i * inner, quotient(load(y + i * inner), sum));
}

void softmax(const SoftmaxArgs<float>& a, Index begin, Index end) noexcept {
  if (a.inner == 1 && a.size == 2) {
    softmax_pairs(a.x + begin * 2, a.y + begin * 2, (end - begin) * 2);
  } else if (a.inner == 1) {
    for (Index line = begin; line < end; ++line)
      softmax_line(a.x + line * a.size, a.y + line * a.size, a.size);
  } else {
    for (Index line = begin; line < end;) {
      const Index r = line % a.inner, start = line / a.inner * a.size * a.inner + r;
      Index count = a.inner - r < end - line ? a.inner - r : end - line;
      if (count > kLanes) count = kLanes;
      softmax_lanes(a.x + start, a.y + start, a.size, a.inner, count);
      line += count;
    }
  }
}

}  // namespace
}  // namespace rf
