#include "engine/tensor.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/check.hpp"

namespace rf::test {

TEST_CASE("tensor: sizes and names of element types", "[tensor]") {
  const std::vector<std::pair<DType, Index>> sizes{{DType::f32, 4}, {DType::f64, 8},
                                                   {DType::i32, 4}, {DType::i64, 8},
                                                   {DType::u8, 1},  {DType::i8, 1}};
  for (const auto& [dtype, size] : sizes) CHECK(size_of(dtype) == size);
  CHECK(std::string(to_string(DType::f32)) == "f32");
  CHECK(std::string(to_string(DType::i8)) == "i8");
  CHECK(message(DType::u8) == "u8");
}

TEST_CASE("tensor: storage is aligned to 64 bytes, of its own, as long as it says", "[tensor]") {
  for (const Index n : {0, 1, 3, 16, 17, 1000}) {
    Tensor t = Tensor::empty({n}, DType::i64);
    CHECK(reinterpret_cast<std::uintptr_t>(t.raw()) % Tensor::kAlignment == 0);
    CHECK(t.bytes() == 8 * n);
    CHECK(t.span<std::int64_t>().size() == static_cast<std::size_t>(n));
    for (std::int64_t& v : t.span<std::int64_t>()) v = -1;
    CHECK(t.shape() == Shape{n});
  }
}

TEST_CASE("tensor: a default one has no elements, a scalar has one", "[tensor]") {
  CHECK(Tensor().numel() == 0);
  CHECK(Tensor().shape() == Shape{0});
  CHECK(Tensor::zeros({}).numel() == 1);
  CHECK(Tensor::zeros({}).data<float>()[0] == 0);
}

TEST_CASE("tensor: copies share storage, clones do not", "[tensor]") {
  Tensor a = Tensor::zeros({2, 2});
  Tensor b = a, c = a.clone();
  b.data<float>()[3] = 5;
  CHECK(a.data<float>()[3] == 5);
  CHECK(c.data<float>()[3] == 0);
  CHECK(a.shares_storage_with(b));
  CHECK_FALSE(a.shares_storage_with(c));
  CHECK_FALSE(Tensor().shares_storage_with(Tensor()));
}

TEST_CASE("tensor: from copies values in row-major order and refuses another count", "[tensor]") {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Tensor t = Tensor::from({2, 3}, std::span(values));
  CHECK(t.data<float>()[4] == 5);
  CHECK_THROWS_WITH(Tensor::from({2, 2}, std::span(values)),
                    Catch::Contains("6") && Catch::Contains("[2, 2]"));
}

TEST_CASE("tensor: another shape of the same elements", "[tensor]") {
  const Tensor t = Tensor::zeros({2, 6});
  CHECK(t.reshaped({3, 4}).shape() == Shape{3, 4});
  CHECK(t.reshaped({3, 4}).shares_storage_with(t));
  CHECK_THROWS_WITH(t.reshaped({5}), Catch::Contains("[2, 6]") && Catch::Contains("[5]"));
}

TEST_CASE("tensor: conversion keeps values, truncates to integers", "[tensor]") {
  const std::vector<double> values{1.75, -1.75, 100, 0};
  const Tensor t = Tensor::from({4}, std::span(values));
  const Tensor f = t.to(DType::f32), i = t.to(DType::i8), back = f.to(DType::f64);
  for (std::size_t k = 0; k < 4; ++k) CHECK(back.span<double>()[k] == values[k]);
  CHECK(i.data<std::int8_t>()[0] == 1);
  CHECK(i.data<std::int8_t>()[1] == -1);
  CHECK(i.data<std::int8_t>()[2] == 100);
  CHECK(t.to(DType::i64).data<std::int64_t>()[2] == 100);
  CHECK_FALSE(t.to(DType::f64).shares_storage_with(t));
}

TEST_CASE("tensor: borrowed elements keep their owner alive as long as any copy", "[tensor]") {
  auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  const std::weak_ptr<std::vector<float>> watch = values;
  {
    Tensor copy;
    {
      const Tensor t = Tensor::borrow({3}, DType::f32, values->data(), values);
      copy = t.reshaped({1, 3});
    }
    values.reset();
    CHECK_FALSE(watch.expired());
    CHECK(copy.data<float>()[2] == 3);
  }
  CHECK(watch.expired());
}

TEST_CASE("tensor: rows are a part of the same storage", "[tensor]") {
  Tensor t =
      Tensor::from({4, 2}, std::span<const float>(std::array<float, 8>{0, 1, 2, 3, 4, 5, 6, 7}));
  Tensor middle = t.rows(1, 3);
  CHECK(middle.shape() == Shape{2, 2});
  CHECK(std::as_const(middle).data<float>()[0] == 2);
  middle.data<float>()[3] = 50;
  CHECK(t.data<float>()[5] == 50);
  CHECK_FALSE(t.is_sole_owner());
  CHECK(t.rows(4, 4).shape() == Shape{0, 2});
  CHECK(Tensor::zeros({0, 3}).rows(0, 0).shape() == Shape{0, 3});
}

TEST_CASE("tensor: sizes that do not fit in memory are refused before anything is allocated",
          "[tensor]") {
  CHECK_THROWS_AS(Tensor::empty({Index{1} << 61}, DType::f64), ShapeError);
  CHECK_THROWS_AS(Tensor::empty({std::numeric_limits<Index>::max()}, DType::u8), ShapeError);
}

}  // namespace rf::test
