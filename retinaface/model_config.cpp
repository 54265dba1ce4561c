#include "retinaface/model_config.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/check.hpp"

namespace rf {

namespace {

using Json = nlohmann::json;

// What the ten numbers of a face's landmarks are, in order.
constexpr std::array<const char*, 5> kLandmarks = {"image_left_eye", "image_right_eye", "nose_tip",
                                                   "image_left_mouth_corner",
                                                   "image_right_mouth_corner"};

// By the values of LightStem and Deformation. Without the key the first one is meant: files from
// before there was a choice.
const std::vector<std::string> kStems = {"3x3", "7x7"}, kDeformations = {"none", "v1", "v2"};

constexpr std::size_t kMostLevels = 8;

// One object of the description. Reads its keys by name; finish() refuses those that nobody read.
class ObjectReader {
 public:
  ObjectReader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) fail("an object is needed");
  }

  const Json& at(const std::string& key) {
    seen_.insert(key);
    const auto found = json_.find(key);
    if (found == json_.end())
      throw ModelError(message("model description: ", path_of(key), " is missing"));
    return *found;
  }
  ObjectReader object(const std::string& key) { return {at(key), path_of(key)}; }

  double number(const std::string& key, double low, double high) {
    return checked_number(at(key), path_of(key), low, high);
  }
  Index integer(const std::string& key, Index low, Index high) {
    const double value = number(key, static_cast<double>(low), static_cast<double>(high));
    if (value != std::floor(value))
      throw ModelError(message("model description: ", path_of(key), " = ", value, " is not whole"));
    return static_cast<Index>(value);
  }
  bool boolean(const std::string& key) {
    if (!at(key).is_boolean())
      throw ModelError(message("model description: ", path_of(key), " must be true or false"));
    return at(key).get<bool>();
  }
  std::string text(const std::string& key) {
    if (!at(key).is_string())
      throw ModelError(message("model description: ", path_of(key), " must be a text"));
    return at(key).get<std::string>();
  }
  [[nodiscard]] bool has(const std::string& key) const { return json_.contains(key); }
  // The index of the text in `choices`.
  std::size_t choice(const std::string& key, const std::vector<std::string>& choices) {
    const std::string value = text(key);
    std::string known;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (value == choices[i]) return i;
      known += (i ? ", " : "") + choices[i];
    }
    throw ModelError(message("model description: ", path_of(key), " = \"", value.substr(0, 60),
                             "\"; known: ", known));
  }
  std::vector<double> numbers(const std::string& key, std::size_t least, std::size_t most,
                              double low, double high) {
    const Json& list = array(key, least, most);
    std::vector<double> values;
    for (const Json& item : list) values.push_back(checked_number(item, path_of(key), low, high));
    return values;
  }
  const Json& array(const std::string& key, std::size_t least, std::size_t most) {
    const Json& list = at(key);
    if (!list.is_array() || list.size() < least || list.size() > most) {
      throw ModelError(message("model description: ", path_of(key), " must be a list of ", least,
                               most == least ? std::string() : message(" to ", most), " items"));
    }
    return list;
  }
  void finish() const {
    for (const auto& [key, value] : json_.items()) {
      if (!seen_.contains(key))
        throw ModelError(message("model description: ", path_of(key.substr(0, 60)), " is unknown"));
    }
  }

 private:
  [[nodiscard]] std::string path_of(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  [[noreturn]] void fail(const char* what) const {
    throw ModelError(message("model description: ", path_, ": ", what));
  }
  static double checked_number(const Json& value, const std::string& path, double low,
                               double high) {
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    if (!(number >= low && number <= high)) {
      throw ModelError(
          message("model description: ", path, " must be a number from ", low, " to ", high));
    }
    return number;
  }

  const Json& json_;
  std::string path_;
  std::set<std::string> seen_;
};

Activation read_activation(ObjectReader object) {
  Activation activation;
  switch (object.choice("kind", {"none", "relu", "leaky_relu"})) {
    case 0: break;
    case 1: activation = Activation::relu(); break;
    default: activation = Activation::leaky_relu(object.number("slope", 0, 1)); break;
  }
  object.finish();
  return activation;
}

void read_arch(ObjectReader arch, ModelConfig& config) {
  (void)arch.choice("name", {"retinaface"});
  ObjectReader backbone = arch.object("backbone");
  config.backbone.name = backbone.text("name");
  config.backbone.activation = read_activation(backbone.object("activation"));
  config.backbone.bn_eps = backbone.number("bn_eps", 0, 1);
  if (backbone.has("stem"))
    config.backbone.stem = static_cast<LightStem>(backbone.choice("stem", kStems));
  backbone.finish();
  ObjectReader neck = arch.object("neck");
  config.neck.channels = neck.integer("channels", 4, 4096);
  if (config.neck.channels % 4 != 0)
    throw ModelError("model description: arch.neck.channels must be a multiple of 4");
  config.neck.activation = read_activation(neck.object("activation"));
  config.neck.bn_eps = neck.number("bn_eps", 0, 1);
  config.neck.bias = neck.boolean("bias") ? Bias::yes : Bias::no;
  if (neck.has("deformation"))
    config.neck.deformation = static_cast<Deformation>(neck.choice("deformation", kDeformations));
  neck.finish();
  config.heads = arch.choice("heads", {"per_level", "shared"}) == 0 ? HeadSharing::per_level
                                                                    : HeadSharing::shared;
  arch.finish();
}

void read_input(ObjectReader input, ModelConfig& config) {
  config.input.order =
      input.choice("order", {"rgb", "bgr"}) == 0 ? ChannelOrder::rgb : ChannelOrder::bgr;
  const auto mean = input.numbers("mean", 3, 3, -1e6, 1e6),
             scale = input.numbers("scale", 3, 3, -1e6, 1e6);
  std::ranges::copy(mean, config.input.mean.begin());
  std::ranges::copy(scale, config.input.scale.begin());
  input.finish();
}

void read_anchors(const Json& list, ModelConfig& config) {
  constexpr double kMaxPixels = 65536;
  for (std::size_t i = 0; i < list.size(); ++i) {
    ObjectReader level(list[i], message("anchors[", i, "]"));
    AnchorLevel& anchors = config.anchors.emplace_back();
    anchors.stride = level.integer("stride", 1, 1024);
    anchors.offset = level.number("offset", -kMaxPixels, kMaxPixels);
    anchors.sizes = level.numbers("sizes", 1, 64, 1e-3, kMaxPixels);
    level.finish();
    if (!std::ranges::is_sorted(anchors.sizes)) {
      throw ModelError(message("model description: anchors[", i, "].sizes must ascend"));
    }
    if (anchors.sizes.size() != config.anchors.front().sizes.size()) {
      throw ModelError("model description: every level of anchors must have as many sizes");
    }
  }
}

void read_coding(ObjectReader coding, ModelConfig& config) {
  config.coding.centre_variance = coding.number("centre_variance", 0, 100);
  config.coding.size_variance = coding.number("size_variance", 0, 100);
  config.coding.plus_one = coding.boolean("plus_one");
  config.coding.clip = coding.boolean("clip");
  coding.finish();
}

void read_nms(ObjectReader nms, ModelConfig& config) {
  config.nms.iou = nms.number("iou", 0, 1);
  config.nms.plus_one = nms.boolean("plus_one");
  nms.finish();
}

}  // namespace

ModelConfig parse_model_config(const std::string& json_text) {
  const Json json = Json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw ModelError("model description: not JSON");
  ModelConfig config;
  ObjectReader root(json, "");
  (void)root.choice("schema", {"retinaface-model/1"});
  config.name = root.text("name");
  read_arch(root.object("arch"), config);
  read_input(root.object("input"), config);
  read_anchors(root.array("anchors", 1, kMostLevels), config);
  read_coding(root.object("coding"), config);
  read_nms(root.object("nms"), config);
  const Json& landmarks = root.array("landmarks", 5, 5);
  if (landmarks != Json(kLandmarks)) {
    throw ModelError("model description: landmarks are in another order than this program knows");
  }
  config.licence = root.text("licence");
  config.provenance = root.text("provenance");
  (void)root.at("sha256");  // checked by the reader of the file
  root.finish();
  return config;
}

namespace {

using OrderedJson = nlohmann::ordered_json;  // people read it in the order written here

OrderedJson activation_json(const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::none: return {{"kind", "none"}};
    case Activation::Kind::relu: return {{"kind", "relu"}};
    case Activation::Kind::leaky_relu: return {{"kind", "leaky_relu"}, {"slope", activation.slope}};
  }
  RF_UNREACHABLE();
}

}  // namespace

std::string to_json(const ModelConfig& config) {
  OrderedJson backbone = {{"name", config.backbone.name},
                          {"activation", activation_json(config.backbone.activation)},
                          {"bn_eps", config.backbone.bn_eps}},
              neck = {{"channels", config.neck.channels},
                      {"activation", activation_json(config.neck.activation)},
                      {"bn_eps", config.neck.bn_eps},
                      {"bias", config.neck.bias == Bias::yes}};
  if (const auto stem = static_cast<std::size_t>(config.backbone.stem); stem > 0)
    backbone["stem"] = kStems[stem];
  if (const auto version = static_cast<std::size_t>(config.neck.deformation); version > 0)
    neck["deformation"] = kDeformations[version];
  OrderedJson anchors = OrderedJson::array();
  for (const AnchorLevel& level : config.anchors) {
    anchors.push_back({{"stride", level.stride}, {"offset", level.offset}, {"sizes", level.sizes}});
  }
  const OrderedJson json = {
      {"schema", "retinaface-model/1"},
      {"name", config.name},
      {"arch",
       {{"name", "retinaface"},
        {"backbone", backbone},
        {"neck", neck},
        {"heads", config.heads == HeadSharing::per_level ? "per_level" : "shared"}}},
      {"input",
       {{"order", config.input.order == ChannelOrder::rgb ? "rgb" : "bgr"},
        {"mean", config.input.mean},
        {"scale", config.input.scale}}},
      {"anchors", anchors},
      {"coding",
       {{"centre_variance", config.coding.centre_variance},
        {"size_variance", config.coding.size_variance},
        {"plus_one", config.coding.plus_one},
        {"clip", config.coding.clip}}},
      {"nms", {{"iou", config.nms.iou}, {"plus_one", config.nms.plus_one}}},
      {"landmarks", kLandmarks},
      {"licence", config.licence},
      {"provenance", config.provenance},
      {"sha256", ""}};
  return json.dump();
}

}  // namespace rf
