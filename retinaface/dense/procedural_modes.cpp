// The procedural head's identities, expressions, skins and landmarks.
#include "retinaface/dense/procedural_features.hpp"

namespace rf::head {

namespace {

using enum Side;

constexpr double kFar = 1e3;  // a radius within which all of the face is in the middle
constexpr Place kEverywhere{middle, 0, 0, kFar, kFar, kFar};
constexpr Vector kNo{};

}  // namespace

const ShapeMode& neutral_shape() {
  static const ShapeMode shape{"from an ellipsoid to a head",
                               {{{middle, 0, -3.5, 20, 4, 7}, kNo, {-0.08, 0, 0}},
                                {{middle, 0, 8, 20, 3, 3}, kNo, {-0.05, 0, 0}},
                                {{both, 3.4, -7.6, 2.4, 2.2, 2}, {0.3, -0.15, 0}, kNo}}};
  return shape;
}

const std::vector<ShapeMode>& identity_modes() {
  static const std::vector<ShapeMode> modes{
      {"width of the head", {{kEverywhere, kNo, {0.04, 0, 0}}}},
      {"height of the head", {{kEverywhere, kNo, {0, 0.04, 0}}}},
      {"depth of the head", {{kEverywhere, kNo, {0, 0, 0.04}}}},
      {"length of the nose", {{{middle, 0, 0, 1.5, 2, 1}, {0, -0.25, 0.2}, kNo}}},
      {"width of the nose", {{{middle, 0, 0, 1.8, 3, 1.2}, kNo, {0.21, 0, 0}}}},
      {"bridge of the nose", {{{middle, 0, 2.4, 1.1, 1.8, 1.6}, {0, 0, 0.25}, kNo}}},
      {"width of the jaw", {{{middle, 0, -5.5, 7, 3.5, 5}, kNo, {0.06, 0, 0}}}},
      {"chin", {{{middle, 0, -6.8, 2.2, 1.8, 2.2}, {0, -0.3, 0.3}, kNo}}},
      {"distance of the eyes", {{{both, 3.15, 3.8, 2, 2, 1.6}, {0.16, 0, 0}, kNo}}},
      {"size of the eyes", {{{both, 3.15, 3.47, 1.7, 1, 1}, kNo, {0.18, 0.35, 0}}}},
      {"depth of the eyes", {{{both, 3.1, 3.6, 1.8, 1.2, 1.2}, {0, 0, 0.15}, kNo}}},
      {"brow", {{{both, 2.8, 5.5, 2.4, 1.2, 0.9}, {0, 0.2, 0.15}, kNo}}},
      {"forehead", {{{middle, 0, 8, 6, 3, 2.5}, {0, 0, 0.35}, kNo}}},
      {"cheeks", {{{both, 4.7, -0.6, 2, 2, 2.4}, {0.2, 0, 0.25}, kNo}}},
      {"width of the mouth", {{{middle, 0, -3.5, 3, 1, 1}, kNo, {0.13, 0, 0}}}},
      {"fullness of the lips", {{{middle, 0, -3.5, 2.2, 0.7, 0.8}, {0, 0, 0.12}, {0, 0.2, 0}}}},
      {"height of the mouth", {{{middle, 0, -3.4, 3.4, 1.6, 1.8}, {0, 0.2, 0}, kNo}}},
  };
  return modes;
}

const std::vector<ShapeMode>& expression_modes() {
  static const std::vector<ShapeMode> modes{
      {"mouth open",
       {{{middle, 0, -8, 6, 3.2, 4}, {0, -1.8, -0.7}, kNo},
        {{both, 0.9, -3.62, 1.3, 0.18, 2}, {0, -1, 0}, kNo},
        {{both, 0.8, -3.25, 1.2, 1, 0.18}, {0, 0.15, 0.05}, kNo}}},
      {"smile",
       {{{both, 2.6, -3.5, 1.3, 1.3, 1.1}, {0.55, 0.6, -0.25}, kNo},
        {{both, 4, 0.3, 1.6, 1.4, 1.4}, {0.1, 0.3, 0.25}, kNo}}},
      {"brows up", {{{both, 2.9, 5.8, 2.4, 1.8, 1.1}, {0, 0.7, 0.05}, kNo}}},
      {"eyes closed",
       {{{both, 3.15, 3.85, 2.1, 1, 0.75}, {0, -0.9, 0.1}, kNo},
        {{both, 3.15, 3.05, 1.4, 0.4, 0.6}, {0, 0.12, 0.05}, kNo}}},
      {"lips pursed", {{{middle, 0, -3.45, 2.6, 1, 1.1}, {0, 0, 0.5}, {-0.35, 0, 0}}}},
      {"brows together", {{{both, 1.7, 5.5, 1.6, 1, 0.8}, {-0.35, -0.35, 0.1}, kNo}}},
      {"mouth to the left", {{{middle, 0, -4, 3, 1.8, 3}, {0.6, 0, 0}, kNo}}},
  };
  return modes;
}

const std::vector<ColourMode>& colour_modes() {
  constexpr Place kLips{middle, 0, -3.45, 2.4, 0.9, 1}, kIris{both, 3.15, 3.48, 0.47, 0.37, 0.37};
  static const std::vector<ColourMode> modes{
      {"lightness", {kEverywhere}, {0.17, 0.2, 0.22}},
      {"redness", {kEverywhere}, {0.03, -0.025, -0.02}},
      {"yellowness", {kEverywhere}, {0.01, 0.01, -0.07}},
      {"colour of the lips", {kLips}, {0.02, -0.075, -0.05}},
      {"darkness of the brows",
       {{both, 1.9, 5.55, 1, 0.4, 0.4},
        {both, 3.2, 5.75, 1.1, 0.35, 0.35},
        {both, 4.5, 5.45, 0.9, 0.3, 0.3}},
       {-0.2, -0.2, -0.2}},
      {"red cheeks", {{both, 4.3, -0.2, 1.8, 1.6, 1.6}}, {0.01, -0.05, -0.045}},
      {"light eyes", {kIris}, {0.25, 0.5, 0.9}},
      {"beard", {{middle, 0, -6, 5, 2, 4}}, {-0.08, -0.07, -0.05}},
  };
  return modes;
}

std::span<const LandmarkPair> landmarks5() {
  static constexpr std::array<LandmarkPair, 3> pairs{
      {{0, 1, 3.15, 3.5}, {2, 2, 0, 0.35}, {3, 4, 2.35, -3.47}}};
  return pairs;
}

std::span<const LandmarkPair> landmarks68() {
  static constexpr std::array<LandmarkPair, 39> pairs{{
      // the jaw's line, from the ear to the chin
      {0, 16, 6.75, 3.7},
      {1, 15, 7.1, 1.6},
      {2, 14, 7.1, -0.5},
      {3, 13, 6.7, -2.5},
      {4, 12, 5.9, -4.3},
      {5, 11, 4.7, -5.9},
      {6, 10, 3.3, -7},
      {7, 9, 1.7, -7.6},
      {8, 8, 0, -7.8},
      // the brow
      {17, 26, 5.4, 5.2},
      {18, 25, 4.5, 5.55},
      {19, 24, 3.4, 5.8},
      {20, 23, 2.3, 5.75},
      {21, 22, 1.2, 5.55},
      // the nose: bridge to tip, and its lower border
      {27, 27, 0, 3.6},
      {28, 28, 0, 2.5},
      {29, 29, 0, 1.4},
      {30, 30, 0, 0.35},
      {31, 35, 1.25, -0.75},
      {32, 34, 0.6, -0.95},
      {33, 33, 0, -1},
      // the eye: its outer corner, the upper lid, its inner corner, the lower lid
      {36, 45, 4.5, 3.45},
      {37, 44, 3.65, 3.9},
      {38, 43, 2.65, 3.9},
      {39, 42, 1.8, 3.45},
      {40, 47, 2.65, 3.05},
      {41, 46, 3.65, 3.05},
      // outer border of the lips
      {48, 54, 2.35, -3.47},
      {49, 53, 1.5, -2.8},
      {50, 52, 0.65, -2.65},
      {51, 51, 0, -2.75},
      {59, 55, 1.45, -4.15},
      {58, 56, 0.8, -4.35},
      {57, 57, 0, -4.4},
      // inner border
      {60, 64, 2.15, -3.46},
      {61, 63, 0.9, -3.33},
      {62, 62, 0, -3.33},
      {67, 65, 0.9, -3.57},
      {66, 66, 0, -3.57},
  }};
  return pairs;
}

}  // namespace rf::head
