#include "layers/batch_norm2d.hpp"

#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

// A layer with the parameters and running statistics of a golden case, in double.
void load(BatchNorm2d& layer, const GoldenCase& golden) {
  layer.load_state_dict({{"weight", golden.get("gamma", DType::f64)},
                         {"bias", golden.get("beta", DType::f64)},
                         {"running_mean", golden.get("running_mean_before", DType::f64)},
                         {"running_var", golden.get("running_var_before", DType::f64)}});
}

}  // namespace

TEST_CASE("batch norm layer: PyTorch's values, gradients and running statistics",
          "[batch_norm][golden]") {
  for (const char* name : {"batch_norm/train", "batch_norm/eval"}) {
    CAPTURE(name);
    const bool training = std::string(name).ends_with("train");
    const GoldenCase golden = golden_case(name);
    BatchNorm2d layer({.channels = 5});
    load(layer, golden);
    if (training) layer.train();
    Var x(golden.get("x", DType::f64));
    x.set_requires_grad(true);
    const Var y = layer.forward(x);
    CHECK(relative_error(y.value(), golden.get("y", DType::f64)) < kDoubleTolerance);
    y.backward(golden.get("gy", DType::f64));
    CHECK(relative_error(x.grad(), golden.get("d_x", DType::f64)) < kDoubleTolerance);
    for (const auto& [parameter, var] : layer.named_parameters()) {
      const char* gradient = parameter == "weight" ? "d_gamma" : "d_beta";
      if (training) {
        CHECK(relative_error(var.grad(), golden.get(gradient, DType::f64)) < kDoubleTolerance);
      } else {
        CHECK(var.grad().numel() == 0);
      }
    }
    for (const auto& [buffer, var] : layer.named_buffers()) {
      CHECK(relative_error(var.value(), golden.get(buffer + "_after", DType::f64)) <
            kDoubleTolerance);
    }
  }
}

TEST_CASE("batch norm layer: a repeated forward pass leaves the running statistics alone",
          "[batch_norm]") {
  BatchNorm2d layer({.channels = 5});
  load(layer, golden_case("batch_norm/train"));
  layer.train();
  const Var x(random_tensor({3, 5, 4, 6}, 1, DType::f64));
  const Tensor before = layer.state_dict().at("running_mean");
  {
    const ag::RecomputeScope repeat;
    (void)layer.forward(x);
  }
  CHECK(layer.state_dict().at("running_mean").shares_storage_with(before));
  (void)layer.forward(x);
  CHECK_FALSE(same_bits(layer.state_dict().at("running_mean"), before));
}

TEST_CASE("batch norm layer: one value per channel cannot train", "[batch_norm][error]") {
  BatchNorm2d layer({.channels = 5});
  (void)layer.forward(Var(Tensor::zeros({1, 5, 1, 1})));
  layer.train();
  check_refused(
      [&] {
        (void)layer.forward(Var(Tensor::zeros({1, 5, 1, 1})));
      },
      {"[1, 5, 1, 1]", "two values per channel"});
}

TEST_CASE("batch norm layer: its activation is ReLU or LeakyReLU of the plain layer, gradients too",
          "[batch_norm]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels use(*table);
      for (const double slope : {0.0, 0.1}) {
        const auto fused = [&](const std::vector<Var>& in) {
          BatchNormStats stats;
          return ag::batch_norm_training(in[0], in[1], in[2], {.slope = slope}, stats);
        };
        const auto composite = [&](const std::vector<Var>& in) {
          BatchNormStats stats;
          const Var z = ag::batch_norm_training(in[0], in[1], in[2], {}, stats);
          return slope == 0.0 ? ag::relu(z) : ag::leaky_relu(z, {.slope = slope});
        };
        const std::vector<Tensor> inputs{random_tensor({3, 7, 9, 11}, 1, dtype),
                                         random_tensor({7}, 2, dtype),
                                         random_tensor({7}, 3, dtype)};
        const std::vector<Var> leaves{Var(inputs[0]), Var(inputs[1]), Var(inputs[2])};
        CHECK(relative_error(fused(leaves).value(), composite(leaves).value()) < 1e-6);
        CHECK(relative_error(all_gradients(fused, inputs), all_gradients(composite, inputs)) <
              1e-5);
      }
    }
  }
}

TEST_CASE("batch norm layer: running statistics outlive a batch that is not finite",
          "[batch_norm]") {
  BatchNorm2d bn({.channels = 1});
  bn.train();
  Tensor x = Tensor::zeros({1, 1, 1, 4});
  x.data<float>()[2] = std::nanf("");
  (void)bn.forward(Var(x));
  CHECK(std::isfinite(*bn.state_dict().at("running_mean").data<float>()));
  CHECK(std::isfinite(*bn.state_dict().at("running_var").data<float>()));
}

TEST_CASE("batch norm layer: with ReLU infinities and NaNs are those of relu", "[batch_norm]") {
  const double inf = std::numeric_limits<double>::infinity();
  const Var x(tensor({1, 1, 1, 3}, {-inf, inf, std::nan("")})), one(tensor({1}, {1})),
      zero(tensor({1}, {0}));
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    const Tensor y = ag::batch_norm(x, one, zero, zero, one, {.eps = 0, .slope = 0}).value();
    CHECK(y.data<float>()[0] == 0);
    CHECK(std::isinf(y.data<float>()[1]));
    CHECK(std::isnan(y.data<float>()[2]));
  }
}

}  // namespace rf::test
