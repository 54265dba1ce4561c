#include "retinaface/model_config.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "retinaface/networks.hpp"
#include "weights/name_map.hpp"

namespace {

using Json = nlohmann::json;

Json valid() {
  return Json::parse(R"({
    "schema": "retinaface-model/1", "name": "a model",
    "arch": {"name": "retinaface",
             "backbone": {"name": "mobilenet0.25", "activation": {"kind": "leaky_relu", "slope": 0.25}, "bn_eps": 1e-5},
             "neck": {"channels": 64, "activation": {"kind": "relu"}, "bn_eps": 2e-5, "bias": true},
             "heads": "per_level"},
    "input": {"order": "bgr", "mean": [104, 117, 123], "scale": [1, 0.5, 1]},
    "anchors": [{"stride": 8, "offset": 4, "sizes": [16, 32]}, {"stride": 16, "offset": 7.5, "sizes": [64, 128]},
                {"stride": 32, "offset": 16, "sizes": [256, 512]}],
    "coding": {"centre_variance": 0.1, "size_variance": 0.2, "plus_one": false, "clip": true},
    "nms": {"iou": 0.4, "plus_one": true},
    "landmarks": ["image_left_eye", "image_right_eye", "nose_tip", "image_left_mouth_corner", "image_right_mouth_corner"],
    "licence": "none", "provenance": "a test", "sha256": ""})");
}

std::string refusal(const Json& json) {
  try {
    (void)rf::parse_model_config(json.dump());
  } catch (const rf::ModelError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("model_config: every value arrives", "[model_config]") {
  const rf::ModelConfig config = rf::parse_model_config(valid().dump());
  CHECK(config.name == "a model");
  CHECK(config.backbone.name == "mobilenet0.25");
  CHECK(config.backbone.activation == rf::Activation::leaky_relu(0.25));
  CHECK(config.backbone.bn_eps == 1e-5);
  CHECK(config.neck.channels == 64);
  CHECK(config.neck.activation == rf::Activation::relu());
  CHECK(config.neck.bn_eps == 2e-5);
  CHECK(config.neck.bias == rf::Bias::yes);
  CHECK(config.heads == rf::HeadSharing::per_level);
  CHECK(config.input.order == rf::ChannelOrder::bgr);
  CHECK(config.input.mean == std::array<double, 3>{104, 117, 123});
  CHECK(config.input.scale == std::array<double, 3>{1, 0.5, 1});
  REQUIRE(config.anchors.size() == 3);
  CHECK(config.anchors[1].stride == 16);
  CHECK(config.anchors[1].offset == 7.5);
  CHECK(config.anchors[1].sizes == std::vector<double>{64, 128});
  CHECK(config.coding.centre_variance == 0.1);
  CHECK(config.coding.size_variance == 0.2);
  CHECK_FALSE(config.coding.plus_one);
  CHECK(config.coding.clip);
  CHECK(config.nms.iou == 0.4);
  CHECK(config.nms.plus_one);
  CHECK(config.licence == "none");
  CHECK(config.provenance == "a test");
}

TEST_CASE("model_config: a key that is missing anywhere is named", "[model_config][error]") {
  const Json flat = valid().flatten();
  for (const auto& [pointer, value] : flat.items()) {
    const std::string leaf = pointer.substr(pointer.rfind('/') + 1);
    if (leaf.find_first_not_of("0123456789") == std::string::npos)
      continue;                     // an element of a list
    if (leaf == "slope") continue;  // below, with its kind
    Json json = valid();
    const auto parent = Json::json_pointer(pointer).parent_pointer();
    json[parent].erase(leaf);
    CAPTURE(pointer);
    CHECK_THAT(refusal(json), Catch::Contains(leaf + " is missing"));
  }
}

TEST_CASE("model_config: a key nobody knows is an error, not ignored", "[model_config][error]") {
  for (const char* place : {"", "/arch", "/arch/backbone", "/arch/neck", "/arch/neck/activation",
                            "/input", "/anchors/0", "/coding", "/nms"}) {
    Json json = valid();
    json[Json::json_pointer(place)]["surprise"] = 1;
    CAPTURE(place);
    CHECK_THAT(refusal(json), Catch::Contains("surprise is unknown"));
  }
}

TEST_CASE("model_config: senseless values are refused and named", "[model_config][error]") {
  const auto with = [](const char* place, const Json& value) {
    Json json = valid();
    json[Json::json_pointer(place)] = value;
    return refusal(json);
  };
  CHECK_THAT(with("/schema", "retinaface-model/9"), Catch::Contains("schema"));
  CHECK_THAT(with("/arch/name", "yolo"), Catch::Contains("arch.name"));
  CHECK_THAT(with("/arch/heads", 3), Catch::Contains("arch.heads"));
  CHECK_THAT(with("/arch/backbone/activation/kind", "gelu"),
             Catch::Contains("known: none, relu, leaky_relu"));
  CHECK_THAT(with("/arch/neck/channels", 1e12), Catch::Contains("arch.neck.channels"));
  CHECK_THAT(with("/arch/neck/channels", 66), Catch::Contains("multiple of 4"));
  CHECK_THAT(with("/arch/neck/channels", 64.5), Catch::Contains("not whole"));
  CHECK_THAT(with("/arch/neck/bn_eps", -1), Catch::Contains("bn_eps"));
  CHECK_THAT(with("/input/mean", Json::array({1, 2})), Catch::Contains("input.mean"));
  CHECK_THAT(with("/input/order", "grb"), Catch::Contains("input.order"));
  CHECK_THAT(with("/anchors", Json::array()), Catch::Contains("anchors"));
  CHECK_THAT(with("/arch/backbone/stem", "9x9"), Catch::Contains("stem") && Catch::Contains("7x7"));
  CHECK_THAT(with("/arch/neck/deformation", 1), Catch::Contains("deformation"));
  CHECK_THAT(with("/anchors/0/stride", 0), Catch::Contains("anchors[0].stride"));
  CHECK_THAT(with("/anchors/0/sizes", Json::array({32, 16})), Catch::Contains("ascend"));
  CHECK_THAT(with("/anchors/0/sizes", Json::array({16})), Catch::Contains("as many sizes"));
  CHECK_THAT(with("/coding/clip", 1), Catch::Contains("coding.clip"));
  CHECK_THAT(with("/nms/iou", 1.5), Catch::Contains("nms.iou"));
  CHECK_THAT(with("/landmarks/0", "nose_tip"), Catch::Contains("landmarks"));
  CHECK_THAT(with("/arch", 7), Catch::Contains("an object is needed"));
}

TEST_CASE("model_config: what is not JSON is refused", "[model_config][error]") {
  CHECK_THROWS_AS(rf::parse_model_config(""), rf::ModelError);
  CHECK_THROWS_AS(rf::parse_model_config("{\"schema\":"), rf::ModelError);
  CHECK_THROWS_AS(rf::parse_model_config("[]"), rf::ModelError);
}

TEST_CASE("model_config: written and read again, it is the same", "[model_config]") {
  Json json = valid();
  CHECK(Json::parse(rf::to_json(rf::parse_model_config(json.dump()))) == json);
  json["arch"]["heads"] = "shared";
  json["arch"]["neck"]["activation"] = {{"kind", "none"}};
  json["arch"]["neck"]["bias"] = false;
  json["input"]["order"] = "rgb";
  json["coding"]["plus_one"] = true;
  json["coding"]["size_variance"] = 1.0 / 3;
  json["arch"]["backbone"]["stem"] = "7x7";
  json["arch"]["neck"]["deformation"] = "v1";
  json["anchors"].push_back({{"stride", 64}, {"offset", 32}, {"sizes", {600, 700}}});
  CHECK(Json::parse(rf::to_json(rf::parse_model_config(json.dump()))) == json);
}

// As the name maps of the public PyTorch releases say of their networks, whose suppression counts
// pixels as x2 - x1 + 1.
TEST_CASE("model_config: networks of three levels are the public releases', but for suppression",
          "[model_config]") {
  const std::string backbone = GENERATE("mobilenet0.25", "resnet50");
  const rf::ModelConfig config = rf::three_level_config(backbone);
  CHECK(config.name == backbone);
  Json ours = Json::parse(rf::to_json(config));
  CHECK_NOTHROW(rf::parse_model_config(ours.dump()));
  Json theirs;
  for (const rf::NameMap& map : rf::published_name_maps()) {
    if (map.layout == backbone + " of biubug6/Pytorch_Retinaface")
      theirs = Json::parse(map.description);
  }
  REQUIRE(theirs.is_object());
  for (const char* key : {"arch", "input", "anchors", "coding", "landmarks"}) {
    CAPTURE(key);
    CHECK(ours.at(key) == theirs.at(key));
  }
  CHECK(ours.at("nms") == Json{{"iou", 0.4}, {"plus_one", false}});
  CHECK_THROWS_WITH(rf::three_level_config("resnet51"), Catch::Contains("resnet51") &&
                                                            Catch::Contains("mobilenet0.25") &&
                                                            Catch::Contains("resnet152"));
}
