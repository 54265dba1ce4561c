#include "autograd/finite.hpp"

#include <cmath>
#include <limits>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

namespace {

const double kNan = std::nan(""), kInf = std::numeric_limits<double>::infinity();

std::vector<ag::Parameter> finite_parameters() {
  std::vector<ag::Parameter> all{parameter("stem.weight", random_tensor({50000}, 1)),
                                 parameter("head.bias", f64({0, 0, 0}))};
  all[0].var.set_grad(random_tensor({50000}, 2));
  all[1].var.set_grad(f64({1, -1, 1e300}));
  return all;
}

}  // namespace

TEST_CASE("finite: names the loss first, then the first gradient and its index", "[finite]") {
  std::vector<ag::Parameter> all = finite_parameters();
  const Tensor loss = tensor({}, {0.5});
  CHECK_FALSE(ag::first_non_finite(loss, all));
  all[1].var.set_grad(f64({1, -kInf, kNan}));
  CHECK(ag::first_non_finite(loss, all) == "gradient of head.bias is -inf at index 1");
  Tensor grad = random_tensor({50000}, 3);
  grad.data<float>()[49999] = std::numeric_limits<float>::infinity();
  all[0].var.set_grad(grad);
  CHECK(ag::first_non_finite(loss, all) == "gradient of stem.weight is inf at index 49999");
  grad.data<float>()[17] = std::nanf("");
  CHECK(ag::first_non_finite(loss, all) == "gradient of stem.weight is nan at index 17");
  CHECK(ag::first_non_finite(tensor({}, {kNan}), all) == "loss is nan");
  CHECK(ag::first_non_finite(tensor({3}, {0, 1, kInf}), all) == "loss is inf at index 2");
  CHECK(ag::first_non_finite(tensor({}, {-kInf}, DType::f64), all) == "loss is -inf");
}

TEST_CASE("finite: a frozen parameter's old gradient does not count, nor a missing one",
          "[finite]") {
  std::vector<ag::Parameter> all{parameter("frozen", f64({0})), parameter("idle", f64({0}))};
  all[0].var.set_grad(f64({kNan}));
  all[0].var.set_requires_grad(false);
  CHECK_FALSE(ag::first_non_finite(tensor({}, {1}), all));
}

TEST_CASE("finite: the policy decides about the step, and says what was found", "[finite]") {
  using ag::OnNonFinite;
  std::vector<ag::Parameter> all = finite_parameters();
  const Tensor loss = tensor({}, {0.5});
  for (const OnNonFinite policy : {OnNonFinite::stop, OnNonFinite::skip, OnNonFinite::go_on}) {
    const ag::StepVerdict fine = ag::judge_step(loss, all, policy);
    CHECK(fine.take_step);
    CHECK(fine.found.empty());
  }
  all[1].var.set_grad(f64({0, 0, kNan}));
  const std::string text = "gradient of head.bias is nan at index 2";
  const ag::StepVerdict skipped = ag::judge_step(loss, all, OnNonFinite::skip);
  CHECK_FALSE(skipped.take_step);
  CHECK(skipped.found == text);
  const ag::StepVerdict taken = ag::judge_step(loss, all, OnNonFinite::go_on);
  CHECK(taken.take_step);
  CHECK(taken.found == text);
  check_refused<TrainingError>([&] { (void)ag::judge_step(loss, all, OnNonFinite::stop); },
                               {text.c_str(), "learning rate"});
  check_refused([&] { (void)ag::first_non_finite(Tensor::zeros({}, DType::i64), all); },
                {"loss", "i64"});
}

}  // namespace rf::test
