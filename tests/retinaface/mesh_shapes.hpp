// Meshes made by rule, with known topology.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "retinaface/mesh/triangle_mesh.hpp"
#include "retinaface/mesh/vector3.hpp"

namespace rf::test {

// An octahedron whose triangles are cut in four `times` times, pushed onto the unit sphere:
// 4^(times + 1) + 2 vertices.
inline TriangleMesh sphere(int times) {
  TriangleMesh mesh{
      .vertices = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}},
      .triangles =
          {{0, 2, 4}, {2, 1, 4}, {1, 3, 4}, {3, 0, 4}, {2, 0, 5}, {1, 2, 5}, {3, 1, 5}, {0, 3, 5}},
      .colours = {}};
  for (int i = 0; i < times; ++i) {
    std::map<std::pair<Index, Index>, Index> middles;
    const auto middle = [&](Index a, Index b) {
      const auto [entry, is_new] =
          middles.emplace(std::minmax(a, b), static_cast<Index>(mesh.vertices.size()));
      if (is_new) {
        const auto p = mesh.vertices[static_cast<std::size_t>(a)],
                   q = mesh.vertices[static_cast<std::size_t>(b)];
        std::array<double, 3> m{p[0] + q[0], p[1] + q[1], p[2] + q[2]};
        const double length = vector3::length(m);
        for (double& x : m) x /= length;
        mesh.vertices.push_back(m);
      }
      return entry->second;
    };
    std::vector<std::array<Index, 3>> finer;
    for (const auto& [a, b, c] : mesh.triangles) {
      const Index ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
      finer.insert(finer.end(), {{a, ab, ca}, {ab, b, bc}, {ca, bc, c}, {ab, bc, ca}});
    }
    mesh.triangles = finer;
  }
  return mesh;
}

// columns x rows vertices at whole numbers of the plane z = 0, facing +z.
inline TriangleMesh grid(Index columns, Index rows) {
  TriangleMesh mesh;
  for (Index y = 0; y < rows; ++y) {
    for (Index x = 0; x < columns; ++x)
      mesh.vertices.push_back({static_cast<double>(x), static_cast<double>(y), 0});
  }
  for (Index y = 0; y + 1 < rows; ++y) {
    for (Index x = 0; x + 1 < columns; ++x) {
      const Index a = y * columns + x, b = a + 1, c = b + columns, d = a + columns;
      mesh.triangles.insert(mesh.triangles.end(), {{a, b, c}, {a, c, d}});
    }
  }
  return mesh;
}

// A grid of columns x rows that closes in both directions: radii 1 and `thickness`.
inline TriangleMesh torus(Index columns, Index rows, double thickness = 0.4) {
  TriangleMesh mesh;
  for (Index y = 0; y < rows; ++y) {
    for (Index x = 0; x < columns; ++x) {
      const double u = 2 * std::numbers::pi * static_cast<double>(x) / static_cast<double>(columns);
      const double v = 2 * std::numbers::pi * static_cast<double>(y) / static_cast<double>(rows);
      const double r = 1 + thickness * std::cos(v);
      mesh.vertices.push_back({r * std::cos(u), r * std::sin(u), thickness * std::sin(v)});
    }
  }
  for (Index y = 0; y < rows; ++y) {
    for (Index x = 0; x < columns; ++x) {
      const Index right = (x + 1) % columns, up = (y + 1) % rows;
      const Index a = y * columns + x, b = y * columns + right, c = up * columns + right,
                  d = up * columns + x;
      mesh.triangles.insert(mesh.triangles.end(), {{a, b, c}, {a, c, d}});
    }
  }
  return mesh;
}

// Turned by an angle around an axis that is none of x, y, z, and moved.
inline TriangleMesh tilted(TriangleMesh mesh, double angle, const vector3::Vector& shift) {
  const vector3::Vector axis{2.0 / 7, 3.0 / 7, 6.0 / 7};
  const double c = std::cos(angle), s = std::sin(angle);
  for (auto& v : mesh.vertices) {
    const vector3::Vector across = vector3::cross(axis, v);
    const double along = vector3::dot(axis, v);
    for (std::size_t i = 0; i < 3; ++i)
      v[i] = c * v[i] + s * across[i] + (1 - c) * along * axis[i] + shift[i];
  }
  return mesh;
}

// The surface of a cube of n x n x n squares, tilted: a grid on each side, joined at the edges.
inline TriangleMesh tilted_box(Index n) {
  TriangleMesh mesh;
  std::map<std::array<Index, 3>, Index> rows;
  const auto vertex = [&](const std::array<Index, 3>& p) {
    const auto [entry, is_new] = rows.emplace(p, static_cast<Index>(mesh.vertices.size()));
    if (is_new)
      mesh.vertices.push_back(
          {static_cast<double>(p[0]), static_cast<double>(p[1]), static_cast<double>(p[2])});
    return entry->second;
  };
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const Index level : {Index{0}, n}) {
      for (Index i = 0; i < n * n; ++i) {
        const auto corner = [&](Index di, Index dj) {
          std::array<Index, 3> p{};
          p[axis] = level;
          p[(axis + 1) % 3] = i % n + di;
          p[(axis + 2) % 3] = i / n + dj;
          return vertex(p);
        };
        const Index a = corner(0, 0), b = corner(1, 0), c = corner(1, 1), d = corner(0, 1);
        if (level > 0)
          mesh.triangles.insert(mesh.triangles.end(), {{a, b, c}, {a, c, d}});
        else
          mesh.triangles.insert(mesh.triangles.end(), {{a, c, b}, {a, d, c}});
      }
    }
  }
  return tilted(mesh, 0.7, {5, -3, 2});
}

}  // namespace rf::test
