// The file of `detect --mesh-json`, schema retinaface-meshes/1: the meshes of all pictures in
// pixels of these. docs/dense.md specifies it. The same results give the same bytes on every
// machine.
#pragma once

#include <span>
#include <string>

#include "engine/file.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/dense/dense_branch.hpp"

namespace rf::cli {

// One picture as a JSON object. `meshes`: one for each face of the result; none of a picture that
// failed. Requires finite numbers.
[[nodiscard]] std::string mesh_json(const ImageResult& result, std::span<const DenseFace> meshes,
                                    std::span<const Index> landmarks68);

// Writes the file: what holds for all pictures, then picture after picture. It appears when it is
// complete.
class MeshResults {
 public:
  // Throws FileError: it cannot be made, or is there already.
  MeshResults(const std::string& path, IfExists if_exists, const DenseModel& dense,
              const ResultContext& context);

  // Throw FileError.
  void add(const std::string& picture);  // of mesh_json()
  void finish();

 private:
  AtomicFile file_;
  bool first_ = true;
};

}  // namespace rf::cli
