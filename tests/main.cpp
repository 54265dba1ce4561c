#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "engine/random.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {
int skipped = 0;
}

int skipped_count() { return skipped; }

void skip(const std::string& what) {
  ++skipped;
  std::fprintf(stderr, "skipped: %s\n", what.c_str());
}

std::optional<std::filesystem::path> shared_file(const std::string& relative_path) {
  const char* folder = std::getenv("RF_SHARED");
  std::filesystem::path path =
      std::filesystem::path(folder && *folder ? folder : RF_SHARED_DEFAULT) / relative_path;
  if (std::filesystem::exists(path)) return path;
  skip(relative_path + " is not in RF_SHARED");
  return std::nullopt;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  const Tensor wide_a = a.to(DType::f64), wide_b = b.to(DType::f64);
  double difference = 0;
  for (Index i = 0; i < a.numel(); ++i) {
    const double x = wide_a.data<double>()[i], y = wide_b.data<double>()[i];
    if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::abs(x - y));
  }
  return difference;
}

double relative_error(const Tensor& a, const Tensor& b) {
  const double difference = largest_difference(a, b);
  if (difference == 0) return 0;
  double magnitude = 0;
  const Tensor wide = b.to(DType::f64);
  for (const double y : wide.span<double>()) magnitude = std::max(magnitude, std::abs(y));
  return difference / std::max(magnitude, 1e-300);
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, DType dtype) {
  Tensor t = Tensor::empty(shape);
  Random random(seed, RandomPurpose::test);
  for (float& value : t.span<float>()) value = random.normal();
  return dtype == DType::f32 ? t : t.to(dtype);
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "retinaface-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) std::abort();
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace rf::test

int main(int argc, char** argv) {
  const int failed = Catch::Session().run(argc, argv);
  const int skipped = rf::test::skipped_count();
  if (skipped > 0) std::fprintf(stderr, "%d parts skipped\n", skipped);
  return failed;
}
