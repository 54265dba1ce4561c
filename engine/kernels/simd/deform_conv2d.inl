// Samples of deformable convolution, a vector of output pixels at a time. Which four pixels a place
// lies between, and their weights, is found once for all channels that share the offsets.
namespace rf {
namespace {

using Ints = xsimd::batch<std::int32_t, ISA_ARCH>;

// Output pixels whose corners are kept at a time.
constexpr Index kDeformPixels = 96;

// Of a run of pixels and one tap: the corners' places in a plane, their weights (of places outside
// of the image 0) and what the weights' derivatives along y and x are made from.
struct DeformCorners {
  alignas(64) std::int32_t at[4][kDeformPixels];
  alignas(64) float weight[4][kDeformPixels];
  alignas(64) float dy[4][kDeformPixels], dx[4][kDeformPixels];
};

inline Vec gather(const float* plane, const std::int32_t* at) noexcept {
  return Vec::gather(plane, Ints::load_aligned(at));
}

// Tap r of deformable group d for pixels [begin, end), end - begin <= kDeformPixels; lanes past the
// end get weights of 0. Grad: the derivatives too.
template <bool Grad>
void find_corners(const DeformArgs<float>& args, Index d, Index r, Index begin, Index end,
                  DeformCorners& corners) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w;
  const float* offset = args.offset + (d * taps + r) * 2 * pixels;
  const Vec zero(0.0F), one(1.0F), below(-1.0F);
  const Vec rows(static_cast<float>(g.in_h)), columns(static_cast<float>(g.in_w));
  const Vec last_row = rows - one, last_column = columns - one;
  const float shift_y = static_cast<float>(r / g.kernel_w * g.dilation - g.pad_h),
              shift_x = static_cast<float>(r % g.kernel_w * g.dilation - g.pad_w);
  Index i = begin / g.out_w, j = begin % g.out_w;
  for (Index p = begin; p < end; p += kLanes) {
    const Index count = end - p < kLanes ? end - p : kLanes, to = p - begin;
    alignas(64) float base_y[kLanes] = {}, base_x[kLanes] = {};
    for (Index t = 0; t < count; ++t) {
      base_y[t] = static_cast<float>(i * g.stride);
      base_x[t] = static_cast<float>(j * g.stride);
      if (++j == g.out_w) j = 0, ++i;
    }
    // In the order of the reference: whole numbers first, then the offset.
    const Vec y = Vec::load_aligned(base_y) + Vec(shift_y) + load_partial(offset + p, count),
              x = Vec::load_aligned(base_x) + Vec(shift_x) +
                  load_partial(offset + pixels + p, count);
    const auto inside = (y > below) && (x > below) && (y < rows) && (x < columns);
    const Vec safe_y = xsimd::select(inside, y, zero), safe_x = xsimd::select(inside, x, zero);
    const Vec top = xsimd::floor(safe_y), left = xsimd::floor(safe_x);
    const Vec fy = safe_y - top, fx = safe_x - left;
    // A place that is no number is outside; the sum of its coordinates makes its weights NaN.
    const Vec bad = xsimd::select(xsimd::isnan(y) || xsimd::isnan(x), y + x, zero);
    for (int corner = 0; corner < 4; ++corner) {
      const Vec row = corner / 2 ? top + one : top, column = corner % 2 ? left + one : left;
      const auto exists =
          inside && (row >= zero) && (row < rows) && (column >= zero) && (column < columns);
      const Vec wy = corner / 2 ? fy : one - fy, wx = corner % 2 ? fx : one - fx;
      const Vec safe_row = xsimd::max(zero, xsimd::min(row, last_row)),
                safe_column = xsimd::max(zero, xsimd::min(column, last_column));
      // Rows and columns are numbers that floats hold exactly; their product is made of integers.
      (xsimd::to_int(safe_row) * Ints(static_cast<std::int32_t>(g.in_w)) +
       xsimd::to_int(safe_column))
          .store_aligned(corners.at[corner] + to);
      const auto put = [&](float(&into)[kDeformPixels], Vec value) {
        Vec kept = xsimd::select(exists, value, zero);
        if (corner == 0) kept = kept + bad;
        kept.store_aligned(into + to);
      };
      put(corners.weight[corner], wy * wx);
      if constexpr (Grad) {
        put(corners.dy[corner], corner / 2 ? wx : zero - wx);
        put(corners.dx[corner], corner % 2 ? wy : zero - wy);
      }
    }
  }
}

inline const float* deform_mask(const DeformArgs<float>& args, Index d, Index r) noexcept {
  const Conv2dGeometry& g = args.geometry;
  return args.mask ? args.mask + (d * g.kernel_h * g.kernel_w + r) * g.out_h * g.out_w : nullptr;
}

// m[i][j] becomes m[j][i].
inline void transpose(Vec (&m)[kLanes]) noexcept {
  for (Index stage = 1; stage < kLanes; stage *= 2) {
    Vec next[kLanes];
    for (Index i = 0; i < kLanes / 2; ++i)
      zip(m[i], m[i + kLanes / 2], next[2 * i], next[2 * i + 1]);
    for (Index i = 0; i < kLanes; ++i) m[i] = next[i];
  }
}

// kLanes channels of kLanes pixels: those of corners [i, i + kLanes), of which `pixels` are wanted,
// and of x, which begins at the first channel, of which `channels` are wanted. Channels are stored
// `step` floats apart.
inline void sample_square(const DeformCorners& corners, Index i, const float* x, Index pixel_step,
                          Index channels, const float* mask, float* to, Index step,
                          Index pixels) noexcept {
  Vec square[kLanes];
  for (Index t = 0; t < kLanes; ++t) {
    Vec sum(0.0F);
    for (int corner = 0; corner < 4; ++corner) {
      const float* from = x + corners.at[corner][i + t] * pixel_step;
      const Vec values =
          channels >= kLanes ? Vec::load_unaligned(from) : load_partial(from, channels);
      sum = xsimd::fma(Vec(corners.weight[corner][i + t]), values, sum);
    }
    square[t] = mask && t < pixels ? sum * Vec(mask[t]) : sum;
  }
  transpose(square);
  for (Index k = 0; k < kLanes && k < channels; ++k) {
    if (pixels >= kLanes)
      square[k].store_unaligned(to + k * step);
    else
      store_partial(to + k * step, square[k], pixels);
  }
}

// Calls run(d, first, last) for the parts of a range's channels that share the offsets of a group.
template <class Run>
inline void for_each_group(const DeformArgs<float>& args, const DeformRange& range,
                           Run&& run) noexcept {
  const Index per_group = args.channels / args.deform_groups;
  for (Index first = range.first_channel; first < range.last_channel;) {
    const Index d = first / per_group, next = (d + 1) * per_group;
    const Index last = next < range.last_channel ? next : range.last_channel;
    run(d, first, last);
    first = last;
  }
}

// Calls run(r, begin, end) for every tap and run of pixels whose corners are found together.
template <class Run>
inline void for_each_run(const DeformArgs<float>& args, const DeformRange& range,
                         Run&& run) noexcept {
  for (Index r = 0; r < args.geometry.kernel_h * args.geometry.kernel_w; ++r) {
    for (Index p = range.begin; p < range.end; p += kDeformPixels)
      run(r, p, p + kDeformPixels < range.end ? p + kDeformPixels : range.end);
  }
}

void deform_sample(const DeformArgs<float>& args, const DeformRange& range, float* columns,
                   Index pitch) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w;
  DeformCorners corners;
  for_each_group(args, range, [&](Index d, Index first, Index last) {
    for_each_run(args, range, [&](Index r, Index p0, Index end) {
      const float* mask = deform_mask(args, d, r);
      find_corners<false>(args, d, r, p0, end, corners);
      float* const to =
          columns + ((first - range.first_channel) * taps + r) * pitch + p0 - range.begin;
      for (Index c = first; args.x_last && c < last; c += kLanes) {
        for (Index i = 0; i < end - p0; i += kLanes)
          sample_square(corners, i, args.x_last + c, args.channels, last - c,
                        mask ? mask + p0 + i : nullptr, to + (c - first) * taps * pitch + i,
                        taps * pitch, end - p0 - i);
      }
      for (Index c = first; !args.x_last && c < last; ++c) {
        const float* plane = args.x + c * g.in_h * g.in_w;
        for (Index i = 0; i < end - p0; i += kLanes) {
          Vec sum(0.0F);
          for (int corner = 0; corner < 4; ++corner)
            sum = xsimd::fma(Vec::load_aligned(corners.weight[corner] + i),
                             gather(plane, corners.at[corner] + i), sum);
          const Index count = end - p0 - i < kLanes ? end - p0 - i : kLanes;
          if (mask) sum = sum * load_partial(mask + p0 + i, count);
          store_partial(to + (c - first) * taps * pitch + i, sum, count);
        }
      }
    });
  });
}

// Of one place and the channels that share it: samples x mask, to `columns`, and the sums over the
// channels of dL/dcolumn times each corner's value.
template <bool Columns, bool Sums>
[[gnu::always_inline]] inline void sample_place(const float* const (&x)[4],
                                                const float (&weight)[4], const float* gcolumns,
                                                Index channels, float* columns,
                                                Vec (&sums)[4]) noexcept {
  const auto add = [&](Index c, auto load, auto store) {
    Vec sample(0.0F), gradient(0.0F);
    if constexpr (Sums) gradient = load(gcolumns + c);
    for (int k = 0; k < 4; ++k) {
      const Vec value = load(x[k] + c);
      if constexpr (Columns) sample = xsimd::fma(Vec(weight[k]), value, sample);
      if constexpr (Sums) sums[k] = xsimd::fma(gradient, value, sums[k]);
    }
    if constexpr (Columns) store(columns + c, sample);
  };
  Index c = 0;
  for (; c + kLanes <= channels; c += kLanes)
    add(
        c, [](const float* p) { return Vec::load_unaligned(p); },
        [](float* p, Vec v) { v.store_unaligned(p); });
  const Index rest = channels - c;
  if (rest > 0)
    add(
        c, [rest](const float* p) { return load_partial(p, rest); },
        [rest](float* p, Vec v) { store_partial(p, v, rest); });
}

template <bool Columns, bool Sums>
void sample_grads(const DeformArgs<float>& args, const DeformRange& range,
                  const DeformSampleGrads<float>& to) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w,
              channels = range.last_channel - range.first_channel;
  DeformCorners corners;
  for_each_group(args, range, [&](Index d, Index first, Index last) {
    for_each_run(args, range, [&](Index r, Index p0, Index end) {
      const float* mask = deform_mask(args, d, r);
      find_corners<Sums>(args, d, r, p0, end, corners);
      for (Index i = 0; i < end - p0; i += kLanes) {
        const Index count = end - p0 - i < kLanes ? end - p0 - i : kLanes;
        Vec sums[4][kLanes];
        for (Index t = 0; t < count; ++t) {
          const Index p = p0 + i + t;
          const float factor = mask ? mask[p] : 1.0F;
          const float* x[4];
          float weight[4];
          for (int k = 0; k < 4; ++k) {
            x[k] = args.x_last + corners.at[k][i + t] * args.channels + first;
            weight[k] = factor * corners.weight[k][i + t];
          }
          const Index column =
              ((p - range.begin) * taps + r) * channels + first - range.first_channel;
          Vec sum[4] = {Vec(0.0F), Vec(0.0F), Vec(0.0F), Vec(0.0F)};
          sample_place<Columns, Sums>(x, weight, Sums ? to.gcolumns + column : nullptr,
                                      last - first, Columns ? to.columns + column : nullptr, sum);
          for (int k = 0; k < 4; ++k) sums[k][t] = sum[k];
        }
        if constexpr (!Sums) continue;
        for (int k = 0; k < 4; ++k) {
          for (Index t = count; t < kLanes; ++t) sums[k][t] = Vec(0.0F);
        }
        Vec dy(0.0F), dx(0.0F), value(0.0F);
        for (int k = 0; k < 4; ++k) {
          alignas(64) float each[kLanes];
          sum_each(sums[k], each);
          const Vec sum = Vec::load_aligned(each);
          dy = xsimd::fma(Vec::load_aligned(corners.dy[k] + i), sum, dy);
          dx = xsimd::fma(Vec::load_aligned(corners.dx[k] + i), sum, dx);
          value = xsimd::fma(Vec::load_aligned(corners.weight[k] + i), sum, value);
        }
        const auto add = [count](float* at, Vec v) {
          store_partial(at, load_partial(at, count) + v, count);
        };
        const Vec factor = mask ? load_partial(mask + p0 + i, count) : Vec(1.0F);
        float* const goffset = to.goffset + (d * taps + r) * 2 * pixels + p0 + i;
        add(goffset, factor * dy);
        add(goffset + pixels, factor * dx);
        if (to.gmask) add(to.gmask + (d * taps + r) * pixels + p0 + i, value);
      }
    });
  });
}

void deform_sample_grads(const DeformArgs<float>& args, const DeformRange& range,
                         const DeformSampleGrads<float>& to) noexcept {
  if (to.columns && to.goffset)
    sample_grads<true, true>(args, range, to);
  else if (to.columns)
    sample_grads<true, false>(args, range, to);
  else
    sample_grads<false, true>(args, range, to);
}

// Two places may give to the same pixel: one after the other.
void deform_scatter(const DeformArgs<float>& args, const DeformRange& range, const float* gcolumns,
                    Index pitch, float* gx) noexcept {
  const Index taps = args.geometry.kernel_h * args.geometry.kernel_w,
              channels = range.last_channel - range.first_channel;
  DeformCorners corners;
  for_each_group(args, range, [&](Index d, Index first, Index last) {
    const Index skipped = first - range.first_channel;
    for_each_run(args, range, [&](Index r, Index p0, Index end) {
      const float* mask = deform_mask(args, d, r);
      find_corners<false>(args, d, r, p0, end, corners);
      for (Index p = p0; p < end; ++p) {
        const float* from = gcolumns + ((p - range.begin) * taps + r) * pitch + skipped;
        const float factor = mask ? mask[p] : 1.0F;
        const auto give = [&](Index c, auto load, auto store) {
          const Vec gradient = load(from + c);
          for (int k = 0; k < 4; ++k) {
            float* const at = gx + corners.at[k][p - p0] * channels + skipped + c;
            store(at, xsimd::fma(Vec(factor * corners.weight[k][p - p0]), gradient, load(at)));
          }
        };
        Index c = 0;
        for (; c + kLanes <= last - first; c += kLanes)
          give(
              c, [](const float* q) { return Vec::load_unaligned(q); },
              [](float* q, Vec v) { v.store_unaligned(q); });
        const Index rest = last - first - c;
        if (rest > 0)
          give(
              c, [rest](const float* q) { return load_partial(q, rest); },
              [rest](float* q, Vec v) { store_partial(q, v, rest); });
      }
    });
  });
}

}  // namespace
}  // namespace rf
