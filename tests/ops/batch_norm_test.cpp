#include "engine/ops/batch_norm.hpp"

#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

TEST_CASE("batch_norm: one channel by hand", "[batch_norm][golden]") {
  // (x - 1) / sqrt(3.75 + 0.25) = (x - 1) / 2; times 3, plus 10.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor y = batch_norm(tensor({1, 1, 1, 3}, {1, 3, -5}, dtype), tensor({1}, {3}, dtype),
                                tensor({1}, {10}, dtype), tensor({1}, {1}, dtype),
                                tensor({1}, {3.75}, dtype), {.eps = 0.25});
    CHECK(relative_error(y, tensor({1, 1, 1, 3}, {10, 13, 1}, dtype)) < 1e-6);
  }
}

TEST_CASE("batch_norm: PyTorch's values with running statistics", "[batch_norm][golden]") {
  check_golden("batch_norm/eval", [](const GoldenCase& c, DType dtype) {
    return batch_norm(c.get("x", dtype), c.get("gamma", dtype), c.get("beta", dtype),
                      c.get("running_mean_before", dtype), c.get("running_var_before", dtype),
                      {.eps = c.attributes.at("eps")});
  });
}

TEST_CASE("batch_norm: PyTorch's gradients, with the batch's and with running statistics",
          "[batch_norm][golden][grad]") {
  check_golden_gradients("batch_norm/train", {"x", "gamma", "beta"},
                         [](const GoldenCase& c, const std::vector<ag::Var>& in) {
                           BatchNormStats stats;
                           return ag::batch_norm_training(in[0], in[1], in[2],
                                                          {.eps = c.attributes.at("eps")}, stats);
                         });
  check_golden_gradients("batch_norm/eval", {"x", "gamma", "beta"},
                         [](const GoldenCase& c, const std::vector<ag::Var>& in) {
                           const DType dtype = in[0].value().dtype();
                           return ag::batch_norm(in[0], in[1], in[2],
                                                 ag::Var(c.get("running_mean_before", dtype)),
                                                 ag::Var(c.get("running_var_before", dtype)),
                                                 {.eps = c.attributes.at("eps")});
                         });
}

TEST_CASE("batch_norm: refuses what does not fit, and says what", "[batch_norm][error]") {
  const Tensor x = Tensor::zeros({2, 3, 4, 4}), c3 = Tensor::zeros({3}), c4 = Tensor::zeros({4});
  const auto run = [&](const Tensor& gamma, const Tensor& var) {
    (void)batch_norm(x, gamma, c3, c3, var);
  };
  check_refused([&] { run(c4, c3); }, {"batch_norm", "[2, 3, 4, 4]", "[3]", "[4]"});
  check_refused([&] { run(c3, c4); }, {"[4]"});
  check_refused([&] { run(c3, Tensor::zeros({3}, DType::f64)); }, {"f32", "f64"});
  check_refused([&] { (void)batch_norm(c3, c3, c3, c3, c3); }, {"[3]", "[N, C]"});
  check_refused([&] { (void)batch_norm(x, c3, c3, c3, c3, {.eps = -1}); }, {"eps", "-1"});
}

TEST_CASE("batch_norm: every table agrees with the reference, within bounds", "[batch_norm][isa]") {
  constexpr Index kBatch = 2, kChannels = 3;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index plane : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 37}) {
      CAPTURE(table->name, plane);
      GuardedFloats x(kBatch * kChannels * plane), y(kBatch * kChannels * plane),
          expected(kBatch * kChannels * plane);
      GuardedFloats gamma(3), beta(3), mean(3), var(3);
      x.randomize(1), gamma.randomize(2), beta.randomize(3), mean.randomize(4);
      for (int c = 0; c < 3; ++c) var.data()[c] = 0.5F + static_cast<float>(c);
      const float slope = plane % 2 ? 1.0F : 0.1F;
      BatchNormArgs<float> args{.x = x.data(),
                                .y = y.data(),
                                .f = {.gamma = gamma.data(),
                                      .beta = beta.data(),
                                      .mean = mean.data(),
                                      .var = var.data(),
                                      .eps = 1e-5F,
                                      .slope = slope,
                                      .channels = kChannels,
                                      .plane = plane}};
      table->batch_norm(args, 0, kBatch * kChannels);
      args.y = expected.data();
      reference::batch_norm(args, 0, kBatch * kChannels);
      CHECK(relative_error(y.copy(), expected.copy()) < 1e-5);
      CHECK(y.front_is_intact());
    }
  }
}

TEST_CASE("batch_norm: gamma = 1, beta = 0 gives mean 0, variance 1; rank 2 works",
          "[batch_norm][property]") {
  // x = mean +- deviation, half each: the statistics are exact by construction.
  const Tensor x = tensor({4, 2}, {3, 10, 7, 30, 3, 10, 7, 30});
  const Tensor y = batch_norm(x, tensor({2}, {1, 1}), tensor({2}, {0, 0}), tensor({2}, {5, 20}),
                              tensor({2}, {4, 100}), {.eps = 0});
  CHECK(relative_error(y, tensor({4, 2}, {-1, -1, 1, 1, -1, -1, 1, 1})) < 1e-6);
  const Tensor none = Tensor::zeros({0, 2, 3});
  CHECK(batch_norm(none, tensor({2}, {1, 1}), tensor({2}, {0, 0}), tensor({2}, {5, 20}),
                   tensor({2}, {4, 100}))
            .shape() == none.shape());
}

TEST_CASE("batch_norm: same bits for any number of threads", "[batch_norm][property]") {
  const Tensor x = random_tensor({2, 16, 50, 51}, 5), gamma = random_tensor({16}, 6),
               beta = random_tensor({16}, 7);
  const Tensor mean = random_tensor({16}, 8);
  Tensor vars = Tensor::empty({16});
  for (float& v : vars.span<float>()) v = 1.5F;
  check_same_bits_on_any_threads([&] { return batch_norm(x, gamma, beta, mean, vars); });
}

}  // namespace rf::test
