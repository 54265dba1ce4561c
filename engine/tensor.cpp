#include "engine/tensor.hpp"

#include <atomic>
#include <cstring>
#include <ostream>

#include "engine/check.hpp"
#include "engine/storage.hpp"

namespace rf {

namespace {

std::atomic<bool> poison{false};

// Calls f with a value of the C++ type behind `dtype`.
template <class F>
void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: f(float{}); break;
    case DType::f64: f(double{}); break;
    case DType::i32: f(std::int32_t{}); break;
    case DType::i64: f(std::int64_t{}); break;
    case DType::u8: f(std::uint8_t{}); break;
    case DType::i8: f(std::int8_t{}); break;
  }
}

}  // namespace

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::i32: return "i32";
    case DType::i64: return "i64";
    case DType::u8: return "u8";
    case DType::i8: return "i8";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << to_string(dtype); }

Index size_of(DType dtype) {
  Index bytes = 0;
  with_type(dtype, [&](auto type) { bytes = static_cast<Index>(sizeof(type)); });
  return bytes;
}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  const Index bytes = checked_mul(shape.numel(), size_of(dtype));
  // Whole cache lines, so that two tensors never share one.
  const Index padded = checked_mul(ceil_div(checked_add(bytes, 1), kAlignment), kAlignment);
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.data_ = allocate_storage(static_cast<std::size_t>(padded));
  if (poison.load(std::memory_order_relaxed)) {
    std::memset(t.raw(), 0xFF, static_cast<std::size_t>(bytes));
  }
  return t;
}

void Tensor::poison_new(bool on) { poison.store(on, std::memory_order_relaxed); }

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor t = empty(shape, dtype);
  std::memset(t.raw(), 0, static_cast<std::size_t>(t.bytes()));
  return t;
}

Tensor Tensor::borrow(const Shape& shape, DType dtype, const void* data,
                      std::shared_ptr<const void> owner) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  RF_ASSERT(address % static_cast<std::uintptr_t>(size_of(dtype)) == 0);
  Tensor t;
  t.shape_ = shape;
  t.dtype_ = dtype;
  t.borrowed_ = true;
  t.data_ = std::shared_ptr<void>(const_cast<void*>(data), [owner = std::move(owner)](void*) {});
  return t;
}

Tensor Tensor::copy_of(const Shape& shape, DType dtype, const void* values, Index count) {
  RF_CHECK_SHAPE(shape.numel() == count, "tensor", count, " values cannot fill shape ", shape);
  Tensor t = empty(shape, dtype);
  if (count > 0) std::memcpy(t.raw(), values, static_cast<std::size_t>(t.bytes()));
  return t;
}

Tensor Tensor::rows(Index begin, Index end) const {
  RF_ASSERT(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0]);
  Tensor t = *this;
  t.shape_ = shape_.with(0, end - begin);
  if (numel() > 0) {
    auto* start = static_cast<std::byte*>(data_.get()) + bytes() / shape_[0] * begin;
    t.data_ = std::shared_ptr<void>(data_, start);
  }
  return t;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  RF_CHECK_SHAPE(shape.numel() == numel(), "reshape", shape_, " has ", numel(), " elements, ",
                 shape, " has ", shape.numel());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::clone() const { return copy_of(shape_, dtype_, raw(), numel()); }

Tensor Tensor::to(DType dtype) const {
  Tensor out = empty(shape_, dtype);
  with_type(dtype_, [&](auto from_type) {
    with_type(dtype, [&](auto to_type) {
      const auto source = span<decltype(from_type)>();
      auto* target = out.data<decltype(to_type)>();
      for (const auto value : source) *target++ = static_cast<decltype(to_type)>(value);
    });
  });
  return out;
}

void Tensor::check_type(DType wanted) const { RF_ASSERT(dtype_ == wanted); }

}  // namespace rf
