#include "tests/ops/op_test.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/ops/concat.hpp"
#include "engine/random.hpp"
#include "weights/safetensors.hpp"

namespace rf::test {

namespace {

const SafetensorsFile& golden_file() {
  static const SafetensorsFile file =
      read_safetensors(std::string(RF_SOURCE_DIR) + "/tests/golden/ops.safetensors");
  return file;
}

constexpr Index kFrontGuards = 16;
constexpr float kGuard = -1234.5F;

}  // namespace

Tensor GoldenCase::get(const std::string& tensor, DType dtype) const {
  CAPTURE(tensor);
  REQUIRE(tensors.count(tensor) == 1);
  return tensors.at(tensor).to(dtype);
}

Index GoldenCase::attribute(const std::string& name) const {
  CAPTURE(name);
  REQUIRE(attributes.count(name) == 1);
  return static_cast<Index>(attributes.at(name));
}

GoldenCase golden_case(const std::string& name) {
  GoldenCase result;
  const std::string prefix = name + "/";
  for (const auto& [full, tensor] : golden_file().tensors) {
    if (full.starts_with(prefix)) result.tensors[full.substr(prefix.size())] = tensor;
  }
  const auto cases = nlohmann::json::parse(golden_file().metadata.at("cases"));
  for (const auto& [key, value] : cases.at(name).items()) {
    if (value.is_number()) result.attributes[key] = value.get<double>();
  }
  REQUIRE(!result.tensors.empty());
  return result;
}

std::vector<std::string> golden_cases(const std::string& prefix) {
  std::vector<std::string> names;
  const auto cases = nlohmann::json::parse(golden_file().metadata.at("cases"));
  for (const auto& item : cases.items()) {
    if (item.key().starts_with(prefix)) names.push_back(item.key());
  }
  return names;
}

void check_golden(const std::string& name,
                  const std::function<Tensor(const GoldenCase&, DType)>& op) {
  CAPTURE(name);
  const GoldenCase golden = golden_case(name);
  const Tensor y = golden.get("y", DType::f64);
  CHECK(relative_error(op(golden, DType::f64), y) <= kDoubleTolerance);
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    CHECK(relative_error(op(golden, DType::f32), y) <= kFloatTolerance);
  }
}

void check_golden_gradients(const std::string& name, const std::vector<std::string>& inputs,
                            const GoldenFunction& f) {
  CAPTURE(name);
  const GoldenCase golden = golden_case(name);
  const auto check = [&](DType dtype, double tolerance) {
    std::vector<ag::Var> leaves;
    for (const std::string& input : inputs) {
      leaves.emplace_back(golden.get(input, dtype));
      leaves.back().set_requires_grad(true);
    }
    const ag::Var y = f(golden, leaves);
    CHECK(relative_error(y.value(), golden.get("y", DType::f64)) <= tolerance);
    y.backward(golden.get("gy", dtype));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CAPTURE(inputs[i]);
      CHECK(relative_error(leaves[i].grad(), golden.get("d_" + inputs[i], DType::f64)) <=
            tolerance);
    }
  };
  check(DType::f64, kDoubleTolerance);
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    const WithKernels use(*table);
    check(DType::f32, kFloatTolerance);
  }
}

void check_gradients(const std::function<ag::Var(const std::vector<ag::Var>&)>& f,
                     const std::vector<Tensor>& inputs) {
  const ag::GradcheckReport report = ag::gradcheck(f, inputs);
  CAPTURE(report.text);
  CHECK(report.passed);
}

void check_adjoint(const Tensor& x, const Tensor& y, const Tensor& gx, const Tensor& g,
                   double tolerance) {
  const auto dot = [](const Tensor& a, const Tensor& b) {
    const Tensor wide_a = a.to(DType::f64), wide_b = b.to(DType::f64);
    double sum = 0;
    for (Index i = 0; i < a.numel(); ++i) {
      sum += wide_a.data<double>()[i] * wide_b.data<double>()[i];
    }
    return sum;
  };
  CHECK(std::abs(dot(y, g) - dot(x, gx)) < tolerance * std::sqrt(dot(y, y) * dot(g, g)));
}

Tensor all_gradients(const std::function<ag::Var(const std::vector<ag::Var>&)>& f,
                     const std::vector<Tensor>& inputs) {
  std::vector<ag::Var> leaves;
  for (const Tensor& input : inputs) {
    leaves.emplace_back(input);
    leaves.back().set_requires_grad(true);
  }
  const ag::Var y = f(leaves);
  y.backward(random_tensor(y.shape(), 99, y.value().dtype()));
  std::vector<Tensor> parts;
  for (const ag::Var& leaf : leaves) parts.push_back(leaf.grad().reshaped({leaf.grad().numel()}));
  return concat(parts, 0);
}

void check_same_bits_on_any_threads(const std::function<Tensor()>& compute) {
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    if (kSanitized && std::string(table->name) == "scalar") continue;  // slow
    const WithKernels use(*table);
    const auto with = [&](int threads) {
      const WithThreads limit(threads);
      return compute();
    };
    const Tensor expected = with(1);
    for (const int threads : {3, 2, 8}) {
      CAPTURE(threads);
      CHECK(same_bits(with(threads), expected));
      if (kSanitized) break;
    }
  }
}

void check_tables_agree(const std::function<Tensor()>& compute) {
  const auto on = [&](const KernelTable& table) {
    const WithKernels use(table);
    return compute();
  };
  const Tensor expected = on(isa::scalar);
  for (const KernelTable* table : supported_kernel_tables()) {
    CAPTURE(table->name);
    CHECK(relative_error(on(*table), expected) <= kFloatTolerance);
  }
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.numel() == 0 ||
          std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0);
}

Tensor tensor(const Shape& shape, std::initializer_list<double> values, DType dtype) {
  return Tensor::from(shape, std::span<const double>(values.begin(), values.size())).to(dtype);
}

GuardedFloats::GuardedFloats(Index count) : count_(count) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t needed = static_cast<std::size_t>(count + kFrontGuards) * sizeof(float);
  const std::size_t usable = (needed + page - 1) / page * page;
  bytes_ = usable + page;
  void* pages = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  pages_ = static_cast<std::byte*>(pages);
  REQUIRE(::mprotect(pages_ + usable, page, PROT_NONE) == 0);
  data_ = reinterpret_cast<float*>(pages_ + usable) - count;
  std::fill(data_ - kFrontGuards, data_, kGuard);
  std::fill(data_, data_ + count, kGuard);
}

GuardedFloats::~GuardedFloats() { ::munmap(pages_, bytes_); }

void GuardedFloats::randomize(std::uint64_t seed) {
  Random random(seed, RandomPurpose::test);
  for (Index i = 0; i < count_; ++i) data_[i] = random.normal();
}

Tensor GuardedFloats::copy() const {
  return Tensor::from({count_}, std::span<const float>(data_, static_cast<std::size_t>(count_)));
}

bool GuardedFloats::front_is_intact() const {
  return std::all_of(data_ - kFrontGuards, data_, [](float value) { return value == kGuard; });
}

}  // namespace rf::test
