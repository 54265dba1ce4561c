#include "retinaface/dense/mesh_overlay.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/check.hpp"
#include "engine/ops/rasterize.hpp"
#include "engine/parallel.hpp"
#include "retinaface/dense/overlay_surface.hpp"

namespace rf {

namespace {

using Vector = OverlaySurface::Vector;

// What is rasterized at once: rows of a face's window with about so many samples.
constexpr Index kSamplesAtOnce = Index{1} << 18;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector unit(const Vector& v) {
  const double length = std::sqrt(dot(v, v));
  return length > 0 ? Vector{v[0] / length, v[1] / length, v[2] / length} : v;
}

void check_options(const OverlayOptions& o) {
  for (const double value : {o.alpha, o.lines, o.colour[0], o.colour[1], o.colour[2]}) {
    if (!(value >= 0 && value <= 1))
      throw UsageError(message("MeshOverlay: an option of ", value, " is outside [0, 1]"));
  }
}

void check_face(const DenseFace& face, Index vertices) {
  RF_CHECK_SHAPE(face.mesh.shape() == (Shape{vertices, 6}) &&
                     face.points.shape() == (Shape{vertices, 3}) && face.camera.shape() == Shape{7},
                 "MeshOverlay", "mesh ", face.mesh.shape(), ", points ", face.points.shape(),
                 " and camera ", face.camera.shape(), " must be [", vertices, ", 6], [", vertices,
                 ", 3] and [7]");
  for (const Tensor* t : {&face.mesh, &face.points, &face.camera}) {
    for (const float x : t->span<float>())
      RF_CHECK_SHAPE(std::isfinite(x), "MeshOverlay", "the face holds the number ", x);
  }
}

// Of a pixel each way: small faces have few pixels, large pictures enough.
Index samples_for(const OverlaySurface::Window& window) {
  const Index side = std::max(window.right - window.left, window.bottom - window.top);
  return side <= 256 ? 4 : side <= 2048 ? 2 : 1;
}

// The light on a surface with this unit normal: a lamp to the upper left, a brighter sky than
// ground, a gloss, and a darker rim that sets the face off from what is behind it.
Vector lit(const Vector& n, const Vector& colour) {
  static const Vector kLamp = unit({-0.5, -0.6, -0.8});
  static const Vector kHalf = unit({kLamp[0], kLamp[1], kLamp[2] - 1});
  const double lamp = std::max(0.0, dot(n, kLamp)), sky = 0.5 - 0.5 * n[1];
  double gloss = std::max(0.0, dot(n, kHalf));
  for (int i = 0; i < 5; ++i) gloss *= gloss;  // to the power of 32
  const double rim = 0.7 + 0.3 * std::max(0.0, -n[2]);
  const double light = rim * (0.3 + 0.24 * sky + 0.82 * lamp);
  return {light * colour[0] + 0.22 * gloss, light * colour[1] + 0.22 * gloss,
          light * colour[2] + 0.22 * gloss};
}

// Rows [top, bottom) of a surface's window as samples, and onto the picture.
class OverlayBand {
 public:
  OverlayBand(const OverlaySurface& surface, Triangles triangles, const Tensor& corners, Index top,
              Index bottom)
      : surface_(surface),
        triangles_(triangles),
        top_(top),
        bottom_(bottom),
        samples_(samples_for(surface.window)),
        raster_(rasterize(clip(), corners,
                          {.height = (bottom - top) * samples_, .width = columns() * samples_})) {}

  // Where the surface covers a part of a pixel, that part becomes a mix of surface and `ground`.
  void lay_over(const Image& ground, const OverlayOptions& options, Image& picture) const {
    parallel_for(bottom_ - top_, [&](Index row) {
      for (Index column = 0; column < columns(); ++column) {
        const Index at = (top_ + row) * picture.width + surface_.window.left + column;
        const Mean mean = mean_of(row, column, options);
        for (std::size_t c = 0; mean.share > 0 && c < 3; ++c) {
          const std::size_t i = 3 * static_cast<std::size_t>(at) + c;
          const double mixed = mean.share * (1 - options.alpha) * ground.rgb[i] +
                               options.alpha * 255 * mean.colour[c];
          const double value = (1 - mean.share) * picture.rgb[i] + mixed;
          picture.rgb[i] = static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
        }
      }
    });
  }

 private:
  struct Mean {
    double share = 0;  // of the samples that show the surface
    Vector colour{};   // their sum, of the number of samples
  };

  [[nodiscard]] Index columns() const { return surface_.window.right - surface_.window.left; }

  // The vertices for the rasterizer, f64 [1, V, 4]: in samples of this band.
  [[nodiscard]] Tensor clip() const {
    Tensor clip = Tensor::empty({1, static_cast<Index>(surface_.points.size()), 4}, DType::f64);
    auto* to = clip.data<double>();
    const auto scale = static_cast<double>(samples_);
    for (const Vector& p : surface_.points) {
      const auto from = [&](double place, Index first) {
        return scale * (std::clamp(place, -kFarFromPictures, kFarFromPictures) -
                        static_cast<double>(first));
      };
      *to++ = from(p[0], surface_.window.left) * p[2];
      *to++ = from(p[1], top_) * p[2];
      *to++ = -1;
      *to++ = p[2];
    }
    return clip;
  }

  [[nodiscard]] Mean mean_of(Index row, Index column, const OverlayOptions& options) const {
    const auto share = 1 / static_cast<double>(samples_ * samples_);
    const Index* shown = raster_.triangle.data<Index>();
    Mean mean;
    for (Index i = row * samples_; i < (row + 1) * samples_; ++i) {
      for (Index j = column * samples_; j < (column + 1) * samples_; ++j) {
        const Index sample = i * columns() * samples_ + j, triangle = shown[sample];
        if (triangle < 0 || surface_.outside[static_cast<std::size_t>(triangle)] == 0) continue;
        const Vector colour = colour_of(sample, static_cast<std::size_t>(triangle), options);
        mean.share += share;
        for (std::size_t c = 0; c < 3; ++c) mean.colour[c] += share * std::min(colour[c], 1.0);
      }
    }
    return mean;
  }

  [[nodiscard]] Vector colour_of(Index sample, std::size_t triangle,
                                 const OverlayOptions& options) const {
    const double* weight = raster_.barycentric.data<double>() + 3 * sample;
    Vector normal{};
    double edge = kFarFromPictures;  // distance of the nearest one, in pixels
    for (std::size_t i = 0; i < 3; ++i) {
      const auto vertex = static_cast<std::size_t>(triangles_[triangle][i]);
      for (std::size_t k = 0; k < 3; ++k) normal[k] += weight[i] * surface_.normals[vertex][k];
      edge = std::min(edge, weight[i] * static_cast<double>(surface_.heights[triangle][i]));
    }
    Vector colour = lit(unit(normal), options.colour);
    const double line = options.lines * surface_.line * std::clamp(1 - edge, 0.0, 1.0);
    for (double& c : colour) c += line * (1 - c);
    return colour;
  }

  const OverlaySurface& surface_;
  Triangles triangles_;
  Index top_, bottom_, samples_;
  Raster raster_;
};

}  // namespace

MeshOverlay::MeshOverlay(Index vertices, Triangles triangles)
    : vertices_(vertices),
      triangles_(triangles.begin(), triangles.end()),
      corners_(triangles_tensor(triangles)),
      normals_(vertices, triangles) {}

Image MeshOverlay::operator()(const Image& picture, std::span<const DenseFace> faces,
                              const OverlayOptions& options) const {
  check_options(options);
  for (const DenseFace& face : faces) check_face(face, vertices_);
  std::vector<std::size_t> order(faces.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return faces[i].square.side; });
  Image result = picture;
  for (const std::size_t i : order) {
    const OverlaySurface surface = overlay_surface(faces[i], triangles_, normals_, picture);
    const OverlaySurface::Window& window = surface.window;
    if (window.empty()) continue;
    const Index samples = samples_for(window);
    const Index rows =
        std::max<Index>(1, kSamplesAtOnce / ((window.right - window.left) * samples * samples));
    for (Index top = window.top; top < window.bottom; top += rows) {
      const OverlayBand band(surface, triangles_, corners_, top,
                             std::min(top + rows, window.bottom));
      band.lay_over(picture, options, result);
    }
  }
  return result;
}

}  // namespace rf
