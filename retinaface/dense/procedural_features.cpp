#include "retinaface/dense/procedural_features.hpp"

#include <algorithm>

namespace rf::head {

namespace {

using enum Side;

struct Relief {
  const char* name;
  Place place;
  double height;  // centimetres outward
};

constexpr std::array kRelief{
    Relief{"forehead", {middle, 0, 7, 4, 2, 2.5}, 0.3},
    Relief{"brow", {both, 2.6, 5.3, 2, 1.1, 0.8}, 0.5},
    Relief{"eye socket", {both, 2.9, 3.4, 1.7, 1.1, 1.3}, -1.5},
    Relief{"eyeball", {both, 3.15, 3.45, 1.3, 1, 1}, 0.75},
    Relief{"fold of the upper lid", {both, 3.2, 4.35, 1.5, 0.25, 0.2}, -0.2},
    Relief{"temple", {both, 6.3, 5, 1.3, 2, 2}, -0.4},
    Relief{"bridge of the nose", {middle, 0, 2.2, 0.75, 2.2, 3}, 1.3},
    Relief{"tip of the nose", {middle, 0, 0.3, 1.05, 1.5, 0.95}, 1.9},
    Relief{"wing of the nose", {both, 1.15, -0.3, 0.55, 0.8, 0.5}, 0.75},
    Relief{"nostril", {both, 0.55, -0.85, 0.35, 0.2, 0.2}, -0.2},
    Relief{"cheekbone", {both, 4.6, 1.6, 1.8, 1.2, 2}, 0.5},
    Relief{"fold beside the nose", {both, 2.6, -1.6, 0.6, 1.4, 1.4}, -0.25},
    Relief{"mouth", {middle, 0, -3, 2.4, 2.8, 2.4}, 1.15},
    Relief{"groove above the lip", {middle, 0, -2, 0.3, 0.7, 0.5}, -0.15},
    Relief{"upper lip", {both, 0.6, -3.05, 1.1, 0.4, 0.3}, 0.25},
    Relief{"lower lip", {middle, 0, -3.95, 1.5, 0.4, 0.5}, 0.45},
    Relief{"between the lips", {middle, 0, -3.45, 2, 0.15, 0.15}, -0.4},
    Relief{"corner of the mouth", {both, 2.6, -3.5, 0.5, 0.5, 0.5}, -0.2},
    Relief{"below the lower lip", {middle, 0, -4.9, 1.5, 0.5, 0.6}, -0.3},
    Relief{"chin", {middle, 0, -6.7, 2.1, 2, 1.7}, 2},
};

struct Paint {
  const char* name;
  Place place;
  Vector colour;
  double strength;  // 1 covers what is below
};

constexpr Vector kSkin{0.74, 0.54, 0.45};

// Later ones cover earlier ones.
constexpr std::array kPaints{
    Paint{"cheek", {both, 4.2, 0, 1.7, 1.5, 1.5}, {0.76, 0.46, 0.39}, 0.4},
    Paint{"nose", {middle, 0, 0, 1.3, 1.2, 0.9}, {0.76, 0.46, 0.39}, 0.3},
    Paint{"socket", {both, 3.05, 3.6, 1.9, 1.0, 1.0}, {0.55, 0.37, 0.32}, 0.4},
    Paint{"brow, inside", {both, 1.9, 5.55, 0.95, 0.3, 0.3}, {0.22, 0.15, 0.11}, 0.8},
    Paint{"brow, middle", {both, 3.2, 5.75, 1.1, 0.27, 0.27}, {0.22, 0.15, 0.11}, 0.85},
    Paint{"brow, outside", {both, 4.5, 5.45, 0.8, 0.2, 0.25}, {0.22, 0.15, 0.11}, 0.7},
    Paint{"lashes", {both, 3.15, 3.52, 1.5, 0.55, 0.52}, {0.2, 0.13, 0.1}, 0.9},
    Paint{"white of the eye", {both, 3.15, 3.47, 1.33, 0.42, 0.42}, {0.9, 0.88, 0.85}, 1},
    Paint{"iris", {both, 3.15, 3.48, 0.52, 0.4, 0.42}, {0.28, 0.2, 0.13}, 1},
    Paint{"pupil", {both, 3.15, 3.5, 0.24, 0.24, 0.24}, {0.03, 0.03, 0.03}, 1},
    Paint{"nostril", {both, 0.6, -0.9, 0.4, 0.2, 0.2}, {0.25, 0.13, 0.11}, 0.8},
    Paint{"upper lip", {both, 0.75, -3.1, 1.5, 0.4, 0.4}, {0.62, 0.3, 0.28}, 0.8},
    Paint{"lower lip", {middle, 0, -3.9, 1.75, 0.45, 0.5}, {0.66, 0.33, 0.31}, 0.8},
    Paint{"inside of the mouth", {middle, 0, -3.45, 2.2, 0.11, 0.11}, {0.22, 0.08, 0.08}, 1},
};

// Squared distance from the middle of the place, in radii.
double distance2(const Place& place, double x, double y) {
  const double dx = (x - place.x) / place.across,
               dy = (y - place.y) / (y > place.y ? place.above : place.below);
  return dx * dx + dy * dy;
}

double one_hill(const Place& place, double x, double y) {
  const double fall = 1 + distance2(place, x, y);
  return 1 / (fall * fall);
}

double one_spot(const Place& place, double x, double y) {
  const double r2 = distance2(place, x, y), r4 = r2 * r2;
  return 1 / (1 + r4 * r4);
}

}  // namespace

double hill(const Place& place, double x, double y) {
  return place.side == middle ? one_hill(place, x, y)
                              : one_hill(place, x, y) + one_hill(place, -x, y);
}

double spot(const Place& place, double x, double y) {
  return place.side == middle ? one_spot(place, x, y)
                              : std::max(one_spot(place, x, y), one_spot(place, -x, y));
}

double relief(double x, double y) {
  double height = 0;
  for (const Relief& part : kRelief) height += part.height * hill(part.place, x, y);
  return height;
}

Vector albedo(double x, double y) {
  Vector colour = kSkin;
  for (const Paint& paint : kPaints) {
    const double cover = paint.strength * spot(paint.place, x, y);
    for (std::size_t i = 0; i < 3; ++i) colour[i] += cover * (paint.colour[i] - colour[i]);
  }
  return colour;
}

Vector displacement(const ShapeMode& mode, double x, double y, const Vector& vertex) {
  Vector sum{};
  const auto add = [&](const Push& push, double sign) {
    const double amount = one_hill(push.place, sign * x, y);
    const Vector middle_of_place{push.place.x, push.place.y, 0},
        v{sign * vertex[0], vertex[1], vertex[2]};
    for (std::size_t i = 0; i < 3; ++i) {
      const double moved = amount * (push.move[i] + push.stretch[i] * (v[i] - middle_of_place[i]));
      sum[i] += i == 0 ? sign * moved : moved;
    }
  };
  for (const Push& push : mode.pushes) {
    add(push, 1);
    if (push.place.side == both) add(push, -1);
  }
  return sum;
}

Vector colour_change(const ColourMode& mode, double x, double y) {
  const Vector colour = albedo(x, y);
  double amount = 0;
  for (const Place& place : mode.places) amount = std::max(amount, spot(place, x, y));
  return {amount * mode.factor[0] * colour[0], amount * mode.factor[1] * colour[1],
          amount * mode.factor[2] * colour[2]};
}

}  // namespace rf::head
