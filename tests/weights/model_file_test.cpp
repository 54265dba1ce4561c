#include "weights/model_file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "retinaface/model.hpp"
#include "retinaface/model_config.hpp"
#include "retinaface/networks.hpp"
#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/convert.hpp"
#include "weights/mxnet.hpp"
#include "weights/name_map.hpp"
#include "weights/safetensors.hpp"
#include "weights/sha256.hpp"
#include "weights/torch.hpp"

using namespace rf;
using nlohmann::json;
using rf::test::holds;
using rf::test::same;
using rf::test::tensor;

namespace {

const std::string kDescription = R"({"schema":"retinaface-model/1","name":"tiny","sha256":""})";

ModelFile tiny() {
  return {.format = "",
          .description = kDescription,
          .tensors = {{"a", tensor<float>({2}, {1, 2})}, {"b", test::random_tensor({2, 3}, 1)}},
          .sha256 = ""};
}

ModelFile read(const std::string& file, const std::string& patch = "") {
  const auto owner = std::make_shared<const std::string>(file);  // the tensors point into it
  return read_model(test::bytes_of(*owner), "x.model", owner, {.description_patch = patch});
}

std::string refusal(const std::string& file) {
  const std::string text = test::thrown<ModelError>([&] { return read(file); });
  CAPTURE(text);
  CHECK(test::one_line(text));
  CHECK(text.starts_with("x.model: "));
  return text;
}

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path, 1 << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The tensors of a layout, with random numbers.
StateDict tensors_of(const std::string& layout) {
  StateDict tensors;
  for (const NameMap& map : published_name_maps()) {
    if (map.layout != layout) continue;
    std::uint64_t seed = 0;
    for (const auto& entry : map.entries)
      tensors.emplace(entry.from, test::random_tensor(entry.shape, ++seed));
  }
  REQUIRE(!tensors.empty());
  return tensors;
}
const std::string kPyTorch = "mobilenet0.25 of biubug6/Pytorch_Retinaface",
                  kMxnet = "mnet.25 of deepinsight/insightface",
                  kBackbone =
                      "MobileNetV1 x0.25 of biubug6/Pytorch_Retinaface, trained on ImageNet";

}  // namespace

TEST_CASE(
    "model_file: a written model is read back, bit by bit, and written again as the same bytes",
    "[model_file][property]") {
  test::TemporaryFolder folder;
  write_model(folder.file("a"), tiny(), IfExists::refuse);
  const ModelFile model = read_model(folder.file("a"));
  CHECK(model.format == "safetensors");
  REQUIRE(model.tensors.size() == 2);
  for (const auto& [name, value] : tiny().tensors) CHECK(same(model.tensors.at(name), value));
  // The hash is that of the elements of a, then b.
  const std::string elements =
      test::elements_of(tiny().tensors.at("a")) + test::elements_of(tiny().tensors.at("b"));
  CHECK(model.sha256 == sha256_hex(test::bytes_of(elements)));
  CHECK(json::parse(model.description) ==
        json{{"schema", "retinaface-model/1"}, {"name", "tiny"}, {"sha256", model.sha256}});
  write_model(folder.file("b"), model, IfExists::refuse);
  CHECK(text_of(folder.file("a")) == text_of(folder.file("b")));
  CHECK_NOTHROW(verify_model(folder.file("b"), model));
}

TEST_CASE("model_file: verification notices any difference", "[model_file]") {
  test::TemporaryFolder folder;
  write_model(folder.file("a"), tiny(), IfExists::refuse);
  const ModelFile model = read_model(folder.file("a"));
  const auto failure = [&](auto change) {
    ModelFile other = model;
    change(other);
    return test::thrown<ModelError>([&] { return verify_model(folder.file("a"), other), 0; });
  };
  CHECK(failure([](ModelFile&) {}) == "nothing thrown");
  CHECK(holds(failure([](ModelFile& m) { m.sha256[0] = 'x'; }), "verification failed: SHA-256"));
  CHECK(holds(failure([](ModelFile& m) { m.description += ' '; }), "description differs"));
  CHECK(holds(failure([](ModelFile& m) { m.tensors.erase("a"); }), "2 tensors instead of 1"));
  CHECK(holds(failure([](ModelFile& m) {
                m.tensors["a"] = tensor<float>({2}, {1, 3});
              }),
              "tensor a differs"));
  CHECK(holds(failure([](ModelFile& m) {
                m.tensors["a"] = tensor<float>({1, 2}, {1, 2});
              }),
              "tensor a differs"));
}

TEST_CASE("model_file: a patch changes the description as RFC 7396 says, and nothing else",
          "[model_file]") {
  test::TemporaryFolder folder;
  ModelFile model = tiny();
  model.description =
      R"({"schema":"retinaface-model/1","name":"tiny","a":{"b":1,"c":2},"sha256":""})";
  write_model(folder.file("a"), model, IfExists::refuse);
  const ModelFile patched =
      read_model(folder.file("a"), {.description_patch = R"({"a":{"b":null,"d":3},"sha256":"x"})"});
  const json description = json::parse(patched.description);
  CHECK(description["a"] == json{{"c", 2}, {"d", 3}});
  CHECK(description["sha256"] == patched.sha256);
  CHECK(same(patched.tensors.at("a"), tiny().tensors.at("a")));
  CHECK_THROWS_AS(read_model(folder.file("a"), {.description_patch = "{"}), UsageError);
  CHECK(holds(test::thrown<ModelError>([&] {
                return read_model(folder.file("a"), {.description_patch = R"({"schema":"x"})"});
              }),
              "another schema"));
}

TEST_CASE("model_file: half precision in our file becomes float", "[model_file]") {
  const std::string halves("\x00\x3c\x00\xc0", 4);
  const json description{{"schema", "retinaface-model/1"},
                         {"sha256", sha256_hex(test::bytes_of(halves))}};
  const json header{{"__metadata__", {{"retinaface", description.dump()}}},
                    {"h", {{"dtype", "F16"}, {"shape", {2}}, {"data_offsets", {0, 4}}}}};
  const std::string text = header.dump();
  const ModelFile model = read(test::le<std::uint64_t>(text.size()) + text + halves);
  CHECK(same(model.tensors.at("h"), tensor<float>({2}, {1, -2})));
}

TEST_CASE("model_file: damaged and foreign descriptions are refused", "[model_file][error]") {
  test::TemporaryFolder folder;
  const StateDict tensors = tiny().tensors;
  const auto with = [&](const std::string& description, const StateDict& state) {
    write_safetensors(folder.file("x"), state, {{"retinaface", description}}, IfExists::replace);
    return refusal(text_of(folder.file("x")));
  };
  CHECK(holds(with("{", tensors), "its description is not JSON"));
  CHECK(holds(with("[]", tensors), "its description says nothing; the file is damaged"));
  CHECK(holds(with(kDescription, tensors), "says nothing"));
  CHECK(holds(with(R"({"sha256":"00"})", tensors), "its description says 00; the file is damaged"));
  const std::string none = sha256_hex({});
  CHECK(holds(with(R"({"schema":"other/1","sha256":")" + none + "\"}", {}),
              "another schema than retinaface-model/1"));
  CHECK(holds(with(R"({"sha256":")" + none + "\"}", {}), "another schema"));
  const Tensor ints = tensor<std::int64_t>({1}, {3});
  CHECK(holds(with(R"({"sha256":")" + sha256_hex(test::bytes_of(test::elements_of(ints))) + "\"}",
                   {{"n", ints}}),
              "tensor n has elements i64"));
  CHECK(holds(with("{\"sha256\":\"\",\"sha256\":\"\"}", tensors), "names sha256 twice"));
}

TEST_CASE("model_file: every truncation and every flipped bit of our file is refused or harmless",
          "[model_file][error]") {
  test::TemporaryFolder folder;
  write_model(folder.file("a"), tiny(), IfExists::refuse);
  const std::string file = text_of(folder.file("a"));
  const auto refusals =
      test::damage(file, "x.model", 1, [](const std::string& bytes) { return read(bytes); });
  CHECK(refusals.cuts == file.size());
  CHECK(refusals.flips > 8 * 32);  // the elements at least: their hash is wrong
}

TEST_CASE("model_file: files of no known format are refused with what they look like",
          "[model_file][error]") {
  CHECK(holds(refusal(""), "is no model file (it is empty)"));
  CHECK(holds(refusal("<!DOCTYPE html><html>"), "looks like a web page"));
  CHECK(holds(refusal("\x89PNG\r\n\x1a\n"),
              "safetensors, PyTorch .pth and MXNet .params can be read"));
  CHECK(holds(refusal("cos\nsystem\n(S'ls'\ntR."), "pickle asks for os.system"));
  CHECK(holds(refusal("\x80\x02"
                      "cos\nsystem\n(S'ls'\ntR."),
              "pickle asks for os.system"));
  CHECK(holds(test::thrown<ModelError>([] { return read_model("/nowhere/x.pth"); }),
              "/nowhere/x.pth: cannot open"));
}

TEST_CASE("model_file: each public format with the tensors of a layout is recognised",
          "[model_file]") {
  const StateDict torch = tensors_of(kPyTorch), mxnet = tensors_of(kMxnet);
  CHECK(read(test::torch_legacy(torch)).format == "torch (legacy pickle)");
  CHECK(read(test::torch_zip(torch)).format == "torch (zip)");
  CHECK(read(test::mxnet(mxnet)).format == "mxnet");
  const ModelFile model = read(test::torch_zip(torch));
  CHECK(model.tensors.size() == 253);
  CHECK(same(model.tensors.at("context.1.conv7x7_3.bn.bias"), torch.at("ssh2.conv7x7_3.1.bias")));
  CHECK(same(model.tensors.at("fpn.lateral.0.conv.weight"), torch.at("fpn.output1.0.weight")));
  CHECK(json::parse(model.description)["sha256"] == model.sha256);
}

TEST_CASE("model_file: a public file converts to ours and stays the same",
          "[model_file][property]") {
  test::TemporaryFolder folder;
  const ModelFile model = read(test::mxnet(tensors_of(kMxnet)), R"({"name":"mine"})");
  write_model(folder.file("a"), model, IfExists::refuse);
  CHECK_NOTHROW(verify_model(folder.file("a"), model));
  CHECK(parse_model_config(read_model(folder.file("a")).description).name == "mine");
}

// The order of channels in the authors' code: background of both anchors, then face; the larger
// anchor first.
TEST_CASE("model_file: the heads of mnet.25 come in our order: anchor by size, then value",
          "[model_file][golden]") {
  StateDict theirs = tensors_of(kMxnet);
  theirs["face_rpn_cls_score_stride8_bias"] =
      tensor<float>({4}, {/*background*/ 32, 16, /*face*/ 132, 116});
  std::vector<float> boxes, landmarks;
  for (float size : {256.0F, 128.0F}) {
    for (float value = 0; value < 4; ++value) boxes.push_back(size + value);
    for (float value = 0; value < 10; ++value) landmarks.push_back(size + value);
  }
  theirs["face_rpn_bbox_pred_stride16_bias"] = tensor<float>({8}, boxes);
  theirs["face_rpn_landmark_pred_stride32_bias"] = tensor<float>({20}, landmarks);
  const StateDict ours = read(test::mxnet(theirs)).tensors;
  CHECK(same(ours.at("heads.cls.0.bias"), tensor<float>({4}, {16, 116, 32, 132})));
  CHECK(same(ours.at("heads.box.1.bias"),
             tensor<float>({8}, {128, 129, 130, 131, 256, 257, 258, 259})));
  const auto landmark = ours.at("heads.landmark.2.bias").span<float>();
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(landmark[i] == 128 + static_cast<float>(i));
    CHECK(landmark[10 + i] == 256 + static_cast<float>(i));
  }
}

TEST_CASE("model_file: files of other networks say what they look like", "[model_file][error]") {
  CHECK(holds(refusal(test::torch_zip(StateDict{{"conv1.conv.weight", tensor<float>({1}, {1})}})),
              "holds 1 tensors such as conv1.conv.weight; no known layout ("));
  CHECK(holds(refusal(test::torch_zip(tensors_of(kBackbone))),
              "is a backbone alone (MobileNetV1 x0.25"));
  StateDict lacking = tensors_of(kPyTorch), more = lacking, wide = lacking, ints = lacking;
  lacking.erase("fpn.merge2.0.weight");
  CHECK(holds(
      refusal(test::torch_zip(lacking)),
      "looks like mobilenet0.25 of biubug6/Pytorch_Retinaface, but lacks fpn.merge2.0.weight"));
  more["mesh.weight"] = tensor<float>({1}, {1});
  CHECK(holds(refusal(test::torch_zip(more)), "but also holds mesh.weight"));
  wide["ClassHead.0.conv1x1.bias"] = Tensor::zeros({6});
  CHECK(holds(refusal(test::torch_zip(wide)), "ClassHead.0.conv1x1.bias has shape [6]"));
  ints["ClassHead.0.conv1x1.bias"] = Tensor::zeros({4}, DType::i32);
  CHECK(holds(refusal(test::torch_zip(ints)), "ClassHead.0.conv1x1.bias has elements i32"));
}

TEST_CASE("model_file: a backbone alone will do where it is allowed, under the detector's names",
          "[model_file]") {
  const auto read_either = [](const StateDict& theirs) {
    const auto owner = std::make_shared<const std::string>(test::torch_zip(theirs));
    return read_model(test::bytes_of(*owner), "x.model", owner,
                      {.description_patch = {}, .allow_backbone = true});
  };
  const ModelFile backbone = read_either(tensors_of(kBackbone));
  CHECK(backbone.description.empty());
  CHECK(backbone.format == "torch (zip)");
  CHECK(backbone.sha256.size() == 64);
  const StateDict detector = read(test::torch_zip(tensors_of(kPyTorch))).tensors;
  CHECK_FALSE(backbone.tensors.empty());
  std::size_t of_backbone = 0;
  for (const auto& [name, tensor] : detector) of_backbone += name.starts_with("backbone.");
  CHECK(backbone.tensors.size() == of_backbone);
  for (const auto& [name, tensor] : backbone.tensors) {
    CAPTURE(name);
    REQUIRE(detector.contains(name));
    CHECK(tensor.shape() == detector.at(name).shape());
  }
  // A whole detector is still read as one; what is neither is still refused.
  CHECK_FALSE(read_either(tensors_of(kPyTorch)).description.empty());
  CHECK(holds(test::thrown<ModelError>([&] {
                return read_either({{"a", tensor<float>({1}, {1})}});
              }),
              "no known layout"));
}

TEST_CASE("model_file: every description of a published layout is one that the network understands",
          "[model_file]") {
  for (const NameMap& map : published_name_maps()) {
    if (map.role != NameMap::Role::detector) continue;
    const ModelConfig config = parse_model_config(map.description);
    CHECK(config.anchors.size() == 3);
    CHECK(holds(config.licence, "research"));
  }
}

// Names and shapes of the layouts are those of the networks, and weights get to where they belong.
TEST_CASE("model_file: a ResNet backbone of torchvision fills the network", "[model_file]") {
  const int depth = GENERATE(18, 50);
  StateDict theirs = tensors_of(message("ResNet-", depth, " of torchvision, trained on ImageNet"));
  theirs["fc.bias"] = Tensor::zeros({1000});
  theirs["bn1.num_batches_tracked"] = Tensor::zeros({}, DType::i64);
  const auto owner = std::make_shared<const std::string>(test::torch_zip(theirs));
  const ModelFile file = read_model(test::bytes_of(*owner), "x.model", owner,
                                    {.description_patch = {}, .allow_backbone = true});
  RetinaFace network(three_level_config(message("resnet", depth)));
  StateDict whole = network.state_dict();
  for (const auto& [name, tensor] : file.tensors) {
    CAPTURE(name);
    REQUIRE(whole.contains(name));
    whole[name] = tensor;
  }
  CHECK_NOTHROW(network.load_state_dict(whole));
  std::size_t of_backbone = 0;
  for (const auto& [name, tensor] : whole) of_backbone += name.starts_with("backbone.");
  CHECK(file.tensors.size() == of_backbone);
  const StateDict loaded = network.state_dict();
  for (const auto& [ours, name] :
       {std::pair{"backbone.stem.conv.weight", "conv1.weight"},
        std::pair{"backbone.layer3.1.conv2.bn.running_var", "layer3.1.bn2.running_var"},
        std::pair{"backbone.layer2.0.downsample.conv.weight", "layer2.0.downsample.0.weight"}}) {
    const Tensor &mine = loaded.at(ours), &yours = theirs.at(name);
    CHECK(mine.shape() == yours.shape());
    CHECK(
        std::ranges::equal(std::as_const(mine).span<float>(), std::as_const(yours).span<float>()));
  }
}

TEST_CASE("model_file: the public ResNet-50 detector's layout is the network's", "[model_file]") {
  for (const NameMap& map : published_name_maps()) {
    if (map.layout != "resnet50 of biubug6/Pytorch_Retinaface") continue;
    const RetinaFace network(parse_model_config(map.description));
    std::map<std::string, Shape> shapes;
    for (const NameMap::Entry& entry : map.entries) shapes.emplace(entry.to, entry.shape);
    const StateDict ours = network.state_dict();
    CHECK(shapes.size() == ours.size());
    for (const auto& [name, tensor] : ours) {
      CAPTURE(name);
      REQUIRE(shapes.contains(name));
      CHECK(shapes.at(name) == tensor.shape());
    }
  }
}

// What the README of the public weights and the authors' code say of the two networks.
TEST_CASE("model_file: the public detectors are read with all their numbers",
          "[model_file][golden]") {
  if (const auto path = test::shared_file("weights/mobilenet0.25_Final.pth")) {
    const ModelFile model = read_model(path->string());
    const ModelConfig config = parse_model_config(model.description);
    CHECK(config.backbone.activation == Activation::leaky_relu(0.1));
    CHECK(config.neck.bn_eps == 1e-5);
    CHECK(config.neck.bias == Bias::no);
    CHECK(config.input.order == ChannelOrder::bgr);
    CHECK(config.input.mean == std::array<double, 3>{104, 117, 123});
    CHECK(config.anchors[1].offset == 8);
    CHECK(config.coding.size_variance == 0.2);
    CHECK_FALSE(config.coding.plus_one);
    CHECK(model.tensors.size() == 253);
    CHECK(model.tensors.at("heads.cls.0.bias").data<float>()[0] == 0.5819577F);
  }
  if (const auto path = test::shared_file("weights/mobilenet0.25_zip_format.pth")) {
    CHECK(read_model(path->string()).format == "torch (zip)");
  }
  if (const auto path = test::shared_file("weights/mnet.25-0000.params")) {
    const ModelFile model = read_model(path->string());
    const ModelConfig config = parse_model_config(model.description);
    CHECK(config.backbone.activation == Activation::relu());
    CHECK(config.backbone.bn_eps == 1e-5);
    CHECK(config.neck.bn_eps == 2e-5);
    CHECK(config.neck.bias == Bias::yes);
    CHECK(config.input.order == ChannelOrder::rgb);
    CHECK(config.anchors[2].offset == 7.5);
    CHECK(config.coding.centre_variance == 1);
    CHECK(config.coding.plus_one);
    CHECK(config.coding.clip);
    // Row 0 of theirs is the background of the larger anchor, row 1 that of the smaller (values by
    // struct.unpack).
    const auto cls = model.tensors.at("heads.cls.0.bias").span<float>();
    CHECK(cls[0] == 0.35003126F);
    CHECK(cls[1] == -0.35003126F);
    CHECK(cls[2] == -0.20138113F);
    CHECK(cls[3] == 0.20138116F);
    CHECK(model.tensors.at("heads.box.1.bias").data<float>()[0] == -0.0053676758F);
    CHECK(model.tensors.at("heads.landmark.2.bias").data<float>()[0] == -0.24003004F);
    CHECK(model.tensors.at("heads.cls.2.weight").data<float>()[0] == 0.23810507F);
  }
}

TEST_CASE("model_file: public files of other networks are refused", "[model_file][golden]") {
  if (const auto path = test::shared_file("weights/mobilenetV1X0.25_pretrain.tar")) {
    const std::string text = test::thrown<ModelError>([&] { return read_model(path->string()); });
    CHECK(text.starts_with(path->string() + ": is a backbone alone"));
  }
  if (const auto path = test::shared_file("weights/mobilefacenet_068.ckpt")) {
    const std::string text = test::thrown<ModelError>([&] { return read_model(path->string()); });
    CAPTURE(text);
    CHECK(text.starts_with(
        path->string() + ": holds 333 tensors such as blocks.0.conv.0.weight; no known layout ("));
  }
}

TEST_CASE("model_file: damaged public files never do worse than a ModelError",
          "[model_file][error]") {
  const auto check = [](const std::string& file) {
    constexpr std::size_t kStep = test::kSanitized ? 800011 : 100003;
    const auto refusals =
        test::damage(file, "x.model", kStep, [](const std::string& bytes) { return read(bytes); });
    CHECK(refusals.cuts == (file.size() + kStep - 1) / kStep);
  };
  for (const char* name :
       {"mobilenet0.25_Final.pth", "mobilenet0.25_zip_format.pth", "mnet.25-0000.params"}) {
    if (const auto path = test::shared_file(std::string("weights/") + name))
      check(text_of(path->string()));
  }
}
