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

void deform_sample(const DeformArgs<float>& args, const DeformRange& range, float* columns,
                   Index pitch) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, per_group = args.channels / args.deform_groups;
  DeformCorners corners;
  for (Index first = range.first_channel; first < range.last_channel;) {
    const Index d = first / per_group, next = (d + 1) * per_group;
    const Index last = next < range.last_channel ? next : range.last_channel;
    for (Index r = 0; r < taps; ++r) {
      const float* mask = deform_mask(args, d, r);
      for (Index p0 = range.begin; p0 < range.end; p0 += kDeformPixels) {
        const Index end = p0 + kDeformPixels < range.end ? p0 + kDeformPixels : range.end;
        find_corners<false>(args, d, r, p0, end, corners);
        for (Index c = first; args.x_last && c < last; c += kLanes) {
          float* to = columns + ((c - range.first_channel) * taps + r) * pitch + p0 - range.begin;
          for (Index i = 0; i < end - p0; i += kLanes)
            sample_square(corners, i, args.x_last + c, args.channels, last - c,
                          mask ? mask + p0 + i : nullptr, to + i, taps * pitch, end - p0 - i);
        }
        for (Index c = first; !args.x_last && c < last; ++c) {
          const float* plane = args.x + c * g.in_h * g.in_w;
          float* to = columns + ((c - range.first_channel) * taps + r) * pitch + p0 - range.begin;
          for (Index i = 0; i < end - p0; i += kLanes) {
            Vec sum(0.0F);
            for (int corner = 0; corner < 4; ++corner)
              sum = xsimd::fma(Vec::load_aligned(corners.weight[corner] + i),
                               gather(plane, corners.at[corner] + i), sum);
            const Index count = end - p0 - i;
            if (mask) sum = sum * load_partial(mask + p0 + i, count < kLanes ? count : kLanes);
            if (count >= kLanes)
              sum.store_unaligned(to + i);
            else
              store_partial(to + i, sum, count);
          }
        }
      }
    }
    first = last;
  }
}

void deform_offset_grad(const DeformArgs<float>& args, Index begin, Index end,
                        const float* gcolumns, Index pitch, float* goffset, float* gmask) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w,
              per_group = args.channels / args.deform_groups;
  DeformCorners corners;
  for (Index d = 0; d < args.deform_groups; ++d) {
    for (Index r = 0; r < taps; ++r) {
      const float* mask = deform_mask(args, d, r);
      for (Index p0 = begin; p0 < end; p0 += kDeformPixels) {
        const Index p1 = p0 + kDeformPixels < end ? p0 + kDeformPixels : end;
        find_corners<true>(args, d, r, p0, p1, corners);
        for (Index i = 0; i < p1 - p0; i += kLanes) {
          const Index rest = p1 - p0 - i, count = rest < kLanes ? rest : kLanes;
          Vec dy(0.0F), dx(0.0F), value(0.0F);
          for (Index c = d * per_group; c < (d + 1) * per_group; ++c) {
            const float* plane = args.x + c * g.in_h * g.in_w;
            const Vec gradient = load_partial(gcolumns + (c * taps + r) * pitch + p0 + i, count);
            Vec along_y(0.0F), along_x(0.0F), here(0.0F);
            for (int corner = 0; corner < 4; ++corner) {
              const Vec x = gather(plane, corners.at[corner] + i);
              along_y = xsimd::fma(Vec::load_aligned(corners.dy[corner] + i), x, along_y);
              along_x = xsimd::fma(Vec::load_aligned(corners.dx[corner] + i), x, along_x);
              here = xsimd::fma(Vec::load_aligned(corners.weight[corner] + i), x, here);
            }
            dy = xsimd::fma(gradient, along_y, dy);
            dx = xsimd::fma(gradient, along_x, dx);
            value = xsimd::fma(gradient, here, value);
          }
          if (goffset) {
            const Vec factor = mask ? load_partial(mask + p0 + i, count) : Vec(1.0F);
            float* to = goffset + (d * taps + r) * 2 * pixels + p0 + i;
            store_partial(to, factor * dy, count);
            store_partial(to + pixels, factor * dx, count);
          }
          if (gmask) store_partial(gmask + (d * taps + r) * pixels + p0 + i, value, count);
        }
      }
    }
  }
}

// Two places may give to the same pixel: one after the other.
void deform_scatter(const DeformArgs<float>& args, Index first, Index last, const float* gcolumns,
                    Index pitch, float* gx) noexcept {
  const Conv2dGeometry& g = args.geometry;
  const Index taps = g.kernel_h * g.kernel_w, pixels = g.out_h * g.out_w, plane = g.in_h * g.in_w;
  const Index per_group = args.channels / args.deform_groups;
  DeformCorners corners;
  for (Index r = 0; r < taps; ++r) {
    for (Index p0 = 0; p0 < pixels; p0 += kDeformPixels) {
      const Index p1 = p0 + kDeformPixels < pixels ? p0 + kDeformPixels : pixels;
      Index found = -1;  // the deformable group that the corners are of
      for (Index c = first; c < last; ++c) {
        const Index d = c / per_group;
        if (d != found) find_corners<false>(args, d, r, p0, p1, corners), found = d;
        const float *mask = deform_mask(args, d, r), *from = gcolumns + (c * taps + r) * pitch + p0;
        float* to = gx + c * plane;
        for (Index i = 0; i < p1 - p0; ++i) {
          const float gradient = mask ? mask[p0 + i] * from[i] : from[i];
          for (int corner = 0; corner < 4; ++corner)
            to[corners.at[corner][i]] += gradient * corners.weight[corner][i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace rf
