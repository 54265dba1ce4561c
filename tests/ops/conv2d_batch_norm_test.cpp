#include "engine/ops/conv2d_batch_norm.hpp"

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

struct Problem {
  Shape x, w;
  Conv2dBatchNormParams params;
};

const std::vector<Problem>& problems() {
  static const std::vector<Problem> all{
      {{3, 4, 9, 11}, {6, 4, 3, 3}, {{.stride = 1, .pad = 1}, {.slope = 0.1}}},
      {{2, 6, 8, 7}, {6, 1, 3, 3}, {{.stride = 2, .pad = 1, .groups = 6}, {.slope = 0}}},
      {{4, 5, 6, 6}, {7, 5, 1, 1}, {{}, {.slope = 1}}},
      // Several groups of images: each output is more than 4 MiB.
      {{3, 3, 700, 650}, {8, 3, 3, 3}, {{.stride = 2, .pad = 1}, {.slope = 0.1}}},
  };
  return all;
}

std::vector<Tensor> inputs(const Problem& p, DType dtype) {
  const Shape channels{p.w[0]};
  return {random_tensor(p.x, 1, dtype), random_tensor(p.w, 2, dtype),
          random_tensor(channels, 3, dtype), random_tensor(channels, 4, dtype),
          random_tensor(channels, 5, dtype)};
}

Var fused(const std::vector<Var>& in, const Problem& p) {
  BatchNormStats stats;
  return ag::conv2d_batch_norm(in[0], in[1], in[2], in[3], in[4], p.params, stats);
}

Var composite(const std::vector<Var>& in, const Problem& p) {
  BatchNormStats stats;
  return ag::batch_norm_training(ag::conv2d(in[0], in[1], in[2], p.params.conv), in[3], in[4],
                                 p.params.norm, stats);
}

}  // namespace

TEST_CASE("conv2d_batch_norm: is conv2d and batch_norm_training, value and gradients, every table",
          "[conv2d_batch_norm][property]") {
  for (const Problem& p : problems()) {
    CAPTURE(to_string(p.x), to_string(p.w));
    const auto compare = [&](DType dtype, double tolerance) {
      const std::vector<Tensor> values = inputs(p, dtype);
      std::vector<Var> leaves(values.begin(), values.end());
      CHECK(relative_error(fused(leaves, p).value(), composite(leaves, p).value()) < tolerance);
      const auto gradients = [&](auto f) {
        std::vector<Var> in(values.begin(), values.end());
        for (Var& leaf : in) leaf.set_requires_grad(true);
        const Var y = f(in, p);
        y.backward(random_tensor(y.shape(), 9, dtype));
        std::vector<Tensor> grads;
        for (const Var& leaf : in) grads.push_back(leaf.grad());
        return grads;
      };
      const auto found = gradients(fused), wanted = gradients(composite);
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (i == 2) {  // the bias, whose gradient is 0: batch norm takes it out
          CHECK(relative_error(ag::add(Var(found[i]), Var(found[4])).value(), found[4]) < 1e-4);
          continue;
        }
        CAPTURE(i);
        CHECK(relative_error(found[i], wanted[i]) < tolerance);
      }
    };
    if (p.x.numel() < 100000) compare(DType::f64, 1e-12);
    for (const KernelTable* table : supported_kernel_tables()) {
      const bool slow = kSanitized || std::string(table->name) == "scalar";
      if (slow && p.x.numel() > 100000) continue;
      CAPTURE(table->name);
      const WithKernels use(*table);
      compare(DType::f32, 1e-5);
    }
  }
}

TEST_CASE("conv2d_batch_norm: central differences", "[conv2d_batch_norm][grad]") {
  for (std::size_t i = 0; i < 3; ++i) {
    const Problem& p = problems()[i];
    CAPTURE(to_string(p.x), to_string(p.w));
    check_gradients([&](const std::vector<Var>& in) { return fused(in, p); },
                    inputs(p, DType::f64));
  }
}

TEST_CASE("conv2d_batch_norm: only the gradients that are wanted", "[conv2d_batch_norm]") {
  const Problem& p = problems()[0];
  std::vector<Tensor> values = inputs(p, DType::f32);
  std::vector<Var> in(values.begin(), values.end());
  in[3].set_requires_grad(true);
  const Var y = fused(in, p);
  y.backward(random_tensor(y.shape(), 9));
  for (std::size_t i = 0; i < in.size(); ++i) CHECK((in[i].grad().numel() > 0) == (i == 3));
}

TEST_CASE("conv2d_batch_norm: refuses what does not fit, and says what",
          "[conv2d_batch_norm][error]") {
  const Tensor x = Tensor::zeros({2, 3, 8, 8}), w = Tensor::zeros({4, 3, 3, 3}),
               c4 = Tensor::zeros({4}), c3 = Tensor::zeros({3});
  const auto run = [&](const Tensor& b, const Tensor& gamma) {
    (void)conv2d_batch_norm(x, w, b, gamma, c4, {});
  };
  check_refused([&] { run(c3, c4); }, {"bias [3]", "[4]"});
  check_refused([&] { run(c4, c3); }, {"[4]", "[3]"});
  check_refused([&] { run(Tensor::zeros({4}, DType::f64), c4); }, {"f32", "f64"});
  check_refused(
      [&] {
        (void)conv2d_batch_norm(Tensor::zeros({0, 3, 8, 8}), w, Tensor(), c4, c4, {});
      },
      {"no elements"});
}

TEST_CASE("conv2d_batch_norm: same bits for any number of threads",
          "[conv2d_batch_norm][property]") {
  const Problem& p = problems()[3];
  const std::vector<Tensor> values = inputs(p, DType::f32);
  const auto on = [&](int threads) {
    const WithThreads limit(threads);
    return all_gradients([&](const std::vector<Var>& in) { return fused(in, p); }, values);
  };
  const Tensor expected = on(1);
  for (const int threads : {3, 2, 8}) {
    CHECK(same_bits(on(threads), expected));
    if (kSanitized) break;
  }
}

}  // namespace rf::test
