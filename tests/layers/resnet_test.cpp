#include "layers/resnet.hpp"

#include <cmath>
#include <map>

#include "autograd/ops.hpp"
#include "layers/init.hpp"
#include "tests/ops/op_test.hpp"

namespace rf::test {

namespace {

Index numbers(const Module& module) {
  Index sum = 0;
  for (const auto& [name, var] : module.named_parameters()) sum += var.value().numel();
  return sum;
}

}  // namespace

// Counted by hand from He et al. 2016, Table 1: convolutions without bias, two numbers of batch
// norm for each channel, no classifier.
TEST_CASE("resnet: as many weights as the published networks", "[resnet][golden]") {
  const std::map<int, std::pair<Index, Index>> expected{{18, {11'176'512, 20}},
                                                        {34, {21'284'672, 36}},
                                                        {50, {23'508'032, 53}},
                                                        {101, {42'500'160, 104}},
                                                        {152, {58'143'808, 155}}};
  for (const int depth : ResNet::kDepths) {
    CAPTURE(depth);
    const ResNet network(depth, {});
    CHECK(numbers(network) == expected.at(depth).first);
    CHECK(network.convolutions() == expected.at(depth).second);
    const Index wide = depth < 50 ? 1 : 4;
    const std::vector<Backbone::Level> levels = network.levels();
    REQUIRE(levels.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(levels[i].stride == Index{4} << i);
      CHECK(levels[i].channels == (wide * 64) << i);
    }
  }
  check_refused<UsageError>([] { const ResNet network(51, {}); }, {"51", "152"});
}

TEST_CASE("resnet: levels have the shapes that they promise, for any size of image", "[resnet]") {
  const int depth = GENERATE(18, 50);
  ResNet network(depth, {});
  initialize(network, {}, 1);
  for (const Shape& image : {Shape{1, 3, 1, 1}, Shape{2, 3, 33, 70}}) {
    const std::vector<Var> outputs = network.forward(Var(random_tensor(image, 2)));
    const std::vector<Backbone::Level> levels = network.levels();
    REQUIRE(outputs.size() == levels.size());
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const Index stride = levels[i].stride;
      CHECK(outputs[i].shape() == Shape{image[0], levels[i].channels,
                                        (image[2] + stride - 1) / stride,
                                        (image[3] + stride - 1) / stride});
    }
  }
}

TEST_CASE("resnet: a block is its convolutions plus the shortcut", "[resnet]") {
  const Index stride = GENERATE(1, 2);
  const bool bottleneck = GENERATE(true, false);
  const bool early = GENERATE(false, true);
  const Index out = bottleneck ? 16 : 4, in = stride == 1 ? out : 6;
  ResidualBlock block({.in_channels = in,
                       .width = 4,
                       .stride = stride,
                       .bottleneck = bottleneck,
                       .stride_in = early ? BottleneckStride::in_1x1 : BottleneckStride::in_3x3},
                      {});
  initialize(block, {}, 3);
  const StateDict w = block.state_dict();
  const Var x(random_tensor({1, in, 7, 9}, 4));
  // Batch norm of mean 0 and variance 1 divides by sqrt(1 + 1e-5).
  const auto conv = [&](const Var& v, const std::string& name, const Conv2dParams& params) {
    return ag::scale(ag::conv2d(v, Var(w.at(name + ".conv.weight")), Var(), params),
                     1 / std::sqrt(1 + 1e-5));
  };
  Var y = x;
  const Index first = early ? stride : 1, second = bottleneck ? stride / first : stride;
  if (bottleneck) y = ag::relu(conv(y, "conv1", {.stride = first}));
  y = ag::relu(conv(y, bottleneck ? "conv2" : "conv1", {.stride = second, .pad = 1}));
  y = conv(y, bottleneck ? "conv3" : "conv2", {.pad = bottleneck ? 0 : 1});
  const Var shortcut = stride == 1 ? x : conv(x, "downsample", {.stride = stride});
  CHECK(w.contains("downsample.conv.weight") == (stride == 2));
  CHECK(relative_error(block.forward(x).value(), ag::relu(ag::add(y, shortcut)).value()) < 1e-5);
}

TEST_CASE("resnet: convolutions freeze in the order of the computation", "[resnet][freeze]") {
  ResNet network(18, {});
  network.train();
  network.freeze_first(8);  // the stem, two blocks of two, the third's two and its shortcut
  for (const auto& [name, var] : network.named_parameters()) {
    CAPTURE(name);
    const bool first =
        name.starts_with("stem.") || name.starts_with("layer1.") || name.starts_with("layer2.0.");
    CHECK(var.requires_grad() == !first);
  }
  check_refused<UsageError>([&] { network.freeze_first(21); }, {"20", "21"});
}

TEST_CASE("backbone: made by name", "[resnet][mobilenet]") {
  for (const std::string& name : backbone_names()) CHECK_NOTHROW(check_backbone_name(name));
  CHECK(make_backbone("mobilenet0.25", {})->convolutions() == 27);
  CHECK(make_backbone("resnet34", {})->convolutions() == 36);
  // The same weights make another network.
  const auto usual = make_backbone("resnet50", {}), v1 = make_backbone("resnet50_v1", {});
  initialize(*usual, {}, 5);
  v1->load_state_dict(usual->state_dict());
  const Var image(random_tensor({1, 3, 40, 40}, 6));
  const std::vector<Var> a = usual->forward(image), b = v1->forward(image);
  CHECK(relative_error(a[0].value(), b[0].value()) == 0);  // its blocks have stride 1
  CHECK(a[1].shape() == b[1].shape());
  CHECK(relative_error(a[1].value(), b[1].value()) > 0.1);
  check_refused<ModelError>([] { (void)make_backbone("resnet34_v1", {}); }, {"resnet34_v1"});
  check_refused<ModelError>([] { (void)make_backbone("resnet", {}); },
                            {"'resnet'", "mobilenet0.25", "resnet50"});
}

}  // namespace rf::test
