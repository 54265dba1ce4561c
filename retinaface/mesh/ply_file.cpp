#include "retinaface/mesh/ply_file.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/check.hpp"

namespace rf {

namespace {

void put(std::string& bytes, std::uint32_t word) {
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((word >> shift) & 0xffU);
}

std::string header(const TriangleMesh& mesh) {
  std::string text =
      message("ply\nformat binary_little_endian 1.0\nelement vertex ", mesh.vertices.size(), "\n");
  for (const char* axis : {"x", "y", "z"}) text += message("property float ", axis, "\n");
  if (!mesh.colours.empty()) {
    for (const char* colour : {"red", "green", "blue"})
      text += message("property uchar ", colour, "\n");
  }
  return text + message("element face ", mesh.triangles.size(),
                        "\nproperty list uchar int vertex_indices\nend_header\n");
}

}  // namespace

std::string ply_bytes(const TriangleMesh& mesh) {
  check_mesh(mesh, "PLY");
  RF_CHECK_SHAPE(mesh.vertices.size() <= std::numeric_limits<std::int32_t>::max(), "PLY",
                 mesh.vertices.size(), " vertices, the format counts to 2147483647");
  std::string bytes = header(mesh);
  bytes.reserve(bytes.size() + 15 * mesh.vertices.size() + 13 * mesh.triangles.size());
  for (std::size_t v = 0; v < mesh.vertices.size(); ++v) {
    for (const double x : mesh.vertices[v])
      put(bytes, std::bit_cast<std::uint32_t>(static_cast<float>(x)));
    if (mesh.colours.empty()) continue;
    for (const double c : mesh.colours[v])
      bytes += static_cast<char>(static_cast<unsigned char>(std::lround(255 * c)));
  }
  for (const auto& triangle : mesh.triangles) {
    bytes += '\3';
    for (const Index v : triangle) put(bytes, static_cast<std::uint32_t>(v));
  }
  return bytes;
}

void write_ply(const std::string& path, const TriangleMesh& mesh, IfExists if_exists) {
  write_file(path, ply_bytes(mesh), if_exists);
}

}  // namespace rf
