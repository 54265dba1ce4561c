// Stage (c) of the dense branch: its head learns from photographs, by the paper's pixel loss and
// five points, beside the synthetic faces of stage (b).
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "retinaface/training/crop_losses.hpp"
#include "retinaface/training/face_crops.hpp"
#include "retinaface/training/head_learner.hpp"

namespace rf {

struct CropTrainingOptions {
  std::vector<std::string> data;  // folders with label.txt and images/
  std::string dense;              // file of stage (b)
  std::string decoder;            // file of another decoder of the same codes; empty: that one's
  std::string face_model;         // as there
  std::string detector;
  std::string backgrounds;  // for synthetic pictures
  std::uint64_t seed = 1;
  double crops = 4.8e5;  // faces of photographs to learn from, in all
  Index batch = 16;      // of them per step
  double smallest = 48;
  Index size = 64;      // of the rendered square in pixels
  Index synthetic = 2;  // synthetic pictures per step
  double pixel_weight = 24;
  double landmark_weight = 40;
  double prior_weight = 0.02;  // of codes, cameras and lights that are not the usual ones
  // Of the numbers of a code that are shape, beside that: pixels are explained by colours first.
  double shape_weight = 0.5;
  double lr = 3e-4, lr_end = 1e-5;
  double warm_up = 0.02;
  double clip = 5;
};

template <class Options, class F>
requires std::same_as<std::remove_const_t<Options>, CropTrainingOptions>
void for_each_option(Options& o, F&& f) {
  f("data", o.data, "Folder with label.txt and images/; several are joined");
  f("dense", o.dense, "File of the dense branch (retinaface train head)");
  f("decoder", o.decoder, "File whose decoder takes the place of that one's, for the same codes");
  f("face-model", o.face_model, "Folder of its face model; empty: a procedural head");
  f("model", o.detector, "Detector whose features are read; empty: the built-in one");
  f("backgrounds", o.backgrounds, "Of synthetic pictures; empty: patterns");
  f("seed", o.seed, "Of all random numbers");
  f("crops", o.crops, "Faces of photographs to learn from, in all");
  f("batch", o.batch, "Of them per step");
  f("smallest", o.smallest, "Smaller faces are left out: longer side of the box in pixels");
  f("size", o.size, "Width and height of a rendered square in pixels");
  f("synthetic", o.synthetic, "Synthetic pictures per step");
  f("pixel-weight", o.pixel_weight, "Of the pixel loss");
  f("landmark-weight", o.landmark_weight, "Of the five points' distance, in widths of the square");
  f("prior-weight", o.prior_weight, "Of codes, cameras and lights that are unusual");
  f("shape-weight", o.shape_weight, "Of codes whose shapes are unusual, beside that");
  f("lr", o.lr, "Learning rate after the warm-up");
  f("lr-end", o.lr_end, "Learning rate at the end of the cosine");
  f("warm-up", o.warm_up, "Share of the training in which the learning rate rises");
  f("clip", o.clip, "Largest norm of the gradient; 0: no limit");
}

class CropLearner final : public StageLearner {
 public:
  // Reads all pictures once. Throws UsageError: options out of range, another face model or
  // detector than the file's; what reading the files throws.
  explicit CropLearner(const CropTrainingOptions& options);

  [[nodiscard]] Index steps() const override;
  std::vector<Measured> step(Index step) override;
  // measure_recovery on 500 held-out synthetic pictures: what photographs must not make worse.
  std::vector<Measured> validate() override;
  [[nodiscard]] StateDict state() const override;
  void load_state(const StateDict& state) override;
  void write(const std::string& path, const std::string& provenance) const override;
  [[nodiscard]] std::map<std::string, std::string> unreadable() const override;
  [[nodiscard]] std::string name() const override { return "crops"; }
  [[nodiscard]] std::string options() const override;
  [[nodiscard]] std::map<std::string, std::string> inputs() const override;

  [[nodiscard]] Index faces() const { return static_cast<Index>(crops_.faces.size()); }

 private:
  struct Losses {
    CropLosses crops;
    Var shape;  // mean square of the code's numbers, each by how much of it is shape
  };
  [[nodiscard]] Losses losses(Index step) const;

  CropTrainingOptions options_;
  SyntheticLesson lesson_;
  std::unique_ptr<CropRenderer> renderer_;
  FaceCrops crops_;
  Tensor shape_share_;  // f32 [1, code]
  std::unique_ptr<DenseHead> head_;
  std::vector<ag::Parameter> parameters_;
  std::unique_ptr<ag::Adam> optimizer_;
};

}  // namespace rf
