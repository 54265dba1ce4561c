// What the tests of operations share: golden cases, every table, every number of threads, memory
// that catches accesses out of bounds.
#pragma once

#include <catch2/catch.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.hpp"
#include "autograd/var.hpp"
#include "engine/check.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "tests/support.hpp"

namespace rf::test {

// The tolerances that docs and tests promise, as max |a - b| / max |b|.
inline constexpr double kDoubleTolerance = 1e-10, kFloatTolerance = 1e-4;

// One case of tests/golden/ops.safetensors.
struct GoldenCase {
  StateDict tensors;                         // by their names inside the case: x, w, y, ...
  std::map<std::string, double> attributes;  // numbers among its attributes: stride, pad, ...

  // A tensor in the type asked for. Requires it to exist.
  [[nodiscard]] Tensor get(const std::string& tensor, DType dtype) const;
  [[nodiscard]] Index attribute(const std::string& name) const;
};
[[nodiscard]] GoldenCase golden_case(const std::string& name);

// Names of the cases that begin with `prefix`.
[[nodiscard]] std::vector<std::string> golden_cases(const std::string& prefix);

// op(case, dtype) against the case's y: in double, and in float on every table this CPU runs.
void check_golden(const std::string& name,
                  const std::function<Tensor(const GoldenCase&, DType)>& op);

// f(case, inputs) against the case's y, and its gradients against the case's d_<input>, for the
// inputs that are named: in double, and in float on every table this CPU runs.
using GoldenFunction = std::function<ag::Var(const GoldenCase&, const std::vector<ag::Var>&)>;
void check_golden_gradients(const std::string& name, const std::vector<std::string>& inputs,
                            const GoldenFunction& f);

// f's gradients by central differences (autograd/gradcheck.hpp) at these inputs, to 1e-7.
void check_gradients(const std::function<ag::Var(const std::vector<ag::Var>&)>& f,
                     const std::vector<Tensor>& inputs);

// <y, g> = <x, gx>, as it must be where y = A x and gx = A^T g for one matrix A: within `tolerance`
// |y| |g|, since both sides are sums of terms that partly cancel, and their errors do not.
void check_adjoint(const Tensor& x, const Tensor& y, const Tensor& gx, const Tensor& g,
                   double tolerance = 1e-6);

// The gradient of <gy, f(inputs)> with respect to each input, all laid in one f32 line: for
// comparing bits and tables.
[[nodiscard]] Tensor all_gradients(const std::function<ag::Var(const std::vector<ag::Var>&)>& f,
                                   const std::vector<Tensor>& inputs);

// While it lives, the process computes with this table.
class WithKernels {
 public:
  explicit WithKernels(const KernelTable& table) : before_(kernels()) { use_kernels(table); }
  WithKernels(const WithKernels&) = delete;
  WithKernels& operator=(const WithKernels&) = delete;
  ~WithKernels() { use_kernels(before_); }

 private:
  const KernelTable& before_;
};

// compute() gives the same bits on 1, 2, 3 and 8 threads on every table (with sanitizers 1 and 3,
// on vectors).
void check_same_bits_on_any_threads(const std::function<Tensor()>& compute);

// compute() gives what the scalar table gives, to kFloatTolerance, on every table.
void check_tables_agree(const std::function<Tensor()>& compute);

// Same shape, type and bytes.
[[nodiscard]] bool same_bits(const Tensor& a, const Tensor& b);

// A tensor of these values, f32 unless told.
[[nodiscard]] Tensor tensor(const Shape& shape, std::initializer_list<double> values,
                            DType dtype = DType::f32);

// `count` floats that end where an unreadable page begins, so that touching one past the end stops
// the test, and with guard values in front. The start is as unaligned as `count` makes it.
class GuardedFloats {
 public:
  explicit GuardedFloats(Index count);
  GuardedFloats(const GuardedFloats&) = delete;
  GuardedFloats& operator=(const GuardedFloats&) = delete;
  ~GuardedFloats();

  // Filled with standard-normal values keyed by seed.
  void randomize(std::uint64_t seed);
  [[nodiscard]] float* data() { return data_; }
  [[nodiscard]] Tensor copy() const;  // [count]
  [[nodiscard]] bool front_is_intact() const;

 private:
  Index count_;
  std::byte* pages_ = nullptr;
  std::size_t bytes_ = 0;
  float* data_ = nullptr;
};

// The message of the Expected error that f throws; "" if it throws none.
template <class Expected = ShapeError, class F>
[[nodiscard]] std::string error_of(F&& f) {
  try {
    f();
  } catch (const Expected& error) {
    return error.what();
  }
  return "";
}

// f throws Expected with each of `parts` in its one-line message.
template <class Expected = ShapeError, class F>
void check_refused(F&& f, std::initializer_list<const char*> parts) {
  const std::string text = error_of<Expected>(std::forward<F>(f));
  CAPTURE(text);
  CHECK_FALSE(text.empty());
  CHECK(text.find('\n') == std::string::npos);
  for (const char* part : parts) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

}  // namespace rf::test
