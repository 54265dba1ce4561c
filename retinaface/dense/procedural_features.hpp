// What the procedural head is made of: tables of places with names. Places are centimetres as seen
// from the front, x to the face's left, y up; the eyes are at (+-3.15, 3.45), the mouth at (0,
// -3.45). Only additions, multiplications and divisions, so that every machine gives the same bits.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/shape.hpp"
#include "retinaface/mesh/vector3.hpp"

namespace rf::head {

using vector3::Vector;

// Whether a place is on the middle line, or on the face's left and mirrored to its right.
enum class Side { middle, both };

// Around (x, y), an ellipse of these radii, of which the upper half may have another height.
struct Place {
  Side side;
  double x, y;
  double across, above, below;
};

// A number of `places` at (x, y), 1 in the middle: hill falls as 1 / (1 + r^2)^2, r the distance in
// radii; spot as 1 / (1 + r^8), which is flat inside and has a rim.
[[nodiscard]] double hill(const Place& place, double x, double y);
[[nodiscard]] double spot(const Place& place, double x, double y);

// How far the skin stands out of the ellipsoid at (x, y), in centimetres.
[[nodiscard]] double relief(double x, double y);

// Red, green, blue at (x, y).
[[nodiscard]] Vector albedo(double x, double y);

// A change of shape: hill * (move + stretch (v - middle of the place)), on the other side mirrored.
struct Push {
  Place place;
  Vector move, stretch;
};
struct ShapeMode {
  const char* name;
  std::vector<Push> pushes;
};

// What makes a head of the ellipsoid, before any relief.
[[nodiscard]] const ShapeMode& neutral_shape();

// Identities are displacements at one standard deviation, expressions at weight 1.
[[nodiscard]] const std::vector<ShapeMode>& identity_modes();
[[nodiscard]] const std::vector<ShapeMode>& expression_modes();

// What the mode moves the vertex by, whose place on the ellipsoid is (x, y).
[[nodiscard]] Vector displacement(const ShapeMode& mode, double x, double y, const Vector& vertex);

// A change of colour at one standard deviation: spot * colour * factor.
struct ColourMode {
  const char* name;
  std::vector<Place> places;
  Vector factor;
};
[[nodiscard]] const std::vector<ColourMode>& colour_modes();
[[nodiscard]] Vector colour_change(const ColourMode& mode, double x, double y);

// Landmarks `right` and `left` (the face's; equal on the middle line) of a numbering, at (-x, y)
// and (x, y).
struct LandmarkPair {
  Index right, left;
  double x, y;
};
[[nodiscard]] std::span<const LandmarkPair> landmarks5();
[[nodiscard]] std::span<const LandmarkPair> landmarks68();  // iBUG's order

}  // namespace rf::head
