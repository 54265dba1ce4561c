// Every convolution kernel against the reference: random parameters, memory that ends where the
// tensor ends, and any cut of the output into calls.
#include <algorithm>
#include <limits>

#include "engine/kernels/reference.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

struct Problem {
  Shape x, w;
  Conv2dParams params;
  Shape y;
};

// Small enough for many rounds, wide enough that every tile, tail and border occurs.
Problem random_problem(Random& random) {
  const auto from_to = [&](Index low, Index high) {
    return low + static_cast<Index>(random.below(static_cast<std::uint32_t>(high - low + 1)));
  };
  Problem p;
  p.params = {.stride = from_to(1, 4),
              .pad = from_to(0, 4),
              .dilation = from_to(1, 3),
              .groups = from_to(1, 3)};
  const Index kernel_h = from_to(1, 5), kernel_w = from_to(0, 2) == 0 ? from_to(1, 7) : kernel_h;
  Index in = from_to(1, 5), out = from_to(1, 19);
  if (from_to(0, 3) == 0) p.params.groups = from_to(1, 9), in = 1, out = 1;  // depthwise
  if (from_to(0, 3) == 0)
    p.params.stride = 1 + from_to(0, 1), p.params.pad = 1, p.params.dilation = 1;  // as in networks
  const auto size = [&](Index kernel, Index most) {
    const Index least = std::max<Index>(1, (kernel - 1) * p.params.dilation + 1 - 2 * p.params.pad);
    return least + from_to(0, most);
  };
  const Index h = size(kernel_h, 9), w = size(kernel_w, 70);
  p.x = {from_to(1, 2), in * p.params.groups, h, w};
  p.w = {out * p.params.groups, in, kernel_h, kernel_w};
  p.y = conv2d_out_shape(p.x, p.w, p.params);
  return p;
}

Conv2dArgs<float> make_args(const Problem& p, const float* x, const float* w, const float* b,
                            float* y) {
  return {.x = x, .w = w, .b = b, .y = y, .geometry = conv2d_geometry(p.x, p.w, p.params)};
}

// The whole output in calls of `pixels` pixels and, of layers with inputs enough, `channels` output
// channels, with as much scratch as the table asks for and not a byte more.
void run(const KernelTable& table, const Problem& p, const Conv2dArgs<float>& args, Index pixels,
         Index channels = std::numeric_limits<Index>::max()) {
  const Conv2dGeometry& g = args.geometry;
  const Index plane = g.out_h * g.out_w;
  const auto floats = static_cast<Index>((table.conv2d_scratch_bytes(g, pixels) + 63) / 64 * 16);
  for (Index image = 0; image < p.x[0]; ++image) {
    for (Index group = 0; group < g.groups; ++group) {
      for (Index begin = 0; begin < plane; begin += pixels) {
        Index first = 0;
        do {
          const Index last = g.in_channels < 16 || g.out_channels - first <= channels
                                 ? g.out_channels
                                 : first + channels;
          GuardedFloats scratch(floats);
          table.conv2d(args, {.image = image,
                              .group = group,
                              .begin = begin,
                              .end = std::min(begin + pixels, plane),
                              .scratch = reinterpret_cast<std::byte*>(scratch.data()),
                              .first_channel = first,
                              .last_channel = last});
          CHECK(scratch.front_is_intact());
          first = last;
        } while (first < g.out_channels);
      }
    }
  }
}

// Inputs of a problem, random.
struct Inputs {
  GuardedFloats x, w, b, slope, residual;
  explicit Inputs(const Problem& p)
      : x(p.x.numel()), w(p.w.numel()), b(p.w[0]), slope(p.w[0]), residual(p.y.numel()) {
    x.randomize(1), w.randomize(2), b.randomize(3), slope.randomize(4), residual.randomize(5);
  }
  [[nodiscard]] Conv2dArgs<float> args(const Problem& p) {
    return make_args(p, x.data(), w.data(), b.data(), nullptr);
  }
};

// Every table in calls of `pixels` pixels against the reference in one; `args` without y.
void check_tables(const Problem& p, Conv2dArgs<float> args, Index pixels) {
  GuardedFloats y(p.y.numel()), expected(p.y.numel());
  args.y = expected.data();
  run(isa::scalar, p, args, p.y[2] * p.y[3]);
  args.y = y.data();
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name, pixels);
    run(*table, p, args, pixels);
    CHECK(relative_error(y.copy(), expected.copy()) < 1e-5);
    CHECK(y.front_is_intact());
  }
}

}  // namespace

TEST_CASE("conv2d: every table agrees with the reference on random problems, within bounds",
          "[conv2d][isa]") {
  Random random(20191, RandomPurpose::test);
  for (int round = 0; round < 400; ++round) {
    const Problem p = random_problem(random);
    CAPTURE(round, to_string(p.x), to_string(p.w), p.params.stride, p.params.pad, p.params.dilation,
            p.params.groups);
    Inputs in(p);
    Conv2dArgs<float> args = in.args(p);
    if (round % 3 == 0) args.b = nullptr;
    check_tables(p, args, round % 2 ? p.y[2] * p.y[3] : 1 + static_cast<Index>(random.below(90)));
  }
}

TEST_CASE("conv2d: a residual is added before the activation", "[conv2d][isa]") {
  Random random(78, RandomPurpose::test);
  int rounds = 0;
  while (rounds < 60) {
    const Problem p = random_problem(random);
    if (p.w[1] == 1 && p.w[0] == p.params.groups) continue;  // depthwise
    ++rounds;
    CAPTURE(rounds, to_string(p.x), to_string(p.w), p.params.stride, p.params.pad, p.params.groups);
    Inputs in(p);
    Conv2dArgs<float> args = in.args(p);
    args.slope = in.slope.data();
    args.residual = in.residual.data();
    check_tables(p, args, 1 + static_cast<Index>(random.below(90)));
  }
}

TEST_CASE("conv2d: few input channels, stride 2", "[conv2d][isa]") {
  Random random(79, RandomPurpose::test);
  const auto below = [&](std::uint32_t n) { return static_cast<Index>(random.below(n)); };
  for (int round = 0; round < 60; ++round) {
    Problem p;
    p.params = {.stride = 2, .pad = below(3), .groups = 1 + below(2)};
    const Index in_channels = 1 + below(4), out = 8 * (1 + below(3));
    p.x = {1 + below(2), in_channels * p.params.groups, 3 + below(9), 3 + below(200)};
    p.w = {out * p.params.groups, in_channels, 3, 3};
    p.y = conv2d_out_shape(p.x, p.w, p.params);
    CAPTURE(round, to_string(p.x), to_string(p.w), p.params.pad);
    Inputs in(p);
    Conv2dArgs<float> args = in.args(p);
    if (round % 3) args.slope = in.slope.data();
    check_tables(p, args, round % 2 ? p.y[2] * p.y[3] : 1 + below(300));
  }
}

// More floats than a second-level cache holds, of long sums: tiles pass the channels together.
TEST_CASE("conv2d: a large result", "[conv2d][isa]") {
  const Index kernel = GENERATE(1, 3);
  const Index channels = kernel == 1 ? 66 : 8;
  Problem p;
  p.x = {1, channels, 45, 47};
  p.w = {131, channels, kernel, kernel};
  p.params = {.pad = kernel / 2};
  p.y = conv2d_out_shape(p.x, p.w, p.params);
  Inputs in(p);
  for (const Index pixels : {Index{45 * 47}, Index{700}}) check_tables(p, in.args(p), pixels);
}

TEST_CASE("conv2d: channels apart, and output channels in arrays of their own", "[conv2d][isa]") {
  Random random(77, RandomPurpose::test);
  const auto below = [&](std::uint32_t n) { return static_cast<Index>(random.below(n)); };
  for (int round = 0; round < 60; ++round) {
    const Index kernel = round % 2 ? 3 : 1, in = (round % 4 < 2 ? 1 : 16) + below(9),
                out = 3 + below(30), together = kWeightBlock * (1 + below(3));
    const Conv2dParams params{.stride = 1, .pad = kernel / 2};
    Problem p;
    p.x = {1, in, 1 + below(9), 1 + below(70)};
    p.w = {out, in, kernel, kernel};
    p.params = params;
    p.y = conv2d_out_shape(p.x, p.w, params);
    const Index plane = p.x[2] * p.x[3], x_pitch = plane + below(40), y_pitch = plane + below(40);
    CAPTURE(to_string(p.x), to_string(p.w), x_pitch, y_pitch);
    // Of x as much as the contract says, and not a float more.
    GuardedFloats x(x_pitch * (in - 1) + plane + kReadAfter), w(p.w.numel()), b(out), slope(out);
    x.randomize(1), w.randomize(2), b.randomize(3), slope.randomize(4);
    const Index first = 1 + below(static_cast<std::uint32_t>(out - 2));
    const auto outputs = [&](const KernelTable& table) {
      GuardedFloats one(y_pitch * (first - 1) + plane), rest(y_pitch * (out - first - 1) + plane);
      const std::vector<Conv2dPart<float>> parts{{one.data(), first}, {rest.data(), out - first}};
      Conv2dArgs<float> args = make_args(p, x.data(), w.data(), b.data(), nullptr);
      args.slope = slope.data();
      args.x_pitch = x_pitch;
      args.y_pitch = y_pitch;
      args.parts = parts.data();
      args.part_count = 2;
      run(table, p, args, plane, together);
      CHECK(one.front_is_intact());
      CHECK(rest.front_is_intact());
      std::vector<float> values;  // without what lies between the channels
      for (Index k = 0; k < out; ++k) {
        const float* from =
            k < first ? one.data() + k * y_pitch : rest.data() + (k - first) * y_pitch;
        values.insert(values.end(), from, from + plane);
      }
      return Tensor::from({out, plane}, std::span<const float>(values));
    };
    const Tensor expected = outputs(isa::scalar);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      CHECK(relative_error(outputs(*table), expected) < 1e-5);
    }
  }
}

TEST_CASE("conv2d: the op agrees with the reference in double on random problems",
          "[conv2d][isa]") {
  Random random(7, RandomPurpose::test);
  for (int round = 0; round < 150; ++round) {
    const Problem p = random_problem(random);
    CAPTURE(round, to_string(p.x), to_string(p.w), p.params.stride, p.params.pad, p.params.dilation,
            p.params.groups);
    const Tensor x = random_tensor(p.x, 4), w = random_tensor(p.w, 5),
                 b = random_tensor({p.w[0]}, 6);
    const Tensor expected = conv2d(x.to(DType::f64), w.to(DType::f64), b.to(DType::f64), p.params);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels use(*table);
      CHECK(relative_error(conv2d(x, w, b, p.params), expected) < 1e-5);
    }
  }
}

TEST_CASE("conv2d: every table agrees with the reference on layers of the network",
          "[conv2d][isa]") {
  struct Layer {
    Shape x, w;
    Conv2dParams params;
  };
  const std::vector<Layer> layers{
      {{1, 3, 65, 63}, {8, 3, 3, 3}, {.stride = 2, .pad = 1}},
      {{1, 32, 33, 31}, {32, 1, 3, 3}, {.stride = 2, .pad = 1, .groups = 32}},
      {{1, 128, 20, 21}, {128, 1, 3, 3}, {.pad = 1, .groups = 128}},
      {{1, 128, 11, 13}, {256, 128, 1, 1}, {}},
      {{1, 64, 23, 29}, {64, 64, 3, 3}, {.pad = 1}},
      {{1, 64, 5, 7}, {20, 64, 1, 1}, {}},
      {{1, 3, 65, 63}, {16, 3, 7, 7}, {.stride = 4, .pad = 3}},
  };
  for (const Layer& layer : layers) {
    CAPTURE(to_string(layer.x), to_string(layer.w));
    const Tensor x = random_tensor(layer.x, 8), w = random_tensor(layer.w, 9);
    check_tables_agree([&] { return conv2d(x, w, Tensor(), layer.params); });
  }
}

}  // namespace rf::test
