#include "layers/mobilenet_v1.hpp"

#include <set>

#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

// The convolutions from the image on, as their names begin.
std::vector<std::string> convolutions() {
  std::vector<std::string> names{"stage1.0."};
  const std::vector<std::pair<int, int>> stages{{1, 5}, {0, 6}, {0, 2}};  // first block, blocks
  for (std::size_t s = 0; s < stages.size(); ++s) {
    for (int i = 0; i < stages[s].second; ++i) {
      const std::string block = message("stage", s + 1, ".", stages[s].first + i, ".");
      names.push_back(block + "depthwise.");
      names.push_back(block + "pointwise.");
    }
  }
  return names;
}

bool belongs_to_first(const std::string& name, Index count) {
  for (const std::string& convolution : convolutions()) {
    if (count-- == 0) return false;
    if (name.starts_with(convolution)) return true;
  }
  return false;
}

// The recorded operations behind a value.
void collect(const Var& value, std::multiset<std::string>& names, std::set<const void*>& seen) {
  const ag::Node* node = value.producer();
  if (node == nullptr || !seen.insert(node).second) return;
  names.insert(node->name());
  for (const Var& input : node->inputs()) collect(input, names, seen);
}

}  // namespace

TEST_CASE("mobilenet: the first convolutions freeze one by one, all else learns",
          "[mobilenet][freeze]") {
  REQUIRE(convolutions().size() == 27);
  const Index count = GENERATE(0, 1, 2, 3, 11, 27);
  const bool before_train = GENERATE(true, false);
  CAPTURE(count, before_train);
  MobileNetV1 backbone({});
  initialize(backbone, {}, 1);
  if (before_train) backbone.freeze_first(count);
  backbone.train();
  backbone.freeze_first(count);  // a second time, or after train(): the same
  const StateDict before = backbone.state_dict();

  const std::vector<Var> outputs =
      backbone.forward(Var(random_tensor({2, 3, 64, 64}, 2)));  // 2 x 2 at the top
  std::multiset<std::string> recorded;
  std::set<const void*> seen;
  for (const Var& output : outputs) collect(output, recorded, seen);
  CHECK(recorded.size() == static_cast<std::size_t>(27 - count));
  if (count == 27) {
    for (const Var& output : outputs) CHECK_FALSE(output.requires_grad());
  } else {
    outputs.back().backward(random_tensor(outputs.back().shape(), 3));
  }

  for (const auto& [name, var] : backbone.named_parameters()) {
    CAPTURE(name);
    const bool frozen = belongs_to_first(name, count);
    CHECK(var.requires_grad() == !frozen);
    CHECK((var.grad().numel() == 0) == frozen);
  }
  for (const auto& [name, var] : backbone.named_buffers()) {
    CAPTURE(name);
    CHECK(same_bits(var.value(), before.at(name)) == belongs_to_first(name, count));
  }
}

TEST_CASE("mobilenet: what is frozen normalises by running statistics, as in inference",
          "[mobilenet][freeze]") {
  MobileNetV1 backbone({});
  initialize(backbone, {}, 1);
  const Var image(random_tensor({2, 3, 64, 64}, 2));
  const std::vector<Var> inference = backbone.forward(image);
  backbone.freeze_first(backbone.convolutions());
  backbone.train();
  const std::vector<Var> training = backbone.forward(image);
  for (std::size_t i = 0; i < training.size(); ++i)
    CHECK(same_bits(training[i].value(), inference[i].value()));
}

TEST_CASE("mobilenet: refuses to freeze more than it has", "[mobilenet][freeze][error]") {
  MobileNetV1 backbone({});
  check_refused<UsageError>([&] { backbone.freeze_first(28); }, {"27 convolutions", "first 28"});
  check_refused<UsageError>([&] { backbone.freeze_first(-1); }, {"-1"});
  backbone.train();
  for (const auto& [name, var] : backbone.named_parameters()) CHECK(var.requires_grad());
}

}  // namespace rf::test
