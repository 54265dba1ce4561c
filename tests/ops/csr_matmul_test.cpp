#include <array>

#include "autograd/ops.hpp"
#include "engine/ops/csr.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Triplets = std::vector<CsrMatrix::Triplet>;

template <class T>
std::vector<T> list(std::span<const T> values) {
  return {values.begin(), values.end()};
}

// [ 0 2 0 ]
// [ 0 0 0 ]
// [ 1 0 5 ]
// [ 0 3 0 ]
const Triplets kEntries{{2, 2, 4}, {0, 1, 2}, {3, 1, 3}, {2, 0, 1}, {2, 2, 1}};
CsrMatrix small() { return CsrMatrix::from_triplets(4, 3, kEntries); }

// About `per_row` entries in each row.
CsrMatrix random_csr(Index rows, Index columns, Index per_row, std::uint64_t seed) {
  Random random(seed, RandomPurpose::test);
  Triplets entries;
  for (Index i = 0; i < rows * per_row; ++i) {
    const auto below = [&](Index n) {
      return static_cast<Index>(random.uniform() * static_cast<float>(n)) % n;
    };
    const Index row = below(rows), column = below(columns);
    entries.push_back({row, column, static_cast<double>(random.normal())});
  }
  return CsrMatrix::from_triplets(rows, columns, entries);
}

}  // namespace

TEST_CASE("csr: rows in order, columns ascending, duplicates added up", "[csr][golden]") {
  const CsrMatrix a = small();
  CHECK(list(a.row_begin()) == std::vector<Index>{0, 1, 1, 3, 4});
  CHECK(list(a.column()) == std::vector<Index>{1, 0, 2, 1});
  CHECK(list(a.value()) == std::vector<double>{2, 1, 5, 3});
  const CsrMatrix t = a.transposed();
  CHECK(t.rows() == 3);
  CHECK(t.columns() == 4);
  CHECK(list(t.row_begin()) == std::vector<Index>{0, 1, 3, 4});
  CHECK(list(t.column()) == std::vector<Index>{2, 0, 3, 2});
  CHECK(list(t.value()) == std::vector<double>{1, 2, 3, 5});
  const CsrMatrix same = CsrMatrix::from_arrays(4, 3, std::array<Index, 5>{0, 1, 1, 4, 5},
                                                std::array<Index, 5>{1, 2, 0, 2, 1},
                                                std::array<double, 5>{2, 4, 1, 1, 3});
  CHECK(list(same.row_begin()) == list(a.row_begin()));
  CHECK(list(same.column()) == list(a.column()));
  CHECK(list(same.value()) == list(a.value()));
}

TEST_CASE("csr_matmul: by hand, for one and for two inputs", "[csr][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({3, 2}, {1, 10, 2, 20, 3, 30}, dtype),
                 y = tensor({4, 2}, {4, 40, 0, 0, 16, 160, 6, 60}, dtype);
    CHECK(same_bits(csr_matmul(small(), x), y));
    CHECK(same_bits(csr_matmul(small(), tensor({2, 3, 1}, {1, 2, 3, 10, 20, 30}, dtype)),
                    tensor({2, 4, 1}, {4, 0, 16, 6, 40, 0, 160, 60}, dtype)));
  }
}

TEST_CASE("csr: refuses entries and arrays that make no matrix, and says why", "[csr][error]") {
  const auto triplet = [](Index row, Index column) {
    (void)CsrMatrix::from_triplets(2, 3, Triplets{{0, 0, 1}, {row, column, 1}});
  };
  check_refused([&] { triplet(2, 0); }, {"CsrMatrix", "entry 1", "row 2", "2 x 3"});
  check_refused([&] { triplet(0, 3); }, {"column 3", "2 x 3"});
  check_refused([&] { triplet(-1, 0); }, {"row -1"});
  check_refused([&] { triplet(0, -1); }, {"column -1"});
  check_refused([&] { (void)CsrMatrix::from_triplets(-1, 3, {}); }, {"-1 x 3"});
  const auto arrays = [](Index rows, const std::vector<Index>& row_begin,
                         const std::vector<Index>& column, const std::vector<double>& value) {
    (void)CsrMatrix::from_arrays(rows, 3, row_begin, column, value);
  };
  check_refused([&] { arrays(2, {0, 1}, {0}, {1}); }, {"row_begin", "2 elements", "need 3"});
  check_refused([&] { arrays(-1, {}, {}, {}); }, {"row_begin", "-1 rows"});
  check_refused([&] { arrays(2, {0, 1, 1}, {0}, {}); }, {"1 columns", "0 values"});
  check_refused([&] { arrays(2, {0, 1, 2}, {0}, {1}); }, {"from 0 to 2", "from 0 to 1"});
  check_refused([&] { arrays(2, {1, 1, 1}, {0}, {1}); }, {"from 1 to 1"});
  check_refused([&] { arrays(3, {0, 2, 1, 2}, {0, 1}, {1, 1}); }, {"falls at element 2"});
  check_refused([&] { arrays(3, {0, -5, 1, 2}, {0, 1}, {1, 1}); }, {"falls at element 1"});
  check_refused([&] { arrays(1, {0, 1}, {3}, {1}); }, {"column 3", "1 x 3"});
}

TEST_CASE("csr_matmul: refuses other inputs, and names both shapes", "[csr][error]") {
  const CsrMatrix a = small();
  check_refused(
      [&] {
        (void)csr_matmul(a, Tensor::zeros({4, 2}));
      },
      {"csr_matmul", "[4, 3]", "[4, 2]", "[.., 3, F]"});
  check_refused([&] { (void)csr_matmul(a, Tensor::zeros({3})); }, {"[3]"});
  check_refused(
      [&] {
        (void)csr_matmul(a, Tensor::zeros({3, 2}), 1, Tensor::zeros({3, 2}));
      },
      {"subtracted", "[3, 2]", "[4, 2]"});
  check_refused([&] { (void)csr_matmul(a, Tensor::zeros({3, 2}, DType::i32)); }, {"i32"});
}

TEST_CASE("csr_matmul: gradients by central differences", "[csr][grad]") {
  const CsrPair a(small());
  const auto f = [&](const std::vector<ag::Var>& in) { return ag::csr_matmul(a, in[0]); };
  check_gradients(f, {random_tensor({3, 4}, 1, DType::f64)});
  check_gradients(f, {random_tensor({2, 2, 3, 1}, 2, DType::f64)});
  check_gradients(
      [&](const std::vector<ag::Var>& in) { return ag::csr_matmul(a, in[0], -1.5, in[1]); },
      {random_tensor({2, 3, 4}, 1, DType::f64), random_tensor({2, 4, 4}, 2, DType::f64)});
  check_gradients(
      [&](const std::vector<ag::Var>& in) { return ag::csr_matmul(a, in[0], 2, in[1], in[2]); },
      {random_tensor({3, 4}, 1, DType::f64), random_tensor({4, 4}, 2, DType::f64),
       random_tensor({4, 4}, 3, DType::f64)});
}

TEST_CASE("csr_matmul: tables agree, for every number of features", "[csr][isa]") {
  const CsrMatrix a = random_csr(40, 30, 6, 6);
  for (const Index features : {1, 3, 8, 16, 31, 64, 97}) {
    const Tensor x = random_tensor({2, 30, features}, 7),
                 minus = random_tensor({2, 40, features}, 8),
                 plus = random_tensor({2, 40, features}, 9);
    check_tables_agree([&] { return csr_matmul(a, x); });
    check_tables_agree([&] { return csr_matmul(a, x, 2, minus); });
    check_tables_agree([&] { return csr_matmul(a, x, 2, minus, plus); });
    check_tables_agree([&] { return csr_matmul(a, x, 2, Tensor(), plus); });
    CHECK(relative_error(csr_matmul(a, x, 2, minus, plus), add(csr_matmul(a, x, 2, minus), plus)) <
          1e-6);
  }
}

TEST_CASE("csr_matmul: the product with the transpose is its adjoint, at the size of a mesh",
          "[csr][property]") {
  const CsrMatrix a = random_csr(2304, 9215, 7, 3), t = a.transposed();
  const Tensor x = random_tensor({2, 9215, 16}, 4), y = random_tensor({2, 2304, 16}, 5);
  const Tensor ax = csr_matmul(a, x), ty = csr_matmul(t, y);
  double left = 0, right = 0;
  for (Index i = 0; i < y.numel(); ++i)
    left += static_cast<double>(ax.data<float>()[i]) * static_cast<double>(y.data<float>()[i]);
  for (Index i = 0; i < x.numel(); ++i)
    right += static_cast<double>(x.data<float>()[i]) * static_cast<double>(ty.data<float>()[i]);
  CHECK(left == Approx(right).epsilon(1e-5));
}

TEST_CASE("csr_matmul: no rows, no columns, no features", "[csr][property]") {
  CHECK(csr_matmul(CsrMatrix::from_triplets(0, 3, {}), Tensor::zeros({3, 2})).shape() ==
        Shape{0, 2});
  CHECK(same_bits(csr_matmul(CsrMatrix::from_triplets(2, 0, {}), Tensor::zeros({0, 2})),
                  Tensor::zeros({2, 2})));
  CHECK(csr_matmul(small(), Tensor::zeros({3, 0})).shape() == Shape{4, 0});
}

TEST_CASE("csr_matmul: same bits for any number of threads", "[csr][property]") {
  const CsrPair a(random_csr(1001, 600, 6, 6));
  const Tensor x = random_tensor({3, 600, 17}, 7);
  check_same_bits_on_any_threads([&] { return csr_matmul(*a.matrix, x); });
  check_same_bits_on_any_threads([&] {
    return all_gradients([&](const std::vector<ag::Var>& in) { return ag::csr_matmul(a, in[0]); },
                         {x});
  });
}

}  // namespace rf::test
