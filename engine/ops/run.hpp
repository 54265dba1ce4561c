// What the ops share: the check of element types, and cutting independent units into chunks.
#pragma once

#include <initializer_list>
#include <type_traits>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "engine/tensor.hpp"

namespace rf {

// Throws ShapeError unless every tensor given (nullptr is skipped) is f32, or every one f64.
void check_same_dtype(const char* op, std::initializer_list<const Tensor*> tensors);

// body(begin, end) over [0, units), cut into chunks of about 16 thousand elements: small enough to
// balance over threads and to stay in a first-level cache, large enough that handing one out costs
// nothing.
template <class Body>
void for_ranges(Index units, Index elements_per_unit, Body&& body) {
  constexpr Index kElements = 16384;
  const Index size = elements_per_unit >= kElements
                         ? 1
                         : kElements / (elements_per_unit > 0 ? elements_per_unit : 1);
  parallel_for(ceil_div(units, size), [&](Index chunk) {
    const Index begin = chunk * size;
    body(begin, begin + size < units ? begin + size : units);
  });
}

// Calls f with a double if t is f64, else with a float: code written once for both.
template <class F>
void with_float_type(const Tensor& t, F&& f) {
  if (t.dtype() == DType::f64)
    f(double{});
  else
    f(float{});
}

// Calls f with the bytes per element as a constant, so that moving one element is one instruction.
template <class F>
void with_element_size(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1: f(std::integral_constant<Index, 1>{}); break;
    case 4: f(std::integral_constant<Index, 4>{}); break;
    default: f(std::integral_constant<Index, 8>{}); break;
  }
}

}  // namespace rf
