#include "weights/convert.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "tests/weights/reader_checks.hpp"

using namespace rf;
using nlohmann::json;
using rf::test::holds;

namespace {

json patch(const DescriptionChanges& changes) { return json::parse(description_patch(changes)); }

std::string refusal(const DescriptionChanges& changes) {
  return test::thrown<UsageError>([&] { return description_patch(changes); });
}

}  // namespace

TEST_CASE("convert: flags become a merge patch", "[convert]") {
  CHECK(description_patch({}).empty());
  CHECK(patch({.activation = "relu"}) ==
        json::parse(R"({"arch":{"backbone":{"activation":{"kind":"relu","slope":null}},
                                                             "neck":{"activation":{"kind":"relu","slope":null}}}})"));
  CHECK(patch({.activation = "leaky_relu:0.25"})["arch"]["neck"]["activation"] ==
        json{{"kind", "leaky_relu"}, {"slope", 0.25}});
  CHECK(
      patch({.anchors = "8:4:16,32/16:7.5:64"}) ==
      json::parse(
          R"({"anchors":[{"stride":8,"offset":4,"sizes":[16,32]},{"stride":16,"offset":7.5,"sizes":[64]}]})"));
  CHECK(patch({.mean = "104,117.5,-1", .scale = "1,2,0.5", .order = "rgb"}) ==
        json::parse(R"({"input":{"mean":[104,117.5,-1],"scale":[1,2,0.5],"order":"rgb"}})"));
  CHECK(patch({.variances = "1,0.2"}) ==
        json::parse(R"({"coding":{"centre_variance":1,"size_variance":0.2}})"));
  CHECK(patch({.name = "a", .licence = "b", .provenance = "c"}) ==
        json{{"name", "a"}, {"licence", "b"}, {"provenance", "c"}});
}

TEST_CASE("convert: a patch keeps whole numbers whole", "[convert]") {
  CHECK(description_patch({.mean = "104,117,123"}) == R"({"input":{"mean":[104,117,123]}})");
}

TEST_CASE("convert: values that mean nothing are refused, with the flag and its form",
          "[convert][error]") {
  CHECK(refusal({.activation = "gelu"}) ==
        "--activation gelu: relu or leaky_relu:SLOPE (leaky_relu:0.1) is needed");
  CHECK(holds(refusal({.activation = "leaky_relu:"}), "--activation"));
  CHECK(holds(refusal({.activation = "leaky_relu:nan"}), "--activation"));
  CHECK(holds(refusal({.anchors = ""}), "--anchors"));
  CHECK(holds(refusal({.anchors = "8:4"}), "--anchors"));
  CHECK(holds(refusal({.anchors = "8:4:16,x"}), "--anchors"));
  CHECK(holds(refusal({.anchors = "8:4:16/"}), "--anchors"));
  CHECK(holds(refusal({.mean = "1,2"}), "--mean"));
  CHECK(holds(refusal({.mean = "1,2,3,4"}), "--mean"));
  CHECK(holds(refusal({.scale = "1,2,inf"}), "--scale"));
  CHECK(holds(refusal({.order = "RGB"}), "--order"));
  CHECK(holds(refusal({.variances = "0.1"}), "--variances"));
  CHECK(holds(refusal({.name = "\xff"}), "UTF-8"));
}
