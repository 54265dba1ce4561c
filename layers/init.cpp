#include "layers/init.hpp"

#include <cmath>
#include <map>
#include <string_view>

#include "engine/check.hpp"
#include "engine/random.hpp"

namespace rf {

namespace {

// FNV-1a, 64 bits: far too many for two names of one network to meet.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Random stream_of(const std::string& name, std::uint64_t seed) {
  const std::uint64_t hash = hash_of(name);
  return {seed, RandomPurpose::initialise, static_cast<std::uint32_t>(hash >> 32),
          static_cast<std::uint32_t>(hash)};
}

bool is_uniform(InitScheme scheme) {
  return scheme == InitScheme::xavier_uniform || scheme == InitScheme::kaiming_uniform;
}

void draw(std::span<float> values, InitScheme scheme, double variance, Random random) noexcept {
  if (is_uniform(scheme)) {
    const auto bound = static_cast<float>(std::sqrt(3 * variance));
    for (float& value : values) value = random.uniform(-bound, bound);
  } else {
    const auto deviation = static_cast<float>(std::sqrt(variance));
    for (float& value : values) value = deviation * random.normal();
  }
}

Index likely_groups(const Shape& weight) {
  return weight.rank() == 4 && weight[1] == 1 && weight[0] > 0 ? weight[0] : 1;
}

}  // namespace

Fans fans(const Shape& weight, Index groups) {
  RF_CHECK_SHAPE(weight.rank() >= 2, "init", "a weight ", weight,
                 " has no fans; needed is [out, in, ...]");
  RF_CHECK_SHAPE(groups > 0 && weight[0] % groups == 0, "init", "a weight ", weight,
                 " cannot have groups = ", groups);
  Index taps = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) taps *= weight[axis];
  return {.in = weight[1] * taps, .out = weight[0] / groups * taps};
}

double init_variance(const Fans& fans, const InitOptions& options) {
  const auto in = static_cast<double>(fans.in), out = static_cast<double>(fans.out);
  if (options.scheme == InitScheme::xavier_uniform || options.scheme == InitScheme::xavier_normal)
    return 2 / (in + out);
  return 2 / ((1 + options.slope * options.slope) * (options.fan == Fan::in ? in : out));
}

Tensor initial_weight(const std::string& name, const Shape& shape, const InitOptions& options,
                      std::uint64_t seed, Index groups) {
  if (!std::isfinite(options.slope))
    throw UsageError(message("init: slope ", options.slope, " is not a finite number"));
  const double variance = init_variance(fans(shape, groups), options);
  Tensor weight = Tensor::empty(shape);
  draw(weight.span<float>(), options.scheme, variance, stream_of(name, seed));
  return weight;
}

void initialize(Module& module, const InitOptions& options, std::uint64_t seed) {
  const auto is_weight = [](const std::string& name, const Var& var) {
    return (name == "weight" || name.ends_with(".weight")) && var.shape().rank() >= 2;
  };
  std::map<std::string, Var> vars;
  for (const auto& [name, var] : module.named_parameters()) vars.emplace(name, var);
  for (auto& [name, var] : vars) {
    if (!is_weight(name, var)) continue;
    const DType dtype = var.value().dtype();
    const Tensor weight =
        initial_weight(name, var.shape(), options, seed, likely_groups(var.shape()));
    var.set_value(dtype == DType::f32 ? weight : weight.to(dtype));
    const auto bias = vars.find(name.substr(0, name.size() - 6) + "bias");
    if (bias != vars.end())
      bias->second.set_value(Tensor::zeros(bias->second.shape(), bias->second.value().dtype()));
  }
}

}  // namespace rf
