#include "engine/ops/add.hpp"

#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("add: element by element", "[add][golden]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor y =
        add(tensor({2, 2}, {1, 2, 3, 4}, dtype), tensor({2, 2}, {0.5, -2, 10, 0}, dtype));
    CHECK(same_bits(y, tensor({2, 2}, {1.5, 0, 13, 4}, dtype)));
  }
}

TEST_CASE("add: refuses other shapes and types, and says which", "[add][error]") {
  const Tensor a = Tensor::zeros({2, 3});
  check_refused([&] { (void)add(a, Tensor::zeros({3, 2})); }, {"add", "[2, 3]", "[3, 2]"});
  check_refused([&] { (void)add(a, Tensor::zeros({6})); }, {"[2, 3]", "[6]"});
  check_refused(
      [&] {
        (void)add(a, Tensor::zeros({2, 3}, DType::f64));
      },
      {"f32", "f64", "Tensor::to"});
  check_refused([&] { (void)add(Tensor::zeros({1}, DType::i32), Tensor::zeros({1}, DType::i32)); },
                {"i32"});
}

TEST_CASE("add: every table gives the reference's bits, within bounds", "[add][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (Index n = 0; n <= 37; ++n) {
      CAPTURE(table->name, n);
      GuardedFloats a(n), b(n), y(n);
      a.randomize(1);
      b.randomize(2);
      table->add({.a = a.data(), .b = b.data(), .y = y.data()}, 0, n);
      for (Index i = 0; i < n; ++i) CHECK(y.data()[i] == a.data()[i] + b.data()[i]);
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("add: commutes, zero changes nothing, inputs untouched", "[add][property]") {
  const Tensor a = random_tensor({4, 5, 6}, 1), b = random_tensor({4, 5, 6}, 2), before = a.clone();
  CHECK(same_bits(add(a, b), add(b, a)));
  CHECK(same_bits(add(a, Tensor::zeros(a.shape())), a));
  CHECK(same_bits(a, before));
  CHECK(add(Tensor(), Tensor()).numel() == 0);
}

TEST_CASE("add: same bits for any number of threads", "[add][property]") {
  const Tensor a = random_tensor({70001}, 3), b = random_tensor({70001}, 4);
  check_same_bits_on_any_threads([&] { return add(a, b); });
}

}  // namespace rf::test
