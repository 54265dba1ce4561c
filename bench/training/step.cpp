// Times training steps of the light detector: forward, backward, SGD. The peer is pytorch_step.py,
// same work, same flags:
//
//   build/training_step --batch 8 --size 640 --threads 2 --steps 5
//
// Prints one line of JSON: seconds per image of each step (after one step that is not counted) and
// the peak memory of the process in MB.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "autograd/ops.hpp"
#include "autograd/sgd.hpp"
#include "engine/parallel.hpp"
#include "engine/random.hpp"
#include "engine/storage.hpp"
#include "layers/init.hpp"
#include "retinaface/model.hpp"

namespace {

using rf::Index;
using rf::Shape;
using rf::Tensor;
using rf::Var;

Tensor normal(const Shape& shape, std::uint32_t item) {
  Tensor t = Tensor::empty(shape);
  rf::Random random(1, rf::RandomPurpose::sample, 0, item);
  for (float& v : t.span<float>()) v = random.normal();
  return t;
}

rf::ModelConfig light_model() {
  rf::ModelConfig config;
  config.backbone = {.name = "mobilenet0.25", .activation = rf::Activation::leaky_relu(0.1)};
  config.neck.activation = rf::Activation::leaky_relu(0.1);
  config.anchors = {{8, 4, {16, 32}}, {16, 8, {64, 128}}, {32, 16, {256, 512}}};
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  Index batch = 8, size = 640;
  int threads = rf::thread_count(), steps = 5;
  CLI::App app("Times training steps of the light detector");
  app.add_option("--batch", batch, "images per step")->check(CLI::Range(1, 1024));
  app.add_option("--size", size, "height and width in pixels")->check(CLI::Range(32, 4096));
  app.add_option("--threads", threads)->check(CLI::Range(1, 1024));
  app.add_option("--steps", steps, "steps to time")->check(CLI::Range(1, 10000));
  CLI11_PARSE(app, argc, argv);
  rf::set_thread_limit(threads, "--threads");
  rf::set_kept_memory_limit(std::numeric_limits<std::size_t>::max());

  rf::RetinaFace network(light_model());
  rf::initialize(network, {}, 1);
  network.train();
  rf::ag::ParameterGroup group{.parameters = {}, .weight_decay = 5e-4};
  for (const auto& [name, var] : network.named_parameters())
    group.parameters.push_back({name, var});
  rf::ag::Sgd optimizer({group}, {.momentum = 0.9});

  const Var image(normal({batch, 3, size, size}, 0));
  Tensor label;
  Var box, landmark;
  std::vector<double> seconds;
  for (int step = 0; step <= steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    optimizer.clear_grads();
    const rf::HeadOutputs out = network.forward(image);
    if (step == 0) {
      const Index anchors = out.box.shape()[1];
      label = Tensor::zeros({batch * anchors}, rf::DType::i64);
      for (Index i = 0; i < label.numel(); ++i) label.data<std::int64_t>()[i] = i * 7 % 5 % 2;
      box = Var(normal({batch, anchors, 4}, 1));
      landmark = Var(normal({batch, anchors, 10}, 2));
    }
    namespace ag = rf::ag;
    const Var cls =
        ag::mean(ag::softmax_cross_entropy(ag::reshape(out.cls, {label.numel(), 2}), label));
    const Var boxes = ag::mean(ag::smooth_l1(out.box, box, {.beta = 1}));
    const Var landmarks = ag::mean(ag::smooth_l1(out.landmark, landmark, {.beta = 1}));
    ag::add(cls, ag::add(ag::scale(boxes, 0.25), ag::scale(landmarks, 0.1))).backward();
    optimizer.step(1e-3);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (step > 0) seconds.push_back(time.count() / static_cast<double>(batch));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << nlohmann::json{{"seconds_per_image", seconds}, {"peak_mb", usage.ru_maxrss / 1024}}
            << '\n';
}
