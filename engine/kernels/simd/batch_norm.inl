// Batch norm as one multiply-add per element, and the sums that its statistics and gradients need:
// in float over runs that stay in the first-level cache, the runs joined in double.
namespace rf {
namespace {

constexpr Index kNormRun = 2048;  // 8 KiB

// Batch norm and activation of one channel: z = scale x + shift, y = z for z > 0, slope z
// otherwise.
struct NormChannel {
  Vec scale, shift, slope;
  bool passes_nothing;  // slope 0, as a case of its own: 0 times infinity would be a NaN

  NormChannel(const BatchNormFunction<float>& f, Index c) noexcept
      : slope(f.slope), passes_nothing(f.slope == 0) {
    const float factor = f.gamma[c] / __builtin_sqrtf(f.var[c] + f.eps);
    scale = Vec(factor);
    shift = Vec(f.beta[c] - f.mean[c] * factor);
  }
  [[nodiscard]] Vec z(Vec x) const noexcept { return xsimd::fma(x, scale, shift); }
  [[nodiscard]] Vec y(Vec x) const noexcept {
    const Vec value = z(x), below = passes_nothing ? Vec(0.0F) : slope * value;
    return xsimd::select(value <= Vec(0.0F), below, value);  // a NaN compares false and stays
  }
  // dL/dz for gy = dL/dy
  [[nodiscard]] Vec gz(Vec x, Vec gy) const noexcept {
    const Vec below = passes_nothing ? Vec(0.0F) : slope * gy;
    return xsimd::select(z(x) > Vec(0.0F), gy, below);
  }
};

void batch_norm(const BatchNormArgs<float>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const NormChannel channel(a.f, plane % a.f.channels);
    const float* x = a.x + plane * a.f.plane;
    float* y = a.y + plane * a.f.plane;
    Index i = 0;
    for (; i + kLanes <= a.f.plane; i += kLanes) {
      channel.y(Vec::load_unaligned(x + i)).store_unaligned(y + i);
    }
    const Index rest = a.f.plane - i;
    if (rest > 0) store_partial(y + i, channel.y(load_partial(x + i, rest)), rest);
  }
}

// Each run's mean and squared deviations from it, joined by the rule of Chan, Golub and LeVeque
// (1979).
void batch_norm_moments(const BatchNormMomentsArgs<float>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const float* x = a.x + plane * a.plane;
    double mean = 0, m2 = 0;
    for (Index start = 0; start < a.plane; start += kNormRun) {
      const Index count = a.plane - start < kNormRun ? a.plane - start : kNormRun;
      const float* run = x + start;
      const double run_mean = sum_line(run, count) / static_cast<double>(count);
      const Vec centre(static_cast<float>(run_mean));
      Vec acc[2] = {Vec(0.0F), Vec(0.0F)};
      Index i = 0;
      for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
        for (int v = 0; v < 2; ++v) {
          const Vec d = Vec::load_unaligned(run + i + v * kLanes) - centre;
          acc[v] = xsimd::fma(d, d, acc[v]);
        }
      }
      double run_m2 = static_cast<double>(sum_lanes(acc[0] + acc[1]));
      for (; i < count; ++i) {
        const double d = static_cast<double>(run[i]) - run_mean;
        run_m2 += d * d;
      }
      const auto before = static_cast<double>(start), added = static_cast<double>(count),
                 delta = run_mean - mean;
      mean += delta * added / (before + added);
      m2 += run_m2 + delta * delta * before * added / (before + added);
    }
    a.mean[plane] = mean;
    a.m2[plane] = m2;
  }
}

void batch_norm_products(const BatchNormProductsArgs<float>& a, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const NormChannel channel(a.f, plane % a.f.channels);
    const Vec centre(a.f.mean[plane % a.f.channels]);
    const float *gy = a.gy + plane * a.f.plane, *x = a.x + plane * a.f.plane;
    double sum_gz = 0, sum_gzx = 0;
    for (Index start = 0; start < a.f.plane; start += kNormRun) {
      const Index stop = a.f.plane - start < kNormRun ? a.f.plane : start + kNormRun;
      Vec gz_acc[2] = {Vec(0.0F), Vec(0.0F)}, gzx_acc[2] = {Vec(0.0F), Vec(0.0F)};
      const auto add = [&](int v, Vec g, Vec value) {
        const Vec gz = channel.gz(value, g);
        gz_acc[v] += gz;
        gzx_acc[v] = xsimd::fma(gz, value - centre, gzx_acc[v]);
      };
      Index i = start;
      for (; i + 2 * kLanes <= stop; i += 2 * kLanes) {
        for (int v = 0; v < 2; ++v) {
          add(v, Vec::load_unaligned(gy + i + v * kLanes), Vec::load_unaligned(x + i + v * kLanes));
        }
      }
      for (; i < stop; i += kLanes) {  // where gy is filled with 0 nothing is added
        const Index count = stop - i < kLanes ? stop - i : kLanes;
        add(0, load_partial(gy + i, count), load_partial(x + i, count));
      }
      sum_gz += static_cast<double>(sum_lanes(gz_acc[0] + gz_acc[1]));
      sum_gzx += static_cast<double>(sum_lanes(gzx_acc[0] + gzx_acc[1]));
    }
    a.sum_gz[plane] = sum_gz;
    a.sum_gzx[plane] = sum_gzx;
  }
}

void batch_norm_grad(const BatchNormGradArgs<float>& args, Index begin, Index end) noexcept {
  for (Index plane = begin; plane < end; ++plane) {
    const Index k = plane % args.f.channels;
    const NormChannel channel(args.f, k);
    const Vec a(args.a[k]), b(args.b[k]), c(args.c[k]);
    const float *gy = args.gy + plane * args.f.plane, *x = args.x + plane * args.f.plane;
    float* gx = args.gx + plane * args.f.plane;
    const auto f = [&](Vec g, Vec value) {
      return xsimd::fma(a, channel.gz(value, g), xsimd::fma(b, value, c));
    };
    Index i = 0;
    for (; i + kLanes <= args.f.plane; i += kLanes) {
      f(Vec::load_unaligned(gy + i), Vec::load_unaligned(x + i)).store_unaligned(gx + i);
    }
    const Index rest = args.f.plane - i;
    if (rest > 0) {
      store_partial(gx + i, f(load_partial(gy + i, rest), load_partial(x + i, rest)), rest);
    }
  }
}

}  // namespace
}  // namespace rf
