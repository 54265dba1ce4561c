#include "retinaface/feature_map.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/check.hpp"

namespace rf {

namespace {

constexpr std::array<const char*, 3> kStages{"backbone", "pyramid", "context"};
constexpr Index kMostLevels = 16;

// The two cells of a row of `count` between which a place is, and the share of the second.
struct Between {
  Index first, second;
  float share;
};
Between between(double at, Index count) {
  const auto last = static_cast<double>(count - 1);
  const double place = at > 0 ? std::min(at, last) : 0;  // also what is not a number
  const auto first = static_cast<Index>(place);
  return {first, std::min(first + 1, count - 1),
          static_cast<float>(place - static_cast<double>(first))};
}

}  // namespace

std::string to_string(const FeatureMap& map) {
  return message(kStages[static_cast<std::size_t>(map.stage)], ".", map.level);
}

FeatureMap parse_feature_map(const std::string& text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto* const stage = std::ranges::find(kStages, text.substr(0, dot));
  Index level = -1;
  const char* const end = text.data() + text.size();
  const char* const digits = std::min(text.data() + dot + 1, end);
  const auto [rest, error] = std::from_chars(digits, end, level);
  if (stage == kStages.end() || error != std::errc() || rest != end || level < 0 ||
      level >= kMostLevels) {
    throw UsageError(message("\"", text.substr(0, 40),
                             "\" is no map of features; these are backbone.L, pyramid.L and "
                             "context.L, L a level from 0"));
  }
  return {.stage = static_cast<FeatureMap::Stage>(stage - kStages.begin()), .level = level};
}

std::vector<FeatureMap> parse_feature_maps(const std::string& text) {
  std::vector<FeatureMap> maps;
  std::size_t begin = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(',', begin);
    maps.push_back(parse_feature_map(text.substr(begin, end - begin)));
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return maps;
}

Index channels_of(const FeatureMap& map, const ModelConfig& config, const RetinaFace& network) {
  const std::vector<Backbone::Level> backbone = network.backbone_levels();
  const bool of_backbone = map.stage == FeatureMap::Stage::backbone;
  const std::size_t levels = of_backbone ? backbone.size() : config.anchors.size();
  if (static_cast<std::size_t>(map.level) >= levels)
    throw UsageError(message("the network has no ", to_string(map), ": its ", levels,
                             " levels are counted from 0"));
  return of_backbone ? backbone[static_cast<std::size_t>(map.level)].channels
                     : config.neck.channels;
}

const Var& map_of(const RetinaFace::Stages& stages, const FeatureMap& map) {
  const std::vector<Var>& levels = map.stage == FeatureMap::Stage::backbone  ? stages.backbone
                                   : map.stage == FeatureMap::Stage::pyramid ? stages.pyramid
                                                                             : stages.context;
  const auto level = static_cast<std::size_t>(map.level);
  RF_CHECK_SHAPE(level < levels.size(), "map_of", to_string(map), " of ", levels.size(), " levels");
  return levels[level];
}

MapPlace place_between(double row_at, double column_at, Index rows, Index columns) {
  const Between row = between(row_at, rows), column = between(column_at, columns);
  return {{{{row.first, column.first, (1 - row.share) * (1 - column.share)},
            {row.first, column.second, (1 - row.share) * column.share},
            {row.second, column.first, row.share * (1 - column.share)},
            {row.second, column.second, row.share * column.share}}}};
}

MapPlace map_place(double x, double y, const AnchorLevel& level, Index rows, Index columns) {
  const auto stride = static_cast<double>(level.stride);
  return place_between((y - level.offset) / stride, (x - level.offset) / stride, rows, columns);
}

}  // namespace rf
