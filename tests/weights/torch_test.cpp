#include "weights/torch.hpp"

#include <catch2/catch.hpp>

#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::le;
using rf::test::pickled;
using rf::test::pickled_dict;
using rf::test::same;
using rf::test::tensor;

namespace {

TorchFile read(const std::string& file) {
  const auto owner = std::make_shared<const std::string>(file);  // the tensors point into it
  return read_torch(test::bytes_of(*owner), "x.pth", owner);
}

std::string refusal(const std::string& file) {
  const std::string text = test::thrown<FormatError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.pth: "));
  return text;
}

const std::string kSix = test::elements_of(tensor<float>({6}, {0, 1, 2, 3, 4, 5}));

// A file with one tensor "t" over a storage "0" of the floats 0 to 5.
std::string one(const test::TorchTensor& t) {
  return test::torch_legacy(pickled_dict({{pickled("t"), t.pickle()}}), {{"0", kSix}});
}
test::TorchTensor view(const std::vector<Index>& sizes, const std::vector<Index>& strides,
                       Index offset = 0) {
  return {"FloatStorage", "0", 6, offset, sizes, strides};
}

}  // namespace

TEST_CASE("torch: both formats give back what was saved", "[torch][property]") {
  const StateDict tensors{{"a.weight", test::random_tensor({2, 3, 1, 5}, 1)},
                          {"b", test::random_tensor({4}, 2)},
                          {"scalar", tensor<float>({}, {7})},
                          {"nothing", Tensor::zeros({0, 3})}};
  for (const std::string& file : {test::torch_legacy(tensors), test::torch_zip(tensors)}) {
    const TorchFile got = read(file);
    CHECK(got.format == (file[0] == 'P' ? TorchFormat::zip : TorchFormat::legacy));
    REQUIRE(got.tensors.size() == tensors.size());
    for (const auto& [name, value] : tensors) CHECK(same(got.tensors.at(name), value));
  }
}

TEST_CASE("torch: every type of element is read", "[torch]") {
  const StateDict tensors{{"f64", test::random_tensor({3}, 1, DType::f64)},
                          {"i64", tensor<std::int64_t>({2}, {-1, INT64_MAX})},
                          {"i32", tensor<std::int32_t>({1}, {-5})},
                          {"u8", tensor<std::uint8_t>({3}, {0, 128, 255})},
                          {"i8", tensor<std::int8_t>({1}, {-128})}};
  const TorchFile got = read(test::torch_zip(tensors));
  for (const auto& [name, value] : tensors) CHECK(same(got.tensors.at(name), value));
}

TEST_CASE("torch: half and bfloat16 become float", "[torch][golden]") {
  const test::TorchTensor half{"HalfStorage", "0", 2, 0, {2}, {1}},
      brain{"BFloat16Storage", "1", 2, 0, {2}, {1}};
  const TorchFile got = read(test::torch_legacy(
      pickled_dict({{pickled("h"), half.pickle()}, {pickled("b"), brain.pickle()}}),
      {{"0", std::string("\x00\x3c\x00\xc0", 4)}, {"1", "\x80\x3f\x49\xc0"}}, 2));
  CHECK(same(got.tensors.at("h"), tensor<float>({2}, {1.0F, -2.0F})));
  CHECK(same(got.tensors.at("b"), tensor<float>({2}, {1.0F, -3.140625F})));
}

// By hand: the storage is 0 1 2 3 4 5; element (i, j) is number offset + i s0 + j s1 of it.
TEST_CASE("torch: offsets and strides are honoured", "[torch][golden]") {
  const auto t = [](const test::TorchTensor& description) {
    return read(one(description)).tensors.at("t");
  };
  CHECK(same(t(view({2, 3}, {3, 1})), tensor<float>({2, 3}, {0, 1, 2, 3, 4, 5})));
  CHECK(same(t(view({3, 2}, {1, 3})), tensor<float>({3, 2}, {0, 3, 1, 4, 2, 5})));  // transposed
  CHECK(same(t(view({2}, {1}, 3)), tensor<float>({2}, {3, 4})));
  CHECK(same(t(view({3}, {2}, 1)), tensor<float>({3}, {1, 3, 5})));
  CHECK(same(t(view({2, 2}, {0, 1}, 4)), tensor<float>({2, 2}, {4, 5, 4, 5})));  // broadcast
  CHECK(same(t(view({1, 2}, {100, 1})),
             tensor<float>({1, 2}, {0, 1})));  // a stride that is never taken
  CHECK(same(t(view({}, {}, 5)), tensor<float>({}, {5})));
}

TEST_CASE("torch: tensors outside their storage are refused", "[torch][error]") {
  const std::string outside = "tensor t reaches outside its storage of 6 elements";
  CHECK(holds(refusal(one(view({7}, {1}))), outside));
  CHECK(holds(refusal(one(view({2}, {1}, 5))), outside));
  CHECK(holds(refusal(one(view({}, {}, 6))), outside));
  CHECK(holds(refusal(one(view({2, 3}, {4, 1}))), outside));
  CHECK(holds(refusal(one(view({4}, {2}))), outside));
  CHECK(holds(refusal(one(view({1'000'000'000'000}, {0}))), outside));
  CHECK(holds(refusal(one(view({1LL << 32, 1LL << 32}, {0, 0}))), outside));
  CHECK(holds(refusal(one(view({2}, {INT64_MAX}, 1))), outside));
  CHECK(holds(refusal(one(view({3}, {INT64_MAX}))), outside));
  CHECK(read(one(view({0, 1'000'000}, {1, 1}))).tensors.at("t").numel() == 0);
}

TEST_CASE("torch: storages that do not fit their description are refused", "[torch][error]") {
  const auto file = [](const test::TorchTensor& t, const test::TorchStorages& storages) {
    return test::torch_legacy(pickled_dict({{pickled("t"), t.pickle()}}), storages);
  };
  const test::TorchTensor t = view({2}, {1});
  CHECK(holds(refusal(file(t, {})), "its storage is not in the file"));
  CHECK(holds(refusal(file(t, {{"0", kSix}, {"0", kSix}})), "lists storage 0 twice"));
  CHECK(holds(refusal(file(t, {{"1", kSix}})), "lists storage 1, which no tensor uses"));
  CHECK(holds(refusal(file(t, {{"0", kSix + "1234"}})),
              "should have 6 elements of 4 bytes, but has 28 bytes"));
  CHECK(holds(refusal(file(t, {{"0", kSix}}) + "x"), "1 bytes behind its last storage"));
  std::string negative = file(t, {{"0", kSix}});
  negative.replace(negative.size() - 32, 8, le<Index>(-1));
  CHECK(holds(refusal(negative), "storage of -1 elements"));
  negative.replace(negative.size() - 32, 8, le<Index>(INT64_MAX));
  CHECK(holds(refusal(negative), "storage of 9223372036854775807 elements"));
  const auto entries = [&](const std::string& bytes) {
    return test::zip(
        test::torch_zip_entries(pickled_dict({{pickled("t"), t.pickle()}}), {{"0", bytes}}));
  };
  CHECK_NOTHROW(read(entries(kSix)));
  CHECK(holds(refusal(entries("1234")), "but has 4 bytes"));
}

TEST_CASE("torch: many copies of one storage cannot fill the memory", "[torch][error]") {
  std::vector<std::pair<std::string, std::string>> items;
  const std::string storage(40'000, '\0');
  for (int i = 0; i < 1000; ++i) {
    const test::TorchTensor t{"FloatStorage", "0", 10'000, 0, {100, 100}, {1, 100}};
    items.emplace_back(pickled(message("t", i)), t.pickle());
  }
  CHECK(
      holds(refusal(test::torch_legacy(pickled_dict(items), {{"0", storage}})), "overlap so much"));
}

TEST_CASE("torch: the state dictionary is found in a checkpoint", "[torch]") {
  const TorchFile bare = read(one(view({6}, {1})));
  const std::string t = view({6}, {1}).pickle(), loss = view({}, {}).pickle();
  const std::string state = pickled_dict({{pickled("t"), t}});
  const std::string optimizer = pickled_dict(
      {{pickled("state"), pickled_dict({{pickled("7"), pickled_dict({{pickled("m"), t}})}})}});
  const std::vector<std::string> checkpoints{
      pickled_dict({{pickled("state_dict"), state}}),
      pickled_dict({{pickled("epoch"), pickled(3)}, {pickled("net_state_dict"), state}}),
      pickled_dict({{pickled("state_dict"), state},
                    {pickled("best"), loss},
                    {pickled("optimizer"), optimizer}}),
      pickled_dict({{pickled("model"), state}}),
      pickled_dict({{pickled("model"), pickled_dict({{pickled("state_dict"), state}})}}),
      pickled_dict({{pickled("t"), t}, {pickled("note"), pickled("text")}}),
      pickled_dict({{pickled("state_dict"), pickled_dict({{pickled("module.t"), t}})}}),
  };
  for (const std::string& object : checkpoints) {
    const TorchFile file = read(test::torch_legacy(object, {{"0", kSix}}));
    REQUIRE(file.tensors.size() == 1);
    CHECK(same(file.tensors.at("t"), bare.tensors.at("t")));
  }
}

TEST_CASE("torch: a prefix module. stays where not all names have it", "[torch]") {
  const std::string t = view({6}, {1}).pickle();
  const TorchFile file = read(test::torch_legacy(
      pickled_dict({{pickled("module.a"), t}, {pickled("b"), t}}), {{"0", kSix}}));
  CHECK(file.tensors.contains("module.a"));
}

TEST_CASE("torch: objects without one state dictionary are refused", "[torch][error]") {
  const std::string t = view({6}, {1}).pickle(), state = pickled_dict({{pickled("t"), t}});
  const auto file = [](const std::string& object) { return test::torch_legacy(object, {}); };
  CHECK(holds(refusal(file("N")), "holds no dictionary of tensors"));
  CHECK(holds(refusal(file("}")), "holds no dictionary of tensors"));
  CHECK(holds(refusal(test::torch_legacy(
                  pickled_dict({{pickled("a"), state}, {pickled("b"), state}}), {{"0", kSix}})),
              "among them a and b"));
  CHECK(holds(refusal(test::torch_legacy(pickled_dict({{pickled("t"), t}, {pickled("t"), t}}),
                                         {{"0", kSix}})),
              "names tensor t twice"));
  CHECK(holds(refusal(test::torch_legacy(pickled_dict({{pickled(3), t}}), {{"0", kSix}})),
              "name is no string"));
}

TEST_CASE("torch: files of other programs and machines are refused", "[torch][error]") {
  CHECK(holds(refusal(""), "the file ends"));
  CHECK(holds(refusal("\x80\x02K\x01."), "not one of torch.save"));
  std::string other = test::torch_legacy(StateDict{});
  const std::size_t version = other.find(le<std::uint16_t>(1001));
  CHECK(holds(refusal(std::string(other).replace(version, 1, "\x01")), "another version"));
  const std::size_t little = other.find('\x88');
  CHECK(holds(refusal(std::string(other).replace(little, 1, "\x89")), "big-endian"));
  CHECK(holds(refusal(test::zip({{"word/document.xml", "x"}})), "not one of torch.save"));
  auto entries = test::torch_zip_entries(pickled_dict({{pickled("t"), view({6}, {1}).pickle()}}),
                                         {{"0", kSix}});
  entries.emplace_back("archive/byteorder", "little");
  CHECK_NOTHROW(read(test::zip(entries)));
  entries.back().second = "big";
  CHECK(holds(refusal(test::zip(entries)), "big-endian"));
}

TEST_CASE("torch: a pickle inside that asks for os.system is refused by name in both formats",
          "[torch][error]") {
  const std::string evil = "cos\nsystem\n(X\x02" + std::string(3, '\0') + "lstR";
  CHECK(holds(refusal(test::torch_legacy(evil, {})), "pickle asks for os.system"));
  CHECK(holds(refusal(test::zip(test::torch_zip_entries(evil, {}))), "pickle asks for os.system"));
}

TEST_CASE("torch: truncated files are refused, flipped bits do no harm", "[torch][error]") {
  const StateDict tensors{{"a", test::random_tensor({2, 2}, 1)},
                          {"b", test::random_tensor({3}, 2)}};
  for (const std::string& file : {test::torch_legacy(tensors), test::torch_zip(tensors)}) {
    const auto refusals =
        test::damage(file, "x.pth", 1, [](const std::string& bytes) { return read(bytes); });
    CHECK(refusals.cuts == file.size());
    CHECK(refusals.flips > 1000);
  }
}

// Counts and shapes from the README beside the files.
TEST_CASE("torch: the public files are read", "[torch][golden]") {
  struct Expected {
    const char* name;
    TorchFormat format;
    const char* tensor;
    Shape shape;
    std::size_t count;
  };
  const Expected files[] = {
      {"mobilenet0.25_Final.pth",
       TorchFormat::legacy,
       "ssh2.conv7x7_3.0.weight",
       {16, 16, 3, 3},
       300},
      {"mobilenet0.25_zip_format.pth",
       TorchFormat::zip,
       "LandmarkHead.2.conv1x1.weight",
       {20, 64, 1, 1},
       300},
      {"mobilenetV1X0.25_pretrain.tar", TorchFormat::legacy, "fc.weight", {1000, 256}, 164},
      {"mobilefacenet_068.ckpt", TorchFormat::legacy, "linear7.conv.weight", {512, 1, 7, 6}, 333},
  };
  for (const Expected& expected : files) {
    const auto path = test::shared_file(std::string("weights/") + expected.name);
    if (!path) continue;
    const TorchFile file = read_torch(path->string());
    CAPTURE(expected.name);
    CHECK(file.format == expected.format);
    CHECK(file.tensors.size() == expected.count);
    REQUIRE(file.tensors.contains(expected.tensor));
    CHECK(file.tensors.at(expected.tensor).shape() == expected.shape);
  }
}

// Values that Python 3's own pickle module and struct.unpack find in the file.
TEST_CASE("torch: the numbers are those that Python reads", "[torch][golden]") {
  const auto path = test::shared_file("weights/mobilenet0.25_Final.pth");
  if (!path) return;
  const StateDict tensors = read_torch(path->string()).tensors;
  const auto first = [&](const char* name) {
    return tensor<float>({3}, {tensors.at(name).data<float>(), tensors.at(name).data<float>() + 3});
  };
  CHECK(same(first("body.stage1.0.0.weight"),
             tensor<float>({3}, {0.10497289F, -0.00853274018F, -0.0575710684F})));
  CHECK(same(first("ClassHead.0.conv1x1.bias"),
             tensor<float>({3}, {0.5819577F, -0.56260586F, 0.5956408F})));
  CHECK(same(first("ssh3.conv7x7_3.1.running_var"),
             tensor<float>({3}, {0.13965178F, 0.07287059F, 0.2055603F})));
  CHECK(tensors.at("body.stage1.0.1.num_batches_tracked").dtype() == DType::i64);
  Index trainable = 0;
  for (const auto& [name, value] : tensors) {
    const bool buffer = name.ends_with("running_mean") || name.ends_with("running_var") ||
                        name.ends_with("tracked");
    trainable += buffer ? 0 : value.numel();
  }
  CHECK(trainable == 426'608);  // the README beside the file
}
