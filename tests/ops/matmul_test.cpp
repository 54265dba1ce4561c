#include "engine/ops/matmul.hpp"

#include <array>

#include "autograd/ops.hpp"
#include "engine/kernels/table.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// The definition, summed in double.
Tensor by_definition(const Tensor& a, const Tensor& b) {
  const int rank = a.shape().rank();
  const Index m_count = a.shape()[rank - 2], k_count = a.shape()[rank - 1];
  const Index n_count = b.shape()[b.shape().rank() - 1];
  const Tensor wide_a = a.to(DType::f64), wide_b = b.to(DType::f64);
  Tensor y = Tensor::zeros(a.shape().with(rank - 1, n_count), DType::f64);
  const Index stacked = y.numel() / (m_count * n_count);
  for (Index s = 0; s < stacked; ++s) {
    const double* left = wide_a.data<double>() + s * m_count * k_count;
    const double* right =
        wide_b.data<double>() + (b.shape().rank() == 2 ? 0 : s * k_count * n_count);
    double* to = y.data<double>() + s * m_count * n_count;
    for (Index m = 0; m < m_count; ++m) {
      for (Index k = 0; k < k_count; ++k) {
        for (Index n = 0; n < n_count; ++n)
          to[m * n_count + n] += left[m * k_count + k] * right[k * n_count + n];
      }
    }
  }
  return y;
}

ag::Var product(const std::vector<ag::Var>& in) { return ag::matmul(in[0], in[1]); }

}  // namespace

TEST_CASE("matmul: two matrices, a stack of them, one matrix for a stack, by hand",
          "[matmul][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor a = tensor({2, 3}, {1, 2, 3, 4, 5, 6}, dtype),
                 b = tensor({3, 2}, {1, 0, -1, 2, 0.5, 1}, dtype);
    CHECK(same_bits(matmul(a, b), tensor({2, 2}, {0.5, 7, 2, 16}, dtype)));
    const Tensor rows = tensor({2, 1, 2}, {1, 2, 3, 4}, dtype),
                 columns = tensor({2, 2, 1}, {10, 1, 10, 1}, dtype);
    CHECK(same_bits(matmul(rows, columns), tensor({2, 1, 1}, {12, 34}, dtype)));
    CHECK(same_bits(matmul(rows, tensor({2, 2}, {0, 1, 1, 0}, dtype)),
                    tensor({2, 1, 2}, {2, 1, 4, 3}, dtype)));
  }
}

TEST_CASE("matmul: refuses what does not fit, and names both shapes", "[matmul][error]") {
  const auto refused = [](const Shape& a, const Shape& b) {
    check_refused([&] { (void)matmul(Tensor::zeros(a), Tensor::zeros(b)); },
                  {"matmul", to_string(a).c_str(), to_string(b).c_str()});
  };
  refused({2, 3}, {2, 3});
  refused({3}, {3, 2});
  refused({2, 3}, {3});
  refused({4, 2, 3}, {5, 3, 2});
  refused({2, 3}, {1, 3, 2});
  refused({1, 4, 2, 3}, {4, 3, 2});
  check_refused(
      [&] {
        (void)matmul(Tensor::zeros({2, 3}), Tensor::zeros({3, 2}, DType::f64));
      },
      {"f32", "f64"});
}

TEST_CASE("matmul: gradients by central differences", "[matmul][grad]") {
  const auto check = [](const Shape& a, const Shape& b) {
    CAPTURE(to_string(a), to_string(b));
    check_gradients(product, {random_tensor(a, 1, DType::f64), random_tensor(b, 2, DType::f64)});
  };
  check({3, 4}, {4, 2});
  check({1, 1}, {1, 5});
  check({2, 3, 4}, {2, 4, 2});
  check({2, 2, 1, 3}, {2, 2, 3, 2});
  check({2, 3, 2, 4}, {4, 3});
}

TEST_CASE("matmul: the definition at every edge of the blocks it is cut into, on every table",
          "[matmul][property]") {
  struct Case {
    Shape a, b;
  };
  const std::vector<Case> cases{{{1, 1}, {1, 1}},
                                {{63, 255}, {255, 191}},
                                {{64, 256}, {256, 192}},
                                {{65, 257}, {257, 193}},
                                {{3, 600}, {600, 5}},
                                {{2, 4096}, {4096, 3}},
                                {{5, 33001}, {33001, 7}},  // 16 parts wanted, 15 needed
                                {{3, 70, 20}, {3, 20, 200}},
                                {{3, 70, 20}, {20, 17}},
                                {{2, 3, 5, 7}, {2, 3, 7, 11}},
                                {{8, 1}, {1, 1}},  // short rows of b, from here on
                                {{129, 513}, {513, 33}},
                                {{300, 40}, {40, 512}},
                                {{4097, 513}, {513, 3}}};
  for (const KernelTable* table : supported_kernel_tables()) {
    const WithKernels use(*table);
    for (const auto& [a_shape, b_shape] : cases) {
      CAPTURE(table->name, to_string(a_shape), to_string(b_shape));
      const Tensor a = random_tensor(a_shape, 3), b = random_tensor(b_shape, 4);
      const Tensor expected = by_definition(a, b);
      CHECK(relative_error(matmul(a, b), expected) < 1e-5);
      CHECK(relative_error(matmul(a.to(DType::f64), b.to(DType::f64)), expected) < 1e-12);
    }
  }
}

TEST_CASE("matmul: short rows, each table's kernel within bounds, a by rows and by columns",
          "[matmul][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index rows : {1, 3, 4, 7, 8, 9, 17}) {
      for (const Index columns : {1, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 47}) {
        CAPTURE(table->name, rows, columns);
        constexpr Index kDepth = 5;
        GuardedFloats a(rows * kDepth), b(kDepth * columns), y(rows * columns);
        a.randomize(1), b.randomize(2);
        const Tensor packed = Tensor::empty({matmul_rows_scratch(kDepth)});
        MatmulRowsArgs<float> args{.a = a.data(),
                                   .b = b.data(),
                                   .y = y.data(),
                                   .a_row = kDepth,
                                   .a_depth = 1,
                                   .depth = kDepth,
                                   .columns = columns};
        Tensor scratch = packed;
        table->matmul_rows(args, 0, rows, scratch.data<float>());
        const Tensor right = b.copy().reshaped({kDepth, columns});
        const auto close = [&](const Tensor& left) {
          return relative_error(y.copy().reshaped({rows, columns}), by_definition(left, right)) <
                 1e-6;
        };
        CHECK(close(a.copy().reshaped({rows, kDepth})));
        args.a_row = 1;
        args.a_depth = rows;
        table->matmul_rows(args, 0, rows, scratch.data<float>());
        CHECK(close(permute(a.copy().reshaped({kDepth, rows}), std::array{1, 0})));
        CHECK(y.front_is_intact());
        if (rows < 4) continue;
        GuardedFloats part(rows * columns);
        args.y = part.data();
        table->matmul_rows(args, 1, rows - 1, scratch.data<float>());
        for (Index i = 0; i < columns; ++i) {
          CHECK(part.data()[i] < -1000);
          CHECK(part.data()[(rows - 1) * columns + i] < -1000);
        }
      }
    }
  }
}

TEST_CASE("matmul_transposed: the product with the first matrix transposed, on every table",
          "[matmul][property]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    const WithKernels use(*table);
    for (const auto& [depth, rows, columns] :
         {std::array<Index, 3>{1, 1, 1}, {3, 2, 5}, {1500, 40, 33}, {20, 9, 600}, {7, 130, 512}}) {
      CAPTURE(table->name, depth, rows, columns);
      const Tensor a = random_tensor({depth, rows}, 5), b = random_tensor({depth, columns}, 6);
      const Tensor expected = by_definition(permute(a, std::array{1, 0}), b);
      CHECK(relative_error(matmul_transposed(a, b), expected) < 1e-5);
      CHECK(relative_error(matmul_transposed(a.to(DType::f64), b.to(DType::f64)), expected) <
            1e-12);
    }
  }
  CHECK(matmul_transposed(Tensor::zeros({0, 3}), Tensor::zeros({0, 2})).shape() == Shape{3, 2});
  check_refused(
      [] {
        (void)matmul_transposed(Tensor::zeros({2, 3}), Tensor::zeros({3, 2}));
      },
      {"matmul_transposed", "[2, 3]", "[3, 2]"});
}

TEST_CASE("matmul: without rows, columns or a sum", "[matmul][property]") {
  CHECK(matmul(Tensor::zeros({0, 3}), Tensor::zeros({3, 2})).shape() == Shape{0, 2});
  CHECK(matmul(Tensor::zeros({2, 3}), Tensor::zeros({3, 0})).shape() == Shape{2, 0});
  CHECK(same_bits(matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 2})), Tensor::zeros({2, 2})));
  CHECK(matmul(Tensor::zeros({0, 2, 3}), Tensor::zeros({3, 2})).shape() == Shape{0, 2, 2});
  ag::Var a(Tensor::zeros({2, 0})), b(Tensor::zeros({0, 2}));
  a.set_requires_grad(true);
  b.set_requires_grad(true);
  ag::matmul(a, b).backward(Tensor::zeros({2, 2}));  // nothing to pass on, and no error
}

TEST_CASE("matmul: same bits for any number of threads, forward and gradients",
          "[matmul][property]") {
  const Tensor a = random_tensor({300, 70}, 5), b = random_tensor({70, 210}, 6);
  const Tensor tall = random_tensor({9000, 5}, 7), narrow = random_tensor({5, 6}, 8);
  check_same_bits_on_any_threads([&] { return matmul(a, b); });
  check_same_bits_on_any_threads([&] { return all_gradients(product, {a, b}); });
  check_same_bits_on_any_threads([&] { return all_gradients(product, {tall, narrow}); });
}

}  // namespace rf::test
