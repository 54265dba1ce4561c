#include "engine/ops/deform_conv2d.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

DeformConv2dParams params_of(const GoldenCase& c) {
  return {.conv = {.stride = c.attribute("stride"),
                   .pad = c.attribute("pad"),
                   .dilation = c.attribute("dilation"),
                   .groups = c.tensors.at("x").shape()[1] / c.tensors.at("w").shape()[1]},
          .deform_groups = c.attribute("deform_groups")};
}

Tensor mask_of(const GoldenCase& c, DType dtype) {
  return c.tensors.contains("mask") ? c.get("mask", dtype) : Tensor();
}

// A problem with random values; offsets of a few pixels.
DeformConv2dInputs problem(const Shape& x, const Shape& w, const DeformConv2dParams& p, bool masked,
                           DType dtype = DType::f32) {
  const Shape y = conv2d_out_shape(x, w, p.conv);
  const Index places = p.deform_groups * w[2] * w[3];
  const auto random = [&](const Shape& shape, std::uint64_t seed) {
    return random_tensor(shape, seed).to(dtype);
  };
  return {.x = random(x, 1),
          .offset = random({x[0], 2 * places, y[2], y[3]}, 2),
          .mask = masked ? random({x[0], places, y[2], y[3]}, 3) : Tensor(),
          .w = random(w, 4),
          .b = random({w[0]}, 5)};
}

Tensor filled(const Shape& shape, float value) {
  Tensor t = Tensor::empty(shape);
  std::ranges::fill(t.span<float>(), value);
  return t;
}

ag::Var convolved(const std::vector<ag::Var>& in, const DeformConv2dParams& p) {
  return ag::deform_conv2d(in[0], in[1], in[2], in[3], in[4], p);
}

}  // namespace

TEST_CASE("deform_conv2d: torchvision's values", "[deform_conv2d][golden]") {
  const std::vector<std::string> names = golden_cases("deform_conv2d/");
  REQUIRE(names.size() == 5);
  for (const std::string& name : names) {
    check_golden(name, [](const GoldenCase& c, DType dtype) {
      return deform_conv2d({c.get("x", dtype), c.get("offset", dtype), mask_of(c, dtype),
                            c.get("w", dtype), c.get("b", dtype)},
                           params_of(c));
    });
  }
}

TEST_CASE("deform_conv2d: torchvision's gradients", "[deform_conv2d][golden][grad]") {
  for (const std::string& name : golden_cases("deform_conv2d/")) {
    if (golden_case(name).tensors.contains("mask")) {
      check_golden_gradients(name, {"x", "offset", "mask", "w", "b"},
                             [](const GoldenCase& c, const std::vector<ag::Var>& in) {
                               return convolved(in, params_of(c));
                             });
    } else {
      check_golden_gradients(
          name, {"x", "offset", "w", "b"}, [](const GoldenCase& c, const std::vector<ag::Var>& in) {
            return convolved({in[0], in[1], ag::Var(), in[2], in[3]}, params_of(c));
          });
    }
  }
}

TEST_CASE("deform_conv2d: gradients against differences, away from whole places",
          "[deform_conv2d][grad]") {
  const DeformConv2dParams p{.conv = {.stride = 2, .pad = 1, .dilation = 1, .groups = 2},
                             .deform_groups = 2};
  DeformConv2dInputs in = problem({1, 4, 5, 6}, {4, 2, 3, 3}, p, true, DType::f64);
  for (double& value : in.offset.span<double>()) {  // fractions from 0.1 to 0.9
    const double whole = std::floor(value);
    value = whole + 0.1 + 0.8 * (value - whole);
  }
  check_gradients([&](const std::vector<ag::Var>& v) { return convolved(v, p); },
                  {in.x, in.offset, in.mask, in.w, in.b});
}

TEST_CASE("deform_conv2d: without offsets it is the convolution", "[deform_conv2d]") {
  const bool masked = GENERATE(false, true);
  const Conv2dParams conv = GENERATE(Conv2dParams{.pad = 1}, Conv2dParams{.stride = 2, .pad = 2},
                                     Conv2dParams{.pad = 2, .dilation = 2, .groups = 2});
  const DeformConv2dParams p{.conv = conv, .deform_groups = 2};
  for (const DType dtype : {DType::f64, DType::f32}) {
    DeformConv2dInputs in = problem({2, 8, 11, 13}, {6, 8 / conv.groups, 3, 3}, p, masked, dtype);
    in.offset = Tensor::zeros(in.offset.shape(), dtype);
    if (masked) in.mask = filled(in.mask.shape(), 1).to(dtype);
    for (const KernelTable* table : supported_kernel_tables()) {
      CAPTURE(table->name);
      const WithKernels with(*table);
      const Tensor expected = conv2d(in.x, in.w, in.b, conv), y = deform_conv2d(in, p);
      if (dtype == DType::f64 || std::string(table->name) == "scalar")
        CHECK(same_bits(y, expected));
      else
        CHECK(relative_error(y, expected) < 1e-6);
    }
  }
}

// One tap of weight 1 that reads at a shifted place: bilinear resampling.
TEST_CASE("deform_conv2d: a shift by a fraction of a pixel resamples", "[deform_conv2d]") {
  const double dy = GENERATE(0.25, -0.5, 1.75), dx = GENERATE(0.5, -1.125);
  const Tensor x = random_tensor({1, 1, 6, 7}, 1).to(DType::f64);
  Tensor offset = Tensor::zeros({1, 2, 6, 7}, DType::f64);
  for (Index p = 0; p < 42; ++p) {
    offset.data<double>()[p] = dy;
    offset.data<double>()[42 + p] = dx;
  }
  const Tensor y =
      deform_conv2d({x, offset, Tensor(), tensor({1, 1, 1, 1}, {1}, DType::f64), Tensor()}, {});
  const auto pixel = [&](Index row, Index column) {
    return row < 0 || row >= 6 || column < 0 || column >= 7
               ? 0.0
               : std::as_const(x).data<double>()[row * 7 + column];
  };
  for (Index i = 0; i < 6; ++i) {
    for (Index j = 0; j < 7; ++j) {
      const double row = static_cast<double>(i) + dy, column = static_cast<double>(j) + dx;
      const auto top = static_cast<Index>(std::floor(row)),
                 left = static_cast<Index>(std::floor(column));
      const double fy = row - std::floor(row), fx = column - std::floor(column);
      const double expected =
          (1 - fy) * ((1 - fx) * pixel(top, left) + fx * pixel(top, left + 1)) +
          fy * ((1 - fx) * pixel(top + 1, left) + fx * pixel(top + 1, left + 1));
      CHECK(y.data<double>()[i * 7 + j] == Approx(expected).margin(1e-12));
    }
  }
}

TEST_CASE(
    "deform_conv2d: far places read 0, places that are no number give NaN where they are used",
    "[deform_conv2d][error]") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const DeformConv2dParams p{.conv = {.pad = 1}};
  DeformConv2dInputs in = problem({1, 3, 5, 6}, {4, 3, 3, 3}, p, false);
  const Tensor before = deform_conv2d(in, p);
  for (const float far : {1e30F, -1e30F, inf, -inf, 7.5F}) {
    DeformConv2dInputs away = in;
    away.offset = filled(in.offset.shape(), far);
    const Tensor y = deform_conv2d(away, p);
    for (Index k = 0; k < 4; ++k) {
      for (Index i = 0; i < 30; ++i)
        CHECK(std::as_const(y).data<float>()[k * 30 + i] == std::as_const(in.b).data<float>()[k]);
    }
    const DeformConv2dGrads grads = deform_conv2d_grad(random_tensor(y.shape(), 7), away, p);
    for (const Tensor* grad : {&grads.x, &grads.offset, &grads.w})
      CHECK(same_bits(*grad, Tensor::zeros(grad->shape())));
  }
  in.offset.data<float>()[4 * 30 + 13] = nan;  // dy of tap 2 at pixel 13
  const Tensor y = deform_conv2d(in, p);
  for (Index i = 0; i < 4 * 30; ++i) {
    const float value = std::as_const(y).data<float>()[i];
    if (i % 30 == 13)
      CHECK(std::isnan(value));
    else
      CHECK(value == std::as_const(before).data<float>()[i]);
  }
}

TEST_CASE("deform_conv2d: tables agree, and any number of threads gives the same bits",
          "[deform_conv2d][isa]") {
  // With many channels samples are taken from a copy that has them innermost, here 19 for each
  // deformable group: no whole vectors.
  const auto [channels, deform_groups] =
      GENERATE(std::pair<Index, Index>{8, 4}, std::pair<Index, Index>{38, 2});
  const DeformConv2dParams p{.conv = {.stride = 1, .pad = 1, .groups = 2},
                             .deform_groups = deform_groups};
  const DeformConv2dInputs in = problem({2, channels, 21, 23}, {10, channels / 2, 3, 3}, p, true);
  const auto forward = [&] { return deform_conv2d(in, p); };
  const auto gradients = [&] {
    return all_gradients([&](const std::vector<ag::Var>& v) { return convolved(v, p); },
                         {in.x, in.offset, in.mask, in.w, in.b});
  };
  check_tables_agree(forward);
  check_tables_agree(gradients);
  check_same_bits_on_any_threads(forward);
  check_same_bits_on_any_threads(gradients);
}

// Four groups of eight channels: together enough for the copy with the channels innermost, alone
// not.
TEST_CASE("deform_conv2d: where samples are taken from does not change a bit", "[deform_conv2d]") {
  const DeformConv2dParams p{.conv = {.pad = 1, .groups = 4}};
  const DeformConv2dInputs in = problem({1, 32, 13, 19}, {12, 8, 3, 3}, p, true);
  const Tensor together = deform_conv2d(in, p);
  for (Index group = 0; group < 4; ++group) {
    DeformConv2dInputs part = in;
    part.x = slice(in.x, 1, 8 * group, 8 * group + 8);
    part.w = slice(in.w, 0, 3 * group, 3 * group + 3);
    part.b = slice(in.b, 0, 3 * group, 3 * group + 3);
    CHECK(same_bits(deform_conv2d(part, {.conv = {.pad = 1}}),
                    slice(together, 1, 3 * group, 3 * group + 3)));
  }
}

TEST_CASE("deform_conv2d: gradients that nobody wants are not made", "[deform_conv2d][grad]") {
  const DeformConv2dParams p{.conv = {.pad = 1}};
  const DeformConv2dInputs in = problem({1, 2, 4, 5}, {3, 2, 3, 3}, p, true);
  const Tensor gy = random_tensor({1, 3, 4, 5}, 9);
  const DeformConv2dGrads all = deform_conv2d_grad(gy, in, p);
  const auto same = [&](const DeformConv2dWanted& wanted) {
    const DeformConv2dGrads some = deform_conv2d_grad(gy, in, p, wanted);
    CHECK((wanted.x ? same_bits(some.x, all.x) : some.x.numel() == 0));
    CHECK((wanted.offset ? same_bits(some.offset, all.offset) : some.offset.numel() == 0));
    CHECK((wanted.offset ? same_bits(some.mask, all.mask) : some.mask.numel() == 0));
    CHECK((wanted.w ? same_bits(some.w, all.w) : some.w.numel() == 0));
  };
  same({.x = true, .offset = false, .w = false});
  same({.x = false, .offset = true, .w = false});
  same({.x = false, .offset = false, .w = true});
}

TEST_CASE("deform_conv2d: shapes that do not fit are refused", "[deform_conv2d][error]") {
  const DeformConv2dParams p{.conv = {.pad = 1}, .deform_groups = 2};
  const DeformConv2dInputs good = problem({1, 4, 5, 6}, {2, 4, 3, 3}, p, true);
  CHECK(deform_conv2d(good, p).shape() == Shape{1, 2, 5, 6});
  const auto refused = [&](auto change, std::initializer_list<const char*> parts) {
    DeformConv2dInputs in = good;
    DeformConv2dParams with = p;
    change(in, with);
    check_refused([&] { (void)deform_conv2d(in, with); }, parts);
  };
  refused(
      [](auto& in, auto&) {
        in.offset = Tensor::zeros({1, 18, 5, 6});
      },
      {"offset [1, 18, 5, 6]", "[1, 36, 5, 6]"});
  refused(
      [](auto& in, auto&) {
        in.mask = Tensor::zeros({1, 18, 5, 5});
      },
      {"mask [1, 18, 5, 5]", "[1, 18, 5, 6]"});
  refused([](auto&, auto& with) { with.deform_groups = 3; }, {"4 channels", "deform_groups=3"});
  refused([](auto&, auto& with) { with.deform_groups = 0; }, {"deform_groups=0"});
  refused([](auto& in, auto&) { in.b = Tensor::zeros({3}); }, {"bias [3]", "[2]"});
  refused([](auto& in, auto&) { in.x = in.x.to(DType::f64); }, {"f64"});
  check_refused(
      [&] {
        (void)deform_conv2d_grad(Tensor::zeros({1, 2, 5, 5}), good, p);
      },
      {"[1, 2, 5, 5]", "[1, 2, 5, 6]"});
}

TEST_CASE("deform_conv2d: no images, no outputs", "[deform_conv2d]") {
  const DeformConv2dParams p{.conv = {.pad = 1}};
  const DeformConv2dInputs in = problem({0, 2, 4, 5}, {3, 2, 3, 3}, p, true);
  const Tensor y = deform_conv2d(in, p);
  CHECK(y.shape() == Shape{0, 3, 4, 5});
  const DeformConv2dGrads grads = deform_conv2d_grad(y, in, p);
  CHECK(grads.x.shape() == in.x.shape());
  CHECK(same_bits(grads.w, Tensor::zeros(in.w.shape())));
}

}  // namespace rf::test
