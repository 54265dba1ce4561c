#include "retinaface/plan_cache.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <thread>

#include "autograd/ops.hpp"
#include "engine/picture_tensor.hpp"
#include "retinaface/networks.hpp"
#include "tests/model_fixture.hpp"
#include "tests/ops/op_test.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
std::atomic<long> allocations{0};
}
// Counts what the program allocates: a plan at work must not. Not inlined: GCC 12 would then see a
// free() of what is not malloc()'s.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* p = std::malloc(bytes)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* p = std::aligned_alloc(step, (bytes + step - 1) / step * step)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
#define RF_COUNTS_ALLOCATIONS 1
#endif

namespace rf::test {

namespace {

struct Light {
  ModelConfig config = parse_model_config(light_model_description());
  RetinaFace network{config};
  Light() { network.load_state_dict(random_weights(config, 1)); }
};

// The plan's outputs on every table against the model's in double, layer by layer on the reference.
void check_plan(const ModelConfig& config, const StateDict& weights, Index height, Index width) {
  RetinaFace network(config), reference(config);
  network.load_state_dict(weights);
  StateDict wide;
  for (const auto& [name, tensor] : weights) wide[name] = tensor.to(DType::f64);
  reference.load_state_dict(wide);
  const Tensor image = random_tensor({1, 3, height, width}, 3);
  const HeadOutputs heads = reference.forward(ag::Var(image.to(DType::f64)));
  const auto rows = [](const ag::Var& v) {
    return v.value().reshaped({v.shape()[1], v.shape()[2]});
  };
  for (const KernelTable* table : supported_kernel_tables()) {
    const WithKernels with(*table);
    INFO(table->name << " " << height << "x" << width);
    PlanCache plans(network);
    const NetworkOutputs outputs = plans.run(image);
    CHECK(relative_error(outputs.score, rows(ag::softmax(heads.cls, 2))) < 1e-4);
    CHECK(relative_error(outputs.box, rows(heads.box)) < 1e-4);
    CHECK(relative_error(outputs.landmark, rows(heads.landmark)) < 1e-4);
  }
}

// What this process holds now.
std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("plan: the light network's outputs are the model's, at any size, on every table",
          "[plan]") {
  const ModelConfig config = parse_model_config(light_model_description());
  for (const auto& [height, width] :
       std::vector<std::pair<Index, Index>>{{1, 1}, {33, 47}, {64, 96}, {120, 161}})
    check_plan(config, random_weights(config, 1), height, width);
}

TEST_CASE("plan: a ResNet's outputs are the model's", "[plan]") {
  if (kSanitized) return;  // the next test runs the same kernels and more
  for (const char* backbone : {"resnet18", "resnet50"}) {
    CAPTURE(backbone);
    const ModelConfig config = three_level_config(backbone);
    check_plan(config, random_weights(config, 1), 33, 70);
  }
}

// Offsets of a few pixels, so that places lie anywhere.
TEST_CASE("plan: the paper's network with its deformable layers", "[plan]") {
  const std::string version = GENERATE("v1", "v2");
  if (kSanitized && version == "v1") return;  // v2 without its masks
  const ModelConfig config =
      network_config({.network = "paper", .backbone = "resnet18", .deformable = version});
  StateDict weights = random_weights(config, 1);
  for (auto& [name, tensor] : weights) {
    if (name.ends_with("offset_bias")) tensor = random_tensor(tensor.shape(), 5);
  }
  check_plan(config, weights, 24, 40);
  const RetinaFace network(config);
  PlanCache plans(network);
  std::size_t deformable = 0, turned = 0;
  for (const PlanStep& step : plans.plan({1, 3, 24, 40})->steps()) {
    CHECK(step.op != "batch_norm");  // folded
    turned += step.op == "permute" && step.output[3] >= 64;
    if (step.op != "deform_conv2d") continue;
    ++deformable;
    CHECK(step.flops == 2.0 * static_cast<double>(step.output.numel() / step.output[1]) *
                            static_cast<double>(step.inputs[3].numel()));
  }
  CHECK(deformable == 3 + 5 * 5);  // P2 to P4, five context modules
  CHECK(turned == 3 + 5 * 3);      // what they read, of a context module three values
}

TEST_CASE("plan: the light network gives the same bits on any number of threads", "[plan]") {
  const Light light;
  const Tensor image = random_tensor({1, 3, 90, 130}, 3);
  check_same_bits_on_any_threads(
      [&] { return PlanCache(light.network).run(image).landmark.clone(); });
}

// The picture may be smaller than what the network sees, and its rows may have something behind
// them.
TEST_CASE("plan: a picture gives the bits of the tensor that it stands for", "[plan]") {
  struct Case {
    Index height, width, canvas_height, canvas_width;
  };
  const auto check = [](const ModelConfig& config, const Case& c) {
    RetinaFace network(config);
    network.load_state_dict(random_weights(config, 1));
    const Index row_bytes = 3 * c.width + 5;
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(row_bytes * c.height));
    for (std::size_t i = 0; i < rgb.size(); ++i)
      rgb[i] = static_cast<std::uint8_t>(i * i * 31 + i / 7);
    const PictureInput picture{.rgb = rgb.data(),
                               .row_bytes = row_bytes,
                               .height = c.height,
                               .width = c.width,
                               .sample = {2, 0, 1},
                               .mean = {104.3F, 117, 123.7F},
                               .scale = {1, 0.017F, 3}};
    const Shape shape{1, 3, c.canvas_height, c.canvas_width};
    Tensor image = Tensor::empty(shape);
    fill_picture_tensor(picture, image);
    for (const KernelTable* table : supported_kernel_tables()) {
      const WithKernels with(*table);
      INFO(table->name << " " << c.height << "x" << c.width << " in " << shape);
      PlanCache plans(network);
      const NetworkOutputs wanted = plans.run(image), outputs = plans.run(picture, shape);
      CHECK(same_bits(outputs.score, wanted.score));
      CHECK(same_bits(outputs.box, wanted.box));
      CHECK(same_bits(outputs.landmark, wanted.landmark));
      const NetworkOutputs again = plans.run(picture, shape);
      CHECK(same_bits(again.landmark, wanted.landmark));
    }
  };
  const ModelConfig light = parse_model_config(light_model_description());
  check(light, {1, 1, 1, 1});
  check(light, {33, 47, 33, 47});
  check(light, {20, 97, 40, 131});
  check(light, {64, 64, 65, 64});
  if (kSanitized) return;
  check(light, {500, 700, 520, 701});                       // the first layers are a chain
  check(three_level_config("resnet18"), {30, 41, 33, 41});  // its first layer wants a tensor
}

TEST_CASE("plan: a picture that does not fit is refused", "[plan][error]") {
  const Light light;
  PlanCache plans(light.network);
  const std::vector<std::uint8_t> rgb(3 * 8 * 8);
  const PictureInput picture{.rgb = rgb.data(),
                             .row_bytes = 24,
                             .height = 8,
                             .width = 8,
                             .sample = {0, 1, 2},
                             .mean = {},
                             .scale = {1, 1, 1}};
  check_refused([&] { (void)plans.run(picture, {1, 3, 8, 7}); }, {"8x8", "[1, 3, 8, 7]"});
  check_refused([&] { (void)plans.run(picture, {1, 1, 8, 8}); }, {"[1, 1, 8, 8]"});
  for (const int sample : {1, 3, -1}) {
    PictureInput other = picture;
    other.sample[0] = sample;
    check_refused([&] { (void)plans.run(other, {1, 3, 8, 8}); }, {"samples", "in some order"});
  }
}

TEST_CASE("plan: a thousand sizes take the memory of a few", "[plan]") {
  const Light light;
  PlanCache plans(light.network);
  const std::shared_ptr<const Plan> first = plans.plan({1, 3, 32, 32});
  const Index sizes = kSanitized ? 20 : 1000;
  std::size_t after_some = 0;
  for (Index size = 1; size < sizes; ++size) {
    const Shape image{1, 3, 1 + size % 37, size};
    if (size % 20 == 0)
      (void)plans.run(Tensor::zeros(image));
    else
      (void)plans.plan(image);
    if (size == 100) after_some = resident_bytes();
  }
  // A plan is some two megabytes.
  if (!kSanitized) CHECK(resident_bytes() < after_some + (std::size_t{64} << 20));
  CHECK(first.use_count() == 1);  // no longer kept
  CHECK(plans.plan({1, 3, 32, 32}) != first);
  CHECK(plans.plan({1, 3, 32, 32}) == plans.plan({1, 3, 32, 32}));
}

TEST_CASE("plan: many threads share one cache, each with results of its own", "[plan]") {
  const Light light;
  PlanCache plans(light.network);
  // More sizes than are kept, so that plans come and go while others follow them.
  std::vector<Tensor> images, expected;
  for (Index i = 0; i < 7; ++i)
    images.push_back(
        random_tensor({1, 3, 24 + 5 * (i % 6), 50 + i}, static_cast<std::uint64_t>(i)));
  for (const Tensor& image : images) expected.push_back(plans.run(image).box.clone());
  for (const bool serial : {false, true}) {
    const WithThreads limit(3);
    std::atomic<int> wrong{0};
    std::mutex mutex;
    std::vector<std::weak_ptr<const Plan>> followed;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        std::optional<SerialScope> scope;
        if (serial) scope.emplace();
        for (std::size_t i = 0; i < 10; ++i) {
          const std::size_t which = (t * 3 + i) % images.size();
          const NetworkOutputs outputs = plans.run(images[which]);
          if (!same_bits(outputs.box, expected[which])) ++wrong;
          const std::weak_ptr<const Plan> plan = plans.plan(images[which].shape());
          const std::lock_guard lock(mutex);
          followed.push_back(plan);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    std::set<std::shared_ptr<const Plan>> alive;
    for (const auto& plan : followed) {
      if (auto still = plan.lock()) alive.insert(still);
    }
    CHECK(alive.size() <= PlanCache::kPlans + 1);  // and that of the workspace which is kept
  }
}

TEST_CASE("plan: other than one picture is refused", "[plan][error]") {
  const Light light;
  PlanCache plans(light.network);
  check_refused([&] { (void)plans.run(Tensor::zeros({2, 3, 8, 8})); }, {"[2, 3, 8, 8]"});
  check_refused([&] { (void)plans.run(Tensor::zeros({1, 1, 8, 8})); }, {"[1, 1, 8, 8]"});
}

#ifdef RF_COUNTS_ALLOCATIONS
TEST_CASE("plan: nothing is allocated when it runs", "[plan]") {
  const Light light;
  PlanCache plans(light.network);
  const std::vector<Tensor> image{random_tensor({1, 3, 240, 320}, 3)};
  const std::shared_ptr<const Plan> plan = plans.plan(image[0].shape());
  for (const int threads : {1, 2}) {
    const WithThreads with(threads);
    Plan::Workspace workspace(*plan);
    std::vector<Tensor> outputs;
    for (int i = 0; i < 3; ++i) plan->run(image, workspace, outputs);  // starts workers
    const long before = allocations;
    for (int i = 0; i < 20; ++i) plan->run(image, workspace, outputs);
    CHECK(allocations - before == 0);
  }
}
#endif

}  // namespace rf::test
