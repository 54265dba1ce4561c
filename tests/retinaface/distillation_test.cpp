#include "retinaface/training/distillation.hpp"

#include <cmath>
#include <limits>

#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

struct Side {
  Tensor cls, box, landmark;
  // The logit of "face"; that of "background" stays 0.
  void logit(Index anchor, float value) { cls.data<float>()[2 * anchor + 1] = value; }
  [[nodiscard]] HeadOutputs outputs() const {
    return {.cls = Var(cls), .box = Var(box), .landmark = Var(landmark)};
  }
};

// Outputs of one image, all zero: every anchor a face with probability 1/2.
Side zeros(Index anchors, DType dtype = DType::f32) {
  return {.cls = Tensor::zeros({1, anchors, 2}, dtype),
          .box = Tensor::zeros({1, anchors, 4}, dtype),
          .landmark = Tensor::zeros({1, anchors, 10}, dtype)};
}

double loss(const Side& ours, const Side& teacher, const DistillationWeights& weights = {}) {
  const Var result = distillation_loss(ours.outputs(), teacher.outputs(), weights);
  CHECK(result.value().numel() == 1);
  return static_cast<double>(*result.value().data<float>());
}

double probability(double logit) { return 1 / (1 + std::exp(-logit)); }

// H(t, s) of logits: -t log s - (1 - t) log(1 - s) = log(1 + e^z) - t z.
double entropy(double t, double z) { return std::log1p(std::exp(z)) - t * z; }

}  // namespace

TEST_CASE("distillation: by hand, few faces", "[distillation]") {
  Side ours = zeros(3), teacher = zeros(3);
  ours.logit(0, 0), teacher.logit(0, 2);    // a face that we doubt
  ours.logit(1, -5), teacher.logit(1, -6);  // background, both below 0.01: left out
  ours.logit(2, 1), teacher.logit(2, -6);   // background that we take for a face
  ours.box.data<float>()[0] = 0.5F;         // 0.125
  teacher.box.data<float>()[1] = 3;         // 2.5
  ours.box.data<float>()[4] = 100;          // left out
  ours.box.data<float>()[8] = 2;            // 1.5, of a teacher that sees no face
  ours.landmark.data<float>()[9] = -1;      // 0.5
  teacher.landmark.data<float>()[12] = 50;  // left out
  const double t0 = probability(2), t2 = probability(-6), s0 = 0.5, s2 = probability(1);
  const double cls = std::abs(t0 - s0) * entropy(t0, 0) + std::abs(t2 - s2) * entropy(t2, 1);
  const double box = t0 * 2.625 + t2 * 1.5, landmark = t0 * 0.5;
  // The sum of t is below 1: the divisor is 1.
  CHECK(std::abs(loss(ours, teacher) - (cls + 0.25 * box + 0.1 * landmark)) < 1e-5);
  CHECK(std::abs(loss(ours, teacher, {.box = 3, .landmark = 0}) - (cls + 3 * box)) < 1e-5);
}

TEST_CASE("distillation: divided by how many faces the teacher sees", "[distillation]") {
  Side ours = zeros(4), teacher = zeros(4);
  double faces = 0, cls = 0;
  for (Index a = 0; a < 4; ++a) {
    const float z = 0.5F * static_cast<float>(a);
    teacher.logit(a, 3), ours.logit(a, z);
    const double t = probability(3);
    faces += t;
    cls += std::abs(t - probability(static_cast<double>(z))) * entropy(t, static_cast<double>(z));
  }
  CHECK(faces > 1);
  CHECK(std::abs(loss(ours, teacher) - cls / faces) < 1e-5);
}

TEST_CASE("distillation: nothing, and no gradient, where ours equal the teacher's",
          "[distillation]") {
  const Side teacher{.cls = random_tensor({2, 5, 2}, 1),
                     .box = random_tensor({2, 5, 4}, 2),
                     .landmark = random_tensor({2, 5, 10}, 3)};
  HeadOutputs ours = teacher.outputs();
  for (Var* var : {&ours.cls, &ours.box, &ours.landmark}) var->set_requires_grad(true);
  const Var result = distillation_loss(ours, teacher.outputs(), {});
  CHECK(*result.value().data<float>() == 0);
  result.backward();
  for (const Var* var : {&ours.cls, &ours.box, &ours.landmark}) {
    const Tensor gradient = var->grad();
    for (const float value : gradient.span<float>()) CHECK(value == 0);
  }
}

TEST_CASE("distillation: no anchor that either takes for a face is no loss", "[distillation]") {
  Side ours = zeros(3), teacher = zeros(3);
  for (Index a = 0; a < 3; ++a) ours.logit(a, -5), teacher.logit(a, -8);
  ours.box.data<float>()[0] = 7;
  HeadOutputs outputs = ours.outputs();
  for (Var* var : {&outputs.cls, &outputs.box, &outputs.landmark}) var->set_requires_grad(true);
  const Var result = distillation_loss(outputs, teacher.outputs(), {});
  CHECK(*result.value().data<float>() == 0);
  result.backward();
  const Tensor gradient = outputs.box.grad();
  CHECK(std::ranges::all_of(gradient.span<float>(), [](float g) { return g == 0; }));
}

TEST_CASE("distillation: pulls each score towards the teacher's, the focus being constant",
          "[distillation]") {
  Side ours = zeros(3, DType::f64), teacher = zeros(3, DType::f64);
  const std::array<double, 3> z = {0.3, -1, 2}, wanted = {2, -3, 2.5};
  double faces = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    ours.cls.data<double>()[2 * a + 1] = z[a];
    teacher.cls.data<double>()[2 * a + 1] = wanted[a];
    faces += probability(wanted[a]);
  }
  HeadOutputs outputs = ours.outputs();
  outputs.cls.set_requires_grad(true);
  distillation_loss(outputs, teacher.outputs(), {}).backward();
  const Tensor gradient = outputs.cls.grad();
  for (std::size_t a = 0; a < 3; ++a) {
    // d H(t, s) / dz = s - t.
    const double s = probability(z[a]), t = probability(wanted[a]);
    const double expected = std::abs(t - s) * (s - t) / faces;
    CHECK(std::abs(gradient.data<double>()[2 * a + 1] - expected) < 1e-12);
    CHECK(std::abs(gradient.data<double>()[2 * a] + expected) < 1e-12);
  }
}

TEST_CASE("distillation: gradients of boxes and landmarks against differences, in double",
          "[distillation]") {
  const Tensor cls = random_tensor({2, 6, 2}, 1, DType::f64);
  const Side teacher{.cls = random_tensor({2, 6, 2}, 2, DType::f64),
                     .box = random_tensor({2, 6, 4}, 3, DType::f64),
                     .landmark = random_tensor({2, 6, 10}, 4, DType::f64)};
  check_gradients(
      [&](const std::vector<Var>& in) {
        return distillation_loss({.cls = Var(cls), .box = in[0], .landmark = in[1]},
                                 teacher.outputs(), {.box = 0.7, .landmark = 0.3});
      },
      {random_tensor({2, 6, 4}, 5, DType::f64), random_tensor({2, 6, 10}, 6, DType::f64)});
}

TEST_CASE("distillation: a NaN does not get lost", "[distillation]") {
  for (const bool of_teacher : {false, true}) {
    Side ours = zeros(2), teacher = zeros(2);
    for (Index a = 0; a < 2; ++a) ours.logit(a, -8), teacher.logit(a, -8);
    (of_teacher ? teacher : ours).logit(1, std::numeric_limits<float>::quiet_NaN());
    CHECK(std::isnan(loss(ours, teacher)));
  }
}

TEST_CASE("distillation: outputs that do not fit are refused", "[distillation][error]") {
  check_refused([] { (void)loss(zeros(3), zeros(4)); }, {"[1, 3, 2]", "[1, 4, 2]"});
  Side ours = zeros(3), teacher = zeros(3);
  teacher.landmark = Tensor::zeros({1, 2, 10});
  check_refused([&] { (void)loss(ours, teacher); }, {"[1, 3, 10]", "[1, 2, 10]"});
}

TEST_CASE("feature distance: by hand, each map in units of the teacher's length",
          "[distillation]") {
  const auto map = [](const std::vector<float>& values) {
    return Var(Tensor::from({1, 2, 1, 1}, std::span<const float>(values)));
  };
  const auto distance = [](const std::vector<Var>& ours, const std::vector<Var>& teacher) {
    return static_cast<double>(*feature_distance(ours, teacher).value().data<float>());
  };
  CHECK(std::abs(distance({map({1, 2})}, {map({3, 4})}) - 8.0 / 25) < 1e-6);
  CHECK(std::abs(distance({map({1, 2}), map({0, 7})}, {map({3, 4}), map({0, 5})}) -
                 (8.0 / 25 + 4.0 / 25) / 2) < 1e-6);
  CHECK(std::abs(distance({map({1, 2})}, {map({0, 0})}) - 5) < 1e-6);
  CHECK(distance({map({3, 4})}, {map({3, 4})}) == 0);
  check_refused([&] { (void)distance({map({1, 2})}, {}); }, {"1 maps, the teacher has 0"});
  check_refused(
      [&] {
        (void)distance({map({1, 2})}, {Var(Tensor::zeros({1, 3, 1, 1}))});
      },
      {"map 0", "[1, 2, 1, 1]", "[1, 3, 1, 1]"});
}

TEST_CASE("feature distance: gradients of every map against differences, in double",
          "[distillation]") {
  const Var teacher_a(random_tensor({2, 3, 2, 2}, 1, DType::f64)),
      teacher_b(random_tensor({2, 2, 3, 1}, 2, DType::f64));
  check_gradients(
      [&](const std::vector<Var>& in) {
        return feature_distance({in[0], in[1]}, {teacher_a, teacher_b});
      },
      {random_tensor({2, 3, 2, 2}, 3, DType::f64), random_tensor({2, 2, 3, 1}, 4, DType::f64)});
}

}  // namespace rf::test
