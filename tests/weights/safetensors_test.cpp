#include "weights/safetensors.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/check.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/half.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::one_line;
using rf::test::same;
using rf::test::tensor;
using rf::test::thrown;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

SafetensorsFile read(const std::string& file) {
  const auto owner = std::make_shared<const std::string>(file);  // the tensors point into it
  return read_safetensors(std::as_bytes(std::span(*owner)), "x.safetensors", owner);
}

std::string refusal(const std::string& file) {
  const std::string text = thrown<FormatError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(one_line(text));
  CHECK(text.starts_with("x.safetensors: "));
  return text;
}

std::string refusal(const std::string& header, const std::string& data) {
  return refusal(file_of(header, data));
}

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("safetensors: a file written by hand is read", "[safetensors][golden]") {
  const std::string data("\0\0\x80\x3f\0\0\x20\xc0\x05\xff", 10);  // 1.0f, -2.5f, 5, -1
  const auto file = read(file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},
    "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"c":{"dtype":"I8","shape":[],"data_offsets":[9,10]},
    "empty":{"dtype":"F64","shape":[0,3],"data_offsets":[8,8]},"__metadata__":{"who":"me"}})",
                                 data));
  REQUIRE(file.tensors.size() == 4);
  CHECK(same(file.tensors.at("a"), tensor<float>({2}, {1.0F, -2.5F})));
  CHECK(same(file.tensors.at("b"), tensor<std::uint8_t>({1}, {5})));
  CHECK(same(file.tensors.at("c"), tensor<std::int8_t>({}, {-1})));
  CHECK(file.tensors.at("empty").shape() == Shape{0, 3});
  CHECK(file.metadata == std::map<std::string, std::string>{{"who", "me"}});
  CHECK(file.data.size() == 10);
}

TEST_CASE("safetensors: the smallest file has no tensors", "[safetensors]") {
  CHECK(read(file_of("{}", "")).tensors.empty());
}

TEST_CASE("safetensors: elements at odd addresses are copied, aligned ones are borrowed",
          "[safetensors]") {
  const std::string entry = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  for (int spaces = 0; spaces < 4; ++spaces) {
    const std::string file = file_of(entry + std::string(static_cast<std::size_t>(spaces), ' '),
                                     std::string("\0\0\x80\x3f", 4));
    const Tensor a =
        read_safetensors(std::as_bytes(std::span(file)), "x.safetensors", nullptr).tensors.at("a");
    CHECK(a.span<float>()[0] == 1.0F);
    const auto* begin = reinterpret_cast<const std::byte*>(file.data());
    const auto* value = static_cast<const std::byte*>(a.raw());
    const bool aligned = reinterpret_cast<std::uintptr_t>(file.data() + file.size() - 4) % 4 == 0;
    CHECK((value >= begin && value < begin + file.size()) == aligned);
  }
}

// Bit patterns and values from IEEE 754-2008 (binary16) and by hand.
TEST_CASE("safetensors: F16 and BF16 widen to f32", "[safetensors][golden]") {
  const std::string halves("\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x7c\x00\x80", 12);
  const Tensor a =
      read(file_of(R"({"a":{"dtype":"F16","shape":[6],"data_offsets":[0,12]}})", halves))
          .tensors.at("a");
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(same(a, tensor<float>({6}, {1.0F, -2.0F, 65504.0F, 5.9604645e-8F, inf, -0.0F})));
  CHECK(std::isnan(widen_f16(0x7e00)));
  CHECK(widen_f16(0x3555) == 0.333251953125F);
  const Tensor b = read(file_of(R"({"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})",
                                std::string("\x80\x3f\x49\xc0", 4)))
                       .tensors.at("b");
  CHECK(same(b, tensor<float>({2}, {1.0F, -3.140625F})));
}

TEST_CASE("safetensors: what was written is read back, bit by bit", "[safetensors][property]") {
  test::TemporaryFolder folder;
  StateDict tensors{{"odd", tensor<std::uint8_t>({3}, {1, 2, 3})},
                    {"a.weight", test::random_tensor({2, 3, 1, 5}, 1)},
                    {"double", test::random_tensor({4}, 2, DType::f64)},
                    {"scalar", tensor<std::int64_t>({}, {-7})},
                    {"ints", tensor<std::int32_t>({2}, {1 << 30, -5})},
                    {"small", tensor<std::int8_t>({1}, {-128})},
                    {"nothing", Tensor::zeros({2, 0})},
                    {"\xc3\xa9 \"quoted\"\n", tensor<float>({1}, {std::nanf("")})}};
  const std::map<std::string, std::string> metadata{{"retinaface", R"({"schema":"x"})"},
                                                    {"b", "\xe2\x82\xac"}};
  write_safetensors(folder.file("a"), tensors, metadata, IfExists::refuse);
  const SafetensorsFile file = read_safetensors(folder.file("a"));
  CHECK(file.metadata == metadata);
  REQUIRE(file.tensors.size() == tensors.size());
  for (const auto& [name, value] : tensors) {
    CAPTURE(name);
    CHECK(same(file.tensors.at(name), value));
  }
  // Aligned data, and the same bytes again.
  const std::string bytes = text_of(folder.file("a"));
  CHECK((bytes.size() - file.data.size()) % 64 == 0);
  write_safetensors(folder.file("b"), file.tensors, file.metadata, IfExists::refuse);
  CHECK(text_of(folder.file("b")) == bytes);
}

TEST_CASE("safetensors: writing refuses names that the format cannot hold, and existing files",
          "[safetensors][error]") {
  test::TemporaryFolder folder;
  const std::string path = folder.file("a");
  CHECK(holds(thrown<FormatError>([&] {
                return write_safetensors(path, {{"\xff", Tensor()}}, {}, IfExists::refuse), 0;
              }),
              "UTF-8"));
  CHECK(
      holds(thrown<FormatError>([&] {
              return write_safetensors(path, {{"__metadata__", Tensor()}}, {}, IfExists::refuse), 0;
            }),
            "__metadata__"));
  CHECK(!std::filesystem::exists(path));
  write_safetensors(path, {}, {}, IfExists::refuse);
  CHECK_THROWS_AS(write_safetensors(path, {}, {}, IfExists::refuse), FileError);
  CHECK_NOTHROW(write_safetensors(path, {}, {}, IfExists::replace));
}

TEST_CASE("safetensors: headers that lie about their length are refused", "[safetensors][error]") {
  CHECK(holds(refusal(""), "has 0 bytes"));
  CHECK(holds(refusal("1234567"), "has 7 bytes"));
  CHECK(holds(refusal(std::string("\x03\0\0\0\0\0\0\0{}", 10)),
              "claims a header of 3 bytes, but 2 follow"));
  CHECK(holds(refusal(std::string(8, '\xff') + "{}"), "at most 100000000"));
  CHECK(holds(refusal(std::string("\xf8\xff\xff\xff\xff\xff\xff\x7f{}", 10)), "at most 100000000"));
}

TEST_CASE("safetensors: headers that are no JSON object are refused", "[safetensors][error]") {
  CHECK(holds(refusal("", ""), "not JSON"));
  CHECK(holds(refusal("{", ""), "not JSON"));
  CHECK(holds(refusal("{}x", ""), "not JSON"));
  CHECK(holds(refusal("[]", ""), "not a JSON object"));
  CHECK(holds(refusal("{\"\xff\":1}", ""), "not JSON in UTF-8"));
  CHECK(holds(refusal(std::string(1'000'000, '['), ""), "nests deeper than 4"));
  CHECK(holds(refusal("{\"a\":1e999}", ""), "not JSON that can be used"));
  const std::string entry = R"({"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  CHECK(holds(refusal("{\"a\":" + entry + ",\"a\":" + entry + "}", "1"), "names a twice"));
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 2'100'000; ++i) many += ",0";
  CHECK(holds(refusal(many + "]}", ""), "more than 2000000 values"));
  CHECK(holds(refusal(R"({"__metadata__":[]})", ""), "not an object"));
  CHECK(holds(refusal(R"({"__metadata__":{"a":1}})", ""), "not a string"));
}

TEST_CASE("safetensors: types, shapes and places that cannot be are refused",
          "[safetensors][error]") {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  const std::string four = "1234", f32 = R"("F32")";
  CHECK(holds(refusal(entry(R"("F8_E4M3")", "[4]", "[0,4]"), four), "has type F8_E4M3; F32"));
  CHECK(holds(refusal(entry(R"("f32")", "[1]", "[0,4]"), four), "has type f32"));
  CHECK(holds(refusal(entry("4", "[1]", "[0,4]"), four), "dtype that is not a string"));
  CHECK(holds(refusal(entry(f32, "1", "[0,4]"), four), "not an array"));
  CHECK(holds(refusal(entry(f32, "[-1]", "[0,4]"), four), "whole numbers"));
  CHECK(holds(refusal(entry(f32, "[1.0]", "[0,4]"), four), "whole numbers"));
  CHECK(holds(refusal(entry(f32, "[\"1\"]", "[0,4]"), four), "whole numbers"));
  CHECK(holds(refusal(entry(f32, "[18446744073709551616]", "[0,4]"), four), "whole numbers"));
  CHECK(holds(refusal(entry(f32, "[9223372036854775808]", "[0,4]"), four), "too many elements"));
  CHECK(holds(refusal(entry(f32, "[4294967296,4294967296]", "[0,4]"), four), "too many elements"));
  CHECK(holds(refusal(entry(f32, "[4611686018427387904]", "[0,4]"), four), "too many elements"));
  CHECK(holds(refusal(entry(f32, "[1,1,1,1,1,1,1]", "[0,4]"), four), "rank 7"));
  CHECK(holds(refusal(entry(f32, "[2]", "[0,4]"), four), "needs 8 bytes, its offsets hold 4"));
  CHECK(holds(refusal(entry(f32, "[]", "[0,3]"), "123"), "needs 4 bytes, its offsets hold 3"));
  CHECK(holds(refusal(entry(f32, "[1]", "[0,8]"), four), "ends at byte 8, the data section has 4"));
  CHECK(holds(refusal(entry(f32, "[1]", "[4,0]"), four), "before it begins"));
  CHECK(holds(refusal(entry(f32, "[1]", "[-4,0]"), four), "whole numbers"));
  CHECK(holds(refusal(entry(f32, "[1]", "[0]"), four), "two data_offsets"));
  CHECK(holds(refusal(entry(f32, "[1]", "[0,4,4]"), four), "two data_offsets"));
  CHECK(holds(refusal(entry(f32, "[1]", "{}"), four), "two data_offsets"));
  CHECK(holds(refusal(entry(f32, "[1]", "[0,18446744073709551615]"), four),
              "the data section has 4"));
  CHECK(holds(refusal(R"({"t":{"dtype":"F32","shape":[1]}})", four), "needs exactly"));
  CHECK(holds(refusal(R"({"t":7})", four), "needs exactly"));
  CHECK(holds(refusal(R"({"a\nb":7})", four), "a\\x0ab"));
}

TEST_CASE("safetensors: overlaps and holes are refused", "[safetensors][error]") {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  CHECK_NOTHROW(read(file_of(two("[2,4]", "[0,2]"), "1234")));  // their order does not matter
  CHECK(holds(refusal(two("[0,2]", "[1,3]"), "123"), "begins at byte 1, inside the one before"));
  CHECK(holds(refusal(two("[0,2]", "[0,2]"), "12"), "inside the one before"));
  CHECK(holds(refusal(two("[0,2]", "[3,5]"), "12345"),
              "bytes 2 to 3 before tensor b belong to no tensor"));
  CHECK(holds(refusal(two("[1,3]", "[3,5]"), "12345"), "bytes 0 to 1"));
  CHECK(holds(refusal(two("[0,2]", "[2,4]"), "12345"), "bytes 4 to 5 at the end"));
  CHECK(holds(refusal("{}", "1"), "at the end"));
}

TEST_CASE("safetensors: truncated files are refused, flipped bits do no harm",
          "[safetensors][error]") {
  test::TemporaryFolder folder;
  write_safetensors(folder.file("a"),
                    {{"a", test::random_tensor({3}, 1)}, {"b", test::random_tensor({2, 2}, 2)}},
                    {{"k", "v"}}, IfExists::refuse);
  const std::string whole = text_of(folder.file("a"));
  const auto refusals =
      test::damage(whole, "x.safetensors", 1, [](const std::string& file) { return read(file); });
  CHECK(refusals.cuts == whole.size());
  CHECK(refusals.flips > 500);
}

TEST_CASE("safetensors: files of another writer are read", "[safetensors][golden]") {
  const auto path = test::shared_file("golden/net_group_320.safetensors");
  if (!path) return;
  const SafetensorsFile file = read_safetensors(path->string());
  CHECK(file.metadata.at("weights") == "mobilenet0.25_Final.pth");
  const Tensor& image = file.tensors.at("image");
  CHECK(image.dtype() == DType::u8);
  CHECK(image.shape()[2] == 3);
  CHECK(file.tensors.at("detections").shape()[1] == 15);
}
