// What the tests of optimisers share: parameters with gradients that the test sets.
#pragma once

#include <initializer_list>
#include <string>

#include "autograd/parameter.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

// A parameter that wants a gradient.
inline ag::Parameter parameter(const std::string& name, const Tensor& value) {
  ag::Parameter result{name, ag::Var(value)};
  result.var.set_requires_grad(true);
  return result;
}

inline Tensor f64(std::initializer_list<double> values) {
  return tensor({static_cast<Index>(values.size())}, values, DType::f64);
}

inline double first(const Tensor& tensor) { return tensor.to(DType::f64).data<double>()[0]; }

inline void check_same_bits(const StateDict& a, const StateDict& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, tensor] : a) {
    CAPTURE(name);
    REQUIRE(b.count(name) == 1);
    CHECK(same_bits(tensor, b.at(name)));
  }
}

}  // namespace rf::test
