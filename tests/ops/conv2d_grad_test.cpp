// Gradients of convolution: PyTorch's values, central differences, adjoint identities, every table.
#include <algorithm>

#include "autograd/ops.hpp"
#include "engine/kernels/reference.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

struct Layer {
  Shape x, w;
  Conv2dParams params;
};

// Every kind of layer of the networks, at a size where vectors, bands and images all occur.
const std::vector<Layer>& network_layers() {
  static const std::vector<Layer> layers{
      {{2, 3, 65, 63}, {8, 3, 3, 3}, {.stride = 2, .pad = 1}},
      {{2, 32, 33, 31}, {32, 1, 3, 3}, {.stride = 2, .pad = 1, .groups = 32}},
      {{3, 64, 20, 21}, {64, 1, 3, 3}, {.pad = 1, .groups = 64}},
      {{2, 64, 11, 13}, {128, 64, 1, 1}, {}},
      {{2, 64, 23, 29}, {64, 64, 3, 3}, {.pad = 1}},
      {{1, 16, 80, 80}, {16, 16, 3, 3}, {.pad = 1}},
      {{2, 64, 5, 7}, {20, 64, 1, 1}, {}},
      {{1, 3, 65, 63}, {16, 3, 7, 7}, {.stride = 4, .pad = 3}},
      {{2, 6, 17, 19}, {4, 3, 3, 5}, {.stride = 3, .pad = 2, .dilation = 2, .groups = 2}},
  };
  return layers;
}

}  // namespace

TEST_CASE("conv2d gradient: by hand", "[conv2d][grad]") {
  // x = [1 2 3], w = [10 100], y = [x0 w0 + x1 w1, x1 w0 + x2 w1]; gy = [1 2].
  const Tensor x = tensor({1, 1, 1, 3}, {1, 2, 3}), w = tensor({1, 1, 1, 2}, {10, 100});
  const Tensor gy = tensor({1, 1, 1, 2}, {1, 2});
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    CHECK(same_bits(conv2d_grad_input(gy, w, x.shape(), {}), tensor(x.shape(), {10, 120, 200})));
    CHECK(same_bits(conv2d_grad_weight(gy, x, w.shape(), {}), tensor(w.shape(), {5, 8})));
    CHECK(same_bits(conv2d_grad_bias(gy), tensor({1}, {3})));
  }
}

TEST_CASE("conv2d gradient: PyTorch's values", "[conv2d][golden][grad]") {
  for (const std::string& name : golden_cases("conv2d/")) {
    CAPTURE(name);
    const bool bias = golden_case(name).tensors.count("b") > 0;
    const std::vector<std::string> inputs =
        bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"};
    check_golden_gradients(name, inputs, [&](const GoldenCase& c, const std::vector<Var>& in) {
      return ag::conv2d(in[0], in[1], bias ? in[2] : Var(),
                        {.stride = c.attribute("stride"),
                         .pad = c.attribute("pad"),
                         .dilation = c.attribute("dilation"),
                         .groups = c.attribute("groups")});
    });
  }
}

TEST_CASE("conv2d gradient: central differences", "[conv2d][grad]") {
  const std::vector<Layer> layers{
      {{2, 4, 5, 6}, {6, 2, 3, 3}, {.stride = 1, .pad = 1, .groups = 2}},
      {{1, 2, 7, 5}, {3, 2, 3, 2}, {.stride = 2, .pad = 2, .dilation = 2}},
      {{1, 3, 4, 9}, {3, 1, 2, 3}, {.stride = 3, .groups = 3}},
  };
  for (const Layer& layer : layers) {
    CAPTURE(to_string(layer.x), to_string(layer.w));
    check_gradients(
        [&](const std::vector<Var>& in) { return ag::conv2d(in[0], in[1], in[2], layer.params); },
        {random_tensor(layer.x, 1, DType::f64), random_tensor(layer.w, 2, DType::f64),
         random_tensor({layer.w[0]}, 3, DType::f64)});
  }
}

TEST_CASE("conv2d gradient: the three maps are adjoint to each other on layers of the network",
          "[conv2d][property]") {
  for (const Layer& layer : network_layers()) {
    CAPTURE(to_string(layer.x), to_string(layer.w));
    const Tensor x = random_tensor(layer.x, 1), w = random_tensor(layer.w, 2);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels use(*table);
      const Tensor y = conv2d(x, w, Tensor(), layer.params), gy = random_tensor(y.shape(), 3);
      const Tensor gx = conv2d_grad_input(gy, w, layer.x, layer.params);
      const Tensor gw = conv2d_grad_weight(gy, x, layer.w, layer.params);
      check_adjoint(x, y, gx, gy);
      check_adjoint(w, y, gw, gy);
    }
  }
}

TEST_CASE("conv2d gradient: every table agrees with double on layers of the network",
          "[conv2d][isa]") {
  for (const Layer& layer : network_layers()) {
    CAPTURE(to_string(layer.x), to_string(layer.w));
    const Tensor x = random_tensor(layer.x, 1), w = random_tensor(layer.w, 2);
    const Tensor gy = random_tensor(conv2d_out_shape(layer.x, layer.w, layer.params), 3);
    const Tensor x64 = x.to(DType::f64), w64 = w.to(DType::f64), gy64 = gy.to(DType::f64);
    const Tensor gx = conv2d_grad_input(gy64, w64, layer.x, layer.params);
    const Tensor gw = conv2d_grad_weight(gy64, x64, layer.w, layer.params);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels use(*table);
      CHECK(relative_error(conv2d_grad_input(gy, w, layer.x, layer.params), gx) < 1e-5);
      CHECK(relative_error(conv2d_grad_weight(gy, x, layer.w, layer.params), gw) < 1e-5);
    }
  }
}

TEST_CASE("conv2d gradient: every table agrees with double on random problems, within bounds",
          "[conv2d][isa]") {
  Random random(31, RandomPurpose::test);
  const auto from_to = [&](Index low, Index high) {
    return low + static_cast<Index>(random.below(static_cast<std::uint32_t>(high - low + 1)));
  };
  for (int round = 0; round < 200; ++round) {
    const Index groups = from_to(1, 3), in = from_to(1, 4), out = from_to(1, 9);
    const Conv2dParams params{
        .stride = from_to(1, 4), .pad = from_to(0, 3), .dilation = from_to(1, 3), .groups = groups};
    const Index kernel_h = from_to(1, 4), kernel_w = from_to(1, 5);
    const auto size = [&](Index kernel, Index most) {
      return std::max<Index>(1, (kernel - 1) * params.dilation + 1 - 2 * params.pad) +
             from_to(0, most);
    };
    const Shape x_shape{from_to(1, 2), in * groups, size(kernel_h, 9), size(kernel_w, 40)};
    const Shape w_shape{out * groups, in, kernel_h, kernel_w};
    CAPTURE(round, to_string(x_shape), to_string(w_shape), params.stride, params.pad,
            params.dilation, params.groups);
    const Shape y_shape = conv2d_out_shape(x_shape, w_shape, params);
    const Tensor x = random_tensor(x_shape, 1), w = random_tensor(w_shape, 2),
                 gy = random_tensor(y_shape, 3);
    const Tensor gx = conv2d_grad_input(gy.to(DType::f64), w.to(DType::f64), x_shape, params);
    const Tensor gw = conv2d_grad_weight(gy.to(DType::f64), x.to(DType::f64), w_shape, params);
    const Conv2dGeometry geometry = conv2d_geometry(x_shape, w_shape, params);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels use(*table);
      CHECK(relative_error(conv2d_grad_input(gy, w, x_shape, params), gx) < 1e-5);
      CHECK(relative_error(conv2d_grad_weight(gy, x, w_shape, params), gw) < 1e-5);
      // The kernel itself, in bands, with exactly the memory it asks for.
      GuardedFloats guarded_x(x.numel()), guarded_gy(gy.numel()), guarded_gw(w_shape.numel());
      std::copy_n(x.data<float>(), x.numel(), guarded_x.data());
      std::copy_n(gy.data<float>(), gy.numel(), guarded_gy.data());
      std::fill_n(guarded_gw.data(), w_shape.numel(), 0.0F);
      const Index rows = from_to(1, y_shape[2]);
      const auto floats = static_cast<Index>(
          (table->conv2d_grad_weight_scratch_bytes(geometry, rows) + 63) / 64 * 16);
      for (Index image = 0; image < x_shape[0]; ++image) {
        for (Index group = 0; group < groups; ++group) {
          for (Index begin = 0; begin < y_shape[2]; begin += rows) {
            GuardedFloats scratch(floats);
            table->conv2d_grad_weight(
                {.x = guarded_x.data(), .gy = guarded_gy.data(), .geometry = geometry},
                {.image = image,
                 .group = group,
                 .begin = begin,
                 .end = std::min(begin + rows, y_shape[2]),
                 .scratch = reinterpret_cast<std::byte*>(scratch.data())},
                guarded_gw.data() + group * w_shape.numel() / groups);
            CHECK(scratch.front_is_intact());
          }
        }
      }
      CHECK(relative_error(guarded_gw.copy(), gw.reshaped({gw.numel()})) < 1e-5);
      CHECK(guarded_gw.front_is_intact());
    }
  }
}

TEST_CASE("conv2d gradient: depthwise layers with stride 2, every table, within bounds",
          "[conv2d][isa]") {
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const Index h : {1, 2, 3, 4, 7}) {
      for (const Index w : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 70}) {
        CAPTURE(table->name, h, w);
        constexpr Index kImages = 2, kChannels = 3;
        const Shape x{kImages, kChannels, h, w}, weight{kChannels, 1, 3, 3};
        const Conv2dParams params{.stride = 2, .pad = 1, .groups = kChannels};
        const Shape y = conv2d_out_shape(x, weight, params);
        GuardedFloats gy(y.numel()), weights(weight.numel()), gx(x.numel()), expected(x.numel());
        gy.randomize(1), weights.randomize(2);
        Conv2dGradInputArgs<float> args{.gy = gy.data(),
                                        .w = weights.data(),
                                        .gx = gx.data(),
                                        .geometry = conv2d_geometry(x, weight, params)};
        const auto bytes =
            static_cast<Index>(table->depthwise_grad_input_scratch_bytes(args.geometry));
        for (Index plane = 0; plane < kImages * kChannels; ++plane) {
          GuardedFloats scratch((bytes + 63) / 64 * 16);
          args.gx = gx.data();
          table->depthwise_grad_input(args, plane / kChannels, plane % kChannels,
                                      reinterpret_cast<std::byte*>(scratch.data()));
          CHECK(scratch.front_is_intact());
          args.gx = expected.data();
          reference::conv2d_grad_input(args, plane / kChannels, plane % kChannels);
        }
        CHECK(relative_error(gx.copy(), expected.copy()) < 1e-6);
        CHECK(gx.front_is_intact());
      }
    }
  }
}

TEST_CASE("conv2d gradient: empty batches, taps that no pixel sees, inputs that are not written",
          "[conv2d][property]") {
  CHECK(same_bits(conv2d_grad_weight(Tensor::zeros({0, 3, 2, 2}), Tensor::zeros({0, 2, 4, 4}),
                                     {3, 2, 3, 3}, {}),
                  Tensor::zeros({3, 2, 3, 3})));
  CHECK(
      conv2d_grad_input(Tensor::zeros({0, 3, 2, 2}), Tensor::zeros({3, 2, 3, 3}), {0, 2, 4, 4}, {})
          .shape() == Shape{0, 2, 4, 4});
  // Stride 3 with a 1x1 kernel: two thirds of the rows and columns get nothing.
  const Tensor gx = conv2d_grad_input(tensor({1, 1, 2, 1}, {5, 7}), tensor({1, 1, 1, 1}, {2}),
                                      {1, 1, 4, 3}, {.stride = 3});
  CHECK(same_bits(gx, tensor({1, 1, 4, 3}, {10, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0})));
  const Tensor x = random_tensor({1, 2, 5, 5}, 1), w = random_tensor({2, 2, 3, 3}, 2),
               gy = random_tensor({1, 2, 3, 3}, 3);
  const Tensor before[] = {x.clone(), w.clone(), gy.clone()};
  (void)conv2d_grad_input(gy, w, x.shape(), {});
  (void)conv2d_grad_weight(gy, x, w.shape(), {});
  CHECK(same_bits(x, before[0]));
  CHECK(same_bits(w, before[1]));
  CHECK(same_bits(gy, before[2]));
}

TEST_CASE("conv2d gradient: refuses a dL/dy that does not fit", "[conv2d][error]") {
  const Tensor w = Tensor::zeros({3, 2, 3, 3}), x = Tensor::zeros({1, 2, 4, 4});
  check_refused(
      [&] {
        (void)conv2d_grad_input(Tensor::zeros({1, 3, 2, 3}), w, x.shape(), {});
      },
      {"conv2d gradient", "[1, 3, 2, 3]", "[1, 3, 2, 2]"});
  check_refused(
      [&] {
        (void)conv2d_grad_weight(Tensor::zeros({1, 4, 2, 2}), x, w.shape(), {});
      },
      {"conv2d gradient", "[1, 4, 2, 2]", "[1, 3, 2, 2]"});
  check_refused(
      [&] {
        (void)conv2d_grad_input(Tensor::zeros({1, 3, 2, 2}, DType::f64), w, x.shape(), {});
      },
      {"f32", "f64"});
}

TEST_CASE("conv2d gradient: same bits for any number of threads", "[conv2d][property]") {
  for (const Layer& layer : network_layers()) {
    CAPTURE(to_string(layer.x), to_string(layer.w));
    const std::vector<Tensor> inputs{random_tensor(layer.x, 1), random_tensor(layer.w, 2),
                                     random_tensor({layer.w[0]}, 3)};
    check_same_bits_on_any_threads([&] {
      return all_gradients(
          [&](const std::vector<Var>& in) { return ag::conv2d(in[0], in[1], in[2], layer.params); },
          inputs);
    });
  }
}

}  // namespace rf::test
