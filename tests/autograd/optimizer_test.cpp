// What every optimiser must do: leave alone what it should, resume bit for bit, refuse what does
// not fit.
#include "autograd/optimizer.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "autograd/adam.hpp"
#include "autograd/sgd.hpp"
#include "tests/autograd/parameters.hpp"

namespace rf::test {

namespace {

using ag::Parameter;
using ag::ParameterGroup;
using Groups = std::vector<ParameterGroup>;

// An optimiser to be tested, with its default options.
struct Rule {
  std::string name;
  std::function<std::unique_ptr<ag::Optimizer>(const Groups&)> make;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {"sgd", [](const auto& groups) { return std::make_unique<ag::Sgd>(groups); }},
      {"adam", [](const auto& groups) { return std::make_unique<ag::Adam>(groups); }}};
  return all;
}

std::vector<Parameter> some_parameters(DType dtype = DType::f32) {
  return {parameter("conv.weight", random_tensor({40, 30, 5, 5}, 1, dtype)),
          parameter("conv.bias", random_tensor({7}, 2, dtype))};
}

// Gradients that depend on the step and on the values, as a loss would give.
void set_gradients(std::vector<Parameter>& parameters, std::uint64_t step) {
  for (auto& [name, var] : parameters) {
    Tensor grad = random_tensor(var.shape(), 100 + step);
    const Tensor wide = var.value().to(DType::f32);
    for (Index i = 0; i < grad.numel(); ++i) grad.data<float>()[i] += wide.data<float>()[i];
    var.set_grad(grad.to(var.value().dtype()));
  }
}

void take_steps(ag::Optimizer& optimizer, std::vector<Parameter>& parameters, std::uint64_t begin,
                std::uint64_t end) {
  for (std::uint64_t step = begin; step < end; ++step) {
    set_gradients(parameters, step);
    optimizer.step(0.01);
    optimizer.clear_grads();
  }
}

StateDict values(const std::vector<Parameter>& parameters) {
  StateDict state;
  for (const auto& [name, var] : parameters) state.emplace(name, var.value());
  return state;
}

StateDict copy(const StateDict& state) {
  StateDict result;
  for (const auto& [name, tensor] : state) result.emplace(name, tensor.clone());
  return result;
}

}  // namespace

TEST_CASE("optimizer: ten steps are five, a saved state in a fresh optimiser, and five more",
          "[optimizer]") {
  for (const Rule& rule : rules()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      CAPTURE(rule.name, to_string(dtype));
      const auto groups = [](const std::vector<Parameter>& parameters) {
        return Groups{{.parameters = {parameters[0]}, .weight_decay = 5e-4},
                      {.parameters = {parameters[1]}, .learning_rate_scale = 2}};
      };
      std::vector<Parameter> straight = some_parameters(dtype);
      const auto one = rule.make(groups(straight));
      take_steps(*one, straight, 0, 10);

      std::vector<Parameter> before = some_parameters(dtype);
      const auto first_half = rule.make(groups(before));
      take_steps(*first_half, before, 0, 5);
      const StateDict saved = first_half->state(), kept = copy(saved), weights = values(before),
                      weights_kept = copy(weights);
      take_steps(*first_half, before, 5, 10);  // must not reach the saved tensors
      check_same_bits(saved, kept);
      check_same_bits(weights, weights_kept);

      std::vector<Parameter> resumed;
      for (const auto& [name, var] : before) resumed.push_back(parameter(name, weights.at(name)));
      const auto second_half = rule.make(groups(resumed));
      second_half->load_state(saved);
      take_steps(*second_half, resumed, 5, 10);
      check_same_bits(values(resumed), values(straight));
      check_same_bits(second_half->state(), one->state());
      check_same_bits(saved, kept);
    }
  }
}

TEST_CASE("optimizer: frozen parameters and those without a gradient keep value and state",
          "[optimizer]") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    Parameter frozen = parameter("frozen", f64({1, 2})), idle = parameter("idle", f64({3, 4})),
              moving = parameter("moving", f64({5, 6}));
    frozen.var.set_grad(f64({1, 1}));
    frozen.var.set_requires_grad(false);  // a gradient from before it was frozen
    moving.var.set_grad(f64({1, 1}));
    const auto optimizer = rule.make({{.parameters = {frozen, idle, moving}, .weight_decay = 0.1}});
    optimizer->step(0.1);
    CHECK(same_bits(frozen.var.value(), f64({1, 2})));
    CHECK(same_bits(idle.var.value(), f64({3, 4})));
    CHECK(moving.var.value().data<double>()[0] < 5);
    for (const auto& [name, tensor] : optimizer->state()) {
      CAPTURE(name);
      CHECK(name.ends_with("/moving"));
    }
    // One that stops half way keeps its momentum, and goes on from it.
    const StateDict saved = optimizer->state();
    const Tensor value = moving.var.value();
    optimizer->clear_grads();
    CHECK(moving.var.grad().numel() == 0);
    optimizer->step(0.1);
    CHECK(same_bits(moving.var.value(), value));
    check_same_bits(optimizer->state(), saved);
  }
}

TEST_CASE("optimizer: a group's scale multiplies the learning rate", "[optimizer]") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    Parameter plain = parameter("plain", f64({1, -2})),
              tripled = parameter("tripled", f64({1, -2})),
              still = parameter("still", f64({1, -2}));
    const auto slow = rule.make({{.parameters = {plain}}});
    const auto fast = rule.make({{.parameters = {tripled}, .learning_rate_scale = 4},
                                 {.parameters = {still}, .learning_rate_scale = 0}});
    for (int step = 0; step < 3; ++step) {
      for (Parameter* p : {&plain, &tripled, &still}) p->var.set_grad(f64({0.5, step + 1.0}));
      slow->step(0.5);
      fast->step(0.125);
    }
    CHECK(same_bits(plain.var.value(), tripled.var.value()));
    CHECK(same_bits(still.var.value(), f64({1, -2})));
  }
}

TEST_CASE("optimizer: same bits for any number of threads", "[optimizer]") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    const auto run = [&](int threads) {
      const WithThreads limit(threads);
      std::vector<Parameter> parameters = some_parameters();
      const auto optimizer = rule.make({{.parameters = parameters, .weight_decay = 1e-3}});
      take_steps(*optimizer, parameters, 0, 3);
      return values(parameters);
    };
    const StateDict expected = run(1);
    for (const int threads : {2, 3, 8}) check_same_bits(run(threads), expected);
  }
}

TEST_CASE("optimizer: a value that shares its memory with others is not written into",
          "[optimizer]") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
    const auto file = Tensor::borrow({4}, DType::f32, owner->data(), owner);
    Parameter p = parameter("w", file);
    const auto optimizer = rule.make({{.parameters = {p}}});
    p.var.set_grad(tensor({4}, {1, 1, 1, 1}));
    optimizer->step(0.5);
    CHECK(*owner == std::vector<float>{1, 2, 3, 4});
    CHECK(p.var.value().data<float>()[0] < 1);
  }
}

TEST_CASE("optimizer: refuses groups and learning rates that make no sense", "[optimizer][error]") {
  const Parameter a = parameter("a", f64({1})), b = parameter("b", f64({1}));
  const Parameter same{"same", a.var};
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    const auto refused = [&](const Groups& groups, std::initializer_list<const char*> parts) {
      check_refused<UsageError>([&] { (void)rule.make(groups); }, parts);
    };
    refused({{.parameters = {a, b}}, {.parameters = {a}}}, {"a is given twice"});
    refused({{.parameters = {a, same}}}, {"a and same are one variable"});
    refused({{.parameters = {{"", b.var}}}}, {"name"});
    refused({{.parameters = {{"n", ag::Var(Tensor::zeros({1}, DType::i64))}}}}, {"n holds i64"});
    refused({{.parameters = {a}, .learning_rate_scale = -1}}, {"learning_rate_scale -1"});
    refused({{.parameters = {a}, .weight_decay = nan}}, {"weight_decay nan"});
    const auto optimizer = rule.make({{.parameters = {a}}});
    for (const double rate : {-0.1, nan, inf})
      check_refused<UsageError>([&] { optimizer->step(rate); }, {"learning rate"});
  }
  check_refused<UsageError>([&] { ag::Sgd({}, {.momentum = 1}); }, {"momentum 1"});
  check_refused<UsageError>([&] { ag::Sgd({}, {.momentum = -0.5}); }, {"momentum -0.5"});
  check_refused<UsageError>([&] { ag::Adam({}, {.beta1 = 1}); }, {"beta 1"});
  check_refused<UsageError>([&] { ag::Adam({}, {.beta2 = nan}); }, {"beta nan"});
  check_refused<UsageError>([&] { ag::Adam({}, {.eps = 0}); }, {"eps 0"});
}

TEST_CASE("optimizer: a state that does not fit is refused whole", "[optimizer][error]") {
  Parameter a = parameter("a", f64({1, 2})), b = parameter("b", f64({3}));
  ag::Sgd optimizer({{.parameters = {a, b}}});
  a.var.set_grad(f64({1, 1}));
  b.var.set_grad(f64({1}));
  optimizer.step(0.1);
  const StateDict good = optimizer.state();
  CHECK(good.size() == 4);
  const auto refused = [&](const std::function<void(StateDict&)>& spoil,
                           std::initializer_list<const char*> parts) {
    StateDict state = copy(good);
    state.at("velocity/a") = f64({7, 7});
    spoil(state);
    check_refused([&] { optimizer.load_state(state); }, parts);
    check_same_bits(optimizer.state(), good);
  };
  refused([](StateDict& s) { s.erase("velocity/b"); }, {"velocity/b is missing"});
  refused([](StateDict& s) { s.erase("steps/b"); }, {"steps/b is missing"});
  refused([](StateDict& s) { s.emplace("velocity/c", f64({1})); }, {"velocity/c belongs to no"});
  refused([](StateDict& s) { s.emplace("mean/a", f64({1, 2})); }, {"mean/a belongs to no"});
  refused([](StateDict& s) { s.at("velocity/b") = f64({1, 2}); }, {"velocity/b", "[2]", "[1]"});
  refused([](StateDict& s) { s.at("velocity/b") = tensor({1}, {1}); }, {"f32", "f64"});
  refused([](StateDict& s) { s.at("steps/b") = f64({1}); }, {"steps/b", "i64"});
  refused([](StateDict& s) { s.at("steps/b").data<std::int64_t>()[0] = 0; }, {"steps/b"});
  optimizer.load_state({});
  CHECK(optimizer.state().empty());
}

TEST_CASE("optimizer: a value replaced by another type is refused before anything moves",
          "[optimizer][error]") {
  Parameter a = parameter("a", f64({1, 2})), b = parameter("b", f64({3}));
  ag::Sgd optimizer({{.parameters = {a, b}}});
  const auto set = [&](DType dtype) {
    a.var.set_grad(f64({1, 1}));
    b.var.set_grad(f64({1}).to(dtype));
  };
  set(DType::f64);
  optimizer.step(0.1);
  const Tensor value = a.var.value();
  b.var.set_value(tensor({1}, {3}));
  check_refused([&] { optimizer.step(0.1); }, {"b is f32", "gradient f64"});
  set(DType::f32);
  check_refused([&] { optimizer.step(0.1); }, {"b is f32", "velocity f64"});
  CHECK(same_bits(a.var.value(), value));
}

}  // namespace rf::test
