#include "engine/shape.hpp"

#include <ostream>
#include <sstream>

#include "engine/check.hpp"

namespace rf {

Index checked_mul(Index a, Index b) {
  Index product = 0;
  RF_CHECK_SHAPE(a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, &product), "size", a, " x ", b,
                 " is negative or does not fit in 63 bits");
  return product;
}

Index checked_add(Index a, Index b) {
  Index sum = 0;
  RF_CHECK_SHAPE(a >= 0 && b >= 0 && !__builtin_add_overflow(a, b, &sum), "size", a, " + ", b,
                 " is negative or does not fit in 63 bits");
  return sum;
}

Shape::Shape(std::span<const Index> dims) {
  RF_CHECK_SHAPE(dims.size() <= kMaxRank, "shape", "rank ", dims.size(), " is above the ", kMaxRank,
                 " that tensors support");
  for (const Index d : dims) {
    RF_CHECK_SHAPE(d >= 0, "shape", "dimension ", d, " is negative");
    dims_[static_cast<std::size_t>(rank_++)] = d;
    numel_ = checked_mul(numel_, d);
  }
}

Index Shape::operator[](int axis) const {
  RF_ASSERT(axis >= 0 && axis < rank_);
  return dims_[static_cast<std::size_t>(axis)];
}

Shape Shape::with(int axis, Index size) const {
  RF_ASSERT(axis >= 0 && axis < rank_);
  std::array<Index, kMaxRank> dims = dims_;
  dims[static_cast<std::size_t>(axis)] = size;
  return Shape(std::span<const Index>(dims.data(), static_cast<std::size_t>(rank_)));
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

std::string to_string(const Shape& shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

}  // namespace rf
