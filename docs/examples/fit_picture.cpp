// Fits a picture by a small network and draws how it learns (docs/autograd.md, "Watch it learn"):
//
//   (x, y) -> Fourier features -> linear, relu -> linear, relu -> linear, sigmoid -> (r, g, b)
//
// The network becomes the picture: asked for a point, it answers with a colour. Its weights start
// random; each step compares all pixels with the true ones and moves every weight against the
// gradient of the mean squared error.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <new>
#include <numbers>
#include <string>
#include <vector>

#include "autograd/adam.hpp"
#include "autograd/ops.hpp"
#include "autograd/schedule.hpp"
#include "docs/examples/fit_sheet.hpp"
#include "engine/check.hpp"
#include "engine/image_resize.hpp"
#include "engine/math.hpp"
#include "engine/random.hpp"
#include "layers/init.hpp"
#include "retinaface/cli/flags.hpp"

namespace example {

namespace {

namespace ag = rf::ag;
using ag::Var;
using rf::Image;
using rf::Index;
using rf::Tensor;

constexpr Index kFrequencies = 128, kWidth = 64;

struct Options {
  std::string picture, out = "fit.png";
  Index steps = 500, size = 128;
  double sigma = 8;
  std::uint64_t seed = 1;
};

// cos(2 pi t) for any t; sin(2 pi t) is a quarter turn behind.
double wave(double t) { return rf::cos_turns(t - std::round(t)); }

// Of x and y alone a network learns smooth shapes long before edges. So each pixel is given waves
// across the picture, cos and sin(2 pi (u x + v y)), where u and v are normal random numbers with
// standard deviation sigma, in periods per picture: Tancik et al., "Fourier features let networks
// learn high frequency functions in low dimensional domains" (2020), section 6. They stay fixed.
// -> [pixels, 2 kFrequencies]
Tensor fourier_features(const Image& picture, const Options& options) {
  rf::Random random(options.seed, rf::RandomPurpose::sample);
  std::vector<double> u, v;
  for (Index i = 0; i < kFrequencies; ++i) {
    u.push_back(options.sigma * static_cast<double>(random.normal()));
    v.push_back(options.sigma * static_cast<double>(random.normal()));
  }
  Tensor features = Tensor::empty({picture.width * picture.height, 2 * kFrequencies});
  float* out = features.data<float>();
  const auto side = static_cast<double>(std::max(picture.width, picture.height));
  for (Index row = 0; row < picture.height; ++row) {
    for (Index column = 0; column < picture.width; ++column) {
      const double x = (static_cast<double>(column) + 0.5) / side;
      const double y = (static_cast<double>(row) + 0.5) / side;
      for (std::size_t i = 0; i < u.size(); ++i) {
        const double turns = u[i] * x + v[i] * y;
        *out++ = static_cast<float>(wave(turns));
        *out++ = static_cast<float>(wave(turns - 0.25));
      }
    }
  }
  return features;
}

// 8-bit colours to [pixels, 3] within [0, 1], and back.
Tensor to_tensor(const Image& picture) {
  Tensor colours = Tensor::empty({picture.width * picture.height, 3});
  std::transform(picture.rgb.begin(), picture.rgb.end(), colours.data<float>(),
                 [](std::uint8_t value) { return static_cast<float>(value) / 255; });
  return colours;
}

Image to_image(const Tensor& colours, Index width, Index height) {
  Image picture{width, height, {}};
  for (const float value : colours.span<float>())
    picture.rgb.push_back(static_cast<std::uint8_t>(value * 255 + 0.5F));
  return picture;
}

class Network {
 public:
  explicit Network(std::uint64_t seed) {
    const std::vector<Index> sizes = {2 * kFrequencies, kWidth, kWidth, 3};
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      const std::string name = "layer" + std::to_string(i);
      add(name + ".weight",
          rf::initial_weight(name + ".weight", {sizes[i + 1], sizes[i]}, {}, seed));
      add(name + ".bias", Tensor::zeros({sizes[i + 1]}));
    }
  }

  // [pixels, 2 kFrequencies] -> [pixels, 3]
  [[nodiscard]] Var forward(Var x) const {
    for (std::size_t i = 0; i < parameters_.size(); i += 2) {
      const bool last = i + 2 == parameters_.size();
      x = ag::linear(x, parameters_[i].var, parameters_[i + 1].var);
      x = last ? ag::sigmoid(x) : ag::relu(x);
    }
    return x;
  }

  [[nodiscard]] const std::vector<ag::Parameter>& parameters() const { return parameters_; }

 private:
  void add(const std::string& name, const Tensor& value) {
    parameters_.push_back({name, Var(value)});
    parameters_.back().var.set_requires_grad(true);
  }

  std::vector<ag::Parameter> parameters_;  // weight, bias, weight, bias, ...
};

// The same quantity in the unit that pictures are compared in: 10 dB more is a tenth of the error.
// At most 100: a picture of one colour may be fitted without any.
double psnr_of(double mse) { return -10 * rf::log(std::max(mse, 1e-10)) / std::numbers::ln10; }

Image shrink(const Image& picture, Index size) {
  const double scale = static_cast<double>(size) /
                       static_cast<double>(std::max({picture.width, picture.height, size}));
  const auto scaled = [scale](Index length) {
    return std::max<Index>(1, std::lround(scale * static_cast<double>(length)));
  };
  return rf::resize(picture, scaled(picture.width), scaled(picture.height));
}

void fit(const Options& options) {
  const Image target = shrink(rf::read_image(options.picture), options.size);
  const Var features(fourier_features(target, options)), colours(to_tensor(target));
  const Network network(options.seed);
  ag::Adam optimizer({{.parameters = network.parameters()}});
  // Large steps first, a tenth of that at the end.
  const ag::ExponentialSchedule rate(
      {.start = 1e-2, .factor = 0.1, .period = static_cast<double>(options.steps)});

  const auto start = std::chrono::steady_clock::now();
  const Index every = std::max<Index>(1, options.steps / 20);
  std::vector<double> psnr;
  Fit early;
  for (Index step = 0;; ++step) {
    const Var fitted = network.forward(features);
    const Var error = ag::subtract(fitted, colours);
    const Var mse = ag::mean(ag::multiply(error, error));
    psnr.push_back(psnr_of(static_cast<double>(*mse.value().data<float>())));

    if (step % every == 0 || step == options.steps) {
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      std::printf("step %5lld  mse %.5f  PSNR %5.2f dB  %5.1f s\n", static_cast<long long>(step),
                  static_cast<double>(*mse.value().data<float>()), psnr.back(), time.count());
      std::fflush(stdout);
      const Fit now{step, to_image(fitted.value(), target.width, target.height)};
      if (step <= every) early = now;
      rf::write_image(options.out, fit_sheet(target, early, now, psnr, options.steps),
                      rf::IfExists::replace);
    }
    if (step == options.steps) return;

    optimizer.clear_grads();
    mse.backward();
    optimizer.step(rate(static_cast<double>(step)));
  }
}

int run(int argc, char** argv) {
  using rf::cli::number_between;
  Options options;
  CLI::App app("Fits a picture by a small network and draws how it learns", "fit_picture");
  app.option_defaults()->always_capture_default();
  app.add_option("picture", options.picture, "JPEG, PNG, BMP, PPM or PGM")->required();
  app.add_option("--steps", options.steps, "of Adam, on all pixels")
      ->check(number_between(1, 100000));
  app.add_option("--size", options.size, "longer side that the picture is shrunk to")
      ->check(number_between(1, 1024));
  app.add_option("--sigma", options.sigma, "spread of the frequencies, periods per picture")
      ->check(number_between(0, 1000));
  app.add_option("--seed", options.seed, "of all random numbers");
  app.add_option("--out", options.out, "redrawn 20 times on the way");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::printf("%s", app.help().c_str());
    return 0;
  } catch (const CLI::ParseError& error) {
    throw rf::UsageError(rf::message(error.what(), "; --help lists what there is"));
  }
  fit(options);
  return 0;
}

}  // namespace

}  // namespace example

int main(int argc, char** argv) {
  const auto fail = [](int code, const char* line) {
    std::fprintf(stderr, "fit_picture: %s\n", line);
    return code;
  };
  try {
    return example::run(argc, argv);
  } catch (const rf::UsageError& error) {
    return fail(2, error.what());
  } catch (const rf::Error& error) {
    return fail(3, error.what());
  } catch (const std::bad_alloc&) {
    return fail(3, "not enough memory");
  }
}
