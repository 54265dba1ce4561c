#include "retinaface/dense/overlay_surface.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "layers/mesh_camera.hpp"

namespace rf {

namespace {

using Vector = OverlaySurface::Vector;

std::vector<Vector> rows_of_three(const Tensor& rows) {
  std::vector<Vector> vectors;
  const std::span<const float> numbers = rows.span<float>();
  for (std::size_t i = 0; i < numbers.size(); i += 3)
    vectors.push_back({static_cast<double>(numbers[i]), static_cast<double>(numbers[i + 1]),
                       static_cast<double>(numbers[i + 2])});
  return vectors;
}

// R(g) diag(1, -1, -1) n of the mesh's normals.
std::vector<Vector> camera_normals(const DenseFace& face, const VertexNormals& normals) {
  const ag::NoGradScope no_grad;
  const Index count = face.mesh.shape()[0];
  const ag::Var places = ag::reshape(ag::slice(ag::Var(face.mesh), 1, 0, 3), {1, count, 3});
  Tensor facing = normals(places).value().clone();
  float* n = facing.data<float>();
  for (Index v = 0; v < count; ++v) {
    n[3 * v + 1] = -n[3 * v + 1];
    n[3 * v + 2] = -n[3 * v + 2];
  }
  const ag::Var pose = ag::slice(ag::Var(face.camera.reshaped({1, 7})), 1, 3, 6);
  return rows_of_three(rotate(ag::Var(facing), pose).value());
}

// Around the vertices in front of the camera, as far as the picture goes.
OverlaySurface::Window window_of(const std::vector<Vector>& points, const Image& picture) {
  double left = kFarFromPictures, top = kFarFromPictures, right = -kFarFromPictures,
         bottom = -kFarFromPictures;
  for (const Vector& p : points) {
    if (p[2] <= 0) continue;
    left = std::min(left, p[0]);
    top = std::min(top, p[1]);
    right = std::max(right, p[0]);
    bottom = std::max(bottom, p[1]);
  }
  const auto pixel = [](double place, Index size) {
    return static_cast<Index>(std::clamp(place, 0.0, static_cast<double>(size)));
  };
  return {pixel(std::floor(left), picture.width), pixel(std::floor(top), picture.height),
          pixel(std::ceil(right), picture.width), pixel(std::ceil(bottom), picture.height)};
}

// Which side of each triangle is seen, and how large it is.
void measure_triangles(Triangles triangles, OverlaySurface& surface) {
  std::vector<float> smallest;
  for (const auto& corners : triangles) {
    std::array<const Vector*, 3> p{};
    for (std::size_t i = 0; i < 3; ++i)
      p[i] = &surface.points[static_cast<std::size_t>(corners[i])];
    const auto across = [&](std::size_t i, std::size_t axis) {  // of the edge opposite to corner i
      return (*p[(i + 2) % 3])[axis] - (*p[(i + 1) % 3])[axis];
    };
    // Rows count downwards: counter-clockwise has a negative area.
    const double area = across(2, 0) * across(0, 1) - across(2, 1) * across(0, 0);
    surface.outside.push_back(area < 0);
    std::array<float, 3> heights{};
    for (std::size_t i = 0; i < 3; ++i) {
      const double length = std::sqrt(across(i, 0) * across(i, 0) + across(i, 1) * across(i, 1));
      heights[i] = static_cast<float>(std::abs(area) / std::max(length, 1e-9));
    }
    surface.heights.push_back(heights);
    if (area < 0) smallest.push_back(*std::ranges::min_element(heights));
  }
  if (smallest.empty()) return;
  const auto middle = smallest.begin() + static_cast<std::ptrdiff_t>(smallest.size() / 2);
  std::ranges::nth_element(smallest, middle);
  // Edges closer than 3 pixels would be a veil; from 9 on they stand apart.
  surface.line = std::clamp((static_cast<double>(*middle) - 3) / 6, 0.0, 1.0);
}

}  // namespace

OverlaySurface overlay_surface(const DenseFace& face, Triangles triangles,
                               const VertexNormals& normals, const Image& picture) {
  OverlaySurface surface;
  surface.points = rows_of_three(face.points);
  surface.window = window_of(surface.points, picture);
  if (surface.window.empty()) return surface;
  surface.normals = camera_normals(face, normals);
  measure_triangles(triangles, surface);
  return surface;
}

}  // namespace rf
