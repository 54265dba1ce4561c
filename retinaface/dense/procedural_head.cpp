#include "retinaface/dense/procedural_head.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/dense/procedural_features.hpp"
#include "retinaface/mesh/hierarchy.hpp"

namespace rf {

namespace {

using vector3::Vector;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// The ellipsoid: half axes and middle. Half of a head: z is never below the middle.
constexpr Vector kHalfAxes{7.4, 9, 8.2}, kMiddle{0, 0.4, 2.5};

// Lines of a grid from `from` to `to`, in this many steps.
struct Band {
  double from, to;
  int steps;
};

// Close together where something small is: eyes, mouth, and between the lips closest of all.
constexpr std::array kColumnBands{Band{0, 0.46, 34}, Band{0.46, 1, 14}};  // and mirrored
constexpr std::array kRowBands{Band{-1, -0.46, 11},   Band{-0.46, -0.34, 5}, Band{-0.34, -0.24, 16},
                               Band{-0.24, -0.14, 5}, Band{-0.14, 0.03, 10}, Band{0.03, 0.18, 7},
                               Band{0.18, 0.28, 11},  Band{0.28, 0.5, 10},   Band{0.5, 1, 11}};

std::vector<double> lines(std::span<const Band> bands) {
  std::vector<double> lines{bands.front().from};
  for (const Band& band : bands) {
    for (int i = 1; i <= band.steps; ++i)
      lines.push_back(band.from + (band.to - band.from) * i / band.steps);
  }
  return lines;
}

std::vector<double> mirrored(const std::vector<double>& half) {
  std::vector<double> all;
  for (std::size_t i = half.size() - 1; i > 0; --i) all.push_back(-half[i]);
  all.insert(all.end(), half.begin(), half.end());
  return all;
}

// The point of the ellipsoid's front half for (a, b) of [-1, 1]^2. The square becomes a disc, whose
// radius r goes to r (3 - r^2) / 2, so that lines do not lie far apart where the ellipsoid turns
// away. Faces are flatter than ellipsoids in front: depth h becomes h (3 - h) / 2.
Vector ellipsoid(double a, double b) {
  const double s = a * std::sqrt(1 - b * b / 2), t = b * std::sqrt(1 - a * a / 2);
  const double outward = (3 - s * s - t * t) / 2, x = s * outward, y = t * outward;
  const double h = std::sqrt(std::max(0.0, 1 - x * x - y * y));
  return {kMiddle[0] + kHalfAxes[0] * x, kMiddle[1] + kHalfAxes[1] * y,
          kMiddle[2] + kHalfAxes[2] * h * (3 - h) / 2};
}

// The neutral face there. Relief fades out towards the rim, which stays smooth.
Vector neutral(const Vector& p) {
  const double depth = (p[2] - kMiddle[2]) / kHalfAxes[2];
  Vector v = head::displacement(head::neutral_shape(), p[0], p[1], p);
  for (std::size_t i = 0; i < 3; ++i) v[i] += p[i];
  v[2] += head::relief(p[0], p[1]) * depth * (2 - depth);
  return v;
}

// The finest mesh: a grid, and of each vertex its place on the ellipsoid.
struct Sheet {
  Index columns, rows;
  std::vector<Vector> base;
  TriangleMesh mesh;

  [[nodiscard]] Index mirror(Index v) const {
    return v / columns * columns + columns - 1 - v % columns;
  }
};

// Diagonals run towards the corners of the square: there the rim would else cut slivers.
std::vector<std::array<Index, 3>> grid_triangles(Index columns, Index rows) {
  std::vector<std::array<Index, 3>> triangles;
  for (Index j = 0; j + 1 < rows; ++j) {
    for (Index i = 0; i + 1 < columns; ++i) {
      const Index a = j * columns + i, b = a + 1, c = b + columns, d = a + columns;
      const bool rising = (2 * i + 1 < columns - 1) == (2 * j + 1 < rows - 1);
      if (rising)
        triangles.insert(triangles.end(), {{a, b, c}, {a, c, d}});
      else
        triangles.insert(triangles.end(), {{a, b, d}, {b, c, d}});
    }
  }
  return triangles;
}

Sheet make_sheet() {
  const std::vector<double> across = mirrored(lines(kColumnBands)), up = lines(kRowBands);
  Sheet sheet{.columns = static_cast<Index>(across.size()),
              .rows = static_cast<Index>(up.size()),
              .base = {},
              .mesh = {}};
  for (const double b : up) {
    for (const double a : across) {
      const Vector p = ellipsoid(a, b);
      sheet.base.push_back(p);
      sheet.mesh.vertices.push_back(neutral(p));
      sheet.mesh.colours.push_back(head::albedo(p[0], p[1]));
    }
  }
  sheet.mesh.triangles = grid_triangles(sheet.columns, sheet.rows);
  return sheet;
}

TriangleMesh pose_of(const Sheet& sheet, std::string_view expression) {
  const std::vector<head::ShapeMode>& modes = head::expression_modes();
  const auto mode = std::ranges::find(modes, expression, &head::ShapeMode::name);
  RF_ASSERT(mode != modes.end());
  TriangleMesh pose = sheet.mesh;
  for (std::size_t v = 0; v < pose.vertices.size(); ++v) {
    const Vector moved =
        head::displacement(*mode, sheet.base[v][0], sheet.base[v][1], sheet.mesh.vertices[v]);
    for (std::size_t i = 0; i < 3; ++i) pose.vertices[v][i] += moved[i];
  }
  return pose;
}

// The neutral face, its colours as relief, so that vertices stay where colours change, and two
// expressions.
std::vector<TriangleMesh> poses_of(const Sheet& sheet) {
  constexpr double kColourRelief = 1.5;  // centimetres between black and white
  std::vector<TriangleMesh> poses(2, sheet.mesh);
  for (std::size_t v = 0; v < sheet.base.size(); ++v) {
    const Vector& c = sheet.mesh.colours[v];
    poses[1].vertices[v][2] += kColourRelief * (c[0] + c[1] + c[2]) / 3;
  }
  for (const std::string_view expression : {"mouth open", "eyes closed"})
    poses.push_back(pose_of(sheet, expression));
  return poses;
}

// The vertices nearest to the landmarks' places, on the right side; on the left their mirrors.
std::vector<Index> landmarks(const Sheet& sheet, std::span<const head::LandmarkPair> pairs,
                             std::size_t count) {
  std::vector<Index> landmarks(count);
  for (const head::LandmarkPair& pair : pairs) {
    double nearest = std::numeric_limits<double>::infinity();
    Index best = 0;
    for (Index v = 0; v < static_cast<Index>(sheet.base.size()); ++v) {
      const double dx = sheet.base[at(v)][0] + pair.x, dy = sheet.base[at(v)][1] - pair.y;
      if (dx * dx + dy * dy < nearest) {
        nearest = dx * dx + dy * dy;
        best = v;
      }
    }
    landmarks[at(pair.left)] = sheet.mirror(best);
    landmarks[at(pair.right)] = best;
  }
  return landmarks;
}

// [rows, 3] of what `value` gives for each of the sheet's rows in `kept`.
template <class Value>
void fill(float* to, const std::vector<Index>& kept, Value value) {
  for (const Index row : kept) {
    const Vector v = value(at(row));
    for (std::size_t i = 0; i < 3; ++i) *to++ = static_cast<float>(v[i]);
  }
}

template <class Mode, class Value>
Tensor modes_of(const std::vector<Mode>& modes, const std::vector<Index>& kept, Value value) {
  const Index vertices = static_cast<Index>(kept.size());
  Tensor all = Tensor::empty({static_cast<Index>(modes.size()), vertices, 3});
  for (std::size_t k = 0; k < modes.size(); ++k) {
    fill(all.data<float>() + static_cast<Index>(k) * vertices * 3, kept,
         [&](std::size_t row) { return value(modes[k], row); });
  }
  return all;
}

Tensor rows_of(const std::vector<Vector>& all, const std::vector<Index>& kept) {
  Tensor rows = Tensor::empty({static_cast<Index>(kept.size()), 3});
  fill(rows.data<float>(), kept, [&](std::size_t row) { return all[row]; });
  return rows;
}

FaceLevel level_of(const TriangleMesh& mesh, CsrMatrix up) {
  return {.vertices = static_cast<Index>(mesh.vertices.size()),
          .triangles = mesh.triangles,
          .up = std::move(up)};
}

std::vector<FaceLevel> levels_of(const MeshLevel& finest, const std::vector<TriangleMesh>& poses) {
  constexpr std::array<Index, 3> kCoarser{432, 108, 27};
  const MeshHierarchy coarser = build_hierarchy(poses, kCoarser);
  const TriangleMesh& coarsest = coarser.levels.back().mesh;
  const Index least = static_cast<Index>(coarsest.vertices.size());
  std::vector<FaceLevel> levels{level_of(coarsest, CsrMatrix::from_triplets(least, 0, {}))};
  for (std::size_t k = coarser.levels.size(); k-- > 0;)
    levels.push_back(level_of(k ? coarser.levels[k - 1].mesh : finest.mesh, coarser.levels[k].up));
  return levels;
}

}  // namespace

FaceModel procedural_head() {
  constexpr Index kVertices = 1728;
  const Sheet sheet = make_sheet();
  const std::vector<Index> places5 = landmarks(sheet, head::landmarks5(), 5),
                           places68 = landmarks(sheet, head::landmarks68(), 68);
  std::vector<Index> needed = places5;
  needed.insert(needed.end(), places68.begin(), places68.end());

  std::vector<TriangleMesh> poses = poses_of(sheet);
  const MeshLevel finest = simplify(poses, kVertices, needed);
  const std::vector<Index>& kept = finest.keep;
  for (TriangleMesh& pose : poses) {
    std::vector<Vector> vertices;
    for (const Index row : kept) vertices.push_back(pose.vertices[at(row)]);
    pose = {.vertices = vertices, .triangles = finest.mesh.triangles, .colours = {}};
  }
  const auto on_finest = [&](std::vector<Index> rows) {
    for (Index& v : rows) v = std::lower_bound(kept.begin(), kept.end(), v) - kept.begin();
    return rows;
  };
  const auto moved = [&](const head::ShapeMode& mode, std::size_t row) {
    return head::displacement(mode, sheet.base[row][0], sheet.base[row][1],
                              sheet.mesh.vertices[row]);
  };
  return {.levels = levels_of(finest, poses),
          .neutral = rows_of(sheet.mesh.vertices, kept),
          .identity = modes_of(head::identity_modes(), kept, moved),
          .expression = modes_of(head::expression_modes(), kept, moved),
          .albedo = rows_of(sheet.mesh.colours, kept),
          .albedo_modes = modes_of(head::colour_modes(), kept,
                                   [&](const head::ColourMode& mode, std::size_t row) {
                                     return head::colour_change(mode, sheet.base[row][0],
                                                                sheet.base[row][1]);
                                   }),
          .landmarks5 = on_finest(places5),
          .landmarks68 = on_finest(places68)};
}

}  // namespace rf
