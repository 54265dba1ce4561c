// Eight residual units forward and backward, each plain or under checkpoint: time and memory.
//
//   build/checkpoint_bench; build/checkpoint_bench --checkpoint
//
// A unit is y = x + block(block(x)), block a 3x3 convolution, batch norm and ReLU. Prints one line
// of JSON: seconds of each pass (after one that is not counted), the peak memory of the process in
// MB, and a number made from all gradients, which must be the same for both.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/checkpoint.hpp"
#include "autograd/ops.hpp"
#include "engine/parallel.hpp"
#include "engine/random.hpp"
#include "engine/storage.hpp"
#include "layers/conv_bn_act.hpp"
#include "layers/init.hpp"

namespace {

using rf::Index;
using rf::Var;

class ResidualUnit final : public rf::Module {
 public:
  explicit ResidualUnit(Index channels)
      : first_({.in_channels = channels, .out_channels = channels, .kernel = 3}, {}),
        second_({.in_channels = channels, .out_channels = channels, .kernel = 3}, {}) {
    child("first", first_);
    child("second", second_);
  }
  [[nodiscard]] Var forward(const Var& x) const {
    return rf::ag::add(x, second_.forward(first_.forward(x)));
  }

 private:
  rf::ConvBnAct first_, second_;
};

std::uint64_t fold(std::uint64_t hash, const rf::Tensor& tensor) {
  for (const float value : tensor.span<float>()) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3ULL;  // FNV-1a
  }
  return hash;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr Index kUnits = 8;
  Index batch = 4, channels = 64, size = 160;
  int threads = rf::thread_count(), steps = 3;
  bool with_checkpoint = false;
  CLI::App app("Eight residual units, plain or under checkpoint");
  app.add_option("--batch", batch, "images")->check(CLI::Range(1, 1024));
  app.add_option("--channels", channels)->check(CLI::Range(1, 1024));
  app.add_option("--size", size, "height and width in pixels")->check(CLI::Range(1, 4096));
  app.add_option("--threads", threads)->check(CLI::Range(1, 1024));
  app.add_option("--steps", steps, "passes to time")->check(CLI::Range(1, 10000));
  app.add_flag("--checkpoint", with_checkpoint, "keep the inputs of units only");
  CLI11_PARSE(app, argc, argv);
  rf::set_thread_limit(threads, "--threads");
  rf::set_kept_memory_limit(std::numeric_limits<std::size_t>::max());

  std::vector<std::unique_ptr<ResidualUnit>> units;
  for (Index i = 0; i < kUnits; ++i) {
    units.push_back(std::make_unique<ResidualUnit>(channels));
    rf::initialize(*units.back(), {}, static_cast<std::uint64_t>(i));
    units.back()->train();
  }
  rf::Tensor values = rf::Tensor::empty({batch, channels, size, size});
  rf::Random random(1, rf::RandomPurpose::sample);
  for (float& v : values.span<float>()) v = random.uniform(-1, 1);
  const Var image(values);

  std::vector<double> seconds;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (int step = 0; step <= steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    Var x = image;
    for (const auto& unit : units) {
      const auto forward = [&unit](const std::vector<Var>& in) { return unit->forward(in[0]); };
      x = with_checkpoint ? rf::ag::checkpoint(forward, {x}) : forward({x});
    }
    rf::ag::mean(x).backward();
    x = Var();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (step > 0) seconds.push_back(time.count());
    for (const auto& unit : units) {
      for (auto& [name, var] : unit->named_parameters()) {
        hash = fold(hash, var.grad());
        var.clear_grad();
      }
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << nlohmann::json{{"seconds", seconds},
                              {"peak_mb", usage.ru_maxrss / 1024},
                              {"gradients", hash}}
            << '\n';
}
