#include "engine/kernels/reference/soft_rasterize.hpp"

#include "engine/math.hpp"

namespace rf::reference {

namespace {

// All that counts at one pixel.
struct SoftPixel {
  Point centre;
  const SoftSample* samples;
  Index count = 0;
  double uncovered = 1;   // prod (1 - D)
  double background = 1;  // u_b
  double total = 1;       // sum u + u_b
};

// Whether the box of a triangle reaches into these pixels' centres.
bool reaches(const SoftTriangle& f, const Point& first, const Point& last) {
  return f.low.x <= last.x && f.low.y <= last.y && f.high.x >= first.x && f.high.y >= first.y;
}

Point centre_of(Index row, Index column) {
  return {static_cast<double>(column) + 0.5, static_cast<double>(row) + 0.5};
}

// Of the tile's `count` triangles those that count at the pixel.
SoftPixel look(const SoftScratch& scratch, Index count, const Point& centre,
               const SoftBlend& blend) {
  SoftSample* samples = scratch.pixel;
  SoftPixel pixel{.centre = centre, .samples = samples};
  double nearest = 0;
  for (Index i = 0; i < count; ++i) {
    const SoftTriangle& f = scratch.band[scratch.tile[i]];
    SoftSample& s = samples[pixel.count];
    if (!reaches(f, centre, centre) || !sample(f, centre, blend, s)) continue;
    ++pixel.count;
    pixel.uncovered *= s.uncovered;
    if (s.nearness > nearest) nearest = s.nearness;
  }
  pixel.background = exp(-nearest / blend.gamma);
  pixel.total = pixel.background;
  for (Index i = 0; i < pixel.count; ++i) {
    SoftSample& s = samples[i];
    s.weight = s.coverage * exp((s.nearness - nearest) / blend.gamma);
    pixel.total += s.weight;
  }
  return pixel;
}

// visit(q, pixel) for each pixel q = i width + j of these rows, tile by tile.
template <class T, class Visit>
void for_each_pixel(const SoftMeshes<T>& m, Index image, Index row_begin, Index row_end,
                    const SoftScratch& scratch, Visit visit) {
  const T* clip = m.clip + image * m.vertices * 4;
  const double* screen = m.screen + image * m.vertices * 2;
  for (Index row = row_begin; row < row_end; row += kSoftTile) {
    const Index last_row = row + kSoftTile < row_end ? row + kSoftTile - 1 : row_end - 1;
    Index in_band = 0;
    for (Index t = 0; t < m.triangles; ++t) {
      SoftTriangle& f = scratch.band[in_band];
      if (f.place(screen, m.triangle + 3 * t, m.reach) &&
          reaches(f, centre_of(row, 0), centre_of(last_row, m.width - 1)) && f.shape(clip))
        ++in_band;
    }
    for (Index column = 0; column < m.width; column += kSoftTile) {
      const Index last_column = column + kSoftTile < m.width ? column + kSoftTile - 1 : m.width - 1;
      Index in_tile = 0;
      for (Index t = 0; t < in_band; ++t) {
        if (reaches(scratch.band[t], centre_of(row, column), centre_of(last_row, last_column)))
          scratch.tile[in_tile++] = t;
      }
      for (Index i = row; i <= last_row; ++i) {
        for (Index j = column; j <= last_column; ++j) {
          visit(i * m.width + j, look(scratch, in_tile, centre_of(i, j), m.blend));
        }
      }
    }
  }
}

// Attribute c of a mesh where a sample lies.
template <class T>
double interpolated(const SoftSample& s, const T* attributes, Index channels, Index c) {
  double sum = 0;
  for (int i = 0; i < 3; ++i)
    sum += s.b[i] * static_cast<double>(attributes[s.triangle->corner[i] * channels + c]);
  return sum;
}

template <class T>
void blend_colour(const SoftMeshes<T>& m, const T* attributes, const SoftPixel& pixel,
                  double* colour) {
  for (Index c = 0; c < m.channels; ++c) {
    double sum = pixel.background * m.background[c];
    for (Index k = 0; k < pixel.count; ++k) {
      const SoftSample& s = pixel.samples[k];
      sum += s.weight * interpolated(s, attributes, m.channels, c);
    }
    colour[c] = sum / pixel.total;
  }
}

// From gy of one pixel to the sums of the vertices around it.
template <class T>
void add_pixel_grad(const SoftMeshes<T>& m, const T* attributes, const SoftPixel& pixel,
                    const T* gy, const SoftScratch& scratch) {
  double* attribute_sums = scratch.sums + 3 * m.vertices;
  const double g_silhouette = static_cast<double>(gy[m.channels]);
  for (Index k = 0; k < pixel.count; ++k) {
    const SoftSample& s = pixel.samples[k];
    const double share = s.weight / pixel.total;
    double g_log_weight = 0;  // dL / d log u
    SoftSampleGrad grad{};
    for (Index c = 0; c < m.channels; ++c) {
      const double g = share * static_cast<double>(gy[c]);
      g_log_weight += g * (interpolated(s, attributes, m.channels, c) - scratch.colour[c]);
      for (int i = 0; i < 3; ++i) {
        const Index at = s.triangle->corner[i] * m.channels + c;
        grad.b[i] += g * static_cast<double>(attributes[at]);
        attribute_sums[at] += g * s.b[i];
      }
    }
    grad.exponent = g_silhouette * pixel.uncovered * s.coverage + g_log_weight * s.uncovered;
    grad.nearness = g_log_weight / m.blend.gamma;
    add_sample_grad(s, pixel.centre, m.blend, grad, scratch.sums);
  }
}

}  // namespace

template <class T>
void soft_rasterize(const SoftMeshes<T>& m, Index image, Index row_begin, Index row_end,
                    const SoftScratch& scratch, T* picture) noexcept {
  const T* attributes = m.attributes + image * m.vertices * m.channels;
  const Index step = m.channels + 1;
  T* y = picture + image * m.height * m.width * step;
  for_each_pixel(m, image, row_begin, row_end, scratch, [&](Index q, const SoftPixel& pixel) {
    blend_colour(m, attributes, pixel, scratch.colour);
    for (Index c = 0; c < m.channels; ++c) y[q * step + c] = static_cast<T>(scratch.colour[c]);
    y[q * step + m.channels] = static_cast<T>(1 - pixel.uncovered);
  });
}

template <class T>
void soft_rasterize_grad(const SoftMeshes<T>& m, Index image, const SoftScratch& scratch,
                         const SoftGradients<T>& to) noexcept {
  const T* attributes = m.attributes + image * m.vertices * m.channels;
  const Index step = m.channels + 1;
  const T* gy = to.gy + image * m.height * m.width * step;
  for (Index s = 0; s < m.vertices * (3 + m.channels); ++s) scratch.sums[s] = 0;
  for_each_pixel(m, image, 0, m.height, scratch, [&](Index q, const SoftPixel& pixel) {
    blend_colour(m, attributes, pixel, scratch.colour);
    add_pixel_grad(m, attributes, pixel, gy + q * step, scratch);
  });
  for (Index v = 0; v < m.vertices; ++v) {
    T* g = to.gclip + (image * m.vertices + v) * 4;
    g[0] = static_cast<T>(scratch.sums[3 * v]);
    g[1] = static_cast<T>(scratch.sums[3 * v + 1]);
    g[2] = 0;
    g[3] = static_cast<T>(scratch.sums[3 * v + 2]);
  }
  const double* sums = scratch.sums + 3 * m.vertices;
  T* g = to.gattributes + image * m.vertices * m.channels;
  for (Index i = 0; i < m.vertices * m.channels; ++i) g[i] = static_cast<T>(sums[i]);
}

template void soft_rasterize(const SoftMeshes<float>&, Index, Index, Index, const SoftScratch&,
                             float*) noexcept;
template void soft_rasterize(const SoftMeshes<double>&, Index, Index, Index, const SoftScratch&,
                             double*) noexcept;
template void soft_rasterize_grad(const SoftMeshes<float>&, Index, const SoftScratch&,
                                  const SoftGradients<float>&) noexcept;
template void soft_rasterize_grad(const SoftMeshes<double>&, Index, const SoftScratch&,
                                  const SoftGradients<double>&) noexcept;

}  // namespace rf::reference
