// Synthetic pictures as the dense head reads them, with the truth: what stages (b) and (c) share.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retinaface/evaluation/mesh_recovery.hpp"
#include "retinaface/training/dense_supervision.hpp"

namespace rf {

// What a head reads beside its anchor's column.
struct HeadReading {
  std::vector<FeatureMap> points{};  // maps, at the five landmarks
  Index colours = 0;                 // vertices, at most: a mesh may have fewer
};

struct SyntheticLessonOptions {
  std::string dense;       // file with the decoder, and perhaps a head
  std::string face_model;  // the one that the decoder learned; empty: the procedural head
  std::string decoder;     // file of a decoder that takes the place of that one's, or empty
  std::string detector;    // empty: the built-in one
  std::optional<HeadReading> reading = {};  // of a new head; nothing: what the one in `dense` reads
  std::string backgrounds;                  // folder with label.txt; empty: patterns
  std::uint64_t seed = 1;
  Index size = 320;    // of a picture
  double score = 0.3;  // anchors above this are read
  Index anchors = 3;   // the best of each face, so many
};

class SyntheticLesson {
 public:
  // Throws UsageError: a decoder of other meshes than the face model's, or of another code; what
  // reading the files throws.
  explicit SyntheticLesson(const SyntheticLessonOptions& options);

  struct Sample {
    DenseRows rows;
    DenseLabels labels;
  };
  enum class Scale { usual, large };  // large: pictures twice as wide, of one large face
  // Pictures first .. first + count - 1, side by side.
  [[nodiscard]] Sample sample(Index first, Index count, Scale scale) const;

  // Of this head on 500 held-out pictures of one face, under names for tables.
  [[nodiscard]] std::vector<Measured> recovery(const DenseHead& head) const;

  [[nodiscard]] const DenseModel& model() const { return model_; }
  [[nodiscard]] const Pipeline& detector() const { return *detector_; }
  [[nodiscard]] const DenseSupervision& supervision() const { return *supervision_; }
  [[nodiscard]] const FivePlaces& mean() const { return mean_; }
  [[nodiscard]] const SeenColours& seen() const { return *seen_; }
  // A head for this detector and decoder.
  [[nodiscard]] DenseHeadConfig head_config(Index hidden) const;
  // Background pictures that could not be read so far, and why.
  [[nodiscard]] std::map<std::string, std::string> unreadable() const {
    return backgrounds_.errors();
  }
  // SHA-256 of what was read, by name.
  [[nodiscard]] std::map<std::string, std::string> inputs() const;

 private:
  SyntheticLessonOptions options_;
  DenseModel model_;
  std::string face_model_sha256_, backgrounds_sha256_;  // of labels; empty: patterns
  SyntheticBackgrounds backgrounds_;
  std::unique_ptr<Pipeline> detector_;
  std::unique_ptr<SyntheticPictures> usual_, large_, held_out_;
  std::unique_ptr<DenseSupervision> supervision_;
  FivePlaces mean_{};
  std::unique_ptr<SeenColours> seen_;
};

}  // namespace rf
