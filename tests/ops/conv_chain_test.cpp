#include "engine/plan/conv_chain.hpp"

#include "engine/ops/conv2d.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

struct Problem {
  std::vector<ConvLayer> layers;
  Tensor x;
};

// A few layers as in networks: depthwise, 1x1 and 3x3, strides 1 and 2, with and without bias and
// activation.
Problem random_problem(Random& random) {
  const auto from_to = [&](Index low, Index high) {
    return low + static_cast<Index>(random.below(static_cast<std::uint32_t>(high - low + 1)));
  };
  const Index batch = from_to(1, 2), count = from_to(2, 5);
  Index channels = from_to(1, 9);
  Shape shape{batch, channels, from_to(1, 40), from_to(1, 70)};
  Problem p{.layers = {}, .x = random_tensor(shape, 1)};
  for (Index l = 0; l < count; ++l) {
    const Index kind = from_to(0, 2), stride = kind == 0 ? 1 : from_to(1, 2);
    const Index out = kind == 1 ? channels : from_to(1, 19), seed = 10 * l + 2;
    const Conv2dParams params{.stride = stride,
                              .pad = kind == 0 ? from_to(0, 3) / 3 : 1,
                              .groups = kind == 1 ? channels : 1};
    const Index kernel = kind == 0 ? 1 : 3, in = kind == 1 ? 1 : channels;
    const auto tensor = [&](const Shape& s, Index i) {
      return random_tensor(s, static_cast<std::uint64_t>(seed + i));
    };
    ConvLayer layer{.geometry = {},
                    .w = tensor({out, in, kernel, kernel}, 0),
                    .b = from_to(0, 1) ? tensor({out}, 1) : Tensor(),
                    .slope = from_to(0, 1) ? tensor({out}, 2) : Tensor()};
    layer.geometry = conv2d_geometry(shape, layer.w.shape(), params);
    shape = {batch, out, layer.geometry.out_h, layer.geometry.out_w};
    channels = out;
    p.layers.push_back(layer);
  }
  return p;
}

// Layer by layer, in double.
Tensor expected(const Problem& p) {
  Tensor x = p.x.to(DType::f64);
  for (const ConvLayer& layer : p.layers) {
    const Conv2dGeometry& g = layer.geometry;
    const Conv2dParams params{.stride = g.stride, .pad = g.pad_h, .groups = g.groups};
    x = conv2d(x, layer.w.to(DType::f64), layer.b.numel() > 0 ? layer.b.to(DType::f64) : Tensor(),
               params);
    if (layer.slope.numel() == 0) continue;
    const Index plane = g.out_h * g.out_w;
    for (Index i = 0; i < x.numel(); ++i) {
      double& value = x.data<double>()[i];
      const float slope =
          layer.slope.span<float>()[static_cast<std::size_t>(i / plane % layer.slope.numel())];
      if (value < 0) value *= static_cast<double>(slope);
    }
  }
  return x;
}

Tensor run(const Problem& p, Index rows, int threads) {
  const ConvChain chain(p.layers, p.x.shape()[0], rows);
  const Conv2dGeometry& last = p.layers.back().geometry;
  Tensor y =
      Tensor::empty({p.x.shape()[0], last.groups * last.out_channels, last.out_h, last.out_w});
  const std::size_t stride = (chain.scratch_bytes() + 63) / 64 * 64;
  const Tensor memory = Tensor::empty({static_cast<Index>(stride / 4) * threads + 16});
  const Scratch scratch{
      .memory = reinterpret_cast<std::byte*>(const_cast<float*>(memory.data<float>())),
      .stride = stride,
      .threads = threads};
  chain.run({.x = p.x.data<float>()}, y.data<float>(), scratch);
  return y;
}

}  // namespace

TEST_CASE("conv_chain: equals its layers one by one, however many rows at a time", "[plan]") {
  Random random(11, RandomPurpose::test);
  for (int round = 0; round < (kSanitized ? 30 : 150); ++round) {
    const Problem p = random_problem(random);
    const Tensor correct = expected(p);
    for (const KernelTable* table : supported_kernel_tables()) {
      const WithKernels use(*table);
      CAPTURE(round, table->name, p.layers.size(), to_string(p.x.shape()));
      const Tensor whole = run(p, 0, 1);
      CHECK(relative_error(whole, correct) < 1e-5);
      for (const Index rows : {1, 2, 3, 7})
        CHECK(same_bits(run(p, rows, rows == 2 ? 3 : 1), whole));
    }
  }
}

TEST_CASE("conv_chain: large values between convolutions make a chain, small ones do not",
          "[plan]") {
  const auto graph_of = [](Index size) {
    Graph graph;
    const auto value = [&](const Shape& shape, bool constant) {
      graph.values.push_back({.shape = shape,
                              .dtype = DType::f32,
                              .constant = constant ? random_tensor(shape, 3) : Tensor()});
      return static_cast<Index>(graph.values.size()) - 1;
    };
    Index x = value({1, 4, size, size}, false);
    graph.inputs = {x};
    for (int layer = 0; layer < 3; ++layer) {
      const Index w = value({4, 4, 1, 1}, true), b = value({4}, true),
                  y = value({1, 4, size, size}, false);
      graph.nodes.push_back(
          {.op = "conv2d",
           .attributes =
               {{"stride", 1}, {"pad", 0}, {"dilation", 1}, {"groups", 1}, {"slope", 0.5}},
           .inputs = {x, w, b},
           .output = y});
      x = y;
    }
    graph.outputs = {x};
    return graph;
  };
  const Graph small = chain_convolutions(graph_of(64));
  CHECK(small.nodes.size() == 3);
  const Graph large = chain_convolutions(graph_of(1024));
  REQUIRE(large.nodes.size() == 1);
  CHECK(large.nodes.front().op == "conv2d_chain");
  CHECK(conv_layers(large, large.nodes.front()).size() == 3);
  CHECK(conv_layers(large, large.nodes.front())[1].slope.numel() == 4);

  Graph read_twice = graph_of(1024);  // the first result
  read_twice.outputs.push_back(read_twice.nodes.front().output);
  CHECK(chain_convolutions(read_twice).nodes.size() == 2);
}

}  // namespace rf::test
