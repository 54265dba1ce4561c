// What the tests of soft_rasterize share.
#pragma once

#include <tuple>

#include "engine/ops/soft_rasterize.hpp"
#include "tests/ops/raster_meshes.hpp"

namespace rf::test {

// A square picture. The meshes of grid() have w from 1 to 2.
inline SoftRasterizeParams soft_params(Index size) {
  return {.height = size, .width = size, .near = 0.5, .far = 4};
}

// Colours and silhouette side by side, from vertices and attributes.
inline std::function<ag::Var(const std::vector<ag::Var>&)> soft_picture(
    const Tensor& triangles, const SoftRasterizeParams& params) {
  return [=](const std::vector<ag::Var>& in) {
    const ag::SoftMeshPicture picture = ag::soft_rasterize(in[0], triangles, in[1], params);
    const Shape& s = picture.silhouette.shape();
    return ag::concat({picture.colour, ag::reshape(picture.silhouette, {s[0], s[1], s[2], 1})}, 3);
  };
}

// Distance from p to a segment, and how far along it the nearest point of its line lies.
inline std::pair<double, double> to_segment(Point from, Point to, Point p) {
  const double x = to.x - from.x, y = to.y - from.y,
               along = ((p.x - from.x) * x + (p.y - from.y) * y) / (x * x + y * y),
               part = std::clamp(along, 0.0, 1.0);
  return {std::hypot(from.x + part * x - p.x, from.y + part * y - p.y), along};
}

}  // namespace rf::test
