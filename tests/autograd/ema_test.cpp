#include "autograd/ema.hpp"

#include <cmath>

#include "tests/autograd/parameters.hpp"

namespace rf::test {

namespace {

double average(const ag::Ema& ema, const std::string& name = "w") {
  return first(ema.state().at("average/" + name));
}

}  // namespace

TEST_CASE("ema: two updates by hand, and a constant weight is approached geometrically", "[ema]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    ag::Parameter w = parameter("w", tensor({1}, {8}, dtype));
    ag::Ema ema({w}, {.decay = 0.75, .warm_up = false});
    w.var.set_value(tensor({1}, {0}, dtype));
    ema.update();
    CHECK(average(ema) == 6);  // 0.75 8 + 0.25 0
    w.var.set_value(tensor({1}, {2}, dtype));
    ema.update();
    CHECK(average(ema) == 5);  // 0.75 6 + 0.25 2
  }
  ag::Parameter w = parameter("w", f64({0}));
  ag::Ema ema({w}, {.decay = 0.9, .warm_up = false});
  w.var.set_value(f64({1}));
  for (int k = 1; k <= 50; ++k) {
    ema.update();
    CHECK(std::abs(average(ema) - (1 - std::pow(0.9, k))) < 1e-14);
  }
}

TEST_CASE("ema: in the warm-up the decay is (1 + t) / (10 + t), at most the one asked for",
          "[ema]") {
  // From 1 towards 0: each update multiplies by its decay, 1/10, 2/11, 3/12, then 0.3 at most.
  ag::Parameter w = parameter("w", f64({1}));
  ag::Ema ema({w}, {.decay = 0.3});
  w.var.set_value(f64({0}));
  double expected = 1;
  for (const double decay : {0.1, 2.0 / 11, 0.25, 0.3, 0.3}) {
    expected *= decay;
    ema.update();
    CHECK(std::abs(average(ema) / expected - 1) < 1e-14);
  }
}

TEST_CASE("ema: a weight that does not change keeps its average to the bit", "[ema]") {
  const Tensor value = random_tensor({30000}, 1);
  ag::Parameter w = parameter("w", value);
  ag::Ema ema({w});
  for (int k = 0; k < 10; ++k) ema.update();
  CHECK(same_bits(ema.state().at("average/w"), value));
}

TEST_CASE("ema: the averaged state has averages for parameters and copies of the rest", "[ema]") {
  ag::Parameter w = parameter("conv.weight", f64({8, 8}));
  ag::Ema ema({w}, {.decay = 0.5, .warm_up = false});
  w.var.set_value(f64({0, 4}));
  ema.update();
  Tensor statistics = f64({7});
  StateDict live{{"conv.weight", w.var.value()}, {"bn.running_mean", statistics}};
  const StateDict averaged = ema.averaged(live);
  CHECK(averaged.size() == 2);
  CHECK(same_bits(averaged.at("conv.weight"), f64({4, 6})));
  statistics.data<double>()[0] = 9;  // as batch norm writes them
  CHECK(same_bits(averaged.at("bn.running_mean"), f64({7})));
  CHECK(same_bits(w.var.value(), f64({0, 4})));
  ema.update();
  CHECK(same_bits(averaged.at("conv.weight"), f64({4, 6})));
  live.erase("conv.weight");
  check_refused([&] { (void)ema.averaged(live); }, {"conv.weight", "not in the model"});
  live["conv.weight"] = f64({1});
  check_refused([&] { (void)ema.averaged(live); }, {"conv.weight", "[1]", "[2]"});
}

TEST_CASE("ema: a saved state goes on bit for bit, on any number of threads", "[ema]") {
  const auto weights = [](std::uint64_t step) { return random_tensor({40000}, step); };
  const auto run = [&](ag::Ema& ema, ag::Parameter& w, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t step = begin; step < end; ++step) {
      w.var.set_value(weights(step));
      ema.update();
    }
  };
  StateDict expected;
  for (const int threads : {1, 2, 3, 8}) {
    const WithThreads limit(threads);
    ag::Parameter w = parameter("w", weights(0));
    ag::Ema straight({w});
    run(straight, w, 1, 11);
    if (threads == 1) expected = straight.state();
    check_same_bits(straight.state(), expected);
    ag::Parameter v = parameter("w", weights(0));
    ag::Ema before({v}), after({v});
    run(before, v, 1, 6);
    const StateDict saved = before.state();
    run(before, v, 6, 8);
    after.load_state(saved);
    run(after, v, 6, 11);
    check_same_bits(after.state(), expected);
  }
}

TEST_CASE("ema: refuses what does not fit", "[ema][error]") {
  const ag::Parameter w = parameter("w", f64({1, 2}));
  for (const double decay : {1.0, -0.1, std::nan("")})
    check_refused<UsageError>([&] { ag::Ema({w}, {.decay = decay}); }, {"decay"});
  check_refused<UsageError>([&] { ag::Ema({w, w}); }, {"w is given twice"});
  check_refused<UsageError>(
      [&] {
        ag::Ema({{"n", ag::Var(Tensor::zeros({1}, DType::i64))}});
      },
      {"n holds i64"});
  ag::Ema ema({w});
  const StateDict good = ema.state();
  StateDict state = good;
  state.erase("updates");
  check_refused([&] { ema.load_state(state); }, {"has 1", "updates"});
  state["other"] = f64({1});
  check_refused([&] { ema.load_state(state); }, {"updates"});
  state = good;
  state["average/w"] = f64({1});
  check_refused([&] { ema.load_state(state); }, {"w is f64 [1]", "[2]"});
  state.erase("average/w");
  state["average/v"] = f64({1});
  check_refused([&] { ema.load_state(state); }, {"average/w is missing"});
  check_same_bits(ema.state(), good);
  ag::Parameter same = w;
  same.var.set_value(f64({1}));
  check_refused([&] { ema.update(); }, {"w is f64 [1]"});
}

}  // namespace rf::test
