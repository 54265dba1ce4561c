// Vectors of three numbers, in double, for kernels of meshes.
#pragma once

#include <cmath>

#include "engine/shape.hpp"

namespace rf::reference {

struct Vector3 {
  double x, y, z;
  Vector3& operator+=(const Vector3& b) {
    x += b.x, y += b.y, z += b.z;
    return *this;
  }
};

template <class T>
Vector3 load3(const T* p) {
  return {static_cast<double>(p[0]), static_cast<double>(p[1]), static_cast<double>(p[2])};
}
template <class T>
void store3(T* p, const Vector3& v) {
  p[0] = static_cast<T>(v.x), p[1] = static_cast<T>(v.y), p[2] = static_cast<T>(v.z);
}

inline Vector3 operator+(const Vector3& a, const Vector3& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vector3 operator-(const Vector3& a, const Vector3& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vector3 operator*(double s, const Vector3& a) { return {s * a.x, s * a.y, s * a.z}; }
// Component by component.
inline Vector3 times(const Vector3& a, const Vector3& b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z};
}
inline double dot(const Vector3& a, const Vector3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vector3 cross(const Vector3& a, const Vector3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// v / max(|v|, eps), and the gradient of that, as engine/ops/normalize.hpp has them.
class Unit {
 public:
  explicit Unit(const Vector3& v)
      : length_(std::sqrt(dot(v, v))),
        divisor_(length_ <= kEps ? kEps : length_),
        direction_{v.x / divisor_, v.y / divisor_, v.z / divisor_} {}
  // Of a vector of which these are known.
  Unit(const Vector3& direction, double length)
      : length_(length), divisor_(length <= kEps ? kEps : length), direction_(direction) {}
  [[nodiscard]] const Vector3& direction() const { return direction_; }
  [[nodiscard]] double length() const { return length_; }
  [[nodiscard]] Vector3 gradient(const Vector3& g) const {
    const double along = length_ <= kEps ? 0 : dot(direction_, g);
    return (1 / divisor_) * (g - along * direction_);
  }

 private:
  static constexpr double kEps = 1e-12;
  double length_, divisor_;
  Vector3 direction_;
};

}  // namespace rf::reference
