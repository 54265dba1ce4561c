#include <string>

#include "bench/ops/cases.hpp"
#include "engine/check.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/ops/conv2d_schedule.hpp"
#include "engine/parallel.hpp"
#include "engine/random.hpp"

namespace rf::bench {

namespace {

struct Layer {
  Index in_channels, out_channels, in_h, in_w;
  Index kernel = 1, stride = 1;
  bool depthwise = false;

  [[nodiscard]] Conv2dParams params() const {
    return {.stride = stride, .pad = kernel / 2, .groups = depthwise ? in_channels : 1};
  }
  [[nodiscard]] Shape x() const { return {1, in_channels, in_h, in_w}; }
  [[nodiscard]] Shape w() const {
    return {out_channels, depthwise ? 1 : in_channels, kernel, kernel};
  }
  [[nodiscard]] Conv2dGeometry geometry() const { return conv2d_geometry(x(), w(), params()); }
  [[nodiscard]] std::string text() const {
    return message(kernel, "x", kernel, " ", in_channels, " to ", out_channels, ", ", in_w, "x",
                   in_h, stride > 1 ? ", stride 2" : "", depthwise ? ", depthwise" : "");
  }
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all{
      // mobilenet0.25: the first layer, then depthwise ones, then 1x1 ones, as it narrows.
      {3, 8, 480, 640, 3, 2},
      {8, 8, 240, 320, 3, 1, true},
      {16, 16, 240, 320, 3, 2, true},
      {32, 32, 120, 160, 3, 1, true},
      {32, 32, 120, 160, 3, 2, true},
      {64, 64, 60, 80, 3, 1, true},
      {128, 128, 30, 40, 3, 1, true},
      {256, 256, 15, 20, 3, 1, true},
      {8, 16, 240, 320},
      {16, 32, 120, 160},
      {32, 32, 120, 160},
      {32, 64, 60, 80},
      {64, 64, 60, 80},
      {64, 128, 30, 40},
      {128, 128, 30, 40},
      {256, 256, 15, 20},
      // Its pyramid, context modules and heads.
      {64, 64, 60, 80, 3},
      {64, 48, 60, 80, 3},
      {16, 32, 60, 80, 3},
      {16, 16, 60, 80, 3},
      {64, 64, 30, 40, 3},
      {64, 32, 60, 80},
      // The finest level of a 4096x2160 picture.
      {64, 64, 270, 512, 3},
      {16, 16, 270, 512, 3},
      // ResNet-50: the stem and the bottlenecks of its four stages.
      {3, 64, 480, 640, 7, 2},
      {64, 64, 120, 160},
      {64, 64, 120, 160, 3},
      {64, 256, 120, 160},
      {256, 64, 120, 160},
      {128, 128, 120, 160, 3, 2},
      {128, 128, 60, 80, 3},
      {256, 512, 120, 160, 1, 2},
      {512, 128, 60, 80},
      {256, 256, 30, 40, 3},
      {1024, 256, 30, 40},
      {512, 512, 15, 20, 3},
      {2048, 512, 15, 20},
      // Its pyramid.
      {512, 256, 60, 80},
      {256, 256, 60, 80, 3},
  };
  return all;
}

Tensor noise(const Shape& shape) {
  Tensor t = Tensor::empty(shape);
  Random random(1, RandomPurpose::sample);
  for (float& v : t.span<float>()) v = random.normal();
  return t;
}

Shape y_shape(const Layer& layer) { return conv2d_out_shape(layer.x(), layer.w(), layer.params()); }

// Work and name of a layer, for a kernel that does what the operation is defined by.
Case case_of(const Layer& layer, const std::string& kernel) {
  const Shape y = y_shape(layer), w = layer.w();
  const double flops = 2.0 * static_cast<double>(y.numel() / y[1] * w.numel());
  return {.kernel = kernel,
          .shape = layer.text(),
          .flops = flops,
          .kernel_flops = flops,
          .bytes = 4 * static_cast<double>(layer.x().numel() + w.numel() + y.numel()),
          .prepare = {}};
}

// As the plan runs it: Winograd's kernel where it pays.
Case scheduled(const Layer& layer) {
  Case made = case_of(layer, "");
  const Conv2dGeometry g = layer.geometry();
  const Conv2dSchedule schedule(g, 1);
  made.kernel = schedule.winograd() ? "winograd" : layer.depthwise ? "depthwise" : "conv2d";
  if (const Index m = schedule.winograd()) made.shape += message(", tiles of ", m, "x", m);
  made.kernel_flops = schedule.flops(g);
  made.prepare = [=]() -> std::function<void()> {
    const Tensor x = noise(layer.x()), w = noise(layer.w()), b = noise({layer.out_channels});
    const Tensor u = schedule.transformed(g, w.data<float>());
    return [=, y = Tensor::empty(y_shape(layer))]() mutable {
      const Conv2dArgs<float> args{.x = x.data<float>(),
                                   .w = w.data<float>(),
                                   .b = b.data<float>(),
                                   .y = y.data<float>(),
                                   .geometry = g};
      parallel_for(schedule.chunks(), schedule.scratch_bytes(),
                   [&](Index chunk, std::byte* scratch) {
                     schedule.run(args, u.data<float>(), chunk, scratch);
                   });
    };
  };
  return made;
}

// The direct kernel on a layer that the plan gives to Winograd's.
Case direct(const Layer& layer) {
  Case made = case_of(layer, "conv2d");
  made.prepare = [=]() -> std::function<void()> {
    const Tensor x = noise(layer.x()), w = noise(layer.w());
    return [=, y = Tensor::empty(y_shape(layer))]() mutable {
      const Conv2dGeometry g = layer.geometry();
      const Conv2dArgs<float> args{.x = x.data<float>(),
                                   .w = w.data<float>(),
                                   .b = nullptr,
                                   .y = y.data<float>(),
                                   .geometry = g};
      const Index pixels = g.out_h * g.out_w, chunk = conv2d_pixels_per_chunk(g);
      const KernelTable& table = kernels();
      parallel_for(ceil_div(pixels, chunk), table.conv2d_scratch_bytes(g, chunk),
                   [&](Index part, std::byte* scratch) {
                     const Index end = (part + 1) * chunk;
                     table.conv2d(args, {.image = 0,
                                         .group = 0,
                                         .begin = part * chunk,
                                         .end = end < pixels ? end : pixels,
                                         .scratch = scratch});
                   });
    };
  };
  return made;
}

Case grad_input(const Layer& layer) {
  Case made = case_of(layer, "conv2d_grad_input");
  if (layer.stride == 1 && !layer.depthwise) {  // a convolution of gy, by the same kernels
    const Shape gy = y_shape(layer), turned{layer.in_channels, gy[1], layer.kernel, layer.kernel};
    const Conv2dGeometry g = conv2d_geometry(gy, turned, layer.params());
    made.kernel_flops = Conv2dSchedule(g, 1).flops(g);
  }
  made.prepare = [=]() -> std::function<void()> {
    const Tensor gy = noise(y_shape(layer)), w = noise(layer.w());
    return [=] { (void)conv2d_grad_input(gy, w, layer.x(), layer.params()); };
  };
  return made;
}

Case grad_weight(const Layer& layer) {
  Case made = case_of(layer, "conv2d_grad_weight");
  made.prepare = [=]() -> std::function<void()> {
    const Tensor gy = noise(y_shape(layer)), x = noise(layer.x());
    return [=] { (void)conv2d_grad_weight(gy, x, layer.w(), layer.params()); };
  };
  return made;
}

}  // namespace

std::vector<Case> convolution_cases() {
  std::vector<Case> cases;
  for (const Layer& layer : layers()) {
    cases.push_back(scheduled(layer));
    if (cases.back().kernel == "winograd") cases.push_back(direct(layer));
  }
  for (const Layer& layer : layers()) cases.push_back(grad_input(layer));
  for (const Layer& layer : layers()) cases.push_back(grad_weight(layer));
  return cases;
}

}  // namespace rf::bench
