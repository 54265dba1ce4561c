// Tensor: a value type over shared, 64-byte-aligned, contiguous storage with a run-time element
// type.
//
// Copies share storage. Operations never write their inputs; only optimisers and batch-norm buffers
// do. Blocked layouts never appear here: they live inside an inference plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <type_traits>

#include "engine/shape.hpp"

namespace rf {

enum class DType : std::uint8_t { f32, f64, i32, i64, u8, i8 };

[[nodiscard]] const char* to_string(DType dtype);  // "f32", ...
std::ostream& operator<<(std::ostream& out, DType dtype);
[[nodiscard]] Index size_of(DType dtype);  // bytes per element

template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return DType::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DType::i64;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return DType::u8;
  else {
    static_assert(std::is_same_v<T, std::int8_t>, "no tensor holds this type");
    return DType::i8;
  }
}();

class Tensor {
 public:
  static constexpr std::size_t kAlignment = 64;

  Tensor() = default;  // no elements: shape [0], f32

  // Uninitialised storage. Throws ShapeError when the size overflows, std::bad_alloc when memory is
  // short.
  [[nodiscard]] static Tensor empty(const Shape& shape, DType dtype = DType::f32);
  [[nodiscard]] static Tensor zeros(const Shape& shape, DType dtype = DType::f32);

  // A copy of `values`, row-major. Throws ShapeError when the counts differ.
  template <class T>
  [[nodiscard]] static Tensor from(const Shape& shape, std::span<const T> values);

  // Elements that somebody else owns (a mapped file); `owner` is held as long as any copy lives.
  // Requires: `data` aligned for dtype. The storage must not be written through the tensor.
  [[nodiscard]] static Tensor borrow(const Shape& shape, DType dtype, const void* data,
                                     std::shared_ptr<const void> owner);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] DType dtype() const { return dtype_; }
  [[nodiscard]] Index numel() const { return shape_.numel(); }
  [[nodiscard]] Index bytes() const { return numel() * size_of(dtype_); }
  [[nodiscard]] bool shares_storage_with(const Tensor& other) const {
    return data_ == other.data_ && data_;
  }

  // The elements. Requires T to be the element type (asserted).
  template <class T>
  [[nodiscard]] T* data() {
    check_type(dtype_of<T>);
    return static_cast<T*>(data_.get());
  }
  template <class T>
  [[nodiscard]] const T* data() const {
    check_type(dtype_of<T>);
    return static_cast<const T*>(data_.get());
  }
  template <class T>
  [[nodiscard]] std::span<T> span() {
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  template <class T>
  [[nodiscard]] std::span<const T> span() const {
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  [[nodiscard]] void* raw() { return data_.get(); }
  [[nodiscard]] const void* raw() const { return data_.get(); }

  // The same storage under another shape. Throws ShapeError when the element counts differ.
  [[nodiscard]] Tensor reshaped(const Shape& shape) const;

  // Rows [begin, end) of the first axis, sharing storage (images of a batch). Requires them to
  // exist (asserted).
  [[nodiscard]] Tensor rows(Index begin, Index end) const;

  // Whether no other tensor shares the storage, so that writing it is seen by nobody else.
  [[nodiscard]] bool is_sole_owner() const { return data_.use_count() == 1 && !borrowed_; }

  // For tests: from now on storage of empty() starts as NaN (bytes 0xFF), so that an element that
  // an operation forgets to assign shows. For the whole process.
  static void poison_new(bool on);

  // New storage with the same elements; `to` converts each as static_cast does.
  [[nodiscard]] Tensor clone() const;
  [[nodiscard]] Tensor to(DType dtype) const;

 private:
  void check_type(DType wanted) const;
  static Tensor copy_of(const Shape& shape, DType dtype, const void* values, Index count);

  Shape shape_{0};
  DType dtype_ = DType::f32;
  bool borrowed_ = false;  // the storage is somebody else's
  std::shared_ptr<void> data_;
};

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  return copy_of(shape, dtype_of<T>, values.data(), static_cast<Index>(values.size()));
}

}  // namespace rf
