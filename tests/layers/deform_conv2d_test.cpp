#include "layers/deform_conv2d.hpp"

#include <algorithm>
#include <utility>

#include "autograd/ops.hpp"
#include "layers/context_module.hpp"
#include "layers/fpn.hpp"
#include "layers/init.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

std::vector<std::string> names_of(const Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, var] : module.named_parameters()) names.push_back(name);
  return names;
}

bool all_zero(const Tensor& t) {
  return std::ranges::all_of(std::as_const(t).span<float>(), [](float v) { return v == 0; });
}

}  // namespace

TEST_CASE("deformable layer: begins as the convolution of its weights, with masks as half of it",
          "[deform_conv2d][layers]") {
  const Conv2dOptions options{
      .in_channels = 5, .out_channels = 7, .kernel = 3, .stride = 2, .bias = Bias::no};
  Conv2d plain(options);
  DeformConv2d v1(options, Deformation::v1), v2(options, Deformation::v2);
  for (Module* layer : std::initializer_list<Module*>{&plain, &v1, &v2}) initialize(*layer, {}, 3);
  CHECK(names_of(v1) == std::vector<std::string>{"weight", "offset_weight", "offset_bias"});
  CHECK(names_of(v2) == std::vector<std::string>{"weight", "offset_weight", "offset_bias",
                                                 "mask_weight", "mask_bias"});
  for (const auto& [name, var] : v2.named_parameters()) {
    CAPTURE(name);
    CHECK(all_zero(var.value()) == (name != "weight"));
  }
  const ag::Var x(random_tensor({2, 5, 9, 11}, 1));
  const Tensor y = plain.forward(x).value();
  CHECK(relative_error(v1.forward(x).value(), y) < 1e-6);
  CHECK(relative_error(ag::scale(v2.forward(x), 2).value(), y) < 1e-6);
}

TEST_CASE("deformable layer: offsets and masks learn", "[deform_conv2d][layers]") {
  DeformConv2d layer({.in_channels = 4, .out_channels = 6, .kernel = 3}, Deformation::v2);
  initialize(layer, {}, 3);
  layer.train();
  const ag::Var y = layer.forward(ag::Var(random_tensor({1, 4, 8, 8}, 1)));
  ag::sum(ag::multiply(y, y)).backward();
  for (const auto& [name, var] : layer.named_parameters()) {
    CAPTURE(name);
    REQUIRE(var.grad().shape() == var.shape());
    CHECK(!all_zero(var.grad()));
  }
}

TEST_CASE("deformable layer: what it cannot be is refused", "[deform_conv2d][layers][error]") {
  const Conv2dOptions options{.in_channels = 4, .out_channels = 4, .kernel = 3};
  check_refused<UsageError>([&] { DeformConv2d(options, Deformation::none); }, {"version 1 or 2"});
  Conv2dOptions grouped = options;
  grouped.groups = 4;
  check_refused<UsageError>([&] { DeformConv2d(grouped, Deformation::v1); }, {"4 groups"});
}

TEST_CASE("pyramid and context: their 3x3 layers are deformable, others and P6 never",
          "[fpn][layers]") {
  const BlockStyle style{.deformation = Deformation::v1};
  Fpn fpn({.in_channels = {8, 12, 16}, .out_channels = 20, .coarser = true}, style);
  ContextModule context(20, style);
  const auto deformable = [](const Module& module) {
    std::vector<std::string> names = names_of(module);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with("offset_weight"); });
    return names;
  };
  CHECK(deformable(fpn) ==
        std::vector<std::string>{"merge.0.conv.offset_weight", "merge.1.conv.offset_weight"});
  CHECK(deformable(context).size() == 5);
}

TEST_CASE("pyramid: P6 has half of C5's size, rounded up, and changes no other level",
          "[fpn][layers]") {
  const std::vector<Index> channels{8, 12, 16};
  Fpn without({.in_channels = channels, .out_channels = 20}, {}),
      with({.in_channels = channels, .out_channels = 20, .coarser = true}, {});
  initialize(without, {}, 1), initialize(with, {}, 1);
  std::vector<ag::Var> levels;
  for (const auto& [height, width, c] :
       std::vector<std::array<Index, 3>>{{9, 13, 8}, {5, 7, 12}, {3, 4, 16}})
    levels.emplace_back(random_tensor({2, c, height, width}, static_cast<std::uint64_t>(c)));
  const std::vector<ag::Var> three = without.forward(levels), four = with.forward(levels);
  REQUIRE(three.size() == 3);
  REQUIRE(four.size() == 4);
  CHECK(four[3].shape() == Shape{2, 20, 2, 2});
  for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(three[i].value(), four[i].value()));
  check_refused<ShapeError>([&] { (void)with.forward({levels[0]}); }, {"1 levels", "has 3"});
}

}  // namespace rf::test
