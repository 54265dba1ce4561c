// Plans of small networks, traced from the operations that the plan must equal.
#include "engine/plan/plan.hpp"

#include <algorithm>

#include "autograd/ops.hpp"
#include "autograd/trace.hpp"
#include "engine/plan/conv_parts.hpp"
#include "engine/plan/passes.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

using ag::Var;

namespace {

using Network = std::function<std::vector<Var>(const Var&)>;

Graph traced(const Network& network, const Tensor& x) {
  const Var input(x);
  const ag::TraceScope trace({input});
  return trace.graph(network(input));
}

Tensor run(const Graph& graph, const Tensor& x) {
  const Plan plan(graph);
  Plan::Workspace workspace(plan);
  return plan.run({x}, workspace).front().clone();
}

Var constant(const Shape& shape, std::uint64_t seed) { return Var(random_tensor(shape, seed)); }
Var positive(const Shape& shape, std::uint64_t seed) {
  const Var x = constant(shape, seed);
  return Var(ag::add(ag::multiply(x, x),
                     Var(Tensor::from({1}, std::span<const float>(std::vector<float>{0.1F}))))
                 .value());
}

// Convolution without or with a bias, batch norm with an activation.
Var block(const Var& x, Index in, Index out, const Conv2dParams& params, double slope,
          std::uint64_t seed) {
  const Var weights(ag::scale(constant({out, in / params.groups, 3, 3}, seed), 0.1).value());
  const Var conv = ag::conv2d(x, weights, seed % 2 ? Var() : constant({out}, seed + 1), params);
  return ag::batch_norm(conv, constant({out}, seed + 2), constant({out}, seed + 3),
                        constant({out}, seed + 4), positive({out}, seed + 5),
                        {.eps = 1e-3, .slope = slope});
}

std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> names;
  for (const Graph::Node& node : graph.nodes) names.push_back(node.op);
  return names;
}

// Every output.
void check_plan(const Network& network, const Tensor& x) {
  const std::vector<Var> expected = network(Var(x));
  for (const KernelTable* table : supported_kernel_tables()) {
    const WithKernels with(*table);
    const Plan plan(traced(network, x));
    Plan::Workspace workspace(plan);
    const std::vector<Tensor> outputs = plan.run({x}, workspace);
    REQUIRE(outputs.size() == expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      INFO(table->name << ", output " << i);
      CHECK(relative_error(outputs[i], expected[i].value()) < kFloatTolerance);
    }
  }
}

}  // namespace

TEST_CASE("plan: batch norm and its activation become part of the convolution", "[plan]") {
  const Network network = [](const Var& x) {
    return std::vector{block(x, 3, 4, {.stride = 2, .pad = 1}, 0.1, 1)};
  };
  const Tensor x = random_tensor({1, 3, 9, 7}, 9);
  const Graph folded = fold_batch_norm(traced(network, x));
  CHECK(ops(folded) == std::vector<std::string>{"conv2d"});
  CHECK(folded.nodes[0].attributes.at("slope") == 0.1);
  CHECK(text(folded).find("conv2d(%0, %") != std::string::npos);
  check_plan(network, x);
}

TEST_CASE("plan: a convolution that something else reads too keeps its result", "[plan]") {
  const Network network = [](const Var& x) {
    const Var conv = ag::conv2d(x, constant({3, 3, 3, 3}, 1), Var(), {.pad = 1});
    const Var norm = ag::batch_norm(conv, constant({3}, 2), constant({3}, 3), constant({3}, 4),
                                    positive({3}, 5), {.eps = 1e-3, .slope = 1});
    return std::vector{ag::add(ag::relu(conv), norm)};
  };
  const Tensor x = random_tensor({2, 3, 5, 6}, 9);
  CHECK(ops(fuse_activation(fold_batch_norm(traced(network, x)))) ==
        std::vector<std::string>{"conv2d", "batch_norm", "relu", "add"});
  check_plan(network, x);
}

TEST_CASE("plan: an activation of concatenated convolutions goes into each", "[plan]") {
  const Network network = [](const Var& x) {
    const std::vector<Var> parts{block(x, 16, 16, {.pad = 1}, 1, 1),
                                 block(x, 16, 5, {.pad = 1}, 1, 20)};
    return std::vector{ag::relu(ag::concat(parts, 1))};
  };
  for (const Index batch : {1, 2}) {
    const Tensor x = random_tensor({batch, 16, 9, 10}, 9);
    const Graph graph = fuse_activation(fold_batch_norm(traced(network, x)));
    CHECK(ops(graph) == std::vector<std::string>{"conv2d", "conv2d", "concat"});
    CHECK(graph.nodes[0].attributes.at("slope") == 0);
    // Of one image the parts are made by one step, where they belong; of two they are copied.
    CHECK(Plan(traced(network, x)).steps().size() == (batch == 1 ? 1 : 4));
    check_plan(network, x);
  }
}

TEST_CASE("plan: convolutions of one input become one, its channels values of their own",
          "[plan]") {
  for (const Index kernel : {1, 3}) {
    const Network network = [&](const Var& x) {
      const auto conv = [&](const Var& in, Index out, std::uint64_t seed) {
        return ag::conv2d(in, constant({out, in.shape()[1], kernel, kernel}, seed),
                          seed % 2 ? Var() : constant({out}, seed + 1), {.pad = kernel / 2});
      };
      const Var before = ag::relu(conv(x, 16, 1));
      const Var a = ag::leaky_relu(conv(before, 19, 2), {.slope = 0.1}), b = conv(before, 16, 3);
      const Var c = ag::relu(conv(before, 4, 4));
      return std::vector{ag::concat({conv(a, 4, 5), c, b}, 1)};
    };
    const Tensor x = random_tensor({1, 3, 21, 37}, 9);
    const Graph graph = merge_convolutions(fuse_activation(traced(network, x)));
    CHECK(ops(graph) == std::vector<std::string>{"conv2d", "conv2d_parts", "part", "part", "part",
                                                 "conv2d", "concat"});
    std::vector<Index> channels;
    for (const auto& [value, count] : part_outputs(graph, graph.nodes[1]))
      channels.push_back(count);
    CHECK(channels == std::vector<Index>{19, 16, 4});
    check_plan(network, x);
    check_plan(network, random_tensor({2, 3, 21, 37}, 9));
  }
}

TEST_CASE("plan: an activation stays where a part has one already", "[plan]") {
  const Network network = [](const Var& x) {
    return std::vector{ag::relu(
        ag::concat({block(x, 3, 4, {.pad = 1}, 0.1, 1), block(x, 3, 5, {.pad = 1}, 1, 20)}, 1))};
  };
  const Tensor x = random_tensor({1, 3, 5, 6}, 9);
  CHECK(ops(fuse_activation(fold_batch_norm(traced(network, x)))).back() == "relu");
  check_plan(network, x);
}

TEST_CASE("plan: a sum goes into the 1x1 convolution that is made last", "[plan]") {
  const auto residual = [](Index kernel, bool activated) {
    return [=](const Var& x) {
      const Var w = constant({6, 6, kernel, kernel}, 1), w2 = constant({6, 6, 1, 1}, 3);
      const Var y = ag::conv2d(x, w, constant({6}, 2), {.pad = kernel / 2});
      const Var sum = ag::add(activated ? ag::relu(y) : y, x);
      const Var last = ag::conv2d(sum, w2, Var(), {}), later = ag::relu(x);
      return std::vector{ag::relu(ag::add(last, later))};
    };
  };
  const Tensor x = random_tensor({2, 6, 9, 37}, 9);
  const auto passed = [&](const Network& network) {
    return ops(fuse_activation(fuse_residual(traced(network, x))));
  };
  CHECK(passed(residual(1, false)) ==
        std::vector<std::string>{"conv2d", "conv2d", "relu", "add", "relu"});
  CHECK(passed(residual(3, false)) ==
        std::vector<std::string>{"conv2d", "add", "conv2d", "relu", "add", "relu"});
  CHECK(passed(residual(1, true)) ==
        std::vector<std::string>{"conv2d", "add", "conv2d", "relu", "add", "relu"});
  for (const Index kernel : {1, 3}) {
    check_plan(residual(kernel, false), x);
    check_plan(residual(kernel, true), random_tensor({1, 6, 5, 3}, 8));
  }
  // Both sides are convolutions: the later one takes the sum, and nothing else may read it.
  const Network both = [](const Var& v) {
    const Var a = ag::conv2d(v, constant({4, 6, 1, 1}, 1), Var(), {.stride = 2}),
              b = ag::conv2d(v, constant({4, 6, 1, 1}, 2), Var(), {.stride = 2});
    return std::vector{ag::relu(ag::add(a, b)), a};
  };
  const Graph graph = fuse_activation(fuse_residual(traced(both, x)));
  REQUIRE(ops(graph) == std::vector<std::string>{"conv2d", "conv2d"});
  CHECK(graph.nodes[0].inputs.size() == 3);
  CHECK(graph.nodes[1].inputs.size() == 4);
  CHECK(graph.nodes[1].attributes.at("slope") == 0);
  check_plan(both, x);
}

TEST_CASE("plan: a sum is made in the term that nothing reads after it", "[plan]") {
  constexpr Index kChannels = 20;
  const Tensor x = random_tensor({1, kChannels, 19, 23}, 9);
  const auto narrow = [](const Var& v, std::uint64_t seed) {
    return ag::conv2d(v, constant({kChannels, kChannels, 1, 1}, seed), Var(), {});
  };
  const auto wide = [](const Var& v, std::uint64_t seed) {
    return ag::relu(ag::conv2d(v, constant({kChannels, kChannels, 3, 3}, seed), Var(), {.pad = 1}));
  };
  // Each block's sum where the one before was: two values are enough for any number of blocks.
  const Network blocks = [&](const Var& v) {
    Var y = narrow(v, 1);
    for (std::uint64_t i = 0; i < 3; ++i)
      y = ag::relu(ag::add(narrow(wide(y, 2 + 2 * i), 3 + 2 * i), y));
    return std::vector{y};
  };
  check_plan(blocks, x);
  const Index bytes = x.numel() * static_cast<Index>(sizeof(float));
  CHECK(Plan(traced(blocks, x)).memory_bytes() < 3 * bytes);
  const auto small = [](const Var& v) {
    return ag::max_pool2d(v, {.kernel = 2, .stride = 2, .pad = 0});
  };
  const Network pyramid = [&](const Var& v) {
    Var y = narrow(v, 1);
    for (std::uint64_t i = 0; i < 3; ++i)
      y = ag::add(y, ag::upsample_nearest(small(wide(y, 2 + i)), {.out_h = 19, .out_w = 23}));
    return std::vector{y};
  };
  check_plan(pyramid, x);
  CHECK(Plan(traced(pyramid, x)).memory_bytes() < 3 * bytes);

  // Where something reads the term later, or the convolution reads it as well, it stays.
  using Later = std::function<std::vector<Var>(const Var& term, const Var& sum)>;
  const std::vector<std::pair<std::string, Later>> later{
      {"output",
       [](const Var& term, const Var& sum) {
         return std::vector{sum, term};
       }},
      {"operation",
       [&](const Var& term, const Var& sum) {
         return std::vector{sum, wide(term, 7)};
       }},
      {"another name",
       [&](const Var& term, const Var& sum) {
         return std::vector{sum, ag::reshape(term, {1, kChannels, 19 * 23})};
       }},
      {"part of a whole", [](const Var& term, const Var& sum) {
         return std::vector{ag::concat({sum, term}, 1)};
       }}};
  for (const auto& [what, read] : later) {
    INFO(what);
    check_plan(
        [&](const Var& v) {
          const Var term = narrow(v, 1);
          return read(term, ag::relu(ag::add(narrow(wide(term, 2), 3), term)));
        },
        x);
    check_plan(
        [&](const Var& v) {
          const Var term = narrow(v, 1);
          return read(term, ag::relu(ag::add(narrow(term, 3), term)));
        },
        x);
  }
  check_plan(
      [&](const Var& v) {
        const Var term = narrow(v, 1);
        return std::vector{ag::relu(ag::add(narrow(term, 3), term))};
      },
      x);
  // The term is another name of something, or made of parts, and that is read after.
  check_plan(
      [&](const Var& v) {
        const Var made = wide(v, 1), term = ag::reshape(made, {1, kChannels, 19, 23});
        return std::vector{ag::relu(ag::add(narrow(wide(v, 2), 3), term)), wide(made, 4)};
      },
      x);
  check_plan(
      [&](const Var& v) {
        const auto half = [&](std::uint64_t seed) {
          return ag::relu(
              ag::conv2d(v, constant({kChannels / 2, kChannels, 3, 3}, seed), Var(), {.pad = 1}));
        };
        const Var first = half(1), term = ag::concat({first, half(2)}, 1);
        return std::vector{
            ag::relu(ag::add(narrow(wide(v, 3), 4), term)),
            ag::relu(ag::conv2d(first, constant({4, kChannels / 2, 3, 3}, 5), Var(), {.pad = 1}))};
      },
      x);
  // A name of the term that was taken before and is read after.
  check_plan(
      [&](const Var& v) {
        const Var term = narrow(v, 1), name = ag::reshape(term, {1, kChannels, 19 * 23});
        const Var sum = ag::relu(ag::add(narrow(wide(v, 2), 3), term));
        return std::vector{sum, ag::relu(name)};
      },
      x);
}

TEST_CASE("plan: a sum with an enlarged value that nothing else reads is one step", "[plan]") {
  const auto pyramid = [](Index out_h, Index out_w, bool read_twice, bool first) {
    return [=](const Var& x) {
      const Var small = ag::max_pool2d(x, {.kernel = 2, .stride = 2, .pad = 0});
      const Var up = ag::upsample_nearest(small, {.out_h = out_h, .out_w = out_w});
      std::vector<Var> outputs{first ? ag::add(up, x) : ag::add(x, up)};
      if (read_twice) outputs.push_back(up);
      return outputs;
    };
  };
  for (const auto& [height, width] :
       std::vector<std::pair<Index, Index>>{{8, 70}, {9, 37}, {5, 2}}) {
    const Tensor x = random_tensor({2, 6, height, width}, 9);
    const auto passed = [&](bool twice, bool first) {
      return ops(fuse_upsampling(traced(pyramid(height, width, twice, first), x)));
    };
    for (const bool first : {false, true}) {
      CHECK(passed(false, first) == std::vector<std::string>{"max_pool2d", "add_upsampled"});
      CHECK(passed(true, first) ==
            std::vector<std::string>{"max_pool2d", "upsample_nearest", "add"});
      check_plan(pyramid(height, width, false, first), x);
    }
    check_plan(pyramid(height, width, true, false), x);
  }
}

TEST_CASE("plan: axes in any order", "[plan]") {
  const Tensor x = random_tensor({2, 3, 5, 70}, 9);
  std::vector<int> axes{0, 1, 2, 3};
  do {
    INFO(axes[0] << axes[1] << axes[2] << axes[3]);
    check_plan([&](const Var& v) { return std::vector{ag::relu(ag::permute(v, axes))}; }, x);
  } while (std::next_permutation(axes.begin(), axes.end()));
  check_plan(
      [&](const Var& v) {
        return std::vector{ag::permute(v, {0, 2, 3, 1})};
      },
      random_tensor({1, 1, 1, 1}, 9));
}

TEST_CASE("plan: residual blocks with pooling before them", "[plan]") {
  const Network network = [](const Var& x) {
    const Var y = ag::max_pool2d(x, {.kernel = 3, .stride = 2, .pad = 1});
    const Var z = ag::relu(ag::conv2d(y, constant({16, 6, 1, 1}, 1), Var(), {}));
    const Var inner = ag::conv2d(z, constant({16, 16, 3, 3}, 2), Var(), {.pad = 1});
    return std::vector{
        ag::relu(ag::add(ag::conv2d(ag::relu(inner), constant({16, 16, 1, 1}, 3), Var(), {}), z))};
  };
  for (const Index width : {1, 5, 70}) check_plan(network, random_tensor({1, 6, 17, width}, 9));
}

TEST_CASE("plan: every operation of the detector, over several layers", "[plan]") {
  const Network network = [](const Var& x) {
    const Var a = block(x, 3, 16, {.pad = 1}, 0.1, 1);
    const Var b = block(a, 16, 16, {.stride = 2, .pad = 1, .groups = 16}, 0, 10);
    const Var c = block(b, 16, 16, {.pad = 1}, 0.1, 20);
    const Var up = ag::upsample_nearest(c, {.out_h = x.shape()[2], .out_w = x.shape()[3]});
    const Var sum = ag::leaky_relu(ag::add(a, up), {.slope = 0.3});
    const Var rows =
        ag::reshape(ag::permute(sum, {0, 2, 3, 1}), {1, 8 * x.shape()[2] * x.shape()[3], 2});
    const Var same = ag::reshape(sum, {1, rows.shape()[1], 2});
    return std::vector{ag::softmax(ag::concat({rows, same, rows}, 1), 2)};
  };
  for (const Index height : {1, 4, 33}) check_plan(network, random_tensor({1, 3, height, 21}, 9));
}

TEST_CASE("plan: the same bits for any number of threads, and run after run", "[plan]") {
  const Network network = [](const Var& x) {
    const Var y = block(x, 3, 32, {.pad = 1}, 0.1, 1);
    return std::vector{block(y, 32, 24, {.pad = 1}, 0, 10),
                       block(y, 32, 32, {.stride = 2, .groups = 32}, 1, 20)};
  };
  const Tensor x = random_tensor({1, 3, 60, 70}, 9), other = random_tensor({1, 3, 60, 70}, 10);
  check_same_bits_on_any_threads([&] { return run(traced(network, x), x); });
  const Plan plan(traced(network, x));
  Plan::Workspace workspace(plan);
  const Tensor first = plan.run({x}, workspace)[0].clone();
  const std::vector<Tensor> outputs = plan.run({other}, workspace);
  CHECK(!same_bits(outputs[0], first));
  (void)plan.run({x}, workspace);
  CHECK(same_bits(outputs[0], first));  // they lie in the workspace
}

TEST_CASE("plan: few pixels of many channels are cut by output channels", "[plan]") {
  const Network network = [](const Var& x) {
    const auto conv = [&](const Var& in, Index out, Index kernel, std::uint64_t seed) {
      return ag::relu(ag::conv2d(in, constant({out, in.shape()[1], kernel, kernel}, seed),
                                 constant({out}, seed + 1), {.pad = kernel / 2}));
    };
    const Var y = conv(x, 250, 1, 1);
    return std::vector{conv(y, 100, 3, 3), conv(y, 37, 3, 5), conv(y, 9, 3, 7),
                       conv(conv(y, 72, 1, 9), 40, 1, 11)};
  };
  const Tensor x = random_tensor({1, 40, 5, 9}, 9);
  check_same_bits_on_any_threads([&] { return run(traced(network, x), x); });
  const WithThreads limit(3);
  check_plan(network, x);
}

TEST_CASE("plan: what it cannot do is refused by name", "[plan][error]") {
  const Tensor x = random_tensor({1, 3, 4, 4}, 1);
  const auto plan = [&](const Network& network) { (void)Plan(traced(network, x)); };
  check_refused<UsageError>([&] { plan([](const Var& v) { return std::vector{ag::tanh(v)}; }); },
                            {"plan", "tanh"});
  check_refused<UsageError>(
      [&] { plan([](const Var& v) {
              return std::vector{ag::add(v, constant({3, 1, 1}, 1))};
            }); },
      {"add", "[3, 1, 1]"});
  const Plan good(traced([](const Var& v) { return std::vector{ag::relu(v)}; }, x));
  Plan::Workspace workspace(good);
  check_refused(
      [&] {
        (void)good.run({random_tensor({1, 3, 4, 5}, 1)}, workspace);
      },
      {"[1, 3, 4, 5]", "[1, 3, 4, 4]"});
  check_refused([&] { (void)good.run({}, workspace); }, {"got 0 inputs"});
}

TEST_CASE("plan: nodes that nobody reads are dropped", "[plan]") {
  const Tensor x = random_tensor({1, 2, 3, 3}, 1);
  const Graph graph = drop_unused(traced(
      [](const Var& v) {
        (void)ag::sigmoid(ag::relu(v));
        return std::vector{ag::relu(v)};
      },
      x));
  CHECK(ops(graph) == std::vector<std::string>{"relu"});
  CHECK(graph.values.size() == 2);
}

}  // namespace rf::test
