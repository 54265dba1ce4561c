#include "layers/module.hpp"

#include <catch2/catch.hpp>

#include "engine/check.hpp"
#include "layers/context_module.hpp"
#include "layers/fpn.hpp"
#include "layers/heads.hpp"
#include "layers/mobilenet_v1.hpp"
#include "tests/support.hpp"

using rf::DType;
using rf::Index;
using rf::Shape;
using rf::StateDict;
using rf::Tensor;
using rf::ag::Var;

namespace {

rf::ConvBnAct block() {
  return {{.in_channels = 3, .out_channels = 4, .kernel = 3}, {.bias = rf::Bias::yes}};
}

// Every parameter and buffer random, variances positive.
StateDict random_state(const rf::Module& module, std::uint64_t seed) {
  StateDict state = module.state_dict();
  for (auto& [name, tensor] : state) {
    tensor = rf::test::random_tensor(tensor.shape(), seed++);
    for (float& v : tensor.span<float>())
      v = name.ends_with("running_var") ? 0.5F + v * v : 0.2F * v;
  }
  return state;
}

}  // namespace

TEST_CASE("module: names are paths, parameters in the order of the computation", "[module]") {
  const rf::ConvBnAct module = block();
  std::vector<std::string> names;
  for (const auto& [name, var] : module.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"conv.weight", "conv.bias", "bn.weight", "bn.bias"});
  names.clear();
  for (const auto& [name, var] : module.named_buffers()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"bn.running_mean", "bn.running_var"});
  CHECK(module.state_dict().size() == 6);
}

TEST_CASE("module: loading replaces every tensor, and only a state that fits", "[module]") {
  rf::ConvBnAct module = block();
  const StateDict state = random_state(module, 1);
  module.load_state_dict(state);
  for (const auto& [name, tensor] : module.state_dict())
    CHECK(rf::test::relative_error(tensor, state.at(name)) == 0);

  const auto refusal = [&](StateDict wrong) {
    try {
      module.load_state_dict(wrong);
    } catch (const rf::ShapeError& error) {
      for (const auto& [name, tensor] : module.state_dict()) {
        CHECK(tensor.shares_storage_with(state.at(name)));  // nothing was changed
      }
      return std::string(error.what());
    }
    return std::string();
  };
  StateDict wrong = state;
  wrong.erase("bn.bias");
  CHECK_THAT(refusal(wrong), Catch::Contains("1 missing (bn.bias)"));
  wrong = state;
  wrong["extra"] = Tensor::zeros({1});
  CHECK_THAT(refusal(wrong), Catch::Contains("1 unexpected (extra)"));
  wrong = state;
  wrong["conv.weight"] = Tensor::zeros({4, 3, 3, 2});
  CHECK_THAT(refusal(wrong), Catch::Contains("conv.weight has shape [4, 3, 3, 2]"));
  wrong = state;
  wrong["conv.weight"] = Tensor::zeros({4, 3, 3, 3}, DType::f64);
  CHECK_THAT(refusal(wrong), Catch::Contains("f64"));
  CHECK_THAT(refusal({}), Catch::Contains("6 missing"));
}

TEST_CASE("conv_bn_act: is the convolution, then the normalisation, then the activation",
          "[layers]") {
  rf::ConvBnAct module({.in_channels = 1, .out_channels = 1, .kernel = 1},
                       {.activation = rf::Activation::leaky_relu(0.5), .eps = 0});
  const float four = 4, one = 1, two = 2, minus = -6;
  const auto scalar = [](const float& v, const Shape& shape) {
    return Tensor::from(shape, std::span<const float>(&v, 1));
  };
  module.load_state_dict({{"conv.weight", scalar(two, {1, 1, 1, 1})},
                          {"bn.weight", scalar(two, {1})},
                          {"bn.bias", scalar(one, {1})},
                          {"bn.running_mean", scalar(one, {1})},
                          {"bn.running_var", scalar(four, {1})}});
  const float x[2] = {3, minus};
  const Tensor y =
      module.forward(Var(Tensor::from(Shape{1, 1, 1, 2}, std::span<const float>(x)))).value();
  CHECK(y.data<float>()[0] == 6);   // (2 * 3 - 1) / 2 * 2 + 1
  CHECK(y.data<float>()[1] == -6);  // (2 * -6 - 1) + 1 = -12, halved
}

TEST_CASE("layers: a whole pyramid works at every small and odd size", "[layers][property]") {
  const rf::BlockStyle style;
  rf::MobileNetV1 backbone(style);
  rf::Fpn fpn({.in_channels = {64, 128, 256}, .out_channels = 16}, style);
  rf::ContextModule context(16, style);
  rf::Heads heads(3, 16, 2, rf::HeadSharing::shared);
  backbone.load_state_dict(random_state(backbone, 100));
  fpn.load_state_dict(random_state(fpn, 300));
  context.load_state_dict(random_state(context, 500));
  heads.load_state_dict(random_state(heads, 700));
  for (const auto& [h, w] :
       std::vector<std::pair<Index, Index>>{{1, 1}, {1, 65}, {33, 7}, {64, 96}, {31, 32}}) {
    CAPTURE(h, w);
    const auto levels =
        fpn.forward(backbone.forward(Var(rf::test::random_tensor({2, 3, h, w}, 9))));
    REQUIRE(levels.size() == 3);
    std::vector<Var> contexts;
    Index anchors = 0;
    for (std::size_t l = 0; l < 3; ++l) {
      const Index stride = Index{8} << l;
      const Shape shape{2, 16, rf::ceil_div(h, stride), rf::ceil_div(w, stride)};
      CHECK(levels[l].shape() == shape);
      contexts.push_back(context.forward(levels[l]));
      CHECK(contexts.back().shape() == shape);
      anchors += 2 * shape[2] * shape[3];
    }
    const rf::HeadOutputs out = heads.forward(contexts);
    CHECK(out.cls.shape() == Shape{2, anchors, 2});
    CHECK(out.box.shape() == Shape{2, anchors, 4});
    CHECK(out.landmark.shape() == Shape{2, anchors, 10});
    for (const float v : out.box.value().span<float>()) REQUIRE(std::isfinite(v));
  }
}

TEST_CASE("heads: a column's outputs lie together, anchor by anchor", "[layers]") {
  rf::Heads heads(1, 1, 2, rf::HeadSharing::per_level);
  StateDict state = heads.state_dict();
  for (auto& [name, tensor] : state) {
    float next = name.ends_with("bias") ? 0.0F : 1.0F;
    for (float& v : tensor.span<float>()) v = name.ends_with("bias") ? 0.0F : next++;
  }
  heads.load_state_dict(state);
  const float x[2] = {1, 100};  // two columns of one row
  const rf::HeadOutputs out =
      heads.forward({Var(Tensor::from(Shape{1, 1, 1, 2}, std::span<const float>(x)))});
  const std::vector<float> cls(out.cls.value().span<float>().begin(),
                               out.cls.value().span<float>().end());
  CHECK(cls == std::vector<float>{1, 2, 3, 4, 100, 200, 300, 400});
  CHECK(out.landmark.value().shape() == Shape{1, 4, 10});
  CHECK(out.landmark.value().data<float>()[39] == 2000);
}

TEST_CASE("fpn: a level adds the coarser one, upsampled, at even and odd sizes", "[layers]") {
  for (Index fine = 1; fine <= 40; ++fine) {
    CAPTURE(fine);
    const Index coarse = rf::ceil_div(fine, 2);
    rf::Fpn fpn({.in_channels = {1, 1}, .out_channels = 1}, {.activation = {}, .eps = 0});
    StateDict state = fpn.state_dict();
    for (auto& [name, tensor] : state) {
      const bool one = name.ends_with("running_var") || name.ends_with("bn.weight") ||
                       name == "lateral.1.conv.weight";
      std::ranges::fill(tensor.span<float>(), one ? 1.0F : 0.0F);
    }
    state["merge.0.conv.weight"].data<float>()[4] = 1;  // the centre tap: no smoothing
    fpn.load_state_dict(state);
    Tensor x = Tensor::empty({1, 1, 1, coarse});
    for (Index i = 0; i < coarse; ++i) x.data<float>()[i] = static_cast<float>(i);
    const Tensor y = fpn.forward({Var(Tensor::zeros({1, 1, 1, fine})), Var(x)})[0].value();
    for (Index i = 0; i < fine; ++i) CHECK(y.data<float>()[i] == static_cast<float>(i / 2));
  }
}

namespace {

std::vector<std::string> learning(const rf::Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, var] : module.named_parameters()) {
    if (var.requires_grad()) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("module: nothing learns until train(), nor after eval()", "[module]") {
  rf::ConvBnAct module = block();
  const Var x(rf::test::random_tensor({1, 3, 5, 5}, 1));
  CHECK(learning(module).empty());
  CHECK(module.forward(x).producer() == nullptr);
  module.train();
  CHECK(learning(module).size() == 4);
  CHECK(module.forward(x).producer() != nullptr);
  module.eval();
  CHECK(learning(module).empty());
  CHECK(module.forward(x).producer() == nullptr);
}

TEST_CASE("module: what is frozen stays as it is, and costs no backward at the bottom",
          "[module]") {
  rf::SeparableBlock module(4, 6, 1, {});
  module.load_state_dict(random_state(module, 1));
  rf::ConvBnAct below({.in_channels = 4, .out_channels = 4, .kernel = 3}, {});
  below.load_state_dict(random_state(below, 2));
  below.freeze();
  below.train(), module.train();
  CHECK(learning(below).empty());
  CHECK(learning(module).size() == 6);
  const StateDict before = below.state_dict();
  const Var x(rf::test::random_tensor({2, 4, 5, 5}, 1));
  const Var middle = below.forward(x);
  CHECK(middle.producer() == nullptr);
  const Var y = module.forward(middle);
  y.backward(rf::test::random_tensor(y.shape(), 2));
  CHECK(middle.grad().numel() == 0);
  for (const auto& [name, tensor] : below.state_dict()) {
    CAPTURE(name);
    CHECK(tensor.shares_storage_with(before.at(name)));
  }
}
