#include "retinaface/dense/synthetic_view.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/check.hpp"
#include "engine/math.hpp"

namespace rf {

namespace {

using Vector = std::array<double, 3>;

double within(double limit, Random& random) {
  if (limit <= 0) return 0;
  for (;;) {
    const double angle = static_cast<double>(random.normal()) * limit / 2;
    if (std::abs(angle) <= limit) return angle;
  }
}

// tan(angle / 2) = sin / (1 + cos), for up to 90 degrees.
double half_tangent(double degrees) {
  const double turns = degrees / 360;
  return cos_turns(turns - 0.25) / (1 + cos_turns(turns));
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

// R(g) diag(1, -1, -1) v of every vertex.
std::vector<Vector> turned(const Tensor& mesh, const std::array<float, 3>& pose) {
  const Vector g{static_cast<double>(pose[0]), static_cast<double>(pose[1]),
                 static_cast<double>(pose[2])};
  const double factor = 2 / (1 + g[0] * g[0] + g[1] * g[1] + g[2] * g[2]);
  const Index numbers = mesh.shape()[1];
  std::vector<Vector> places;
  for (Index i = 0; i < mesh.shape()[0]; ++i) {
    const float* v = mesh.data<float>() + i * numbers;
    const Vector p{static_cast<double>(v[0]), -static_cast<double>(v[1]),
                   -static_cast<double>(v[2])};
    const Vector once = cross(g, p), twice = cross(g, once);
    places.push_back({p[0] + factor * (once[0] + twice[0]), p[1] + factor * (once[1] + twice[1]),
                      p[2] + factor * (once[2] + twice[2])});
  }
  return places;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  [[nodiscard]] double size() const { return high - low; }
  [[nodiscard]] double middle() const { return (low + high) / 2; }
};

}  // namespace

HeadAngles random_angles(const PoseLimits& limits, Random& random) {
  const double yaw = within(limits.yaw, random), pitch = within(limits.pitch, random);
  return {yaw, pitch, within(limits.roll, random)};
}

std::array<float, 3> pose_of(const HeadAngles& angles) {
  const double x = half_tangent(-angles.pitch), y = half_tangent(-angles.yaw),
               z = half_tangent(angles.roll);
  // In the camera's axes, x right, y down, z away:
  // (1 + z k) ((1 + x i) (1 + y j))
  const double real = 1 - x * y * z;
  return {static_cast<float>((x - z * y) / real), static_cast<float>((y + z * x) / real),
          static_cast<float>((z + x * y) / real)};
}

Framing frame(const Tensor& mesh, const std::array<float, 3>& pose, double focal, double fill) {
  const std::vector<Vector> places = turned(mesh, pose);
  Range x, y, z;
  for (const Vector& p : places) {
    x.add(p[0]);
    y.add(p[1]);
    z.add(p[2]);
  }
  RF_ASSERT(std::max(x.size(), y.size()) > 0 && focal >= 1 && fill > 0 && fill <= 1);
  // Seen from far away the answer would be exact at once. Perspective moves it a little, each time
  // by a fraction of the time before.
  constexpr int kRounds = 8;
  double depth = focal * std::max(x.size(), y.size()) / fill;  // of the mesh's middle
  Vector location{-x.middle(), -y.middle(), depth - z.middle()};
  Range u, v;
  for (int round = 0;; ++round) {
    depth = std::max(depth, 0.6 * z.size());  // in front of the camera, whatever the mesh
    location[2] = depth - z.middle();
    u = v = Range();
    for (const Vector& p : places) {
      const double scale = focal / (p[2] + location[2]);
      u.add((p[0] + location[0]) * scale);
      v.add((p[1] + location[1]) * scale);
    }
    if (round == kRounds) break;
    location[0] -= u.middle() * depth / focal;
    location[1] -= v.middle() * depth / focal;
    depth *= std::max(u.size(), v.size()) / fill;
  }
  return {.camera = {static_cast<float>(location[0]), static_cast<float>(location[1]),
                     static_cast<float>(location[2]), pose[0], pose[1], pose[2],
                     static_cast<float>(focal)},
          .width = u.size(),
          .height = v.size()};
}

std::array<float, 9> random_light(Random& random) {
  const float distance = random.uniform(60, 300), ambient = random.uniform(0.3F, 0.7F),
              light = random.uniform(0.85F, 1.15F) - ambient;
  const float x = 0.7F * random.normal(), y = 0.3F + 0.5F * random.normal();
  const float scale = distance / std::sqrt(x * x + y * y + 1);
  std::array<float, 9> numbers{x * scale, y * scale, scale};
  for (std::size_t i = 0; i < 3; ++i) {
    numbers[3 + i] = light * random.uniform(0.92F, 1.08F);
    numbers[6 + i] = ambient * random.uniform(0.95F, 1.05F);
  }
  return numbers;
}

}  // namespace rf
