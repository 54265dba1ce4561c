// What detect does with meshes of faces, behind an interface: the static program is linked without
// the dense branch and what draws it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/image.hpp"
#include "retinaface/cli/outputs.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/pipeline.hpp"

namespace CLI {
class App;
}

namespace rf::cli {

// A run: add_flags, wanted, open, then the pictures, finish.
class MeshOutputs {
 public:
  virtual ~MeshOutputs() = default;

  // Both must outlive the run.
  virtual void add_flags(CLI::App& verb, OutputOptions& outputs) = 0;

  // Whether the user asked for meshes; without, nothing below is called. Throws UsageError: flags
  // that do not go together.
  [[nodiscard]] virtual bool wanted() const = 0;

  // Reads the dense branch, makes the detector give the features that it needs, and begins the JSON
  // file. Throws ModelError, FileError; UsageError: the branch of another detector. `context` must
  // outlive the run.
  virtual void open(Pipeline& detector, const ResultContext& context) = 0;

  // Faces of a picture, as Pipeline::detect finds them, and their meshes. Throws what detect does;
  // ModelError: numbers that are not finite. For pictures on several threads at once.
  [[nodiscard]] virtual std::unique_ptr<PictureMeshes> find(const Pipeline& pipeline,
                                                            const Image& image,
                                                            std::vector<Face>& faces,
                                                            StageTimes& times) const = 0;

  // A picture's object in the JSON file; nothing without --mesh-json. `meshes`: none for one that
  // failed. For pictures on several threads at once.
  [[nodiscard]] virtual std::string json(const ImageResult& result,
                                         const PictureMeshes* meshes) const = 0;

  // In the order of the inputs; at the end. Throw FileError.
  virtual void add(const std::string& json) = 0;
  virtual void finish() = 0;
};

// Of the full program.
[[nodiscard]] std::shared_ptr<MeshOutputs> make_mesh_outputs();

}  // namespace rf::cli
