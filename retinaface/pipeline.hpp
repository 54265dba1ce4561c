// From a picture to faces, stage by stage: what Detector, the command line and the evaluation
// share.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/detector.hpp"
#include "retinaface/model.hpp"
#include "retinaface/plan_cache.hpp"
#include "retinaface/size_rule.hpp"

namespace rf {

// Milliseconds of wall clock. decode is the caller's.
struct StageTimes {
  double decode = 0, resize = 0, network = 0, post = 0;
};

// The scaled picture in the upper left corner of what the network sees.
struct NetworkSize {
  ImageSize scaled, canvas;
  friend bool operator==(const NetworkSize&, const NetworkSize&) = default;
};

struct LoadedModel {
  std::string path, format, sha256;  // path: what messages call it, also when it was never a file
  ModelConfig config;
  StateDict tensors;  // under the names of the layers (docs/weights-format.md)
};

// A file, or the model that is part of the program (weights/embedded_model.hpp). Throw ModelError.
[[nodiscard]] LoadedModel load_model(const std::string& path);
[[nodiscard]] LoadedModel load_embedded_model();

// Faces and, of each, what the branches behind the detector read: the column of context features of
// the anchor that found it, then of each of Pipeline::points() the columns at the five landmarks,
// one after the other.
struct FaceColumns {
  std::vector<Face> faces;    // in pixels of the picture
  std::vector<Index> groups;  // level * anchors of a cell + which of them, of each face's anchor
  Tensor features;            // f32 [faces, Pipeline::features()]
};

class Pipeline {
 public:
  // Throws ModelError (the model), UsageError (an option).
  Pipeline(LoadedModel model, const DetectorOptions& options);
  Pipeline(const std::string& model_path, const DetectorOptions& options)
      : Pipeline(load_model(model_path), options) {}

  // Faces by falling score, in pixels of `image`. Throws ShapeError for an empty image. Adds to
  // `times` if given.
  [[nodiscard]] std::vector<Face> detect(const Image& image, StageTimes* times = nullptr) const;

  // The same with the features of each face. The first call makes a plan of its own.
  [[nodiscard]] FaceColumns detect_columns(const Image& image, StageTimes* times = nullptr) const;

  // The maps that detect_columns() and candidate_columns() read at the five landmarks; none at
  // first. Not while other threads use this. Throws UsageError: a map that the network has not.
  void read_points(const std::vector<FeatureMap>& maps);
  [[nodiscard]] const std::vector<FeatureMap>& points() const { return points_; }
  // Features of a face: the width of a context map, and five columns of each of the points' maps.
  [[nodiscard]] Index features() const;

  // Every face above the score, in the order of the anchors, with its features: no NMS.
  [[nodiscard]] FaceColumns candidate_columns(const Image& image) const;

  // The stages one by one, whose results are those of detect(). preprocess: image -> [1, 3, H, W],
  // which detect() leaves to the first layer; network; postprocess: faces in pixels of the picture.
  [[nodiscard]] Tensor preprocess(const Image& image) const;
  [[nodiscard]] NetworkOutputs network(const Tensor& input) const;
  [[nodiscard]] std::vector<Face> postprocess(const NetworkOutputs& outputs,
                                              ImageSize picture) const;

  // For another size than that of the options: every face above the score, in the order of the
  // anchors, in pixels of `image`; no NMS.
  [[nodiscard]] std::vector<Face> candidates(const Image& image, const NetworkSize& size,
                                             StageTimes* times = nullptr) const;

  // The plan that network() follows for a picture of this size.
  [[nodiscard]] std::shared_ptr<const Plan> plan(ImageSize picture) const;

  [[nodiscard]] const LoadedModel& model() const { return model_; }
  // What suppresses: the model's, unless the options say otherwise.
  [[nodiscard]] NmsConfig nms_config() const;
  [[nodiscard]] const SizeRule& size_rule() const { return size_; }

  // Shorter and longer limit of face sizes (pixels of the picture) that the anchors are made for at
  // this picture size: the smallest and the largest anchor, divided by the scale.
  struct FaceSizes {
    double smallest, largest;
  };
  [[nodiscard]] FaceSizes face_sizes(ImageSize picture) const;

 private:
  // The picture of its scaled size: `image`, or `resized` made of it.
  [[nodiscard]] PictureInput picture_input(const Image& image, const NetworkSize& size,
                                           Image& resized) const;
  [[nodiscard]] NetworkOutputs run(PlanCache& plans, const Image& image, const NetworkSize& size,
                                   StageTimes* times) const;
  // Faces above the score, in pixels of the scaled picture, and their anchors.
  struct Decoded {
    std::vector<Face> faces;
    std::vector<Index> anchors;
  };
  [[nodiscard]] Decoded decode(const NetworkOutputs& outputs, const NetworkSize& size) const;
  // Rows of what was decoded that stay.
  [[nodiscard]] FaceColumns columns(const NetworkOutputs& outputs, const Decoded& decoded,
                                    const std::vector<Index>& kept, ImageSize picture) const;
  [[nodiscard]] NetworkSize size_of(ImageSize picture) const {
    return {size_.scaled(picture), size_.canvas(picture)};
  }

  LoadedModel model_;
  DetectorOptions options_;
  SizeRule size_;
  RetinaFace network_;
  std::vector<FeatureMap> points_;
  std::unique_ptr<PlanCache> plans_, context_plans_;  // refer to the network; plans come with use
};

}  // namespace rf
