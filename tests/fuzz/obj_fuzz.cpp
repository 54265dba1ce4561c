// The reader of OBJ files: what it accepts is a sound mesh, reads back as it was written, and
// becomes a coarser one with the matrices that belong to it.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/check.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "retinaface/mesh/simplify.hpp"

namespace {

void check_simplified(const rf::TriangleMesh& mesh) {
  const rf::Index count = static_cast<rf::Index>(mesh.vertices.size());
  const rf::MeshLevel level = rf::simplify({&mesh, 1}, (count + 1) / 2);
  rf::check_mesh(level.mesh, "level");
  const rf::MeshReport fine = rf::describe(mesh), coarse = rf::describe(level.mesh);
  RF_ASSERT(fine.euler == coarse.euler && fine.components == coarse.components);
  RF_ASSERT(fine.non_manifold_edges == coarse.non_manifold_edges);
  RF_ASSERT(fine.isolated_vertices == coarse.isolated_vertices);
  RF_ASSERT(level.up.rows() == count && !level.mesh.vertices.empty());
  RF_ASSERT(std::isfinite(level.mean_distance) && level.mean_distance <= level.max_distance);
  for (rf::Index row = 0; row < count; ++row) {
    double sum = 0;
    for (rf::Index i = level.up.row_begin()[static_cast<std::size_t>(row)];
         i < level.up.row_begin()[static_cast<std::size_t>(row) + 1]; ++i) {
      const double weight = level.up.value()[static_cast<std::size_t>(i)];
      RF_ASSERT(weight >= 0);
      sum += weight;
    }
    RF_ASSERT(std::abs(sum - 1) < 1e-12);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kSmall = 500;  // vertices and triangles, so that a run stays short
  rf::TriangleMesh mesh;
  try {
    mesh = rf::parse_obj({reinterpret_cast<const char*>(data), size}, "fuzz.obj");
  } catch (const rf::FormatError&) {
    return 0;
  }
  rf::check_mesh(mesh, "fuzz");
  (void)rf::describe(mesh);
  const std::string text = rf::obj_text(mesh);
  RF_ASSERT(rf::obj_text(rf::parse_obj(text, "again.obj")) == text);
  if (mesh.vertices.size() < kSmall && mesh.triangles.size() < kSmall) check_simplified(mesh);
  return 0;
}
