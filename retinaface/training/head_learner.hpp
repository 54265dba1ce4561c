// Stage (b) of the dense branch: its head learns from synthetic pictures, whose faces are known,
// with detector and decoder as they are.
#pragma once

#include <concepts>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/adam.hpp"
#include "retinaface/training/stage.hpp"
#include "retinaface/training/synthetic_lesson.hpp"

namespace rf {

struct HeadTrainingOptions {
  std::string decoder;      // file of stage (a), or of a dense branch whose head learns anew
  std::string face_model;   // the one that the decoder learned; empty: the procedural head
  std::string detector;     // empty: the built-in one
  std::string backgrounds;  // folder with label.txt; empty: patterns
  std::uint64_t seed = 1;
  Index hidden = 512;
  bool shared = true;                           // one set of weights for all levels and anchors
  std::string points = "context.0,backbone.0";  // FeatureMap, read at the five landmarks
  Index colours = 432;  // vertices whose SeenColours are read; as many as the mesh has, if fewer
  double pictures = 4.8e5;  // in all
  // So many are drawn, with their features kept in memory, and come again when they are through; 0:
  // each comes once. Drawing one takes far longer than learning from it.
  double distinct = 4.8e4;
  Index batch = 40;  // pictures per step
  Index size = 320;  // of a picture; every `large_every`th step has pictures twice as large
  Index large_every = 8;
  double score = 0.3;  // anchors above this learn
  Index anchors = 2;   // the best of each face, so many
  double lr = 2e-3, lr_end = 1e-5;
  double warm_up = 0.02;  // share of the training
  double weight_decay = 1e-5, clip = 5;
};

template <class Options, class F>
requires std::same_as<std::remove_const_t<Options>, HeadTrainingOptions>
void for_each_option(Options& o, F&& f) {
  f("decoder", o.decoder, "File of a decoder (retinaface train decoder)");
  f("face-model", o.face_model, "Folder of its face model; empty: a procedural head");
  f("model", o.detector, "Detector whose features are read; empty: the built-in one");
  f("backgrounds", o.backgrounds, "Folder with label.txt and images/; empty: patterns");
  f("seed", o.seed, "Of all random numbers");
  f("hidden", o.hidden, "Features of the head's hidden layer; 0: a linear head");
  f("shared", o.shared, "One set of weights for all anchors, not one for each level and anchor");
  f("points", o.points,
    "Maps read at the five landmarks too, with commas: backbone.L, pyramid.L, context.L; '': none");
  f("colours", o.colours,
    "Vertices of the mean face whose colours in the picture are read too; 0: none");
  f("pictures", o.pictures, "Pictures to learn from, in all");
  f("distinct", o.distinct, "Of these different ones, kept in memory; 0: all");
  f("batch", o.batch, "Pictures per step");
  f("size", o.size, "Width and height of a picture");
  f("large-every", o.large_every, "Steps of which the last has pictures twice as large; 0: none");
  f("score", o.score, "Anchors above this score learn");
  f("anchors", o.anchors, "Anchors of each face that learn: the best ones");
  f("lr", o.lr, "Learning rate after the warm-up");
  f("lr-end", o.lr_end, "Learning rate at the end of the cosine");
  f("warm-up", o.warm_up, "Share of the training in which the learning rate rises");
  f("weight-decay", o.weight_decay, "Of Adam, for matrices");
  f("clip", o.clip, "Largest norm of the gradient; 0: no limit");
}

class HeadLearner final : public StageLearner {
 public:
  // Throws UsageError: options out of range, a decoder of other meshes than the face model's; what
  // reading the files throws.
  explicit HeadLearner(const HeadTrainingOptions& options);

  [[nodiscard]] Index steps() const override;
  std::vector<Measured> step(Index step) override;
  std::vector<Measured> validate()
      override;  // measure_recovery on 500 held-out pictures of one face
  [[nodiscard]] StateDict state() const override;
  void load_state(const StateDict& state) override;
  void write(const std::string& path, const std::string& provenance) const override;
  [[nodiscard]] std::map<std::string, std::string> unreadable() const override {
    return lesson_.unreadable();
  }
  [[nodiscard]] std::string name() const override { return "head"; }
  [[nodiscard]] std::string options() const override;
  [[nodiscard]] std::map<std::string, std::string> inputs() const override;

 private:
  void measure_features();
  // What a step learns from.
  [[nodiscard]] SyntheticLesson::Sample drawn(Index step) const;
  [[nodiscard]] const SyntheticLesson::Sample& sample(Index step);

  HeadTrainingOptions options_;
  SyntheticLesson lesson_;
  std::unique_ptr<DenseHead> head_;
  std::vector<ag::Parameter> parameters_;
  std::unique_ptr<ag::Adam> optimizer_;
  std::map<Index, SyntheticLesson::Sample> kept_;  // by step; one alone if all are different
};

// What a file of the dense branch gets when a head learns on.
[[nodiscard]] DenseModel with_head(const SyntheticLesson& lesson, const DenseHead& head,
                                   const std::string& provenance);

// A head whose first corrections are small, drawn by Xavier's rule; in training.
[[nodiscard]] std::unique_ptr<DenseHead> make_new_head(const DenseHeadConfig& config,
                                                       std::uint64_t seed);

// Adam with weight decay for matrices.
[[nodiscard]] std::unique_ptr<ag::Adam> adam_of(const Module& network, double weight_decay);

}  // namespace rf
