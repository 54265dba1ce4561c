#include "retinaface/cli/mesh_outputs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/mesh_results.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/dense/mesh_overlay.hpp"
#include "retinaface/dense/portrait.hpp"
#include "retinaface/mesh/obj_file.hpp"
#include "retinaface/mesh/ply_file.hpp"

namespace rf::cli {

namespace {

// The branch and what is drawn and written of its faces.
struct Branch {
  DenseBranch reader;
  MeshOverlay overlay;

  explicit Branch(DenseModel model)
      : reader(std::move(model)), overlay(reader.model().levels.back().vertices, triangles()) {}
  [[nodiscard]] Triangles triangles() const { return reader.model().levels.back().triangles; }
};

class DensePicture final : public PictureMeshes {
 public:
  DensePicture(const Branch& branch, std::vector<DenseFace> faces)
      : branch_(branch), faces_(std::move(faces)) {}

  [[nodiscard]] Image overlaid(const Image& picture) const override {
    return branch_.overlay(picture, faces_);
  }
  void write_obj(std::size_t face, const std::string& path, IfExists if_exists) const override {
    rf::write_obj(path, mesh(face), if_exists);
  }
  void write_ply(std::size_t face, const std::string& path, IfExists if_exists) const override {
    rf::write_ply(path, mesh(face), if_exists);
  }
  [[nodiscard]] Index bytes() const override {
    // Nine floats a vertex, and text of three numbers.
    constexpr Index kOfVertex = 36 + 40;
    return kOfVertex * branch_.reader.model().levels.back().vertices *
           static_cast<Index>(faces_.size());
  }
  [[nodiscard]] const std::vector<DenseFace>& faces() const { return faces_; }

 private:
  [[nodiscard]] TriangleMesh mesh(std::size_t face) const {
    return as_triangle_mesh(faces_[face].mesh, branch_.triangles());
  }

  const Branch& branch_;
  std::vector<DenseFace> faces_;
};

// Colours limited to what files and screens have. Throws ModelError: a number that is not finite.
void make_sound(DenseFace& face) {
  for (const Tensor* numbers : {&face.camera, &face.light, &face.mesh, &face.points}) {
    if (!std::ranges::all_of(numbers->span<float>(), [](float x) { return std::isfinite(x); }))
      throw ModelError("the dense branch gives numbers that are not finite; is its file damaged?");
  }
  float* row = face.mesh.data<float>();
  for (Index v = 0; v < face.mesh.shape()[0]; ++v, row += 6)
    std::transform(row + 3, row + 6, row + 3, [](float x) { return std::clamp(x, 0.0F, 1.0F); });
}

class DenseOutputsOfDetect final : public MeshOutputs {
 public:
  void add_flags(CLI::App& verb, OutputOptions& outputs) override {
    outputs_ = &outputs;
    verb.add_option("--dense", dense_,
                    "The weights of the dense branch, which --mesh and --mesh-json need; with "
                    "--draw, the meshes are laid\n"
                    "over the picture. " +
                        std::string(kShipped) + " is for the built-in model")
        ->type_name("FILE");
    verb.add_option("--mesh", outputs.meshes,
                    "Write the mesh of each face, with colours, as DIR/<name>_<number>.obj and "
                    ".ply; 1 is the best score")
        ->type_name("DIR");
    verb.add_option("--mesh-json", outputs.mesh_json,
                    "Write where the vertices of all meshes are in their pictures, as one JSON "
                    "file")
        ->type_name("FILE");
  }

  [[nodiscard]] bool wanted() const override {
    const bool writes = !outputs_->meshes.empty() || !outputs_->mesh_json.empty();
    if (writes && dense_.empty())
      throw UsageError(message("detect: ", outputs_->meshes.empty() ? "--mesh-json" : "--mesh",
                               " needs the weights of the dense branch: --dense FILE, in the "
                               "source tree ",
                               kShipped));
    if (!writes && !dense_.empty() && outputs_->draw.empty())
      throw UsageError(
          "detect: --dense alone writes nothing; add --mesh DIR, --mesh-json FILE or --draw PATH");
    return !dense_.empty();
  }

  void open(Pipeline& detector, const ResultContext& context) override {
    const DenseModel model = read_dense_model(dense_);
    read_points(model, detector);
    try {
      branch_.emplace(model);
    } catch (const ModelError& error) {
      throw ModelError(with_path(dense_, error.what()));
    }
    if (!outputs_->mesh_json.empty())
      results_.emplace(outputs_->mesh_json, outputs_->if_exists, model, context);
  }

  [[nodiscard]] std::unique_ptr<PictureMeshes> find(const Pipeline& pipeline, const Image& image,
                                                    std::vector<Face>& faces,
                                                    StageTimes& times) const override {
    FaceColumns columns = pipeline.detect_columns(image, &times);
    require_finite(columns.faces);
    const Stopwatch watch;
    std::vector<DenseFace> meshes = branch_->reader.read(image, columns);
    for (DenseFace& mesh : meshes) make_sound(mesh);
    times.post += watch.milliseconds();
    faces = std::move(columns.faces);
    return std::make_unique<DensePicture>(*branch_, std::move(meshes));
  }

  [[nodiscard]] std::string json(const ImageResult& result,
                                 const PictureMeshes* meshes) const override {
    if (!results_) return "";
    const auto* dense = dynamic_cast<const DensePicture*>(meshes);
    return mesh_json(result, dense ? dense->faces() : std::vector<DenseFace>{},
                     branch_->reader.model().landmarks68);
  }

  void add(const std::string& json) override {
    if (results_) results_->add(json);
  }
  void finish() override {
    if (!results_) return;
    results_->finish();
    if (!outputs_->quiet) say("wrote " + outputs_->mesh_json);
  }

 private:
  static constexpr const char* kShipped = "weights/retinaface_dense.safetensors";

  OutputOptions* outputs_ = nullptr;
  std::string dense_;
  std::optional<Branch> branch_;
  std::optional<MeshResults> results_;
};

}  // namespace

std::shared_ptr<MeshOutputs> make_mesh_outputs() {
  return std::make_shared<DenseOutputsOfDetect>();
}

}  // namespace rf::cli
