// ResNets of other frameworks' files compute here what they compute there: a network written down
// below from the frameworks' sources, on the tensors as the file names them, against ours on the
// tensors as the import makes them. The files are written here: published ones have the same names.
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <map>

#include "engine/ops/activation.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/conv2d.hpp"
#include "engine/ops/max_pool2d.hpp"
#include "layers/backbone.hpp"
#include "tests/support.hpp"
#include "tests/weights/file_writers.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/model_file.hpp"
#include "weights/name_map.hpp"

namespace rf::test {

namespace {

// The stages' sizes (He et al. 2016, Table 1).
std::vector<int> stage_sizes(int depth) {
  if (depth == 18) return {2, 2, 2, 2};
  if (depth == 101) return {3, 4, 23, 3};
  if (depth == 152) return {3, 8, 36, 3};
  return {3, 4, 6, 3};
}

// How a framework calls the tensors of its ResNet, and how that differs from torchvision's.
// Stages count from 1, blocks from 0, layers of a block from 1; the layer after a block's last is
// the shortcut's.
struct Form {
  using Name = std::function<std::string(int stage, int block, int layer)>;
  Name conv, bn;
  std::string stem_conv, stem_bn;
  std::string weight, bias, gamma, beta, mean, var;  // what follows the name of a layer
  double eps = 1e-5;
  bool stride_in_1x1 = false;
  bool biases = false;              // of a bottleneck's 1x1 convolutions
  std::vector<std::string> others;  // which the file holds besides
};

const Form kGluonCv{
    .conv =
        [](int s, int b, int l) {
          return message("layer", s, ".", b, l == 4 ? ".downsample.0" : message(".conv", l));
        },
    .bn =
        [](int s, int b, int l) {
          return message("layer", s, ".", b, l == 4 ? ".downsample.1" : message(".bn", l));
        },
    .stem_conv = "conv1",
    .stem_bn = "bn1",
    .weight = ".weight",
    .bias = ".bias",
    .gamma = ".gamma",
    .beta = ".beta",
    .mean = ".running_mean",
    .var = ".running_var",
    .others = {"fc.weight", "fc.bias"}};

const Form kGluon{.conv =
                      [](int s, int b, int l) {
                        return message("features.", s + 3, ".", b,
                                       l == 4 ? ".downsample.0" : message(".body.", 3 * (l - 1)));
                      },
                  .bn =
                      [](int s, int b, int l) {
                        return message(
                            "features.", s + 3, ".", b,
                            l == 4 ? ".downsample.1" : message(".body.", 3 * (l - 1) + 1));
                      },
                  .stem_conv = "features.0",
                  .stem_bn = "features.1",
                  .weight = ".weight",
                  .bias = ".bias",
                  .gamma = ".gamma",
                  .beta = ".beta",
                  .mean = ".running_mean",
                  .var = ".running_var",
                  .stride_in_1x1 = true,
                  .biases = true,
                  .others = {"output.weight", "output.bias"}};

// Layers are counted through a stage in the order in which they are made: the shortcut's after
// those of its block.
Form gluon_scopes(int depth, const std::string& prefix) {
  const auto number = [depth](int stage, int block, int layer) {
    const int layers = depth < 50 ? 2 : 3;
    const bool shortcut = depth >= 50 || stage > 1;
    return block == 0 ? (layer == 4 ? layers : layer - 1)
                      : layers * block + (shortcut ? 1 : 0) + layer - 1;
  };
  Form form = kGluon;
  form.conv = [=](int s, int b, int l) {
    return message(prefix, "stage", s, "_conv", number(s, b, l));
  };
  form.bn = [=](int s, int b, int l) {
    return message(prefix, "stage", s, "_batchnorm", number(s, b, l));
  };
  form.stem_conv = prefix + "conv0";
  form.stem_bn = prefix + "batchnorm0";
  form.weight = "_weight";
  form.bias = "_bias";
  form.gamma = "_gamma";
  form.beta = "_beta";
  form.mean = "_running_mean";
  form.var = "_running_var";
  form.others = {prefix + "dense0_weight", prefix + "dense0_bias"};
  return form;
}

const Form kSymbol{
    .conv =
        [](int s, int b, int l) {
          return message("arg:stage", s, "_unit", b + 1, l == 4 ? "_conv1sc" : message("_conv", l));
        },
    .bn =
        [](int s, int b, int l) {
          return message("stage", s, "_unit", b + 1, l == 4 ? "_sc" : message("_bn", l));
        },
    .stem_conv = "arg:conv0",
    .stem_bn = "bn0",
    .weight = "_weight",
    .bias = "_bias",
    .gamma = "_gamma",
    .beta = "_beta",
    .mean = "_moving_mean",
    .var = "_moving_var",
    .eps = 2e-5,
    .stride_in_1x1 = true,
    .others = {"arg:fc1_weight", "arg:fc1_bias"}};

// A network in a framework's form, whose tensors come to be, with random values, as they are used.
class Reference {
 public:
  Reference(Form form, int depth) : form_(std::move(form)), depth_(depth) {}

  [[nodiscard]] const StateDict& tensors() const { return tensors_; }
  // The names as they came to be.
  [[nodiscard]] const std::vector<std::string>& order() const { return order_; }

  // The names and shapes of its tensors.
  [[nodiscard]] std::map<std::string, Shape> shapes() {
    computes_ = false;
    (void)forward(Tensor::zeros({1, 3, 1, 1}));
    return shapes_;
  }

  // The outputs of the four stages.
  std::vector<Tensor> forward(const Tensor& image) {
    Tensor x = layer(image, form_.stem_conv, form_.stem_bn, {64, 3, 7, 7}, 2, false);
    x = max_pool2d(relu(x), {.kernel = 3, .stride = 2, .pad = 1});
    std::vector<Tensor> outputs;
    const std::vector<int> sizes = stage_sizes(depth_);
    for (int s = 1; s <= 4; ++s) {
      for (int b = 0; b < sizes[static_cast<std::size_t>(s - 1)]; ++b) x = block(x, s, b);
      outputs.push_back(x);
    }
    for (const std::string& name : form_.others) make(name, {3});
    return outputs;
  }

 private:
  Tensor block(const Tensor& x, int s, int b) {
    const Index in = x.shape()[1], width = Index{32} << s, stride = s > 1 && b == 0 ? 2 : 1;
    const bool bottleneck = depth_ >= 50;
    const Index out = bottleneck ? 4 * width : width;
    const auto at = [&](const Tensor& v, int l, const Shape& w, Index by) {
      return layer(v, form_.conv(s, b, l), form_.bn(s, b, l), w, by,
                   form_.biases && bottleneck && w[2] == 1 && l != 4);
    };
    Tensor y;
    if (bottleneck) {
      const bool early = form_.stride_in_1x1;
      y = relu(at(x, 1, {width, in, 1, 1}, early ? stride : 1));
      y = relu(at(y, 2, {width, width, 3, 3}, early ? 1 : stride));
      y = at(y, 3, {out, width, 1, 1}, 1);
    } else {
      y = relu(at(x, 1, {out, in, 3, 3}, stride));
      y = at(y, 2, {out, out, 3, 3}, 1);
    }
    const Tensor shortcut = stride == 1 && in == out ? x : at(x, 4, {out, in, 1, 1}, stride);
    return relu(add(y, shortcut));
  }

  Tensor layer(const Tensor& x, const std::string& conv, const std::string& bn, const Shape& w,
               Index stride, bool has_bias) {
    const auto fan_in = static_cast<float>(w[1] * w[2] * w[3]);
    const Tensor weight = make(conv + form_.weight, w, 0, kSpread / std::sqrt(fan_in));
    const Tensor bias = has_bias ? make(conv + form_.bias, {w[0]}, 0, 0.3F * kSpread) : Tensor();
    const std::string arg = form_.mean == "_moving_mean" ? "arg:" : "",
                      aux = form_.mean == "_moving_mean" ? "aux:" : "";
    const Tensor gamma = make(arg + bn + form_.gamma, {w[0]}, 1, 0.2F),
                 beta = make(arg + bn + form_.beta, {w[0]}),
                 mean = make(aux + bn + form_.mean, {w[0]}, 0, 0.3F * kSpread),
                 var = make(aux + bn + form_.var, {w[0]}, kSpread * kSpread,
                            0.05F * kSpread * kSpread);
    if (!computes_) return Tensor::zeros({1, w[0], 1, 1});
    Tensor y = conv2d(x, weight, bias, {.stride = stride, .pad = w[2] / 2});
    const Shape shape = y.shape();
    const Index pixels = shape[2] * shape[3];
    float* value = y.data<float>();
    for (Index i = 0; i < y.numel(); ++i) {
      const auto c = static_cast<std::size_t>(i / pixels % shape[1]);
      const double normal = (double{value[i]} - double{mean.span<float>()[c]}) /
                            std::sqrt(double{var.span<float>()[c]} + form_.eps);
      value[i] = static_cast<float>(normal * double{gamma.span<float>()[c]} +
                                    double{beta.span<float>()[c]});
    }
    return y;
  }

  // Values from mean - 2 scale to mean + 2 scale.
  Tensor make(const std::string& name, const Shape& shape, float mean = 0, float scale = 0.3F) {
    REQUIRE(shapes_.emplace(name, shape).second);
    order_.push_back(name);
    if (!computes_) return {};
    Tensor tensor = Tensor::empty(shape);
    for (float& value : tensor.span<float>()) {
      random_ = random_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's generator
      value = mean + scale * (static_cast<float>(random_ >> 40) * 0x1p-22F - 2);
    }
    tensors_.emplace(name, tensor);
    return tensor;
  }

  // Of what the convolutions make: so small that the constant beside the variance matters.
  static constexpr float kSpread = 0.014F;

  Form form_;
  int depth_;
  bool computes_ = true;
  StateDict tensors_;
  std::map<std::string, Shape> shapes_;
  std::vector<std::string> order_;
  std::uint64_t random_ = 1;
};

ModelFile import(const StateDict& theirs) {
  const auto owner = std::make_shared<const std::string>(mxnet(theirs));
  return read_model(bytes_of(*owner), "x.params", owner,
                    {.description_patch = {}, .allow_backbone = true});
}

std::string refusal(const StateDict& theirs) {
  const std::string text = thrown<ModelError>([&] { return import(theirs); });
  CHECK(one_line(text));
  CHECK(text.starts_with("x.params: "));
  return text;
}

// Returns the tensors of the file.
StateDict check_computes_the_same(const Form& form, int depth, const std::string& backbone) {
  CAPTURE(depth, backbone, form.stem_conv);
  Reference reference(form, depth);
  const Tensor image = random_tensor({1, 3, 65, 40}, 1000);
  const std::vector<Tensor> theirs = reference.forward(image);
  const ModelFile file = import(reference.tensors());
  CHECK(file.format == "mxnet");
  CHECK(file.backbone == backbone);
  CHECK(file.description.empty());
  StateDict state;
  const std::string prefix = "backbone.";
  for (const auto& [name, tensor] : file.tensors) {
    REQUIRE(name.starts_with(prefix));
    state.emplace(name.substr(prefix.size()), tensor);
  }
  const std::unique_ptr<Backbone> network = make_backbone(file.backbone, {});
  network->load_state_dict(state);  // refuses any other set of names and shapes
  const std::vector<Var> ours = network->forward(Var(image));
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i)
    CHECK(relative_error(ours[i].value(), theirs[i]) < 1e-4);
  return reference.tensors();
}

// "arg:a" is a.
std::string without_kind(const std::string& name) { return name.substr(name.find(':') + 1); }

// All of these names, and nothing in the tensors.
StateDict names_alone(const std::map<std::string, Shape>& shapes) {
  StateDict tensors;
  for (const auto& [name, shape] : shapes) tensors.emplace(name, Tensor::zeros({1}));
  return tensors;
}

}  // namespace

TEST_CASE("resnet import: GluonCV's v1b is torchvision's network", "[resnet_import][property]") {
  (void)check_computes_the_same(kGluonCv, 18, "resnet18");
}

TEST_CASE("resnet import: Gluon's v1 has biases and the stride in the first 1x1",
          "[resnet_import][property]") {
  StateDict theirs = check_computes_the_same(kGluon, 50, "resnet50_v1");
  const std::string bias = "features.4.1.body.6.bias";
  theirs.erase(bias);
  CHECK(holds(refusal(theirs),
              "resnet50_v1 of MXNet's Gluon model zoo, trained on ImageNet, but "
              "lacks " +
                  bias));
  theirs[bias] = Tensor::zeros({255});
  CHECK(holds(refusal(theirs), bias + " has shape [255]"));
}

TEST_CASE("resnet import: Gluon's v1 by the names of its scopes, and exported",
          "[resnet_import][property]") {
  (void)check_computes_the_same(gluon_scopes(18, "resnetv112_"), 18, "resnet18");
}

TEST_CASE("resnet import: the v1 of MXNet's example has another constant beside the variance",
          "[resnet_import][property]") {
  if (kSanitized) return;
  (void)check_computes_the_same(kSymbol, 50, "resnet50_v1");
}

TEST_CASE("resnet import: every form of a depth has all names, which mean the same layers",
          "[resnet_import]") {
  for (const int depth : {18, 34, 50, 101, 152}) {
    const std::string plain = message("resnet", depth), v1 = plain + (depth < 50 ? "" : "_v1");
    std::vector<std::pair<Form, std::string>> forms{
        {kGluonCv, plain}, {kGluon, v1}, {gluon_scopes(depth, ""), v1}};
    if (depth >= 50) forms.emplace_back(kSymbol, v1);
    std::vector<std::string> ours;  // in the order of the computation
    for (const auto& [form, backbone] : forms) {
      Reference reference(form, depth);
      std::map<std::string, Shape> theirs;
      for (const auto& [name, shape] : reference.shapes())
        theirs.emplace(without_kind(name), shape);
      CAPTURE(depth, form.stem_conv);
      std::size_t layouts = 0;
      for (const NameMap& map : published_name_maps()) {
        const NameMapFit difference = fit(map, names_alone(theirs));
        if (!difference.missing.empty() || !difference.unexpected.empty()) continue;
        ++layouts;
        CHECK(map.backbone == backbone);
        std::map<std::string, std::string> meant;
        for (const NameMap::Entry& entry : map.entries) {
          CHECK(theirs.at(entry.from) == entry.shape);
          meant.emplace(entry.from, entry.to);
        }
        std::vector<std::string> in_order;
        for (const std::string& name : reference.order()) {
          if (meant.contains(without_kind(name))) in_order.push_back(meant.at(without_kind(name)));
        }
        if (ours.empty()) ours = in_order;
        CHECK(ours == in_order);
      }
      CHECK(layouts == 1);
    }
  }
}

TEST_CASE("resnet import: networks of another structure are refused, and why",
          "[resnet_import][error]") {
  const Tensor t = Tensor::zeros({1});
  // insightface's RetinaFace-R50 and others of MXNet's symbols; Gluon's resnet50_v2, three ways.
  for (const StateDict& theirs :
       {StateDict{{"arg:bn_data_beta", t}, {"arg:stage1_unit1_sc_weight", t}},
        StateDict{{"features.0.gamma", t}, {"features.5.0.bn1.gamma", t}},
        StateDict{{"conv0_weight", t}, {"batchnorm0_gamma", t}, {"batchnorm1_gamma", t}},
        StateDict{{"resnetv20_conv0_weight", t}, {"resnetv20_batchnorm1_gamma", t}}}) {
    CHECK(holds(refusal(theirs), "cannot be imported: it is a ResNet of version 2"));
  }
  // Also where most names are those of a network that is known.
  StateDict later = names_alone(Reference(kSymbol, 50).shapes());
  later.erase("arg:stage1_unit1_conv1sc_weight");
  CHECK(holds(refusal(later), "looks like resnet-v1 of 50 layers"));
  later["arg:stage1_unit1_sc_weight"] = t;
  CHECK(holds(refusal(later), "version 2"));
  CHECK(holds(refusal({{"stage1_unit1_conv1sc_weight", t}}), "18 or 34 layers"));
}

}  // namespace rf::test
