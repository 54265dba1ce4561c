#include "layers/mesh_decoder.hpp"

#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "layers/mesh_graph.hpp"
#include "tests/layers/polylines.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

constexpr std::uint64_t kSeed = 7;

}  // namespace

TEST_CASE("mesh decoder: shapes, and the mean where nothing is added", "[mesh_decoder]") {
  MeshDecoder decoder(polyline_levels(),
                      {.code = 4, .widths = {6, 5, 3}, .features = 6, .order = 3});
  const Tensor mean = random_tensor({9, 6}, 1);
  StateDict state = decoder.state_dict();
  CHECK(state.at("fc.weight").shape() == Shape{18, 4});
  CHECK(state.at("conv.1.weight").shape() == Shape{18, 5});
  CHECK(state.at("conv.2.weight").shape() == Shape{15, 3});
  CHECK(state.at("last.weight").shape() == Shape{9, 6});
  std::copy_n(mean.data<float>(), mean.numel(), state.at("mean").data<float>());
  decoder.load_state_dict(state);
  const Var code(random_tensor({2, 4}, 2));
  const Tensor y = decoder.forward(code).value();
  CHECK(y.shape() == Shape{2, 9, 6});
  for (Index n = 0; n < 2; ++n) CHECK(same_bits(slice(y, 0, n, n + 1).reshaped({9, 6}), mean));
  initialize(decoder, {.scheme = InitScheme::xavier_uniform}, kSeed);
  CHECK(relative_error(slice(decoder.forward(code).value(), 0, 0, 1).reshaped({9, 6}), mean) >
        1e-3);
}

TEST_CASE("mesh decoder: of the paper's dense branch, 264 thousand parameters", "[mesh_decoder]") {
  std::vector<DecoderLevel> hierarchy;
  Index before = 27;
  for (const Index n : {27, 108, 432, 1728}) {
    std::vector<CsrMatrix::Triplet> up;
    for (Index i = 0; i < n; ++i) up.push_back({i, i * before / n, 1});
    hierarchy.push_back({line(n), CsrPair(CsrMatrix::from_triplets(n, before, up))});
    before = n;
  }
  const MeshDecoder decoder(hierarchy);
  Index parameters = 0;
  for (const auto& [name, var] : decoder.named_parameters()) parameters += var.value().numel();
  CHECK(parameters ==
        128 * 27 * 64 + 27 * 64 + 384 * 64 + 64 + 384 * 32 + 32 + 192 * 16 + 16 + 96 * 6 + 6);
  CHECK(decoder.forward(Var(random_tensor({1, 128}, 1))).shape() == Shape{1, 1728, 6});
}

TEST_CASE("mesh decoder: learns a line of colours by gradients", "[mesh_decoder][grad]") {
  MeshDecoder decoder(polyline_levels(),
                      {.code = 2, .widths = {6, 5, 3}, .features = 2, .order = 3});
  initialize(decoder, {.scheme = InitScheme::xavier_uniform}, kSeed);
  decoder.train();
  const Var code(random_tensor({3, 2}, 2)), target(random_tensor({3, 9, 2}, 3));
  const auto loss = [&] { return ag::mean(ag::l1(decoder.forward(code), target)); };
  const Var first = loss();
  first.backward();
  for (auto& [name, var] : decoder.named_parameters()) {
    CAPTURE(name);
    CHECK(var.grad().numel() == var.value().numel());
    var.set_value(add(var.value(), scale(var.grad(), -0.02)));
  }
  const auto number = [](const Var& v) { return v.value().data<float>()[0]; };
  CHECK(number(loss()) < number(first));
}

TEST_CASE("mesh decoder: levels that do not fit are refused", "[mesh_decoder][error]") {
  check_refused<UsageError>([] { MeshDecoder({polyline_levels()[0]}, {.widths = {3}}); },
                            {"1 levels"});
  check_refused<UsageError>(
      [] {
        MeshDecoder(polyline_levels(), {.widths = {3, 4}});
      },
      {"3 levels", "2 widths"});
  check_refused<UsageError>(
      [] {
        MeshDecoder(polyline_levels(), {.code = 0, .widths = {3, 4, 5}});
      },
      {"size of 0"});
  std::vector<DecoderLevel> wrong = polyline_levels();
  wrong[2].up = CsrPair(halved(3));
  check_refused([&] { MeshDecoder(wrong, {.widths = {3, 4, 5}}); }, {"level 2", "5 x 3", "9 x 5"});
}

}  // namespace rf::test
