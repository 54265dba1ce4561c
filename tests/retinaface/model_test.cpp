#include "retinaface/model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "retinaface/anchors.hpp"
#include "retinaface/networks.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("network: freezing the backbone's first two convolutions stops nothing else",
          "[model][freeze]") {
  ModelConfig config;
  config.backbone.name = "mobilenet0.25";
  config.anchors = {{8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}};
  RetinaFace network(config);
  network.freeze_backbone(2);
  network.train();
  Index frozen = 0;
  for (const auto& [name, var] : network.named_parameters()) {
    CAPTURE(name);
    const bool first =
        name.starts_with("backbone.stage1.0.") || name.starts_with("backbone.stage1.1.depthwise.");
    CHECK(var.requires_grad() == !first);
    frozen += first;
  }
  CHECK(frozen == 6);  // two weights, two gammas, two betas
  check_refused<UsageError>([&] { network.freeze_backbone(28); }, {"27", "28"});
}

TEST_CASE("network: on a ResNet every parameter learns", "[model]") {
  const std::string form = GENERATE("three-level", "paper");
  if (kSanitized && form == "three-level") return;  // a part of the other
  const ModelConfig config = network_config({.network = form, .backbone = "resnet18"});
  RetinaFace network(config);
  initialize(network, {}, 1);
  network.train();
  const HeadOutputs heads = network.forward(ag::Var(random_tensor({2, 3, 64, 64}, 2)));
  CHECK(heads.box.shape() == Shape{2, AnchorGrid(config.anchors, 64, 64).count(), 4});
  const auto square = [](const ag::Var& v) { return ag::sum(ag::multiply(v, v)); };
  ag::add(square(heads.cls), ag::add(square(heads.box), square(heads.landmark))).backward();
  for (const auto& [name, var] : network.named_parameters()) {
    CAPTURE(name);
    REQUIRE(var.grad().shape() == var.shape());
    const auto values = std::as_const(var.grad()).span<float>();
    CHECK(std::ranges::all_of(values, [](float v) { return std::isfinite(v); }));
    CHECK(std::ranges::any_of(values, [](float v) { return v != 0; }));
  }
}

TEST_CASE("network: gradients are the same bits when activations are computed again", "[model]") {
  const NetworkChoice choice =
      GENERATE(NetworkChoice{}, NetworkChoice{.network = "paper", .backbone = "resnet18"});
  if (kSanitized && choice.network == "paper") return;  // the same blocks, more of them
  const auto learned = [&](bool recompute) {
    RetinaFace network(network_config(choice));
    initialize(network, {}, 1);
    network.train();
    network.recompute(recompute);
    const HeadOutputs heads = network.forward(ag::Var(random_tensor({2, 3, 32, 32}, 2)));
    ag::add(ag::sum(heads.cls), ag::add(ag::sum(heads.box), ag::sum(heads.landmark))).backward();
    StateDict all;
    for (const auto& [name, var] : network.named_parameters()) all["gradient " + name] = var.grad();
    for (const auto& [name, var] : network.named_buffers()) all[name] = var.value();
    return all;
  };
  const StateDict kept = learned(false), again = learned(true);
  for (const auto& [name, tensor] : kept) {
    CAPTURE(name);
    CHECK(same_bits(again.at(name), tensor));
  }
}

TEST_CASE("network: anchors of a level that the backbone does not have are refused",
          "[model][error]") {
  ModelConfig config = three_level_config("mobilenet0.25");
  config.anchors[0].stride = 4;
  check_refused<ModelError>([&] { const RetinaFace network(config); }, {"8, 16, 32", "stride 4"});
  config = three_level_config("resnet18");
  config.anchors = {{4, 2, {8}}, {8, 4, {16}}, {16, 8, {32}}};  // which a ResNet has
  CHECK_NOTHROW(RetinaFace(config));
  config.anchors[1].stride = 16;
  check_refused<ModelError>([&] { const RetinaFace network(config); },
                            {"4, 8, 16, 32", "stride 16"});
  // One level more than the backbone has, after its last, and no other.
  config.anchors = {{16, 8, {16}}, {32, 16, {32}}, {64, 32, {64}}};
  CHECK_NOTHROW(RetinaFace(config));
  config.anchors[2].stride = 128;
  check_refused<ModelError>([&] { const RetinaFace network(config); }, {"add 64", "stride 128"});
  config.anchors = {{16, 8, {16}}, {64, 32, {64}}};
  check_refused<ModelError>([&] { const RetinaFace network(config); },
                            {"stride 64", "those of 16", "has 32"});
  config.anchors = {{64, 32, {64}}};
  check_refused<ModelError>([&] { const RetinaFace network(config); }, {"stride 64"});
}

TEST_CASE("network: heads name the channels that do not fit", "[model][error]") {
  const Heads heads(2, 8, 3, HeadSharing::shared);
  const ag::Var fits(Tensor::zeros({1, 8, 4, 4})), other(Tensor::zeros({1, 12, 2, 2}));
  check_refused<ShapeError>([&] { (void)heads.forward({fits, other}); }, {"12", "8 channels"});
}

TEST_CASE("network: the paper's has Table 2's anchors and a shared head", "[model][anchors]") {
  const ModelConfig config = paper_config("resnet50");
  CHECK(AnchorGrid(config.anchors, 640, 640).count() == 102300);
  const std::vector<Index> cells = {160, 80, 40, 20, 10};
  const std::vector<std::array<double, 3>> sizes = {{16, 20.16, 25.40},
                                                    {32, 40.32, 50.80},
                                                    {64, 80.63, 101.59},
                                                    {128, 161.26, 203.19},
                                                    {256, 322.54, 406.37}};
  REQUIRE(config.anchors.size() == 5);
  for (std::size_t l = 0; l < 5; ++l) {
    CAPTURE(l);
    CHECK(AnchorGrid({config.anchors[l]}, 640, 640).count() == 3 * cells[l] * cells[l]);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(config.anchors[l].sizes[i] == Approx(sizes[l][i]).epsilon(1e-4));
  }
  Index heads = 0;
  for (const auto& [name, tensor] : RetinaFace(config).state_dict())
    heads += name.starts_with("heads.");
  CHECK(heads == 6);
  check_refused<ModelError>([] { (void)paper_config("mobilenet0.25"); },
                            {"stride 4", "mobilenet0.25", "8"});
}

TEST_CASE("network: the light one's 7x7 stem halves as often as its 3x3 stem", "[model]") {
  const ModelConfig config = network_config({.stem = "7x7"});
  const RetinaFace network(config);
  for (const auto& [height, width] : std::vector<std::pair<Index, Index>>{{1, 1}, {33, 70}}) {
    const auto stages = network.forward_stages(ag::Var(random_tensor({1, 3, height, width}, 1)));
    for (std::size_t l = 0; l < 3; ++l) {
      const Index stride = config.anchors[l].stride;
      CHECK(stages.backbone[l].shape() ==
            Shape{1, Index{64} << l, ceil_div(height, stride), ceil_div(width, stride)});
    }
  }
  CHECK(network.state_dict().at("backbone.stage1.0.conv.weight").shape() == Shape{8, 3, 7, 7});
}

TEST_CASE("network: words that are not known, or do not go together, are refused",
          "[model][error]") {
  const auto refused = [](const NetworkChoice& choice, std::initializer_list<const char*> parts) {
    check_refused<UsageError>([&] { (void)network_config(choice); }, parts);
  };
  CHECK(network_config({.deformable = "v1", .stem = "7x7"}).name ==
        "mobilenet0.25, deformable v1, 7x7 stem");
  refused({.network = "five"}, {"--network five", "three-level, paper"});
  refused({.backbone = "vgg"}, {"--backbone", "vgg", "resnet152"});
  refused({.deformable = "v3"}, {"--deformable v3", "auto, none, v1, v2"});
  refused({.stem = "5x5"}, {"--stem 5x5", "3x3, 7x7"});
  refused({.backbone = "resnet18", .stem = "7x7"}, {"--stem 7x7", "resnet18"});
  refused({.network = "paper"}, {"--network paper", "mobilenet0.25"});
}

}  // namespace rf::test
