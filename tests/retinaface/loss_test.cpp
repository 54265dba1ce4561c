#include "retinaface/loss.hpp"

#include <cmath>

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// Outputs and targets of one image, all zero, labels 0.
struct Case {
  Tensor cls, box, landmark;
  AnchorTargets targets;

  explicit Case(Index anchors)
      : cls(Tensor::zeros({1, anchors, 2})),
        box(Tensor::zeros({1, anchors, 4})),
        landmark(Tensor::zeros({1, anchors, 10})),
        targets{.label = Tensor::zeros({1, anchors}, DType::i64),
                .box = Tensor::zeros({1, anchors, 4}),
                .landmark = Tensor::zeros({1, anchors, 10}),
                .has_landmark = Tensor::zeros({1, anchors}, DType::i64)} {}
  void label(Index anchor, std::int64_t value) {
    targets.label.data<std::int64_t>()[anchor] = value;
  }
  // The logit of "face"; that of "background" stays 0.
  void face_logit(Index anchor, double value) {
    cls.data<float>()[2 * anchor + 1] = static_cast<float>(value);
  }
  [[nodiscard]] HeadOutputs outputs() const {
    return {.cls = Var(cls), .box = Var(box), .landmark = Var(landmark)};
  }
  [[nodiscard]] Losses losses() const { return multi_task_loss(outputs(), targets); }
};

double number(const Var& v) { return static_cast<double>(*v.value().data<float>()); }

// -log softmax of background, for a face logit of z.
double background_loss(double z) { return std::log1p(std::exp(z)); }

}  // namespace

TEST_CASE("loss: one face counts its three hardest backgrounds", "[loss]") {
  Case c(7);
  c.label(0, 1);
  c.face_logit(0, 2);
  const double z[] = {0, 0.5, -3, 1, 4, -1, 0.25};  // anchor 4 is ignored
  for (Index a = 1; a < 7; ++a) c.face_logit(a, z[a]);
  c.label(4, -1);
  const double expected = (std::log1p(std::exp(-2.0)) + background_loss(1) + background_loss(0.5) +
                           background_loss(0.25));
  CHECK(std::abs(number(c.losses().cls) - expected) < 1e-5);
}

TEST_CASE("loss: of equally hard backgrounds the lower anchors count", "[loss]") {
  Case c(6);
  c.label(5, 1);
  HeadOutputs outputs = c.outputs();
  outputs.cls.set_requires_grad(true);
  multi_task_loss(outputs, c.targets).cls.backward();
  const float* gradient = outputs.cls.grad().data<float>();
  for (Index a = 0; a < 6; ++a) CHECK((gradient[2 * a] != 0) == (a < 3 || a == 5));
}

TEST_CASE("loss: an image without faces counts its 32 hardest, and divides by 1", "[loss]") {
  Case c(50);
  for (Index a = 0; a < 50; ++a) c.face_logit(a, 0.1 * static_cast<double>(a));
  double expected = 0;
  for (Index a = 18; a < 50; ++a) expected += background_loss(0.1 * static_cast<double>(a));
  const Losses losses = c.losses();
  CHECK(std::abs(number(losses.cls) - expected) < 1e-4);
  CHECK(number(losses.box) == 0);
  CHECK(number(losses.landmark) == 0);
}

TEST_CASE("loss: boxes and landmarks by hand, with the weights of the paper", "[loss]") {
  Case c(3);
  c.label(0, 1), c.label(1, 1), c.label(2, -1);
  c.targets.has_landmark.data<std::int64_t>()[1] = 1;
  c.box.data<float>()[0] = 0.5F;             // 0.125
  c.box.data<float>()[5] = -3;               // 2.5
  c.box.data<float>()[8] = 100;              // ignored
  c.targets.landmark.data<float>()[10] = 2;  // 1.5
  c.landmark.data<float>()[0] = 100;         // no landmark known
  const Losses losses = c.losses();
  CHECK(std::abs(number(losses.box) - (0.125 + 2.5) / 2) < 1e-6);
  CHECK(std::abs(number(losses.landmark) - 1.5) < 1e-6);
  CHECK(std::abs(number(losses.cls) - std::log(2.0)) < 1e-6);  // two faces at 0, no background left
  CHECK(std::abs(number(losses.total) - (std::log(2.0) + 0.25 * 1.3125 + 0.1 * 1.5)) < 1e-6);
}

TEST_CASE("loss: targets that do not fit are refused, and both shapes named", "[loss][error]") {
  Case c(3);
  c.targets.box = Tensor::zeros({1, 4, 4});
  check_refused([&] { (void)c.losses(); }, {"box", "[1, 3, 4]", "[1, 4, 4]"});
  Case floats(3);
  floats.targets.label = Tensor::zeros({1, 3});
  check_refused([&] { (void)floats.losses(); }, {"f32", "i64"});
}

TEST_CASE("loss: a NaN among the background anchors is mined", "[loss]") {
  constexpr Index kAnchors = 200;
  Tensor cls = Tensor::zeros({1, kAnchors, 2}), label = Tensor::zeros({1, kAnchors}, DType::i64);
  for (Index a = 0; a < kAnchors; ++a)
    cls.data<float>()[2 * a + 1] = 0.01F * static_cast<float>(a * 37 % kAnchors);
  label.data<std::int64_t>()[0] = 1;
  cls.data<float>()[100] = std::nanf("");
  const Losses losses = multi_task_loss({.cls = Var(cls),
                                         .box = Var(Tensor::zeros({1, kAnchors, 4})),
                                         .landmark = Var(Tensor::zeros({1, kAnchors, 10}))},
                                        {.label = label,
                                         .box = Tensor::zeros({1, kAnchors, 4}),
                                         .landmark = Tensor::zeros({1, kAnchors, 10}),
                                         .has_landmark = Tensor::zeros({1, kAnchors}, DType::i64)});
  CHECK(std::isnan(*losses.cls.value().data<float>()));
}

}  // namespace rf::test
