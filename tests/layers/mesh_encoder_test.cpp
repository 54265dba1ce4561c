#include "layers/mesh_encoder.hpp"

#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "tests/layers/polylines.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

const MeshDecoderOptions kOptions{.code = 4, .widths = {6, 5, 3}, .features = 6, .order = 3};

}  // namespace

TEST_CASE("mesh encoder: down-sampling takes the vertices that up-sampling keeps",
          "[mesh_encoder]") {
  const Tensor kept = kept_vertices(halved(3));
  CHECK(same_bits(kept, Tensor::from({3}, std::span<const Index>(std::array<Index, 3>{0, 2, 4}))));
  const std::vector<CsrMatrix::Triplet> mixed{{0, 0, 1.0}, {1, 0, 0.5}, {1, 1, 0.5}};
  check_refused([&] { (void)kept_vertices(CsrMatrix::from_triplets(2, 2, mixed)); },
                {"kept_vertices", "vertex 1"});
}

TEST_CASE("mesh encoder: mirrors the decoder's shapes, and takes the mean off", "[mesh_encoder]") {
  MeshEncoder encoder(polyline_levels(), kOptions);
  StateDict state = encoder.state_dict();
  CHECK(state.at("first.weight").shape() == Shape{18, 3});
  CHECK(state.at("conv.2.weight").shape() == Shape{9, 5});
  CHECK(state.at("conv.1.weight").shape() == Shape{15, 6});
  CHECK(state.at("fc.weight").shape() == Shape{4, 18});
  initialize(encoder, {.scheme = InitScheme::xavier_uniform}, 7);
  state = encoder.state_dict();
  const Tensor mean = random_tensor({9, 6}, 1);
  state["mean"] = mean;
  encoder.load_state_dict(state);
  const Tensor of_mean = encoder.forward(Var(mean.reshaped({1, 9, 6}))).value();
  CHECK(same_bits(of_mean, Tensor::zeros({1, 4})));
  const Tensor meshes = random_tensor({2, 9, 6}, 2), code = encoder.forward(Var(meshes)).value();
  CHECK(code.shape() == Shape{2, 4});
  const Tensor alone = encoder.forward(Var(slice(meshes, 0, 1, 2))).value();
  CHECK(relative_error(slice(code, 0, 1, 2), alone) < 1e-6);  // no face depends on its batch
  CHECK(relative_error(code, Tensor::zeros({2, 4})) > 1e-3);
}

TEST_CASE("mesh encoder: gradients against differences, in double", "[mesh_encoder][grad]") {
  MeshEncoder encoder(polyline_levels(), kOptions);
  StateDict state = encoder.state_dict();
  std::uint64_t seed = 10;
  for (auto& [name, tensor] : state) tensor = random_tensor(tensor.shape(), ++seed, DType::f64);
  encoder.load_state_dict(state);
  check_gradients([&](const std::vector<ag::Var>& in) { return encoder.forward(in[0]); },
                  {random_tensor({2, 9, 6}, 3, DType::f64)});
}

}  // namespace rf::test
