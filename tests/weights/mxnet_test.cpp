#include "weights/mxnet.hpp"

#include <catch2/catch.hpp>

#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::le;
using rf::test::MxnetArray;
using rf::test::same;
using rf::test::tensor;

namespace {

StateDict read(const std::string& file) {
  const auto owner = std::make_shared<const std::string>(file);  // the tensors point into it
  return read_mxnet(test::bytes_of(*owner), "x.params", owner);
}

std::string refusal(const std::string& file) {
  const std::string text = test::thrown<FormatError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.params: "));
  return text;
}

std::string refusal(const MxnetArray& array) { return refusal(test::mxnet({{"arg:a", array}})); }

}  // namespace

TEST_CASE("mxnet: what was saved is read, without arg: and aux:", "[mxnet]") {
  const StateDict tensors{{"arg:f32", test::random_tensor({2, 3, 1, 5}, 1)},
                          {"aux:f64", test::random_tensor({3}, 2, DType::f64)},
                          {"i64", tensor<std::int64_t>({2}, {-1, INT64_MAX})},
                          {"i32", tensor<std::int32_t>({1}, {-5})},
                          {"u8", tensor<std::uint8_t>({3}, {0, 128, 255})},
                          {"i8", tensor<std::int8_t>({1}, {-128})}};
  const StateDict got = read(test::mxnet(tensors));
  REQUIRE(got.size() == tensors.size());
  for (const auto& [name, value] : tensors) {
    CHECK(same(got.at(name.starts_with("a") ? name.substr(4) : name), value));
  }
  CHECK(read(test::mxnet(StateDict{})).empty());
}

TEST_CASE("mxnet: half becomes float, version 3 knows scalars", "[mxnet]") {
  MxnetArray half;
  half.dims = {2};
  half.element_type = 2;
  half.elements = std::string("\x00\x3c\x00\xc0", 4);
  MxnetArray scalar;
  scalar.magic = 0xF993FACA;
  scalar.elements = le(2.5F);
  const StateDict got = read(test::mxnet({{"half", half}, {"scalar", scalar}}));
  CHECK(same(got.at("half"), tensor<float>({2}, {1.0F, -2.0F})));
  CHECK(same(got.at("scalar"), tensor<float>({}, {2.5F})));
}

TEST_CASE("mxnet: arrays that cannot be are refused", "[mxnet][error]") {
  MxnetArray good;
  good.dims = {1};
  good.elements = "1234";
  CHECK_NOTHROW(read(test::mxnet({{"arg:a", good}})));
  const auto with = [&](auto change) {
    MxnetArray array = good;
    change(array);
    return refusal(array);
  };
  CHECK(holds(with([](auto& a) { a.magic = 0xF993FAC8; }), "array 0 begins with 4187224776"));
  CHECK(holds(with([](auto& a) { a.storage_type = 1; }), "is sparse (storage type 1)"));
  CHECK(holds(with([](auto& a) { a.dims = {}; }), "array 0 is empty"));
  CHECK(holds(with([](auto& a) { a.dims = {-1}; }), "dimension -1"));
  CHECK(holds(with([](auto& a) { a.dims = {1, 1, 1, 1, 1, 1, 1}; }), "rank 7"));
  CHECK(holds(with([](auto& a) { a.dims.assign(4, INT64_MAX); }), "too many elements"));
  CHECK(holds(with([](auto& a) { a.dims = {1LL << 62}; }), "too many elements"));
  CHECK(holds(with([](auto& a) { a.dims = {1LL << 40}; }), "the file ends inside an array"));
  CHECK(holds(with([](auto& a) { a.element_type = 7; }), "elements of type 7"));
}

TEST_CASE("mxnet: lists that lie about their length are refused", "[mxnet][error]") {
  MxnetArray array;
  array.dims = {1};
  array.elements = "1234";
  const std::string file = test::mxnet({{"a", array}});
  const std::size_t names = file.size() - 17;  // count, length, "a"
  CHECK(holds(refusal(""), "the file ends inside the head"));
  CHECK(holds(refusal(std::string(24, '\0')), "is not a list of MXNet arrays"));
  CHECK(holds(refusal(std::string(file).replace(16, 8, le(~std::uint64_t{0}))),
              "claims 18446744073709551615 arrays"));
  CHECK(holds(refusal(std::string(file).replace(16, 8, le(std::uint64_t{50'000}))),
              "array 1 begins with"));
  CHECK(holds(refusal(std::string(file).replace(names, 8, le(std::uint64_t{2}))),
              "2 names for 1 arrays"));
  CHECK(holds(refusal(std::string(file).replace(names + 8, 8, le(~std::uint64_t{0}))),
              "ends inside the names"));
  CHECK(holds(refusal(test::mxnet({{"arg:a", array}, {"aux:a", array}})), "names array a twice"));
  CHECK(holds(refusal(file + "x"), "1 bytes behind its last name"));
}

TEST_CASE("mxnet: truncated files are refused, flipped bits do no harm", "[mxnet][error]") {
  const std::string file = test::mxnet(
      {{"arg:a", test::random_tensor({2, 2}, 1)}, {"aux:b", test::random_tensor({3}, 2)}});
  const auto refusals =
      test::damage(file, "x.params", 1, [](const std::string& bytes) { return read(bytes); });
  CHECK(refusals.cuts == file.size());
  CHECK(refusals.flips > 500);
}

TEST_CASE("mxnet: the public file is read", "[mxnet][golden]") {
  const auto path = test::shared_file("weights/mnet.25-0000.params");
  if (!path) return;
  const StateDict tensors = read_mxnet(path->string());
  CHECK(tensors.size() == 273);
  CHECK(tensors.at("face_rpn_landmark_pred_stride8_weight").shape() == Shape{20, 64, 1, 1});
  CHECK(tensors.at("mobilenet0_conv0_weight").shape() == Shape{8, 3, 3, 3});
  // Found with Python's struct.unpack.
  CHECK(tensors.at("rf_c2_lateral_bn_moving_var").data<float>()[1] == 0.00054296432F);
}
