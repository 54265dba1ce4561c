#include "engine/ops/gather.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

Tensor index_of(std::initializer_list<double> positions) {
  return tensor({static_cast<Index>(positions.size())}, positions, DType::i64);
}

// `count` positions below `size`, some of them equal.
Tensor random_index(Index count, Index size, std::uint64_t seed) {
  Random random(seed, RandomPurpose::test);
  Tensor index = Tensor::empty({count}, DType::i64);
  for (Index& p : index.span<Index>())
    p = static_cast<Index>(random.uniform() * static_cast<float>(size)) % size;
  return index;
}

}  // namespace

TEST_CASE("gather: positions along any axis, of any element type", "[gather][golden]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::u8}) {
    const Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6}, dtype);
    CHECK(same_bits(gather(x, 1, index_of({2, 0, 2, 1})),
                    tensor({2, 4}, {3, 1, 3, 2, 6, 4, 6, 5}, dtype)));
    CHECK(same_bits(gather(x, 0, index_of({1})), tensor({1, 3}, {4, 5, 6}, dtype)));
    const Tensor cube = tensor({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, dtype);
    CHECK(same_bits(gather(cube, 1, index_of({1, 1})),
                    tensor({2, 2, 2}, {3, 4, 3, 4, 7, 8, 7, 8}, dtype)));
  }
}

TEST_CASE("scatter_add: positions named twice get both, others stay 0", "[gather][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6}, dtype);
    CHECK(same_bits(scatter_add(x, 1, index_of({3, 0, 3}), 4),
                    tensor({2, 4}, {2, 0, 0, 4, 5, 0, 0, 10}, dtype)));
    CHECK(same_bits(scatter_add(x, 0, index_of({1, 1}), 2),
                    tensor({2, 3}, {0, 0, 0, 5, 7, 9}, dtype)));
  }
}

TEST_CASE("gather: refuses bad axes and indices, and says which", "[gather][error]") {
  const Tensor x = Tensor::zeros({2, 3});
  check_refused([&] { (void)gather(x, 2, index_of({0})); }, {"gather", "[2, 3]", "axis 2"});
  check_refused([&] { (void)gather(x, -1, index_of({0})); }, {"axis -1"});
  check_refused(
      [&] {
        (void)gather(x, 1, index_of({0, 2, 3, -7}));
      },
      {"gather", "index[2] is 3", "less than 3"});
  check_refused([&] { (void)gather(x, 1, index_of({-1})); }, {"index[0] is -1", "at least 0"});
  check_refused([&] { (void)gather(x, 1, tensor({1}, {0}, DType::i32)); }, {"i32", "i64 [M]"});
  check_refused([&] { (void)gather(x, 1, tensor({1, 1}, {0}, DType::i64)); }, {"[1, 1]"});
  check_refused([&] { (void)gather(Tensor::zeros({0}), 0, index_of({0})); }, {"less than 0"});
  check_refused(
      [&] {
        (void)scatter_add(x, 1, index_of({0, 4, 1}), 4);
      },
      {"scatter_add", "index[1] is 4", "less than 4"});
  check_refused(
      [&] {
        (void)scatter_add(x, 1, index_of({0, 1}), 4);
      },
      {"scatter_add", "[2]", "[2, 3]", "[3]"});
  check_refused([&] { (void)scatter_add(x, 1, index_of({0, 1, 2}), -1); }, {"size -1"});
  check_refused(
      [&] {
        (void)scatter_add(Tensor::zeros({2, 3}, DType::i64), 1, index_of({0, 1, 2}), 4);
      },
      {"scatter_add", "i64"});
}

TEST_CASE("gather: gradients of gather and scatter_add", "[gather][grad]") {
  const Tensor index = index_of({2, 0, 2, 1, 2});
  for (int axis = 0; axis < 3; ++axis) {
    const Tensor x = random_tensor({4, 4, 4}, 1, DType::f64),
                 z = random_tensor(Shape{4, 4, 4}.with(axis, 5), 2, DType::f64);
    check_gradients([&](const std::vector<ag::Var>& in) { return ag::gather(in[0], axis, index); },
                    {x});
    check_gradients(
        [&](const std::vector<ag::Var>& in) { return ag::scatter_add(in[0], axis, index, 6); },
        {z});
  }
}

TEST_CASE("gather: scatter_add is its adjoint at real sizes", "[gather][property]") {
  constexpr Index kAnchors = 16800, kPicked = 3000;
  const Tensor index = random_index(kPicked, kAnchors, 3);
  const Tensor x = random_tensor({4, kAnchors, 2}, 4), y = random_tensor({4, kPicked, 2}, 5);
  const Tensor picked = gather(x, 1, index), added = scatter_add(y, 1, index, kAnchors);
  double left = 0, right = 0;
  for (Index i = 0; i < y.numel(); ++i)
    left += static_cast<double>(picked.data<float>()[i]) * static_cast<double>(y.data<float>()[i]);
  for (Index i = 0; i < x.numel(); ++i)
    right += static_cast<double>(x.data<float>()[i]) * static_cast<double>(added.data<float>()[i]);
  CHECK(left == Approx(right).epsilon(1e-6));
}

TEST_CASE("gather: nothing picked, nothing to pick from", "[gather][property]") {
  CHECK(gather(Tensor::zeros({2, 3}), 1, index_of({})).shape() == Shape{2, 0});
  CHECK(gather(Tensor::zeros({0, 3}), 1, index_of({2})).shape() == Shape{0, 1});
  CHECK(same_bits(scatter_add(Tensor::zeros({2, 0}), 1, index_of({}), 3), Tensor::zeros({2, 3})));
  CHECK(scatter_add(Tensor::zeros({2, 0}), 1, index_of({}), 0).shape() == Shape{2, 0});
}

TEST_CASE("gather: same bits for any number of threads, adds in the order of the index",
          "[gather][property]") {
  const Tensor index = random_index(20011, 37, 6), x = random_tensor({2, 20011, 3}, 7),
               z = random_tensor({2, 37, 3}, 8);
  check_same_bits_on_any_threads([&] { return scatter_add(x, 1, index, 37); });
  check_same_bits_on_any_threads([&] { return gather(z, 1, index); });
  Tensor expected = Tensor::zeros({2, 37, 3});
  for (Index o = 0; o < 2; ++o) {
    for (Index m = 0; m < 20011; ++m) {
      for (Index r = 0; r < 3; ++r) {
        expected.data<float>()[(o * 37 + index.data<Index>()[m]) * 3 + r] +=
            x.data<float>()[(o * 20011 + m) * 3 + r];
      }
    }
  }
  CHECK(same_bits(scatter_add(x, 1, index, 37), expected));
}

}  // namespace rf::test
