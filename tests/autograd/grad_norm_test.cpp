#include "autograd/grad_norm.hpp"

#include <cmath>
#include <limits>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

namespace {

// Gradients (3, 0) in f64 and (4, 12) in f32: the norm is 13. Beside them one without a gradient
// and one that is frozen.
std::vector<ag::Parameter> thirteen() {
  std::vector<ag::Parameter> all{parameter("a", f64({1, 1})),
                                 parameter("b", tensor({1, 2}, {1, 1})),
                                 parameter("none", f64({1})), parameter("frozen", f64({1}))};
  all[0].var.set_grad(f64({3, 0}));
  all[1].var.set_grad(tensor({1, 2}, {4, 12}));
  all[3].var.set_grad(f64({1000}));
  all[3].var.set_requires_grad(false);
  return all;
}

}  // namespace

TEST_CASE("grad_norm: is the length of all gradients as one vector", "[grad_norm]") {
  CHECK(ag::global_grad_norm(thirteen()) == 13);
  CHECK(ag::global_grad_norm({}) == 0);
}

TEST_CASE("grad_norm: a longer one is cut to the limit, a shorter one stays", "[grad_norm]") {
  std::vector<ag::Parameter> all = thirteen();
  const Tensor a = all[0].var.grad(), b = all[1].var.grad();
  CHECK(ag::clip_grad_norm(all, 13) == 13);
  CHECK(all[0].var.grad().shares_storage_with(a));
  CHECK(ag::clip_grad_norm(all, 6.5) == 13);
  CHECK(same_bits(all[0].var.grad(), f64({1.5, 0})));
  CHECK(same_bits(all[1].var.grad(), tensor({1, 2}, {2, 6})));
  CHECK(ag::global_grad_norm(all) == 6.5);
  CHECK(same_bits(a, f64({3, 0})));  // the tensor may be shared: replaced, not written
  CHECK(same_bits(b, tensor({1, 2}, {4, 12})));
  CHECK(first(all[3].var.grad()) == 1000);
}

TEST_CASE("grad_norm: one that is not finite leaves the gradients alone", "[grad_norm]") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    std::vector<ag::Parameter> all = thirteen();
    all[0].var.set_grad(f64({bad, 0}));
    CHECK_FALSE(std::isfinite(ag::clip_grad_norm(all, 1)));
    CHECK(same_bits(all[1].var.grad(), tensor({1, 2}, {4, 12})));
  }
}

TEST_CASE("grad_norm: refuses a limit that is not above 0", "[grad_norm][error]") {
  for (const double limit : {0.0, -1.0, std::nan("")})
    check_refused<UsageError>([&] { ag::clip_grad_norm({}, limit); }, {"max_norm", "above 0"});
}

TEST_CASE("grad_norm: a million small floats lose nothing, on any number of threads",
          "[grad_norm]") {
  Tensor grad = Tensor::empty({1 << 20});
  for (float& v : grad.span<float>()) v = 0x1p-40F;  // squares of 2^-80, a million of them: 2^-60
  std::vector<ag::Parameter> one{parameter("w", grad)}, random{parameter("w", grad)};
  one[0].var.set_grad(grad);
  CHECK(ag::global_grad_norm(one) == 0x1p-30);
  random[0].var.set_grad(random_tensor({1 << 20}, 1));
  const auto norm = [&](int threads) {
    const WithThreads limit(threads);
    return ag::global_grad_norm(random);
  };
  const double expected = norm(1);
  CHECK(std::abs(expected - 1024) < 3);  // chi with 2^20 degrees: 1024, standard deviation 0.7
  for (const int threads : {2, 3, 8}) CHECK(norm(threads) == expected);
}

}  // namespace rf::test
