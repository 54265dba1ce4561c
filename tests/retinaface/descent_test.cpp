#include "retinaface/training/descent.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "autograd/ops.hpp"
#include "autograd/sgd.hpp"
#include "retinaface/training/state_parts.hpp"
#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

namespace rf::test {

TEST_CASE("descent: one step, clipped, with gradients cleared", "[descent]") {
  ag::Var w(tensor<float>({2}, {3, 4}));
  w.set_requires_grad(true);
  const std::vector<ag::Parameter> parameters{{"w", w}};
  ag::Sgd optimizer({{.parameters = parameters}}, {.momentum = 0});
  const auto loss = [&] { return ag::scale(ag::sum(ag::multiply(w, w)), 0.5); };
  CHECK(descend(loss(), parameters, optimizer, {.learning_rate = 0.5, .clip = 0}) == Approx(5));
  CHECK(w.value().data<float>()[0] == 1.5F);
  CHECK(w.grad().numel() == 0);
  CHECK(descend(loss(), parameters, optimizer, {.learning_rate = 1, .clip = 0.5}) == Approx(2.5));
  CHECK(w.value().data<float>()[0] == Approx(1.5 - 0.3));
  const ag::Var broken = ag::scale(loss(), std::numeric_limits<double>::infinity());
  CHECK_THROWS_AS(descend(broken, parameters, optimizer, {.learning_rate = 1, .clip = 1}),
                  TrainingError);
  CHECK(w.value().data<float>()[0] == Approx(1.2));
  CHECK(scalar_value(loss()) == Approx(0.5 * (1.2 * 1.2 + 1.6 * 1.6)));
  CHECK(scalar_value(ag::Var()) == 0);
}

TEST_CASE("descent: the rate rises to its peak and falls to its end", "[descent]") {
  const StageRate rate{.peak = 2e-3, .end = 1e-5, .warm_up = 0.1};
  CHECK(rate(0) == 0);
  CHECK(rate(0.05) == Approx(1e-3));
  CHECK(rate(0.1) == Approx(2e-3));
  CHECK(rate(0.55) == Approx((2e-3 + 1e-5) / 2));
  CHECK(rate(1) == Approx(1e-5));
  CHECK(StageRate{1e-3, 1e-3, 0}(0) == Approx(1e-3));
}

TEST_CASE("state parts: what goes in under a prefix comes out without it", "[descent]") {
  StateDict all;
  const Tensor a = random_tensor({2}, 1), b = random_tensor({3}, 2);
  add_part(all, "model/", {{"w", a}, {"model/w", b}});
  add_part(all, "optimizer/", {{"w", b}});
  REQUIRE(all.size() == 3);
  const StateDict model = state_part(all, "model/");
  REQUIRE(model.size() == 2);
  CHECK(same(model.at("w"), a));
  CHECK(same(model.at("model/w"), b));
  CHECK(same(state_part(all, "optimizer/").at("w"), b));
  CHECK(state_part(all, "nothing/").empty());
}

}  // namespace rf::test
