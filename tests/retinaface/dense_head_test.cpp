#include "retinaface/dense/dense_head.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "layers/mesh_camera.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

using Camera = std::array<double, 7>;

constexpr DenseHeadConfig kConfig{
    .channels = 5, .levels = 2, .anchors = 2, .code = 4, .hidden = 0, .pivot = {0.5, -1.25, 6}};

DenseHeadConfig with_hidden(Index hidden) {
  DenseHeadConfig config = kConfig;
  config.hidden = hidden;
  return config;
}

double number(const Tensor& t, Index i) { return static_cast<double>(t.data<float>()[i]); }

// Faces some 70 cm away, turned by up to a third of a right angle or so.
DenseInputs inputs(const std::vector<Index>& counts) {
  Index count = 0;
  for (const Index n : counts) count += n;
  Tensor camera = random_tensor({count, 7}, 3);
  for (Index i = 0; i < count; ++i) {
    float* c = camera.data<float>() + 7 * i;
    for (Index k = 3; k < 6; ++k) c[k] *= 0.2F;
    c[2] = 70 + 5 * c[2];
    c[6] = 4 + 0.3F * c[6];
  }
  return {.counts = counts,
          .features = Var(random_tensor({count, 5}, 1)),
          .five = random_tensor({count, 5, 2}, 2),
          .camera = camera};
}

// Sets row `row` of the last layer's bias in every group.
void set_bias(DenseHead& head, Index row, float value) {
  StateDict state;
  for (const auto& [name, tensor] : head.state_dict()) {
    Tensor copy = tensor.clone();
    if (name.starts_with("out.") && name.ends_with("bias")) copy.data<float>()[row] = value;
    state.emplace(name, copy);
  }
  head.load_state_dict(state);
}

std::array<double, 3> turned(const std::array<double, 3>& g, const std::array<double, 3>& v) {
  const auto [a, b, c] = g;
  const double s = 1 + a * a + b * b + c * c;
  return {
      ((1 + a * a - b * b - c * c) * v[0] + 2 * (a * b - c) * v[1] + 2 * (a * c + b) * v[2]) / s,
      ((1 - a * a + b * b - c * c) * v[1] + 2 * (a * b + c) * v[0] + 2 * (b * c - a) * v[2]) / s,
      ((1 - a * a - b * b + c * c) * v[2] + 2 * (a * c - b) * v[0] + 2 * (b * c + a) * v[1]) / s};
}

// What a camera makes of the pivot: place in widths of the square, and the size of a width there.
struct Pivot {
  double u, v, size;
};

Pivot pivot_of(const Camera& camera) {
  const auto& p = kConfig.pivot;
  std::array<double, 3> c = turned({camera[3], camera[4], camera[5]}, {p[0], -p[1], -p[2]});
  for (std::size_t i = 0; i < 3; ++i) c[i] += camera[i];
  const double size = c[2] / camera[6];
  return {c[0] / size, c[1] / size, size};
}

// The header's sentence about the seven numbers, in double.
Camera corrected(const Camera& camera, const Camera& d) {
  const Pivot before = pivot_of(camera);
  const double size = before.size * std::exp(0.15 * d[2]), u = before.u + 0.05 * d[0],
               v = before.v + 0.05 * d[1];
  Camera after{};
  for (std::size_t i = 3; i < 6; ++i) after[i] = camera[i] + 0.3 * d[i];
  after[6] = camera[6] * std::exp(0.3 * d[6]);
  const auto& p = kConfig.pivot;
  const std::array<double, 3> turn = turned({after[3], after[4], after[5]}, {p[0], -p[1], -p[2]});
  after[0] = u * size - turn[0];
  after[1] = v * size - turn[1];
  after[2] = after[6] * size - turn[2];
  return after;
}

Camera camera_of(const Tensor& cameras, Index row) {
  Camera camera{};
  for (std::size_t i = 0; i < 7; ++i) camera[i] = number(cameras, 7 * row + static_cast<Index>(i));
  return camera;
}

}  // namespace

TEST_CASE("dense head: one that says nothing gives the camera back, code 0, the usual light",
          "[dense_head]") {
  for (const Index hidden : {0, 6}) {
    const DenseHead head(with_hidden(hidden));
    const DenseInputs in = inputs({2, 0, 3, 1});
    const DenseOutputs out = head.forward(in);
    REQUIRE(out.code.shape() == Shape{6, 4});
    REQUIRE(out.camera.shape() == Shape{6, 7});
    REQUIRE(out.light.shape() == Shape{6, 9});
    CHECK(same_bits(out.code.value(), Tensor::zeros({6, 4})));
    for (Index i = 0; i < 6 * 7; ++i)
      CHECK(number(out.camera.value(), i) == Approx(number(in.camera, i)).margin(3e-5));
    for (Index i = 0; i < 6 * 9; ++i)
      CHECK(number(out.light.value(), i) == number(DenseHead::usual_light(), i % 9));
    CHECK_FALSE(out.camera.requires_grad());
  }
}

TEST_CASE("dense head: each number of the camera changes one thing about the pivot",
          "[dense_head]") {
  const DenseInputs in = inputs({1, 1, 1, 1});
  for (Index which = 0; which < 7; ++which) {
    DenseHead head(kConfig);
    set_bias(head, kConfig.code + which, 1);
    const Tensor cameras = head.forward(in).camera.value();
    for (Index row = 0; row < 4; ++row) {
      CAPTURE(which, row);
      const Camera before = camera_of(in.camera, row), after = camera_of(cameras, row);
      const Pivot p = pivot_of(before), q = pivot_of(after);
      CHECK(q.u - p.u == Approx(which == 0 ? 0.05 : 0).margin(1e-5));
      CHECK(q.v - p.v == Approx(which == 1 ? 0.05 : 0).margin(1e-5));
      CHECK(q.size / p.size == Approx(which == 2 ? std::exp(0.15) : 1).epsilon(1e-5));
      for (Index i = 3; i < 6; ++i) {
        const auto axis = static_cast<std::size_t>(i);
        CHECK(after[axis] - before[axis] == Approx(which == i ? 0.3 : 0).margin(1e-5));
      }
      CHECK(after[6] / before[6] == Approx(which == 6 ? std::exp(0.3) : 1).epsilon(1e-5));
    }
  }
}

// project() and the head must mean the same camera.
TEST_CASE("dense head: a picture shows the pivot where the numbers say", "[dense_head]") {
  const DenseInputs in = inputs({1, 1, 1, 1});
  DenseHead head(kConfig);
  for (Index which = 0; which < 7; ++which)
    set_bias(head, kConfig.code + which, 0.4F - 0.13F * static_cast<float>(which));
  Tensor pivot = Tensor::empty({4, 1, 3});
  for (Index i = 0; i < 12; ++i)
    pivot.data<float>()[i] = static_cast<float>(kConfig.pivot[static_cast<std::size_t>(i % 3)]);
  const Tensor before = project(Var(pivot), Var(in.camera), 1).value(),
               after = project(Var(pivot), head.forward(in).camera, 1).value();
  for (Index row = 0; row < 4; ++row) {
    const auto place = [&](const Tensor& clip, Index axis) {
      return number(clip, 4 * row + axis) / number(clip, 4 * row + 3);
    };
    CHECK(place(after, 0) - place(before, 0) == Approx(0.05 * 0.4).margin(1e-5));
    CHECK(place(after, 1) - place(before, 1) == Approx(0.05 * 0.27).margin(1e-5));
  }
}

TEST_CASE("dense head: a number of the light is a step from the usual one", "[dense_head]") {
  const DenseInputs in = inputs({0, 1, 0, 0});
  for (Index which = 0; which < 9; ++which) {
    DenseHead head(kConfig);
    set_bias(head, kConfig.code + 7 + which, 2);
    const Tensor light = head.forward(in).light.value();
    for (Index i = 0; i < 9; ++i) {
      const double step = i == which ? 2 * number(DenseHead::light_step(), i) : 0;
      CHECK(number(light, i) == Approx(number(DenseHead::usual_light(), i) + step));
    }
  }
}

TEST_CASE("dense head: each group has weights of its own, and rows stay where they are",
          "[dense_head]") {
  for (const Index hidden : {0, 1}) {
    DenseHead head(with_hidden(hidden));
    const DenseInputs in = inputs({2, 0, 3, 1});
    StateDict state;
    for (const auto& [name, tensor] : head.state_dict()) {
      Tensor copy = tensor.clone();
      const auto group = static_cast<float>(name[name.find('.') + 1] - '0');
      // With a hidden layer: ELU of the group's number, which is above 0, or e^x - 1 of a feature.
      if (name.starts_with("out.") && name.ends_with("weight")) copy.data<float>()[0] = 1;
      if (name.starts_with("hidden.") && name.ends_with("weight")) copy.data<float>()[0] = 1;
      if (name.starts_with("out.") && name.ends_with("bias")) copy.data<float>()[0] = 10 * group;
      state.emplace(name, copy);
    }
    head.load_state_dict(state);
    const Tensor code = head.forward(in).code.value();
    const std::vector<double> group{0, 0, 2, 2, 2, 3};
    for (Index row = 0; row < 6; ++row) {
      const double x = number(in.features.value(), 5 * row);
      const double y = hidden > 0 && x < 0 ? std::exp(x) - 1 : x;
      CHECK(number(code, 4 * row) ==
            Approx(10 * group[static_cast<std::size_t>(row)] + y).margin(1e-5));
    }
  }
}

TEST_CASE("dense head: reads features, then the five points, then the pose", "[dense_head]") {
  const DenseInputs in = inputs({3, 0, 0, 0});
  for (Index column = 0; column < 5 + 13; ++column) {
    DenseHead head(kConfig);
    StateDict state;
    for (const auto& [name, tensor] : head.state_dict()) state.emplace(name, tensor.clone());
    state.at("out.0.weight").data<float>()[column] = 1;
    head.load_state_dict(state);
    const Tensor code = head.forward(in).code.value();
    for (Index row = 0; row < 3; ++row) {
      const double expected = column < 5    ? number(in.features.value(), 5 * row + column)
                              : column < 15 ? number(in.five, 10 * row + column - 5)
                                            : number(in.camera, 7 * row + 3 + column - 15);
      CHECK(number(code, 4 * row) == Approx(expected).margin(1e-6));
    }
  }
}

TEST_CASE("dense head: features are measured for each group, and read by that measure",
          "[dense_head]") {
  DenseHead head(kConfig);
  DenseInputs in = inputs({9, 0, 7, 12});
  Tensor features = in.features.value().clone();
  for (Index row = 0; row < 28; ++row) features.data<float>()[5 * row + 2] = 7;  // never changes
  in.features = Var(features);
  head.measure_features(in);
  const StateDict state = head.state_dict();
  const Tensor &mean = state.at("feature_mean"), &deviation = state.at("feature_deviation");
  REQUIRE(mean.shape() == Shape{4, 5});
  for (const Index group : {0, 3}) {
    const Index begin = group == 0 ? 0 : 16, count = group == 0 ? 9 : 12;
    for (Index c = 0; c < 5; ++c) {
      double sum = 0, squares = 0;
      for (Index i = begin; i < begin + count; ++i) sum += number(features, 5 * i + c);
      const double average = sum / static_cast<double>(count);
      for (Index i = begin; i < begin + count; ++i)
        squares += std::pow(number(features, 5 * i + c) - average, 2);
      CHECK(number(mean, 5 * group + c) == Approx(average).margin(1e-6));
      CHECK(number(deviation, 5 * group + c) ==
            Approx(std::max(std::sqrt(squares / static_cast<double>(count)), 0.01)));
    }
  }
  // No sample, or a small one, says nothing.
  for (const Index group : {1, 2}) {
    for (Index c = 0; c < 5; ++c) {
      CHECK(number(mean, 5 * group + c) == 0);
      CHECK(number(deviation, 5 * group + c) == 1);
    }
  }
  StateDict reading;
  for (const auto& [name, tensor] : state) reading.emplace(name, tensor.clone());
  reading.at("out.0.weight").data<float>()[1] = 1;
  head.load_state_dict(reading);
  CHECK(number(head.forward(in).code.value(), 0) ==
        Approx((number(features, 1) - number(mean, 1)) / number(deviation, 1)));
}

// In float; the numbers come from biases, since all weights are 0. The camera is compared with the
// equations in double, its gradients with central differences of them.
TEST_CASE("dense head: cameras and their gradients are those of the equations",
          "[dense_head][grad]") {
  const DenseInputs in = inputs({1, 1, 1, 1});
  DenseHead head(kConfig);
  head.train();
  Camera d{};
  for (std::size_t i = 0; i < 7; ++i) {
    d[i] = 0.9 - 0.37 * static_cast<double>(i);
    set_bias(head, kConfig.code + static_cast<Index>(i), static_cast<float>(d[i]));
  }
  const Var cameras = head.forward(in).camera;
  const Tensor direction = random_tensor({4, 7}, 9);
  cameras.backward(direction);
  for (const auto& [name, var] : head.named_parameters()) {
    if (!name.starts_with("out.") || !name.ends_with("bias")) continue;
    const Index row = name[4] - '0';
    const Camera before = camera_of(in.camera, row), expected = corrected(before, d);
    for (std::size_t i = 0; i < 7; ++i)
      CHECK(number(cameras.value(), 7 * row + static_cast<Index>(i)) ==
            Approx(expected[i]).epsilon(1e-5).margin(1e-4));
    for (std::size_t which = 0; which < 7; ++which) {
      constexpr double kStep = 1e-5;
      Camera up = d, down = d;
      up[which] += kStep;
      down[which] -= kStep;
      const Camera above = corrected(before, up), below = corrected(before, down);
      double slope = 0;
      for (std::size_t i = 0; i < 7; ++i)
        slope += number(direction, 7 * row + static_cast<Index>(i)) * (above[i] - below[i]) /
                 (2 * kStep);
      CAPTURE(row, which);
      CHECK(number(var.grad(), kConfig.code + static_cast<Index>(which)) ==
            Approx(slope).epsilon(1e-3).margin(1e-3));
    }
  }
}

TEST_CASE("dense head: every parameter of a group with anchors learns, of another none",
          "[dense_head][grad]") {
  DenseHead head(with_hidden(6));
  initialize(head, {.scheme = InitScheme::xavier_uniform}, 3);
  head.train();
  const DenseOutputs out = head.forward(inputs({2, 0, 3, 1}));
  ag::add(ag::add(ag::sum(out.code), ag::sum(out.camera)), ag::sum(out.light)).backward();
  CHECK(head.named_parameters().size() == 4 * 4);
  for (const auto& [name, var] : head.named_parameters()) {
    CAPTURE(name);
    CHECK((var.grad().numel() > 0) == (name.find(".1.") == std::string::npos));
  }
}

TEST_CASE("dense head: shared weights do for every group what a group's own would",
          "[dense_head]") {
  DenseHeadConfig config = with_hidden(6);
  config.channels = 1;
  config.point_channels = 2;
  config.colours = 2;
  REQUIRE(config.of_detector() == 11);
  REQUIRE(config.features() == 17);
  DenseInputs in = inputs({2, 0, 3, 1});
  in.features = Var(random_tensor({6, 17}, 8));
  DenseHeadConfig for_all = config;
  for_all.shared = true;
  DenseHead shared(for_all), own(config);
  initialize(shared, {.scheme = InitScheme::xavier_uniform}, 3);
  shared.measure_features({.counts = {0, 9, 0, 0},
                           .features = Var(random_tensor({9, 17}, 4)),
                           .five = {},
                           .camera = {}});
  const StateDict from = shared.state_dict();
  CHECK(from.size() == 4 + 2);
  CHECK(from.at("feature_mean").shape() == Shape{1, 17});
  StateDict to;
  for (const auto& [name, tensor] : own.state_dict()) {
    Tensor copy = tensor.clone();
    if (name.starts_with("feature_")) {
      for (Index group = 0; group < 4; ++group)
        std::copy_n(from.at(name).data<float>(), 17, copy.data<float>() + 17 * group);
    } else {
      std::string of_all = name;
      of_all[name.find('.') + 1] = '0';
      copy = from.at(of_all).clone();
    }
    to.emplace(name, copy);
  }
  own.load_state_dict(to);
  const DenseOutputs a = shared.forward(in), b = own.forward(in);
  CHECK(largest_difference(a.code.value(), b.code.value()) < 1e-6);
  CHECK(largest_difference(a.camera.value(), b.camera.value()) < 1e-4);
  CHECK(largest_difference(a.light.value(), b.light.value()) < 1e-5);
  CHECK(largest_difference(a.code.value(), Tensor::zeros({6, 4})) > 0.1);
}

TEST_CASE("dense head: the same bits on any number of threads", "[dense_head]") {
  DenseHead head(with_hidden(6));
  initialize(head, {.scheme = InitScheme::xavier_uniform}, 3);
  const DenseInputs in = inputs({20, 5, 30, 1});
  check_same_bits_on_any_threads([&] { return head.forward(in).camera.value(); });
  check_same_bits_on_any_threads([&] { return head.forward(in).code.value(); });
}

TEST_CASE("dense head: no anchors, no numbers", "[dense_head]") {
  const DenseHead head(with_hidden(6));
  const DenseOutputs out = head.forward(inputs({0, 0, 0, 0}));
  CHECK(out.code.shape() == Shape{0, 4});
  CHECK(out.camera.shape() == Shape{0, 7});
  CHECK(out.light.shape() == Shape{0, 9});
}

TEST_CASE("dense head: what does not fit is refused", "[dense_head][error]") {
  const auto config_refused = [](auto change, const char* part) {
    DenseHeadConfig config = kConfig;
    change(config);
    check_refused<UsageError>([&] { const DenseHead head(config); }, {"DenseHead", part});
  };
  config_refused([](DenseHeadConfig& c) { c.channels = 0; }, "got 0");
  config_refused([](DenseHeadConfig& c) { c.levels = -1; }, "got -1");
  config_refused([](DenseHeadConfig& c) { c.anchors = 0; }, "got 0");
  config_refused([](DenseHeadConfig& c) { c.code = 0; }, "got 0");
  config_refused([](DenseHeadConfig& c) { c.hidden = -2; }, "got -2");
  config_refused([](DenseHeadConfig& c) { c.point_channels = -3; }, "got -3");
  config_refused([](DenseHeadConfig& c) { c.colours = -4; }, "got -4");

  DenseHead head(kConfig);
  const auto refused = [&](auto change, std::initializer_list<const char*> parts) {
    DenseInputs in = inputs({2, 0, 3, 1});
    change(in);
    check_refused([&] { (void)head.forward(in); }, parts);
  };
  refused([](DenseInputs& in) { in.features = Var(Tensor::zeros({6, 4})); }, {"[6, 4]", "[N, 5]"});
  refused([](DenseInputs& in) { in.five = Tensor::zeros({6, 10}); }, {"points [6, 10]"});
  refused([](DenseInputs& in) { in.five = Tensor::zeros({5, 5, 2}); }, {"[6, 5, 2]"});
  refused([](DenseInputs& in) { in.camera = Tensor::zeros({6, 6}); }, {"camera [6, 6]", "[6, 7]"});
  for (const auto& counts : std::vector<std::vector<Index>>{
           {}, {6}, {2, 0, 3}, {2, 0, 3, 1, 0}, {2, 0, 3, 2}, {7, -1, 0, 0}}) {
    refused([&](DenseInputs& in) { in.counts = counts; }, {"DenseHead: ", "must be 4 of 6"});
    DenseInputs in = inputs({2, 0, 3, 1});
    in.counts = counts;
    check_refused([&] { head.measure_features(in); }, {"measure_features: ", "must be 4 of 6"});
  }
  DenseInputs narrow = inputs({2, 0, 3, 1});
  narrow.features = Var(Tensor::zeros({6, 4}));
  check_refused([&] { head.measure_features(narrow); }, {"measure_features", "[6, 4]"});
}

}  // namespace rf::test
