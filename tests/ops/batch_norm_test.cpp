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

TEST_CASE("batch_norm: central differences, with either statistics and each activation",
          "[batch_norm][grad]") {
  const std::vector<Tensor> inputs{random_tensor({3, 4, 2, 3}, 1, DType::f64),
                                   random_tensor({4}, 2, DType::f64),
                                   random_tensor({4}, 3, DType::f64)};
  const ag::Var mean(random_tensor({4}, 4, DType::f64)),
      var(tensor({4}, {0.5, 1, 2, 0.1}, DType::f64));
  for (const double slope : {1.0, 0.1, 0.0}) {
    CAPTURE(slope);
    check_gradients(
        [&](const std::vector<ag::Var>& in) {
          BatchNormStats stats;
          return ag::batch_norm_training(in[0], in[1], in[2], {.slope = slope}, stats);
        },
        inputs);
    check_gradients(
        [&](const std::vector<ag::Var>& in) {
          return ag::batch_norm(in[0], in[1], in[2], mean, var, {.slope = slope});
        },
        inputs);
  }
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

TEST_CASE("batch_norm: every table's sums and gradients agree with the reference, within bounds",
          "[batch_norm][isa]") {
  constexpr Index kPlanes = 6;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index plane : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 37, 64, 67, 2047, 4099}) {
      CAPTURE(table->name, plane);
      const Index size = kPlanes * plane;
      GuardedFloats x(size), gy(size), gx(size), expected(size);
      x.randomize(1), gy.randomize(2);
      for (Index i = 0; i < size; ++i) x.data()[i] += 3;
      GuardedFloats gamma(3), beta(3), mean(3), var(3), a(3), b(3), c(3);
      gamma.randomize(3), beta.randomize(4), mean.randomize(5);
      a.randomize(6), b.randomize(7), c.randomize(8);
      for (int k = 0; k < 3; ++k) var.data()[k] = 0.5F + static_cast<float>(k);
      const BatchNormFunction<float> f{.gamma = gamma.data(),
                                       .beta = beta.data(),
                                       .mean = mean.data(),
                                       .var = var.data(),
                                       .eps = 1e-5F,
                                       .slope = 0.1F,
                                       .channels = 3,
                                       .plane = plane};
      std::vector<double> first(kPlanes), second(kPlanes), first_ref(kPlanes), second_ref(kPlanes);
      const auto compare = [&](double tolerance) {
        for (std::size_t p = 0; p < kPlanes; ++p) {
          const double scale = static_cast<double>(plane);
          CHECK(std::abs(first[p] - first_ref[p]) < tolerance * scale);
          CHECK(std::abs(second[p] - second_ref[p]) < tolerance * scale);
        }
      };
      table->batch_norm_moments(
          {.x = x.data(), .mean = first.data(), .m2 = second.data(), .plane = plane}, 0, kPlanes);
      reference::batch_norm_moments<float>(
          {.x = x.data(), .mean = first_ref.data(), .m2 = second_ref.data(), .plane = plane}, 0,
          kPlanes);
      compare(1e-6);
      table->batch_norm_products({.gy = gy.data(),
                                  .x = x.data(),
                                  .sum_gz = first.data(),
                                  .sum_gzx = second.data(),
                                  .f = f},
                                 0, kPlanes);
      reference::batch_norm_products<float>({.gy = gy.data(),
                                             .x = x.data(),
                                             .sum_gz = first_ref.data(),
                                             .sum_gzx = second_ref.data(),
                                             .f = f},
                                            0, kPlanes);
      compare(1e-5);
      BatchNormGradArgs<float> args{.gy = gy.data(),
                                    .x = x.data(),
                                    .gx = gx.data(),
                                    .a = a.data(),
                                    .b = b.data(),
                                    .c = c.data(),
                                    .f = f};
      table->batch_norm_grad(args, 0, kPlanes);
      args.gx = expected.data();
      reference::batch_norm_grad(args, 0, kPlanes);
      CHECK(relative_error(gx.copy(), expected.copy()) < 1e-5);
      CHECK(gx.front_is_intact());
    }
  }
}

TEST_CASE("batch_norm: statistics of values far from zero keep their digits",
          "[batch_norm][property]") {
  // 1000 +- 0.5: the variance is 0.25, and E[x^2] - E[x]^2 would lose it in float.
  Tensor x = Tensor::empty({2, 1, 50, 40});
  for (Index i = 0; i < x.numel(); ++i) x.data<float>()[i] = i % 2 ? 999.5F : 1000.5F;
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    const BatchNormStats stats = batch_norm_stats(x);
    CHECK(relative_error(stats.mean, tensor({1}, {1000})) < 1e-7);
    CHECK(relative_error(stats.var, tensor({1}, {0.25})) < 1e-6);
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
  check_same_bits_on_any_threads([&] {
    return all_gradients(
        [&](const std::vector<ag::Var>& in) {
          BatchNormStats stats;
          return ag::batch_norm_training(in[0], in[1], in[2], {.slope = 0.1}, stats);
        },
        {x, gamma, beta});
  });
}

}  // namespace rf::test
