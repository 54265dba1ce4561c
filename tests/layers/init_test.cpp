#include "layers/init.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"
#include "engine/ops/activation.hpp"
#include "engine/ops/linear.hpp"
#include "layers/conv_bn_act.hpp"
#include "tests/ops/op_test.hpp"

using rf::Fan;
using rf::Fans;
using rf::Index;
using rf::InitOptions;
using rf::InitScheme;
using rf::Shape;
using rf::StateDict;
using rf::Tensor;
using rf::test::same_bits;

namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const Tensor& x) {
  Moments m;
  const auto n = static_cast<double>(x.numel());
  for (const float v : x.span<float>()) {
    m.mean += static_cast<double>(v) / n;
    m.largest = std::max(m.largest, std::abs(static_cast<double>(v)));
  }
  for (const float v : x.span<float>())
    m.variance += (static_cast<double>(v) - m.mean) * (static_cast<double>(v) - m.mean) / n;
  return m;
}

// Two blocks under these names, in this order.
class Network final : public rf::Module {
 public:
  Network(const std::string& first, const std::string& second)
      : a_({.in_channels = 3, .out_channels = 4, .kernel = 3}, {.bias = rf::Bias::yes}),
        b_({.in_channels = 3, .out_channels = 4, .kernel = 3}, {.bias = rf::Bias::yes}) {
    child(first, a_);
    child(second, b_);
  }

 private:
  rf::ConvBnAct a_, b_;
};

}  // namespace

TEST_CASE("init: fans count the inputs an output sees and the outputs an input reaches", "[init]") {
  const auto check = [](const Shape& weight, Index groups, Index in, Index out) {
    CAPTURE(rf::to_string(weight), groups);
    const Fans f = rf::fans(weight, groups);
    CHECK(f.in == in);
    CHECK(f.out == out);
  };
  check({10, 20}, 1, 20, 10);
  check({16, 8, 3, 3}, 1, 72, 144);
  check({16, 8, 1, 5}, 1, 40, 80);
  check({16, 4, 3, 3}, 2, 36, 72);  // 8 channels in two groups: each reaches 8 outputs
  check({16, 1, 3, 3}, 16, 9, 9);   // depthwise
  check({32, 1, 3, 3}, 16, 9, 18);  // depthwise, two outputs per channel
}

TEST_CASE("init: variances are those of the papers", "[init]") {
  const Fans f{.in = 72, .out = 144};
  const auto variance = [&](InitScheme scheme, Fan fan, double slope) {
    return rf::init_variance(f, {.scheme = scheme, .fan = fan, .slope = slope});
  };
  CHECK(variance(InitScheme::xavier_uniform, Fan::in, 0) == 2.0 / 216);
  CHECK(variance(InitScheme::xavier_normal, Fan::out, 0.5) == 2.0 / 216);
  CHECK(variance(InitScheme::kaiming_normal, Fan::in, 0) == 2.0 / 72);
  CHECK(variance(InitScheme::kaiming_uniform, Fan::out, 0) == 2.0 / 144);
  CHECK(variance(InitScheme::kaiming_normal, Fan::in, 1) == 1.0 / 72);
  CHECK(variance(InitScheme::kaiming_normal, Fan::in, 0.5) == 1.6 / 72);
}

TEST_CASE("init: mean and variance of what is drawn, within four standard errors", "[init]") {
  // Of n numbers the mean has the standard error s / sqrt(n), the variance s^2 sqrt((k - 1) / n)
  // with the kurtosis k: 3 for normal numbers, 9 / 5 for uniform ones. A right program exceeds four
  // of them in 1 of 16 thousand such checks; this one always draws the same numbers.
  const Shape shape{64, 32, 3, 3};
  const auto n = static_cast<double>(shape.numel());
  for (const InitScheme scheme : {InitScheme::xavier_uniform, InitScheme::xavier_normal,
                                  InitScheme::kaiming_uniform, InitScheme::kaiming_normal}) {
    for (const Fan fan : {Fan::in, Fan::out}) {
      const InitOptions options{.scheme = scheme, .fan = fan, .slope = 0.1};
      const bool uniform =
          scheme == InitScheme::xavier_uniform || scheme == InitScheme::kaiming_uniform;
      const Moments m = moments(rf::initial_weight("w", shape, options, 5));
      const double expected = rf::init_variance({.in = 288, .out = 576}, options);
      CAPTURE(static_cast<int>(scheme), static_cast<int>(fan));
      CHECK(std::abs(m.mean) < 4 * std::sqrt(expected / n));
      CHECK(std::abs(m.variance / expected - 1) < 4 * std::sqrt((uniform ? 0.8 : 2) / n));
      const double bound = std::sqrt(3 * expected);
      if (uniform) {
        CHECK(m.largest < bound * (1 + 1e-6));
        CHECK(m.largest > bound * 0.999);
      } else {
        CHECK(m.largest > 2 * bound);  // 3.46 deviations; normal numbers go beyond
      }
    }
  }
}

TEST_CASE("init: Kaiming keeps the size of activations through many layers of ReLU", "[init]") {
  constexpr Index kWidth = 512;
  Tensor x = rf::test::random_tensor({32, kWidth}, 1);
  const auto mean_square = [](const Tensor& t) {
    const Moments m = moments(t);
    return m.variance + m.mean * m.mean;
  };
  const double before = mean_square(rf::relu(x));
  for (int layer = 0; layer < 10; ++layer) {
    const Tensor w = rf::initial_weight("layer" + std::to_string(layer), {kWidth, kWidth}, {}, 1);
    x = rf::linear(rf::relu(x), w, Tensor());
  }
  const double ratio = mean_square(rf::relu(x)) / before;  // with gain 1 it would be 1 / 1024
  CHECK(ratio > 0.5);
  CHECK(ratio < 2);
}

TEST_CASE("init: weights are drawn, their biases 0, batch norm stays as constructed", "[init]") {
  rf::SeparableBlock block(8, 8, 1, {.bias = rf::Bias::yes});
  StateDict dirty = block.state_dict();
  for (auto& [name, tensor] : dirty) {
    if (name.find("conv.bias") != std::string::npos) {
      tensor = tensor.clone();
      std::ranges::fill(tensor.span<float>(), 3.0F);
    }
  }
  block.load_state_dict(dirty);
  const InitOptions options{.scheme = InitScheme::kaiming_normal, .fan = Fan::out};
  rf::initialize(block, options, 7);
  for (const auto& [name, tensor] : block.state_dict()) {
    CAPTURE(name);
    const float first = tensor.data<float>()[0];
    if (name.ends_with("conv.weight")) {
      const Index groups = name.starts_with("depthwise") ? 8 : 1;
      CHECK(same_bits(tensor, rf::initial_weight(name, tensor.shape(), options, 7, groups)));
      CHECK(first != 0);
      continue;
    }
    const bool one = name.ends_with("bn.weight") || name.ends_with("running_var");
    for (const float v : tensor.span<float>()) CHECK(v == (one ? 1.0F : 0.0F));
  }
}

TEST_CASE("init: f64 weights are the f32 ones, widened", "[init]") {
  rf::Conv2d narrow({.in_channels = 2, .out_channels = 3, .kernel = 3, .bias = rf::Bias::yes});
  rf::Conv2d wide({.in_channels = 2, .out_channels = 3, .kernel = 3, .bias = rf::Bias::yes});
  StateDict state = wide.state_dict();
  for (auto& [name, tensor] : state) tensor = tensor.to(rf::DType::f64);
  wide.load_state_dict(state);
  rf::initialize(narrow, {}, 3);
  rf::initialize(wide, {}, 3);
  for (const auto& [name, tensor] : wide.state_dict())
    CHECK(same_bits(tensor, narrow.state_dict().at(name).to(rf::DType::f64)));
}

TEST_CASE("init: numbers depend on seed and name alone, not on order or threads", "[init]") {
  Network network("a", "b"), reversed("b", "a"), longer("a", "c");
  rf::initialize(network, {}, 1);
  const StateDict expected = network.state_dict();
  for (const int threads : {1, 2, 3, 8}) {
    const rf::test::WithThreads limit(threads);
    rf::initialize(reversed, {}, 1);
    for (const auto& [name, tensor] : reversed.state_dict())
      CHECK(same_bits(tensor, expected.at(name)));
  }
  rf::initialize(longer, {}, 1);
  CHECK(same_bits(longer.state_dict().at("a.conv.weight"), expected.at("a.conv.weight")));
  CHECK_FALSE(same_bits(longer.state_dict().at("c.conv.weight"), expected.at("a.conv.weight")));
  CHECK_FALSE(same_bits(expected.at("b.conv.weight"), expected.at("a.conv.weight")));
  rf::initialize(network, {}, 2);
  CHECK_FALSE(same_bits(network.state_dict().at("a.conv.weight"), expected.at("a.conv.weight")));
}

TEST_CASE("init: refuses shapes without fans, groups that do not divide, a slope that is no number",
          "[init][error]") {
  using rf::test::check_refused;
  check_refused([] { (void)rf::fans({5}); }, {"[5]", "[out, in, ...]"});
  check_refused([] { (void)rf::fans({6, 2, 3, 3}, 4); }, {"[6, 2, 3, 3]", "groups = 4"});
  check_refused([] { (void)rf::fans({6, 2}, 0); }, {"groups = 0"});
  check_refused<rf::UsageError>(
      [] {
        (void)rf::initial_weight("w", {2, 2}, {.slope = std::nan("")}, 1);
      },
      {"slope nan"});
}
