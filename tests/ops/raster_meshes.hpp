// Meshes that the tests of rasterize and interpolate_mesh draw, and what they ask of pictures.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/ops/interpolate_mesh.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

inline double tolerance(DType dtype) {
  return dtype == DType::f64 ? kDoubleTolerance : kFloatTolerance;
}

inline Tensor triangles_of(std::initializer_list<double> corners) {
  return tensor({static_cast<Index>(corners.size()) / 3, 3}, corners, DType::i64);
}

struct Point {
  double x, y;
};

// Clip coordinates of a place in the picture.
struct Corner {
  Point at;
  double depth, w;
};

inline Tensor clip_of(const std::vector<Corner>& corners, DType dtype = DType::f64) {
  Tensor clip = Tensor::empty({1, static_cast<Index>(corners.size()), 4}, DType::f64);
  double* c = clip.data<double>();
  for (const Corner& corner : corners) {
    *c++ = corner.at.x * corner.w;
    *c++ = corner.at.y * corner.w;
    *c++ = corner.depth * corner.w;
    *c++ = corner.w;
  }
  return clip.to(dtype);
}

struct Mesh {
  Tensor clip, triangles;
};

// A grid of `cells` x `cells` squares, two triangles each, over `size` pixels and a little outside,
// in perspective: corners moved about, w from 1 to 2, turned about its middle as a whole. Layers
// lie one behind the other, and not in order.
inline Mesh grid(Index cells, double size, Index images, Index layers, std::uint64_t seed) {
  Random random(seed, RandomPurpose::test);
  const Index side = cells + 1, vertices = side * side * layers;
  Mesh mesh{Tensor::empty({images, vertices, 4}, DType::f64),
            Tensor::empty({2 * cells * cells * layers, 3}, DType::i64)};
  double* c = mesh.clip.data<double>();
  const double step = 1.1 * size / static_cast<double>(cells);
  const auto between = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random.uniform());
  };
  for (Index n = 0; n < images; ++n) {
    for (Index layer = 0; layer < layers; ++layer) {
      const double angle = between(0, 6), s = std::sin(angle), k = std::cos(angle),
                   depth = static_cast<double>((layer * 3 + n) % layers);
      for (Index i = 0; i < side; ++i) {
        for (Index j = 0; j < side; ++j) {
          const double x = step * (static_cast<double>(j) + between(-0.3, 0.3)) - 0.55 * size,
                       y = step * (static_cast<double>(i) + between(-0.3, 0.3)) - 0.55 * size,
                       w = between(1, 2);
          *c++ = (0.5 * size + k * x - s * y) * w;
          *c++ = (0.5 * size + s * x + k * y) * w;
          *c++ = (depth + between(0, 0.1)) * w;
          *c++ = w;
        }
      }
    }
  }
  Index* t = mesh.triangles.data<Index>();
  for (Index layer = 0; layer < layers; ++layer) {
    for (Index i = 0; i < cells; ++i) {
      for (Index j = 0; j < cells; ++j) {
        const Index a = (layer * side + i) * side + j;
        for (const Index v : {a, a + 1, a + side, a + side, a + 1, a + side + 1}) *t++ = v;
      }
    }
  }
  return mesh;
}

inline Point on_screen(const double* clip) { return {clip[0] / clip[3], clip[1] / clip[3]}; }

// Twice the area to the left of the line from a to b, up to p.
inline double area(Point a, Point b, Point p) {
  return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

// A signed distance: of p from the outline of a triangle, positive inside.
inline double inside(Point a, Point b, Point c, Point p) {
  const double sign = area(a, b, c) < 0 ? -1 : 1;
  const auto distance = [&](Point from, Point to) {
    return sign * area(from, to, p) / std::hypot(to.x - from.x, to.y - from.y);
  };
  return std::min({distance(a, b), distance(b, c), distance(c, a)});
}

// The distance to the outline of a triangle that a pixel's centre comes closest to.
inline double closest_to_an_edge(const Mesh& mesh, Index size) {
  double closest = std::numeric_limits<double>::infinity();
  for (Index t = 0; t < mesh.triangles.shape()[0]; ++t) {
    const Index* corner = mesh.triangles.data<Index>() + 3 * t;
    Point p[3];
    for (int k = 0; k < 3; ++k) p[k] = on_screen(mesh.clip.data<double>() + 4 * corner[k]);
    for (Index q = 0; q < size * size; ++q) {
      const Point centre{static_cast<double>(q % size) + 0.5, static_cast<double>(q / size) + 0.5};
      closest = std::min(closest, std::abs(inside(p[0], p[1], p[2], centre)));
    }
  }
  return closest;
}

// How often each pixel of size x size is covered when triangles are drawn one by one.
inline std::vector<int> coverage(const Tensor& clip, const Tensor& triangles, Index size) {
  std::vector<int> count(static_cast<std::size_t>(size * size));
  for (Index t = 0; t < triangles.shape()[0]; ++t) {
    Tensor one = Tensor::empty({1, 3}, DType::i64);
    std::copy_n(triangles.data<Index>() + 3 * t, 3, one.data<Index>());
    const Raster raster = rasterize(clip, one, {.height = size, .width = size});
    for (std::size_t q = 0; q < count.size(); ++q)
      count[q] += raster.triangle.span<Index>()[q] == 0 ? 1 : 0;
  }
  return count;
}

// ag::rasterize's barycentrics.
inline std::function<ag::Var(const std::vector<ag::Var>&)> barycentrics(const Tensor& triangles,
                                                                        Index size) {
  return [=](const std::vector<ag::Var>& in) {
    return ag::rasterize(in[0], triangles, {.height = size, .width = size}).barycentric;
  };
}

// A picture of attributes, from vertices and attributes.
inline std::function<ag::Var(const std::vector<ag::Var>&)> picture(const Tensor& triangles,
                                                                   Index size) {
  return [=](const std::vector<ag::Var>& in) {
    const ag::MeshRaster raster = ag::rasterize(in[0], triangles, {.height = size, .width = size});
    return ag::interpolate_mesh(raster.barycentric, raster.triangle, triangles, in[1]);
  };
}

inline bool all_finite(const Tensor& t) {
  const Tensor wide = t.to(DType::f64);
  const auto values = wide.span<double>();
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

inline Index covered(const Raster& raster) {
  const auto ids = raster.triangle.span<Index>();
  return std::count_if(ids.begin(), ids.end(), [](Index t) { return t >= 0; });
}

}  // namespace rf::test
