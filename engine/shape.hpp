// Shape: the dimensions of a tensor, outermost first (NCHW for images). Rank 0 (a scalar) to 6.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace rf {

using Index = std::int64_t;

// a * b for sizes. Throws ShapeError when either is negative or the product does not fit in Index.
[[nodiscard]] Index checked_mul(Index a, Index b);

// a + b for sizes. Throws ShapeError when either is negative or the sum does not fit in Index.
[[nodiscard]] Index checked_add(Index a, Index b);

// ceil(a / b) for a >= 0, b > 0.
[[nodiscard]] constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;  // rank 0: one element

  // Throws ShapeError: rank above 6, a negative dimension, or an element count that overflows
  // Index.
  Shape(std::initializer_list<Index> dims)
      : Shape(std::span<const Index>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const Index> dims);

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] Index numel() const { return numel_; }

  // Dimension `axis`, 0 <= axis < rank.
  [[nodiscard]] Index operator[](int axis) const;

  [[nodiscard]] std::span<const Index> dims() const {
    return {dims_.data(), static_cast<std::size_t>(rank_)};
  }

  // A copy with one dimension replaced.
  [[nodiscard]] Shape with(int axis, Index size) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.dims_ == b.dims_;
  }

 private:
  std::array<Index, kMaxRank> dims_{};  // unused dimensions stay 0
  int rank_ = 0;
  Index numel_ = 1;
};

// "[1, 3, 480, 640]"
std::ostream& operator<<(std::ostream& out, const Shape& shape);
[[nodiscard]] std::string to_string(const Shape& shape);

}  // namespace rf
