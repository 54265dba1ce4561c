#include "retinaface/dense/five_point_pose.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace rf {

namespace {

using Vector = std::array<double, 3>;
constexpr std::size_t kUnknowns = 6, kResiduals = 10 + 3;

// Of the pose's vector, whose length is the tangent of half the angle: one of 1 (a quarter turn)
// costs as much as all points off by this share of the square together.
constexpr double kTurnPenalty = 0.02;
constexpr int kMostSteps = 30;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector rotated(const Vector& g, const Vector& v) {
  const Vector once = cross(g, v), twice = cross(g, once);
  const double factor = 2 / (1 + dot(g, g));
  Vector r = v;
  for (std::size_t i = 0; i < 3; ++i) r[i] += factor * (once[i] + twice[i]);
  return r;
}

// First b, then a (Rodrigues 1840).
std::optional<Vector> composed(const Vector& a, const Vector& b) {
  const double below = 1 - dot(a, b);
  if (below < 1e-3) return std::nullopt;  // near a half turn, which this pose cannot say
  const Vector c = cross(a, b);
  Vector r{};
  for (std::size_t i = 0; i < 3; ++i) r[i] = (a[i] + b[i] + c[i]) / below;
  return r;
}

// Pose, and where the middle of the mesh points is: in widths of the square (u, v), and how many
// units of the mesh a width is there.
struct Pose {
  Vector g{};
  double u = 0, v = 0, size = 20;
};

struct Problem {
  std::array<Vector, 5> mesh;  // from their middle, in the camera's axes before turning
  std::array<std::array<double, 2>, 5> points;
  double focal;
};

struct Linear {
  std::array<double, kResiduals> residual{};
  std::array<std::array<double, kUnknowns>, kResiduals> slope{};
  double cost = 0;
};

// Residuals at a pose, and their slopes along a small turn (three half-angle tangents after the
// pose), u, v and the logarithm of the size.
Linear linear(const Problem& problem, const Pose& pose) {
  Linear at;
  for (std::size_t k = 0; k < 5; ++k) {
    const Vector q = rotated(pose.g, problem.mesh[k]);
    const double depth = problem.focal * pose.size + q[2], scale = problem.focal / depth;
    const std::array<double, 2> centre{pose.u * pose.size, pose.v * pose.size};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const std::size_t row = 2 * k + axis;
      const double along = centre[axis] + q[axis];
      at.residual[row] = scale * along - problem.points[k][axis];
      for (std::size_t i = 0; i < 3; ++i) {
        Vector turn{};
        turn[i] = 2;
        const Vector moved = cross(turn, q);
        at.slope[row][i] = scale * moved[axis] - scale * along / depth * moved[2];
      }
      at.slope[row][3 + axis] = scale * pose.size;
      at.slope[row][5] = scale * centre[axis] - scale * along / depth * problem.focal * pose.size;
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    at.residual[10 + i] = kTurnPenalty * pose.g[i];
    at.slope[10 + i][i] = kTurnPenalty;
  }
  for (const double r : at.residual) at.cost += r * r;
  return at;
}

// Solves (J^T J + damping diag) x = -J^T r by Cholesky's factors.
std::optional<std::array<double, kUnknowns>> solved(const Linear& at, double damping) {
  std::array<std::array<double, kUnknowns>, kUnknowns> a{};
  std::array<double, kUnknowns> x{};
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t r = 0; r < kResiduals; ++r) a[i][j] += at.slope[r][i] * at.slope[r][j];
    }
    a[i][i] += damping * a[i][i] + 1e-12;
    for (std::size_t r = 0; r < kResiduals; ++r) x[i] -= at.slope[r][i] * at.residual[r];
  }
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      if (i != j) {
        a[i][j] = sum / a[j][j];
      } else if (sum > 0) {
        a[i][i] = std::sqrt(sum);
      } else {
        return std::nullopt;
      }
    }
  }
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
  for (std::size_t i = kUnknowns; i-- > 0;) {
    for (std::size_t k = i + 1; k < kUnknowns; ++k) x[i] -= a[k][i] * x[k];
    x[i] /= a[i][i];
  }
  return x;
}

// The size changes by at most a factor of 2 at once, and stays positive without an exponential.
std::optional<Pose> moved(const Pose& pose, const std::array<double, kUnknowns>& x) {
  const std::optional<Vector> g = composed({x[0], x[1], x[2]}, pose.g);
  if (!g) return std::nullopt;
  return Pose{*g, pose.u + x[3], pose.v + x[4], pose.size * (1 + std::clamp(x[5], -0.5, 1.0))};
}

struct Fit {
  Pose pose;
  double cost = std::numeric_limits<double>::infinity();
};

Fit fitted(const Problem& problem, Pose pose) {
  Linear at = linear(problem, pose);
  double damping = 1e-3;
  for (int step = 0; step < kMostSteps && damping < 1e6; ++step) {
    const auto x = solved(at, damping);
    const std::optional<Pose> next = x ? moved(pose, *x) : std::nullopt;
    if (next) {
      const Linear there = linear(problem, *next);
      if (there.cost < at.cost) {
        const bool done = at.cost - there.cost < 1e-12 * at.cost;
        pose = *next;
        at = there;
        damping = std::max(damping / 10, 1e-9);
        if (done) break;
        continue;
      }
    }
    damping *= 10;
  }
  return {pose, at.cost};
}

}  // namespace

Tensor in_square(const std::array<Point, 5>& points, const SquareCrop& square) {
  Tensor t = Tensor::empty({5, 2});
  float* to = t.data<float>();
  for (const Point& p : points) {
    *to++ = static_cast<float>((static_cast<double>(p.x) - square.x) / square.side - 0.5);
    *to++ = static_cast<float>((static_cast<double>(p.y) - square.y) / square.side - 0.5);
  }
  return t;
}

Tensor five_point_camera(std::span<const std::array<double, 3>, 5> mesh,
                         const std::array<Point, 5>& points, const SquareCrop& square,
                         double focal) {
  Vector middle{};
  for (const auto& m : mesh) {
    for (std::size_t i = 0; i < 3; ++i) middle[i] += (i == 0 ? m[i] : -m[i]) / 5;
  }
  Problem problem{.mesh = {}, .points = {}, .focal = focal};
  bool usable = false;
  const Tensor where = in_square(points, square);
  for (std::size_t k = 0; k < 5; ++k) {
    problem.mesh[k] = {mesh[k][0] - middle[0], -mesh[k][1] - middle[1], -mesh[k][2] - middle[2]};
    for (std::size_t axis = 0; axis < 2; ++axis)
      problem.points[k][axis] =
          static_cast<double>(std::as_const(where).data<float>()[2 * k + axis]);
    usable = usable || problem.points[k] != problem.points[0];
  }
  for (const auto& p : problem.points)
    usable = usable && std::abs(p[0]) < 1e3 && std::abs(p[1]) < 1e3;
  Fit best;
  if (usable) {
    constexpr std::array<Vector, 5> kStarts{
        {{0, 0, 0}, {0, 0.5, 0}, {0, -0.5, 0}, {0, 0, 0.5}, {0, 0, -0.5}}};
    Pose start;
    for (const auto& p : problem.points) {
      start.u += p[0] / 5;
      start.v += p[1] / 5;
    }
    for (const Vector& g : kStarts) {
      start.g = g;
      const Fit fit = fitted(problem, start);
      if (fit.cost < best.cost) best = fit;
    }
  }
  const Pose& pose = best.pose;
  const Vector origin = rotated(pose.g, middle);
  const std::array<double, 7> camera{pose.u * pose.size - origin[0],
                                     pose.v * pose.size - origin[1],
                                     focal * pose.size - origin[2],
                                     pose.g[0],
                                     pose.g[1],
                                     pose.g[2],
                                     focal};
  return Tensor::from({7}, std::span<const double>(camera)).to(DType::f32);
}

}  // namespace rf
