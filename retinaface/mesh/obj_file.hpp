// Wavefront OBJ files: the vertices, their colours, and the faces as triangles. docs/mesh.md lists
// what is read and what is left out.
#pragma once

#include <string>
#include <string_view>

#include "engine/file.hpp"
#include "retinaface/mesh/triangle_mesh.hpp"

namespace rf {

// A larger file is refused before it is read: this is some 2.5 million vertices and twice as many
// triangles. A mesh in memory is at most 40 times as large as its text.
inline constexpr Index kLargestObjBytes = Index{1} << 28;

struct ObjOptions {
  // Another pose of the same faces, for which a shorter diagonal may be the other one:
  // four-cornered faces become the triangles that they became there. Must outlive the call.
  const TriangleMesh* split_as = nullptr;
};

// A quadrilateral becomes two triangles along its shorter diagonal (of two equal ones along that
// from its first corner), a larger polygon a fan around its first corner. Texture coordinates,
// normals, groups, materials and everything else are left out. Throws FormatError "name:line: ..."
// about the first line that cannot be honoured, and "name: ..." about a text without a vertex. The
// mesh passes check_mesh; triangles may be degenerate.
[[nodiscard]] TriangleMesh parse_obj(std::string_view text, const std::string& name,
                                     const ObjOptions& options = {});

// parse_obj of a file. Throws FileError also: missing, unreadable, above kLargestObjBytes.
[[nodiscard]] TriangleMesh read_obj(const std::string& path, const ObjOptions& options = {});

// Lines "v x y z" or "v x y z r g b", then "f a b c" counted from 1. A number is the shortest text
// that reads back as the same float if it is one, else as the same double; so a file that is read
// and written again does not change. Throws ShapeError: a mesh that check_mesh refuses.
[[nodiscard]] std::string obj_text(const TriangleMesh& mesh);

// obj_text to a file, whole or not at all. Throws FileError also.
void write_obj(const std::string& path, const TriangleMesh& mesh, IfExists if_exists);

}  // namespace rf
