// Stage (a) of the dense branch: the mesh decoder learns random faces of a face model from their
// codes (the paper's section 3.2.1 takes its decoder from Zhou et al. 2019 and says nothing of how
// it was trained; a choice of ours).
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/adam.hpp"
#include "layers/mesh_encoder.hpp"
#include "retinaface/dense/face_code.hpp"
#include "retinaface/training/stage.hpp"

namespace rf {

struct DecoderTrainingOptions {
  std::string face_model;  // folder of read_face_model(); empty: the procedural head
  std::string init;        // file of a decoder to begin with; empty: random weights
  std::uint64_t seed = 1;
  bool encoder = false;  // learn codes too, with an encoder of the mirrored form
  Index code = 128;
  std::vector<Index> widths{64, 64, 32, 16};
  Index order = 6;
  double samples = 2e6;  // faces, in all
  Index batch = 16;
  double lr = 2e-3, lr_end = 1e-5;
  double warm_up = 0.01;  // share of the training
  double clip = 1;
};

template <class Options, class F>
requires std::same_as<std::remove_const_t<Options>, DecoderTrainingOptions>
void for_each_option(Options& o, F&& f) {
  f("face-model", o.face_model, "Folder of the face model; empty: a procedural head");
  f("init", o.init, "File of a decoder to begin with; empty: random weights");
  f("seed", o.seed, "Of all random numbers");
  f("encoder", o.encoder, "Learn the codes too: an auto-encoder, for comparison alone");
  f("code", o.code, "Numbers of a code");
  f("widths", o.widths, "Features of each level, from the coarsest");
  f("order", o.order, "Of the Chebyshev convolutions");
  f("samples", o.samples, "Faces to learn from, in all");
  f("batch", o.batch, "Faces per step");
  f("lr", o.lr, "Learning rate after the warm-up");
  f("lr-end", o.lr_end, "Learning rate at the end of the cosine");
  f("warm-up", o.warm_up, "Share of the training in which the learning rate rises");
  f("clip", o.clip, "Largest norm of the gradient; 0: no limit");
}

// The face model in that folder; the procedural head when the name is empty. Throws as
// read_face_model does.
[[nodiscard]] FaceModel face_model_of(const std::string& folder);

// Of its tensors, triangles and landmarks.
[[nodiscard]] std::string face_model_sha256(const FaceModel& model);

// Loss of a step: mean over vertices of the L1 distance of places in centimetres and of
// kColourWeight times that of colours.
class DecoderLearner final : public StageLearner {
 public:
  // Throws UsageError: options out of range; what read_face_model throws.
  explicit DecoderLearner(const DecoderTrainingOptions& options);

  [[nodiscard]] Index steps() const override;
  std::vector<Measured> step(Index step) override;
  // On 1,000 faces that no step sees: mean distance of vertices in millimetres, the mean face's and
  // that of the principal components alone beside it, mean distance of colours.
  std::vector<Measured> validate() override;
  [[nodiscard]] StateDict state() const override;
  void load_state(const StateDict& state) override;
  void write(const std::string& path, const std::string& provenance) const override;
  [[nodiscard]] std::string name() const override { return "decoder"; }
  [[nodiscard]] std::string options() const override;
  [[nodiscard]] std::map<std::string, std::string> inputs() const override;

 private:
  DecoderTrainingOptions options_;
  FaceModel model_;
  FaceCodes codes_;
  std::string model_sha256_, init_sha256_;
  // The codes of faces: principal components, or what the encoder says.
  [[nodiscard]] Var code_of(const FaceParameters& faces, const Tensor& meshes) const;

  std::unique_ptr<MeshDecoder> decoder_;
  std::unique_ptr<MeshEncoder> encoder_;  // or none
  std::vector<ag::Parameter> parameters_;
  std::unique_ptr<ag::Adam> optimizer_;
};

}  // namespace rf
