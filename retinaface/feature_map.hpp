// Maps of features inside a network, by name, and what they hold at a point of the picture.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "retinaface/model.hpp"

namespace rf {

// An output of one of the stages of RetinaFace::forward_stages(). Its text is "backbone.0",
// "pyramid.2", "context.1": stage and level, counted from the finest that has anchors.
struct FeatureMap {
  enum class Stage { backbone, pyramid, context };
  Stage stage = Stage::context;
  Index level = 0;
  friend bool operator==(const FeatureMap&, const FeatureMap&) = default;
};

[[nodiscard]] std::string to_string(const FeatureMap& map);
// Throws UsageError: another text. Whether a network has such a level it does not know.
[[nodiscard]] FeatureMap parse_feature_map(const std::string& text);

// Texts with commas between; the empty text is no map.
[[nodiscard]] std::vector<FeatureMap> parse_feature_maps(const std::string& text);

// How many features it has. Throws UsageError: the network has no such level.
[[nodiscard]] Index channels_of(const FeatureMap& map, const ModelConfig& config,
                                const RetinaFace& network);

// Throws ShapeError: there is no such level.
[[nodiscard]] const Var& map_of(const RetinaFace::Stages& stages, const FeatureMap& map);

// The four cells of a map between whose middles a point lies; beyond the outermost, those.
struct MapPlace {
  struct Corner {
    Index row, column;
    float weight;
  };
  std::array<Corner, 4> corners;  // weights sum to 1; a corner may come twice
};
// In cells: (0, 0) is the middle of the first. A number that is not finite lies on the border.
[[nodiscard]] MapPlace place_between(double row, double column, Index rows, Index columns);

// Of a map whose cells are where their anchors' centres are; coordinates in pixels of the network's
// picture.
[[nodiscard]] MapPlace map_place(double x, double y, const AnchorLevel& level, Index rows,
                                 Index columns);

}  // namespace rf
