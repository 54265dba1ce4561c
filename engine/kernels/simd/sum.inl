// Sums along lines (inner = 1) in blocks of 4 vectors' lanes added up in double, and across lines
// with a lane for each output.
namespace rf {
namespace {

void sum(const SumArgs<float>& a, Index begin, Index end) noexcept {
  if (a.inner == 1) {
    for (Index o = begin; o < end; ++o)
      a.y[o] = static_cast<float>(sum_line(a.x + o * a.size, a.size));
    return;
  }
  for (Index e = begin; e < end;) {
    const Index o = e / a.inner, r = e % a.inner;
    const Index stop = a.inner - r < end - e ? a.inner - r : end - e,
                count = stop < kLanes ? stop : kLanes;
    const float* x = a.x + o * a.size * a.inner + r;
    Vec total(0.0F), run(0.0F);
    for (Index s = 0; s < a.size; ++s) {
      run += count == kLanes ? Vec::load_unaligned(x + s * a.inner)
                             : load_partial(x + s * a.inner, count);
      if (s % 64 == 63) {  // two levels: an error that grows with 64 + size / 64 instead of size
        total += run;
        run = Vec(0.0F);
      }
    }
    store_partial(a.y + e, total + run, count);
    e += count;
  }
}

}  // namespace
}  // namespace rf
