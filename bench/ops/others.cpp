#include <array>
#include <memory>
#include <utility>

#include "bench/ops/cases.hpp"
#include "engine/check.hpp"
#include "engine/image_resize.hpp"
#include "engine/ops/activation.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/batch_norm.hpp"
#include "engine/ops/concat.hpp"
#include "engine/ops/deform_conv2d.hpp"
#include "engine/ops/linear.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/ops/max_pool2d.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/resize_bilinear.hpp"
#include "engine/ops/smooth_l1.hpp"
#include "engine/ops/softmax.hpp"
#include "engine/ops/softmax_cross_entropy.hpp"
#include "engine/ops/sum.hpp"
#include "engine/ops/upsample_nearest.hpp"
#include "engine/random.hpp"
#include "retinaface/matching.hpp"
#include "retinaface/networks.hpp"

namespace rf::bench {

namespace {

using Inputs = std::vector<Tensor>;

Tensor noise(const Shape& shape, std::uint32_t item) {
  Tensor t = Tensor::empty(shape);
  Random random(1, RandomPurpose::sample, 0, item);
  for (float& v : t.span<float>()) v = 1.5F + random.uniform();  // also a divisor and a variance
  return t;
}

// One operation on tensors of these shapes. It allocates its result, from memory that is kept.
template <class Op>
Case op_case(const char* name, const std::vector<Shape>& shapes, Index out_elements, Op op,
             double flops = 0) {
  std::string text;
  Index elements = out_elements;
  for (const Shape& shape : shapes) {
    text += message(text.empty() ? "" : ", ", shape);
    elements += shape.numel();
  }
  return {.kernel = name,
          .shape = text,
          .flops = flops,
          .kernel_flops = flops,
          .bytes = 4 * static_cast<double>(elements),
          .prepare = [=]() -> std::function<void()> {
            Inputs in;
            for (const Shape& shape : shapes)
              in.push_back(noise(shape, static_cast<std::uint32_t>(in.size())));
            return [=] { (void)op(in); };
          }};
}

void add_elementwise(std::vector<Case>& cases) {
  for (const Shape& shape : {Shape{1, 64, 60, 80}, Shape{1, 64, 240, 320}}) {
    const Index n = shape.numel();
    const auto one = [&](const char* name, auto op) {
      cases.push_back(op_case(name, {shape}, n, op));
    };
    const auto two = [&](const char* name, auto op) {
      cases.push_back(op_case(name, {shape, shape}, n, op));
    };
    one("relu", [](const Inputs& in) { return relu(in[0]); });
    one("leaky_relu", [](const Inputs& in) { return leaky_relu(in[0]); });
    two("leaky_relu_grad", [](const Inputs& in) { return leaky_relu_grad(in[0], in[1]); });
    one("sigmoid", [](const Inputs& in) { return sigmoid(in[0]); });
    two("add", [](const Inputs& in) { return add(in[0], in[1]); });
    two("subtract", [](const Inputs& in) { return subtract(in[0], in[1]); });
    two("multiply", [](const Inputs& in) { return multiply(in[0], in[1]); });
    two("divide", [](const Inputs& in) { return divide(in[0], in[1]); });
    one("sum of a plane", [](const Inputs& in) { return sum(in[0], std::array{2, 3}); });
    one("sum over channels", [](const Inputs& in) { return sum(in[0], std::array{1}); });
  }
}

void add_batch_norm(std::vector<Case>& cases) {
  for (const Shape& shape : {Shape{8, 64, 60, 80}, Shape{8, 8, 240, 320}}) {
    const Shape c{shape[1]};
    cases.push_back(op_case("batch_norm", {shape, c, c, c, c}, shape.numel(), [](const Inputs& in) {
      return batch_norm(in[0], in[1], in[2], in[3], in[4]);
    }));
    cases.push_back(op_case("batch_norm_stats", {shape}, 0,
                            [](const Inputs& in) { return batch_norm_stats(in[0]); }));
    cases.push_back(
        op_case("batch_norm_grad", {shape, shape, c, c, c, c}, shape.numel(), [](const Inputs& in) {
          return batch_norm_grad(in[0], in[1], in[2], in[3], {in[4], in[5]}, BatchNormMode::batch);
        }));
  }
}

void add_planes(std::vector<Case>& cases) {
  cases.push_back(op_case(
      "max_pool2d 3x3, stride 2", {{1, 64, 240, 320}}, 64 * 120 * 160,
      [](const Inputs& in) { return max_pool2d(in[0], {.kernel = 3, .stride = 2, .pad = 1}); }));
  for (const Index channels : {64, 256}) {
    cases.push_back(op_case(
        "upsample_nearest to 80x60", {{1, channels, 30, 40}}, channels * 60 * 80,
        [](const Inputs& in) { return upsample_nearest(in[0], {.out_h = 60, .out_w = 80}); }));
    cases.push_back(op_case(
        "resize_bilinear to 80x60", {{1, channels, 30, 40}}, channels * 60 * 80,
        [](const Inputs& in) { return resize_bilinear(in[0], {.out_h = 60, .out_w = 80}); }));
  }
  for (const Index channels : {4, 8, 20}) {
    cases.push_back(op_case("permute to NHWC", {{1, channels, 60, 80}}, channels * 60 * 80,
                            [](const Inputs& in) {
                              return permute(in[0], std::array{0, 2, 3, 1});
                            }));
  }
  cases.push_back(op_case("concat of channels", {{1, 32, 60, 80}, {1, 16, 60, 80}, {1, 16, 60, 80}},
                          64 * 60 * 80, [](const Inputs& in) { return concat(in, 1); }));
}

void add_rows(std::vector<Case>& cases) {
  constexpr Index kAnchors = 12600;  // of the light model
  cases.push_back(op_case("softmax", {{kAnchors, 2}}, 2 * kAnchors,
                          [](const Inputs& in) { return softmax(in[0], 1); }));
  const Tensor labels = Tensor::zeros({kAnchors}, DType::i64);
  cases.push_back(op_case("softmax_cross_entropy", {{kAnchors, 2}}, 3 * kAnchors,
                          [=](const Inputs& in) { return softmax_cross_entropy(in[0], labels); }));
  cases.push_back(
      op_case("softmax_cross_entropy_grad", {{kAnchors}, {kAnchors, 2}}, 4 * kAnchors,
              [=](const Inputs& in) { return softmax_cross_entropy_grad(in[0], in[1], labels); }));
  for (const Index values : {4, 10}) {
    const Shape shape{kAnchors, values};
    cases.push_back(op_case("smooth_l1", {shape, shape}, shape.numel(),
                            [](const Inputs& in) { return smooth_l1(in[0], in[1]); }));
    cases.push_back(op_case("smooth_l1_grad", {shape, shape, shape}, shape.numel(),
                            [](const Inputs& in) { return smooth_l1_grad(in[0], in[1], in[2]); }));
  }
}

// A deformable layer of 256 channels at stride 8 of a 640x640 picture.
void add_deformable(std::vector<Case>& cases) {
  const std::vector<Shape> shapes{{1, 256, 80, 80}, {1, 18, 80, 80}, {256, 256, 3, 3}};
  const DeformConv2dParams params{.conv = {.pad = 1}};
  const Index out = shapes[0].numel();
  const double flops = 2.0 * 80 * 80 * static_cast<double>(shapes[2].numel());
  const auto inputs = [](const Inputs& in) {
    return DeformConv2dInputs{.x = in[0], .offset = in[1], .mask = {}, .w = in[2], .b = {}};
  };
  const auto forward = [=](const Inputs& in) { return deform_conv2d(inputs(in), params); };
  cases.push_back(op_case("deform_conv2d 3x3", shapes, out, forward, flops));
  cases.push_back(op_case(
      "deform_conv2d 3x3 forward and gradients", shapes, 2 * out,
      [=](const Inputs& in) { return deform_conv2d_grad(forward(in), inputs(in), params); },
      3 * flops));
}

void add_products(std::vector<Case>& cases) {
  // Mesh coefficients and recognition embeddings.
  for (const auto& [batch, in, out] :
       {std::array<Index, 3>{1, 512, 128}, {32, 512, 128}, {1, 2048, 1000}}) {
    cases.push_back(op_case(
        "linear", {{batch, in}, {out, in}, {out}}, batch * out,
        [](const Inputs& x) { return linear(x[0], x[1], x[2]); },
        2.0 * static_cast<double>(batch * in * out)));
  }
  for (const auto& [m, k, n] : {std::array<Index, 3>{64, 64, 4800}, {256, 256, 256}}) {
    cases.push_back(op_case(
        "matmul", {{m, k}, {k, n}}, m * n, [](const Inputs& x) { return matmul(x[0], x[1]); },
        2.0 * static_cast<double>(m * k * n)));
  }
}

// A photograph of 1920x1080 to what the network sees.
Case picture_case() {
  constexpr Index kWidth = 1920, kHeight = 1080, kToWidth = 640, kToHeight = 360;
  return {.kernel = "resize of a picture",
          .shape = message(kWidth, "x", kHeight, " to ", kToWidth, "x", kToHeight),
          .bytes = 3.0 * static_cast<double>(kWidth * kHeight + kToWidth * kToHeight),
          .prepare = []() -> std::function<void()> {
            Image image{kWidth, kHeight, std::vector<std::uint8_t>(3 * kWidth * kHeight, 100)};
            return [image = std::move(image)] { (void)resize(image, kToWidth, kToHeight); };
          }};
}

// A crowd on the anchors of Table 2.
Case matching_case() {
  constexpr Index kSide = 640, kFaces = 1000;
  const auto grid = std::make_shared<AnchorGrid>(paper_config("resnet50").anchors, kSide, kSide);
  return {.kernel = "match_anchors",
          .shape = message(kFaces, " faces, ", grid->count(), " anchors"),
          .prepare = [grid]() -> std::function<void()> {
            std::vector<LabelledFace> faces;
            Random random(1, RandomPurpose::test);
            for (Index i = 0; i < kFaces; ++i) {
              const float x = random.uniform(0, kSide), y = random.uniform(0, kSide),
                          side = random.uniform(8, 40);
              faces.push_back({{x, y, x + side, y + side}, {}});
            }
            return [grid, faces] { (void)match_anchors(*grid, faces, {}); };
          }};
}

}  // namespace

std::vector<Case> other_cases() {
  std::vector<Case> cases;
  add_products(cases);
  add_deformable(cases);
  add_planes(cases);
  add_rows(cases);
  add_elementwise(cases);
  add_batch_norm(cases);
  cases.push_back(picture_case());
  cases.push_back(matching_case());
  for (Case& c : mesh_cases()) cases.push_back(std::move(c));
  return cases;
}

}  // namespace rf::bench
