// PLY files, binary and little-endian, for programs that show meshes.
#pragma once

#include <string>

#include "engine/file.hpp"
#include "retinaface/mesh/triangle_mesh.hpp"

namespace rf {

// "ply", format binary_little_endian 1.0: of each vertex float x y z and, if the mesh has colours,
// uchar red green blue (0 to 255, rounded); of each triangle uchar 3 and three int vertex_indices
// from 0. The same bytes on any machine. Throws ShapeError: a mesh that check_mesh refuses, or more
// vertices than an int counts.
[[nodiscard]] std::string ply_bytes(const TriangleMesh& mesh);

// ply_bytes to a file, whole or not at all. Throws FileError also.
void write_ply(const std::string& path, const TriangleMesh& mesh, IfExists if_exists);

}  // namespace rf
