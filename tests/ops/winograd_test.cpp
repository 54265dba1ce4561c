// Winograd's kernels, by every tile and instruction set, against the reference in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/kernels/reference.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/ops/conv2d_schedule.hpp"
#include "engine/random.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

struct Kernel {
  const KernelTable* table;
  const WinogradKernel* winograd;
};

std::vector<Kernel> all_kernels() {
  std::vector<Kernel> kernels;
  for (const KernelTable* table : supported_kernel_tables()) {
    for (const WinogradKernel& winograd : table->winograd) {
      if (winograd.run) kernels.push_back({table, &winograd});
    }
  }
  return kernels;
}

// Of `images` pictures, and what the reference makes of them.
struct Problem {
  Conv2dGeometry geometry;
  Index images;
  Tensor x, w, b;
  Tensor expected;  // f64
};

Problem random_problem(const Conv2dGeometry& g, Index images) {
  Problem p{.geometry = g,
            .images = images,
            .x = random_tensor({images, g.in_channels, g.in_h, g.in_w}, 1),
            .w = random_tensor({g.out_channels, g.in_channels, 3, 3}, 2),
            .b = random_tensor({g.out_channels}, 3),
            .expected = Tensor::empty({images, g.out_channels, g.out_h, g.out_w}, DType::f64)};
  const Tensor x = p.x.to(DType::f64), w = p.w.to(DType::f64), b = p.b.to(DType::f64);
  for (Index image = 0; image < images; ++image) {
    reference::conv2d<double>(
        {.x = x.data<double>(),
         .w = w.data<double>(),
         .b = b.data<double>(),
         .y = p.expected.data<double>(),
         .geometry = g},
        {.image = image, .group = 0, .begin = 0, .end = g.out_h * g.out_w, .scratch = {}});
  }
  return p;
}

// What the kernel makes of it, so many tiles and output channels to a call; all memory ends where
// its contents do.
Tensor result_of(const WinogradKernel& kernel, const Problem& p, Index tiles_at_a_time,
                 Index channels_at_a_time) {
  const Conv2dGeometry& g = p.geometry;
  const Index side = kernel.outputs + 2;
  GuardedFloats x(p.x.numel()), w(p.w.numel()), y(p.expected.numel()),
      u(side * side * g.in_channels * ceil_div(g.out_channels, kWeightBlock) * kWeightBlock);
  std::copy_n(p.x.data<float>(), p.x.numel(), x.data());
  std::copy_n(p.w.data<float>(), p.w.numel(), w.data());
  kernel.weights(g, w.data(), u.data());
  const auto bytes = static_cast<Index>(kernel.scratch_bytes(g));
  const Index tiles = ceil_div(g.out_h, kernel.outputs) * ceil_div(g.out_w, kernel.outputs);
  for (Index image = 0; image < p.images; ++image) {
    for (Index begin = 0; begin < tiles; begin += tiles_at_a_time) {
      for (Index first = 0; first < g.out_channels; first += channels_at_a_time) {
        GuardedFloats scratch((bytes + 63) / 64 * 16);
        kernel.run(
            {.x = x.data(), .w = w.data(), .b = p.b.data<float>(), .y = y.data(), .geometry = g},
            u.data(),
            {.image = image,
             .group = 0,
             .begin = begin,
             .end = std::min(begin + tiles_at_a_time, tiles),
             .scratch = reinterpret_cast<std::byte*>(scratch.data()),
             .first_channel = first,
             .last_channel = first + channels_at_a_time});
        CHECK(scratch.front_is_intact());
      }
    }
  }
  CHECK(y.front_is_intact());
  CHECK(u.front_is_intact());
  return y.copy();
}

double error_of(const WinogradKernel& kernel, const Problem& p, Index tiles_at_a_time,
                Index channels_at_a_time) {
  return relative_error(result_of(kernel, p, tiles_at_a_time, channels_at_a_time),
                        p.expected.reshaped({p.expected.numel()}));
}

Conv2dGeometry geometry_of(Index in_channels, Index out_channels, Index h, Index w, Index pad_h,
                           Index pad_w) {
  return {.groups = 1,
          .in_channels = in_channels,
          .out_channels = out_channels,
          .in_h = h,
          .in_w = w,
          .out_h = h + 2 * pad_h - 2,
          .out_w = w + 2 * pad_w - 2,
          .kernel_h = 3,
          .kernel_w = 3,
          .stride = 1,
          .pad_h = pad_h,
          .pad_w = pad_w,
          .dilation = 1};
}

}  // namespace

TEST_CASE("winograd: every tile agrees with the reference in double, within bounds",
          "[conv2d][isa]") {
  Random random(5, RandomPurpose::test);
  const auto from_to = [&](Index low, Index high) {
    return low + static_cast<Index>(random.below(static_cast<std::uint32_t>(high - low + 1)));
  };
  for (int round = 0; round < 60; ++round) {
    // Any padding that leaves an output, also negative, as gradients ask for; rows of more and of
    // fewer tiles than a vector has lanes.
    const Index h = from_to(3, 30), w = from_to(3, round % 4 == 0 ? 230 : 90);
    const Conv2dGeometry geometry =
        geometry_of(from_to(1, 20), from_to(1, 21), h, w, from_to(h > 8 ? -2 : 0, 3),
                    from_to(w > 8 ? -2 : 0, 3));
    const Problem problem = random_problem(geometry, 2);
    CAPTURE(round, to_string(problem.x.shape()), to_string(problem.w.shape()), geometry.pad_h,
            geometry.pad_w);
    for (const auto& [table, winograd] : all_kernels()) {
      CAPTURE(table->name, winograd->outputs);
      CHECK(error_of(*winograd, problem, from_to(1, 60), kWeightBlock * from_to(1, 3)) < 2e-5);
    }
  }
}

// docs/ops/conv2d.md states these.
TEST_CASE("winograd: what each tile costs of a sum's digits", "[conv2d][isa]") {
  for (const Index channels : {16, 64, 256}) {
    const Problem problem = random_problem(geometry_of(channels, 16, 26, 44, 1, 1), 1);
    for (const auto& [table, winograd] : all_kernels()) {
      CAPTURE(channels, table->name, winograd->outputs);
      CHECK(error_of(*winograd, problem, 1000, 16) < (winograd->outputs == 2   ? 1e-6
                                                      : winograd->outputs == 4 ? 2e-5
                                                                               : 4e-5));
    }
  }
}

TEST_CASE("winograd: a NaN stays in the tiles that read it", "[conv2d][isa]") {
  constexpr Index kH = 20, kW = 50;
  Problem problem = random_problem(geometry_of(1, 1, kH, kW, 1, 1), 1);
  for (const auto& [h, w] : {std::pair<Index, Index>{0, 0}, {7, 24}, {19, 49}}) {
    const Tensor before = problem.x.clone();
    problem.x.data<float>()[h * kW + w] = std::numeric_limits<float>::quiet_NaN();
    for (const auto& [table, winograd] : all_kernels()) {
      CAPTURE(table->name, winograd->outputs, h, w);
      const Tensor y = result_of(*winograd, problem, 1000, kWeightBlock);
      const Index m = winograd->outputs;
      // Whether output i is of a tile that reads input `place` on one axis.
      const auto in_tile = [m](Index i, Index place) {
        return i / m * m - 1 <= place && place <= i / m * m + m;
      };
      bool right = true;
      for (Index i = 0; i < kH * kW; ++i) {
        const Index row = i / kW, column = i % kW;
        const bool nan = std::isnan(y.data<float>()[i]),
                   sees = std::abs(row - h) <= 1 && std::abs(column - w) <= 1,
                   may = in_tile(row, h) && in_tile(column, w);
        right = right && (nan || !sees) && (may || !nan);
      }
      CHECK(right);
    }
    problem.x = before;
  }
}

TEST_CASE("winograd: the schedule takes the tile that fits the plane", "[conv2d]") {
  const auto tile_of = [](Index channels, Index h, Index w) {
    return Conv2dSchedule(geometry_of(channels, channels, h, w, 1, 1), 1).winograd();
  };
  if (!kernels().winograd[0].run) return;
  CHECK(tile_of(64, 10, 10) == 2);
  CHECK(tile_of(64, 270, 512) == 6);
  CHECK(tile_of(2, 40, 40) == 0);  // transforms cost more than they save
  CHECK(tile_of(64, 1, 1) == 0);
}

}  // namespace rf::test
