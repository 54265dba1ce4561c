#include "weights/npy.hpp"

#include <catch2/catch.hpp>

#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::same;
using rf::test::tensor;

namespace {

Tensor read(const std::string& file) { return read_npy(test::bytes_of(file), "x.npy"); }

std::string refusal(const std::string& file) {
  const std::string text = test::thrown<FormatError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.npy: "));
  return text;
}

std::string with_header(const std::string& text, const std::string& elements = "") {
  return test::npy_head(text) + elements;
}

}  // namespace

TEST_CASE("npy: arrays of every type and rank", "[npy]") {
  for (const Tensor& array :
       {test::random_tensor({2, 3, 4}, 1), test::random_tensor({5}, 2, DType::f64),
        tensor<std::int32_t>({1, 1, 1, 1, 1, 2}, {-1, 5}),
        tensor<std::int64_t>({2}, {INT64_MIN, 7}), tensor<std::uint8_t>({3}, {0, 128, 255}),
        test::random_tensor({}, 3), Tensor::zeros({0, 3})}) {
    CHECK(same(read(test::npy(array)), array));
  }
}

TEST_CASE("npy: headers as other versions write them", "[npy]") {
  const std::string four(16, '\0');
  CHECK(read(with_header("{'descr':'<f4','fortran_order':False,'shape':(4,)}", four)).shape() ==
        Shape{4});
  CHECK(read(with_header("{'shape': (2, 2), 'fortran_order': False, 'descr': '<f4', }   \n", four))
            .shape() == Shape{2, 2});
  std::string second = test::npy(test::random_tensor({4}, 1));
  second[6] = 2;  // the length has four bytes
  second.insert(10, 2, '\0');
  CHECK(same(read(second), test::random_tensor({4}, 1)));
}

TEST_CASE("npy: refuses what it cannot read, and says why", "[npy][error]") {
  CHECK(holds(refusal("PK\3\4 something"), "no NumPy array"));
  CHECK(holds(refusal("\x93NUMPY\x04\0\0\0"), "ends"));
  std::string version = test::npy(Tensor::zeros({1}));
  version[6] = 4;
  CHECK(holds(refusal(version), "version 4"));
  const auto header = [](const char* descr, const char* order, const char* shape) {
    return with_header(
        message("{'descr': ", descr, ", 'fortran_order': ", order, ", 'shape': ", shape, ", }"));
  };
  CHECK(holds(refusal(header("'>f4'", "False", "(1,)")), ">f4"));
  CHECK(holds(refusal(header("'<f4'", "True", "(1,)")), "C order"));
  CHECK(holds(refusal(header("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1)")), "6 dimensions"));
  CHECK(holds(refusal(header("'<f4'", "False", "(-1,)")), "cannot be read"));
  CHECK(holds(refusal(header("'<f4'", "False", "(4000000000, 4000000000)")), "too many"));
  CHECK(holds(refusal(header("'<f4'", "False", "(99999999999999999999,)")), "2^63"));
  CHECK(holds(refusal(header("'<f8'", "False", "(2000000000, 2000000000)")), "too many"));
  CHECK(holds(refusal(header("'<f4'", "False", "(1000000000,)")), "4000000000 bytes are needed"));
  CHECK(holds(refusal(with_header("{'descr': '<f4', 'shape': (1,)}")), "cannot be read"));
  CHECK(holds(refusal(with_header("{'descr': '<f4'} x")), "cannot be read"));
  CHECK(holds(refusal(with_header("{'a\nb': 1}")), "a\\x0ab"));
  CHECK(holds(refusal(test::npy(Tensor::zeros({2})) + "x"), "1 bytes behind"));
}

TEST_CASE("npy: damaged files are refused or read, never more", "[npy][error]") {
  const test::Refusals refusals =
      test::damage(test::npy(test::random_tensor({3, 2}, 1)), "x.npy", 1,
                   [](const std::string& file) { return read(file); });
  CHECK(refusals.cuts == test::npy(test::random_tensor({3, 2}, 1)).size());
  CHECK(refusals.flips > 100);
}
