// Edge collapse: what it keeps (topology, sides, borders, the vertices asked for), its matrices,
// and meshes that are not what they should be.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "engine/check.hpp"
#include "engine/ops/csr.hpp"
#include "engine/random.hpp"
#include "retinaface/mesh/closest_point.hpp"
#include "retinaface/mesh/hierarchy.hpp"
#include "retinaface/mesh/quadric.hpp"
#include "tests/retinaface/mesh_shapes.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

using vector3::Vector;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

MeshLevel simplified(const TriangleMesh& mesh, Index target, const std::vector<Index>& kept = {}) {
  return simplify({&mesh, 1}, target, kept);
}

Vector normal_of(const TriangleMesh& mesh, const std::array<Index, 3>& t) {
  return vector3::normal(mesh.vertices[at(t[0])], mesh.vertices[at(t[1])], mesh.vertices[at(t[2])]);
}

// U times the coarse vertices.
std::vector<Vector> up_sampled(const MeshLevel& level) {
  std::vector<Vector> points(at(level.up.rows()), Vector{});
  for (std::size_t r = 0; r < points.size(); ++r) {
    for (Index e = level.up.row_begin()[r]; e < level.up.row_begin()[r + 1]; ++e) {
      for (std::size_t i = 0; i < 3; ++i)
        points[r][i] +=
            level.up.value()[at(e)] * level.mesh.vertices[at(level.up.column()[at(e)])][i];
    }
  }
  return points;
}

// What holds for every level: D U = I, rows of U are barycentric, vertices are a subset.
void check_level(const MeshLevel& level, const TriangleMesh& finer) {
  const std::span<const Index> begin = level.up.row_begin();
  REQUIRE(level.up.rows() == static_cast<Index>(finer.vertices.size()));
  REQUIRE(level.up.columns() == static_cast<Index>(level.mesh.vertices.size()));
  REQUIRE(level.keep.size() == level.mesh.vertices.size());
  CHECK(std::is_sorted(level.keep.begin(), level.keep.end()));
  Index wrong = 0;
  for (std::size_t i = 0; i < level.keep.size(); ++i) {
    const std::size_t row = at(level.keep[i]);
    wrong += level.mesh.vertices[i] != finer.vertices[row];
    wrong += begin[row + 1] - begin[row] != 1 || level.up.value()[at(begin[row])] != 1 ||
             level.up.column()[at(begin[row])] != static_cast<Index>(i);
  }
  CHECK(wrong == 0);
  for (std::size_t row = 0; row < finer.vertices.size(); ++row) {
    double sum = 0;
    for (Index e = begin[row]; e < begin[row + 1]; ++e) {
      wrong += !(level.up.value()[at(e)] >= 0);
      sum += level.up.value()[at(e)];
    }
    wrong += begin[row + 1] - begin[row] > 3 || std::abs(sum - 1) > 1e-14;
  }
  CHECK(wrong == 0);
  CHECK_NOTHROW(check_mesh(level.mesh, "level"));
  CHECK(level.mean_distance <= level.max_distance);
}

void check_same_topology(const TriangleMesh& coarse, const TriangleMesh& fine) {
  const MeshReport a = describe(coarse), b = describe(fine);
  CHECK(a.euler == b.euler);
  CHECK(a.components == b.components);
  CHECK(a.boundary_loops == b.boundary_loops);
  CHECK(a.non_manifold_edges == 0);
  CHECK(a.reversed_edges == 0);
  CHECK(a.degenerate_triangles == 0);
  CHECK(a.isolated_vertices == 0);
}

TriangleMesh joined(const TriangleMesh& a, const TriangleMesh& b) {
  TriangleMesh both = a;
  both.vertices.insert(both.vertices.end(), b.vertices.begin(), b.vertices.end());
  const Index shift = static_cast<Index>(a.vertices.size());
  for (const auto& [u, v, w] : b.triangles)
    both.triangles.push_back({u + shift, v + shift, w + shift});
  return both;
}

}  // namespace

TEST_CASE("quadric: the sum of squared distances to planes and points", "[mesh][golden]") {
  Quadric q;
  q.add_plane({0, 0, 1}, {5, 6, 2}, 3);      // 3 (z - 2)^2
  q.add_plane({0.6, 0.8, 0}, {1, 0, 0}, 2);  // 2 (0.6 (x - 1) + 0.8 y)^2
  q.add_point({1, 1, 1}, 0.5);
  CHECK(q.at({1, 0, 2}) == Approx(0.5 * 2));
  CHECK(q.at({6, 5, 4}) == Approx(3 * 4 + 2 * 49 + 0.5 * (25 + 16 + 9)));
  Quadric twice = q;
  twice.add(q);
  CHECK(twice.at({6, 5, 4}) == Approx(2 * q.at({6, 5, 4})));
}

TEST_CASE("closest point: as far as the nearest of all triangles, in three and in nine dimensions",
          "[mesh][property]") {
  for (const Index dimensions : {3, 9}) {
    Random random(static_cast<std::uint64_t>(dimensions), RandomPurpose::test);
    const auto coordinate = [&] { return static_cast<double>(random.uniform(-1, 1)); };
    std::vector<double> points(at(60 * dimensions));
    for (double& x : points) x = coordinate();
    std::vector<std::array<Index, 3>> triangles;
    for (int t = 0; t < 80; ++t)
      triangles.push_back(
          {random.below(60), random.below(60), random.below(60)});  // some degenerate
    const ClosestPoint all(points, dimensions, triangles);
    for (int i = 0; i < 50; ++i) {
      std::vector<double> x(at(dimensions));
      for (double& value : x) value = coordinate();
      const ClosestPoint::Result best = all.of(x);
      double nearest = std::numeric_limits<double>::infinity();
      for (std::size_t t = 0; t < triangles.size(); ++t)
        nearest = std::min(
            nearest,
            ClosestPoint(points, dimensions, std::span(triangles).subspan(t, 1)).of(x).distance2);
      CHECK(best.distance2 == nearest);
      // No point of the triangle that is tried is nearer.
      const auto& corners = triangles[at(best.triangle)];
      for (int k = 0; k < 100; ++k) {
        double u = static_cast<double>(random.uniform()), v = static_cast<double>(random.uniform());
        if (u + v > 1) u = 1 - u, v = 1 - v;
        double distance = 0;
        for (std::size_t d = 0; d < x.size(); ++d) {
          const auto of = [&](std::size_t c) { return points[at(corners[c] * dimensions) + d]; };
          const double gap = x[d] - ((1 - u - v) * of(0) + u * of(1) + v * of(2));
          distance += gap * gap;
        }
        CHECK(distance >= best.distance2 - 1e-12);
      }
    }
  }
}

TEST_CASE("simplify: sphere, torus, disk and box keep their topology down to the smallest mesh",
          "[mesh][property]") {
  const auto check = [](const TriangleMesh& fine, std::initializer_list<Index> targets) {
    for (const Index target : targets) {
      const MeshLevel level = simplified(fine, target);
      CAPTURE(fine.vertices.size(), target, level.mesh.vertices.size());
      check_level(level, fine);
      check_same_topology(level.mesh, fine);
      if (level.reached) CHECK(static_cast<Index>(level.mesh.vertices.size()) == target);
      if (target > 20) CHECK(level.reached);
    }
  };
  check(sphere(3), {200, 60, 12, 4});
  check(torus(24, 12), {150, 50, 9});
  check(grid(9, 7), {40, 12, 4});
  check(tilted_box(6), {100, 30, 8});
  TriangleMesh ring = grid(9, 9);  // a disk with a hole
  std::erase_if(ring.triangles, [](const auto& t) { return t[0] == 30 || t[0] == 40; });
  CHECK(describe(ring).boundary_loops >= 2);
  check(ring, {50, 30});
  check(joined(sphere(2), tilted(torus(12, 8), 1, {4, 0, 0})), {100, 40});
}

TEST_CASE("simplify: no triangle turns over", "[mesh][property]") {
  const TriangleMesh ball = sphere(3), plane = grid(12, 12);
  for (const Index target : {120, 40, 15}) {
    const MeshLevel level = simplified(ball, target);
    REQUIRE(level.reached);
    for (const auto& t : level.mesh.triangles) {
      Vector middle{};
      for (const Index v : t) {
        for (std::size_t i = 0; i < 3; ++i) middle[i] += level.mesh.vertices[at(v)][i];
      }
      CHECK(vector3::dot(middle, normal_of(level.mesh, t)) > 0);
    }
    const TriangleMesh sheet = simplified(plane, target).mesh;
    for (const auto& t : sheet.triangles) CHECK(normal_of(sheet, t)[2] > 0);
  }
}

TEST_CASE("simplify: a plane keeps its outline, and U gives its vertices back", "[mesh][golden]") {
  const TriangleMesh fine = tilted(grid(13, 9), 1.1, {100, -50, 20});
  for (const Index target : {60, 20, 4}) {
    const MeshLevel level = simplified(fine, target);
    REQUIRE(level.reached);
    CHECK(describe(level.mesh).area == Approx(12 * 8).epsilon(1e-12));
    CHECK(level.max_distance < 1e-12);
    const std::vector<Vector> again = up_sampled(level);
    for (std::size_t v = 0; v < again.size(); ++v)
      CHECK(vector3::length(vector3::minus(again[v], fine.vertices[v])) < 1e-12);
  }
  CHECK(simplified(fine, 4).keep == std::vector<Index>{0, 12, 8 * 13, 9 * 13 - 1});  // its corners
}

TEST_CASE("simplify: a box keeps its eight corners, and its volume", "[mesh][golden]") {
  const TriangleMesh fine = tilted_box(5);
  const MeshLevel level = simplified(fine, 8);
  REQUIRE(level.reached);
  CHECK(level.mesh.triangles.size() == 12);
  CHECK(describe(level.mesh).area == Approx(6 * 25));
  CHECK(level.max_distance < 1e-12);
}

TEST_CASE("simplify: the distances are those from the vertices to the coarse mesh", "[mesh]") {
  const TriangleMesh fine = sphere(3);
  const MeshLevel level = simplified(fine, 64);
  const std::vector<Vector> again = up_sampled(level);
  double sum = 0, maximum = 0;
  for (std::size_t v = 0; v < again.size(); ++v) {
    const double d = vector3::length(vector3::minus(again[v], fine.vertices[v]));
    sum += d;
    maximum = std::max(maximum, d);
  }
  CHECK(level.mean_distance == Approx(sum / static_cast<double>(again.size())));
  CHECK(level.max_distance == Approx(maximum));
  CHECK(level.mean_distance < 0.06);  // 64 vertices spread evenly lie about 0.04 off
  TriangleMesh large = fine;
  const double scale = std::ldexp(1, 100);
  for (auto& v : large.vertices) v = {scale * v[0], scale * v[1], scale * v[2]};
  CHECK(simplified(large, 64).keep == level.keep);
  CHECK(simplified(large, 64).max_distance == scale * level.max_distance);
}

TEST_CASE("simplify: poses count together, and none may turn a triangle over", "[mesh][poses]") {
  // The second pose folds a flat sheet along its middle: only that pose knows the crease.
  const TriangleMesh flat = grid(11, 9);
  TriangleMesh folded = flat;
  for (auto& v : folded.vertices) {
    if (v[0] > 5) v = {5, v[1], v[0] - 5};
  }
  const std::vector<TriangleMesh> poses{flat, folded};
  const MeshLevel level = simplify(poses, 6, {});
  REQUIRE(level.reached);
  CHECK(level.keep == std::vector<Index>{0, 5, 10, 88, 93, 98});
  CHECK(level.max_distance < 1e-12);
  check_level(level, flat);
  // And the vertices of the pose that was folded come back too.
  MeshLevel other = level;
  for (std::size_t i = 0; i < level.keep.size(); ++i)
    other.mesh.vertices[i] = folded.vertices[at(level.keep[i])];
  const std::vector<Vector> again = up_sampled(other);
  for (std::size_t v = 0; v < again.size(); ++v)
    CHECK(vector3::length(vector3::minus(again[v], folded.vertices[v])) < 1e-12);

  TriangleMesh short_pose = flat;
  short_pose.vertices.pop_back();
  short_pose.triangles.resize(2);
  CHECK_THROWS_AS(simplify(std::vector{flat, short_pose}, 6), ShapeError);
  TriangleMesh other_faces = flat;
  std::swap(other_faces.triangles[0], other_faces.triangles[1]);
  CHECK_THROWS_WITH(simplify(std::vector{flat, other_faces}, 6),
                    Catch::Contains("pose 1 has other triangles"));
}

TEST_CASE("simplify: vertices to be kept are kept, however dear the rest", "[mesh]") {
  const TriangleMesh fine = grid(9, 9);
  const std::vector<Index> kept{40, 12, 12, 77};
  const MeshLevel level = simplified(fine, 7, kept);
  REQUIRE(level.reached);
  for (const Index v : kept) CHECK(std::binary_search(level.keep.begin(), level.keep.end(), v));
  std::vector<Index> all(81);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
  const MeshLevel nothing = simplified(fine, 7, all);
  CHECK(!nothing.reached);
  CHECK(nothing.mesh.triangles == fine.triangles);
}

TEST_CASE("simplify: a target that cannot be reached gives what can", "[mesh][error]") {
  MeshLevel level = simplified(sphere(2), 1);
  CHECK(!level.reached);
  CHECK(level.mesh.vertices.size() == 4);  // a tetrahedron
  check_same_topology(level.mesh, sphere(2));
  level = simplified(grid(5, 5), 1);
  CHECK(!level.reached);
  CHECK(level.mesh.vertices.size() >= 3);
  CHECK(level.mesh.vertices.size() <= 4);
  level = simplified(grid(5, 5), 25);
  CHECK(level.reached);
  CHECK(level.mesh.triangles == grid(5, 5).triangles);
  CHECK(simplified(grid(5, 5), 1000).reached);
  CHECK_THROWS_AS(simplified(grid(5, 5), 0), ShapeError);
  CHECK_THROWS_WITH(simplified(grid(5, 5), 5, {25}), Catch::Contains("vertex 25"));
  CHECK_THROWS_AS(simplified(grid(5, 5), 5, {-1}), ShapeError);
  CHECK_THROWS_AS(simplify({}, 5), ShapeError);
}

TEST_CASE("simplify: meshes that are not what they should be", "[mesh][error]") {
  SECTION("an edge of three triangles stays, with its ends") {
    // Three sheets that meet in one line, vertices 0 .. 4 of each.
    TriangleMesh book = grid(5, 5);
    for (const Vector& direction : {Vector{0, -1, 0}, Vector{0, 0, 1}}) {
      const Index shift = static_cast<Index>(book.vertices.size()) - 5;
      for (Index y = 1; y < 5; ++y) {
        for (Index x = 0; x < 5; ++x) {
          const double d = static_cast<double>(y);
          book.vertices.push_back({static_cast<double>(x), d * direction[1], d * direction[2]});
        }
      }
      const auto row = [&](Index v) { return v < 5 ? v : v + shift; };
      for (const auto& [a, b, c] : grid(5, 5).triangles)
        book.triangles.push_back({row(a), row(b), row(c)});
    }
    REQUIRE(describe(book).non_manifold_edges == 4);
    const MeshLevel level = simplified(book, 20);
    check_level(level, book);
    CHECK(level.reached);
    CHECK(describe(level.mesh).non_manifold_edges == 4);
    for (Index v = 0; v < 5; ++v) CHECK(level.keep[at(v)] == v);
  }
  SECTION("a third triangle at an edge stays, though it could fold away") {
    const TriangleMesh flap{.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0.5, 0, 1}},
                            .triangles = {{0, 1, 2}, {1, 0, 3}, {0, 1, 4}},
                            .colours = {}};
    CHECK(simplified(flap, 4).mesh.triangles == flap.triangles);
  }
  SECTION("isolated vertices stay, triangles that name one twice go") {
    TriangleMesh mesh = grid(5, 5);
    mesh.vertices.push_back({9, 9, 9});
    mesh.triangles.push_back({3, 3, 4});
    const MeshLevel level = simplified(mesh, 10);
    check_level(level, mesh);
    CHECK(level.reached);
    CHECK(level.keep.back() == 25);
    CHECK(describe(level.mesh).degenerate_triangles == 0);
  }
  SECTION("points without triangles") {
    TriangleMesh cloud = grid(3, 3);
    cloud.triangles.clear();
    const MeshLevel level = simplified(cloud, 4);
    CHECK(!level.reached);
    check_level(level, cloud);
    CHECK(!simplify(std::vector<TriangleMesh>(1), 4).mesh.vertices.size());
  }
  SECTION("all vertices at one place, or on one line") {
    TriangleMesh mesh = grid(6, 6);
    for (auto& v : mesh.vertices) v = {v[0], 0, 0};
    check_level(simplified(mesh, 10), mesh);
    for (auto& v : mesh.vertices) v = {7, 7, 7};
    const MeshLevel level = simplified(mesh, 10);
    check_level(level, mesh);
    CHECK(level.reached);
    CHECK(level.max_distance == 0);
  }
  SECTION("the same triangle twice, and a triangle and its back") {
    TriangleMesh mesh = grid(5, 5);
    mesh.triangles.insert(mesh.triangles.end(), {mesh.triangles[3], {1, 0, 6}});
    check_level(simplified(mesh, 8), mesh);
  }
  SECTION("random triangles") {
    for (std::uint32_t item = 0; item < 20; ++item) {
      Random random(7, RandomPurpose::test, 0, item);
      TriangleMesh mesh;
      for (int v = 0; v < 40; ++v)
        mesh.vertices.push_back(
            {static_cast<double>(random.normal()), static_cast<double>(random.normal()), 0});
      for (int t = 0; t < 70; ++t)
        mesh.triangles.push_back({random.below(40), random.below(40), random.below(40)});
      const MeshLevel level = simplified(mesh, 15);
      check_level(level, mesh);
      CHECK(describe(level.mesh).euler == describe(mesh).euler);
      CHECK(describe(level.mesh).components == describe(mesh).components);
      CHECK(describe(level.mesh).non_manifold_edges == describe(mesh).non_manifold_edges);
    }
  }
}

TEST_CASE("hierarchy: each level from the one before, and the same every time", "[mesh]") {
  const TriangleMesh fine = sphere(4);  // 1026 vertices
  TriangleMesh pose = tilted(fine, 0.3, {});
  for (auto& v : pose.vertices) v[2] *= 2;
  const std::vector<TriangleMesh> poses{fine, pose};
  const std::vector<Index> targets{300, 80, 20}, kept{500, 3};
  const MeshHierarchy hierarchy = build_hierarchy(poses, targets, kept);
  REQUIRE(hierarchy.levels.size() == 3);
  const TriangleMesh* finer = &fine;
  for (std::size_t i = 0; i < 3; ++i) {
    const MeshLevel& level = hierarchy.levels[i];
    CHECK(level.reached);
    check_level(level, *finer);
    check_same_topology(level.mesh, fine);
    for (std::size_t v = 0; v < level.keep.size(); ++v)
      CHECK(level.mesh.vertices[v] == fine.vertices[at(hierarchy.origin[i][v])]);
    for (const Index v : kept)
      CHECK(std::binary_search(hierarchy.origin[i].begin(), hierarchy.origin[i].end(), v));
    finer = &level.mesh;
  }
  const MeshHierarchy again = build_hierarchy(poses, targets, kept);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(again.levels[i].keep == hierarchy.levels[i].keep);
    CHECK(again.levels[i].mesh.triangles == hierarchy.levels[i].mesh.triangles);
    CHECK(std::ranges::equal(again.levels[i].up.value(), hierarchy.levels[i].up.value()));
  }
  CHECK_THROWS_WITH(build_hierarchy(poses, std::vector<Index>{80, 80}),
                    Catch::Contains("80 vertices after 80"));
  CHECK(build_hierarchy(poses, {}).levels.empty());
}

}  // namespace rf::test
