#include "weights/name_map.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "tests/support.hpp"
#include "tests/weights/reader_checks.hpp"

using namespace rf;
using rf::test::holds;
using rf::test::same;
using rf::test::tensor;

namespace {

const std::string kTables =
    R"("tables":{"level":[{"theirs":3,"ours":"a","width":2},{"theirs":4,"ours":"b","width":1}],
  "part":[{"part":"weight"},{"part":"bias"}]})";

std::string map_text(const std::string& rules, const std::string& tables = kTables) {
  return R"({"schema":"retinaface-name-map/1","layout":"a test","role":"backbone","backbone":"b",)" +
         tables + R"(,"tensors":[)" + rules + R"(],"ignore":["*.count","extra"]})";
}

NameMap map_of(const std::string& rules) {
  return parse_name_maps(map_text(rules), "x.json").at(0);
}

std::string refusal(const std::string& text) {
  const std::string what =
      test::thrown<FormatError>([&] { return parse_name_maps(text, "x.json"); });
  CHECK(test::one_line(what));
  CHECK(what.starts_with("x.json: "));
  return what;
}

}  // namespace

TEST_CASE("name_map: a rule makes a tensor for each row of its tables", "[name_map]") {
  const NameMap map = map_of(
      R"({"from":"p{theirs}.{part}","to":"{ours}.{part}","shape":["{width}",3],"each":["level","part"]},
         {"from":"plain{","to":"x","shape":[]})");
  REQUIRE(map.entries.size() == 5);
  CHECK(map.entries[0].from == "p3.weight");
  CHECK(map.entries[0].to == "a.weight");
  CHECK(map.entries[0].shape == Shape{2, 3});
  CHECK(map.entries[1].from == "p3.bias");
  CHECK(map.entries[3].to == "b.bias");
  CHECK(map.entries[3].shape == Shape{1, 3});
  CHECK(map.entries[4].from == "plain{");
}

TEST_CASE("name_map: a row with a count stands for as many, whose pairs of numbers are counted on",
          "[name_map]") {
  const std::string tables = R"("tables":{"t":[{"i":7,"w":"x","n":2},
      {"count":3,"i":[0,1],"w":"y","n":[5,-2]},{"count":0,"i":9,"w":"z","n":9}]})";
  const std::string rules = R"({"from":"{w}{i}","to":"o{w}{i}","shape":["{n}"],"each":["t"]})";
  const NameMap map = parse_name_maps(map_text(rules, tables), "x.json").at(0);
  REQUIRE(map.entries.size() == 4);
  CHECK(map.entries[0].from == "x7");
  CHECK(map.entries[1].from == "y0");
  CHECK(map.entries[1].shape == Shape{5});
  CHECK(map.entries[3].to == "oy2");
  CHECK(map.entries[3].shape == Shape{1});
  for (const char* row :
       {R"({"count":-1})", R"({"count":"2"})", R"({"count":1e9})", R"({"count":10001})"}) {
    CHECK(holds(refusal(map_text(rules, std::string(R"("tables":{"t":[)") + row + "]}")), "count"));
  }
  for (const char* row :
       {R"({"i":[1]})", R"({"i":[1,"a"]})", R"({"i":1.5})", R"({"i":[9000000000,1]})"}) {
    CHECK(holds(refusal(map_text(rules, std::string(R"("tables":{"t":[)") + row + "]}")),
                "a table gives i a value"));
  }
}

TEST_CASE("name_map: layouts of one file share rules, and have tables of their own", "[name_map]") {
  const std::string head =
      R"({"schema":"retinaface-name-map/1","role":"backbone","tables":{"s":[{"s":1}]},
      "tensors":[{"from":"{n}{s}","to":"o{n}","shape":[1],"each":["t","s"]}],"ignore":[],"members":[)";
  const std::vector<NameMap> maps =
      parse_name_maps(head + R"({"layout":"one","backbone":"b1","tables":{"t":[{"n":"p"}]}},
                {"layout":"two","backbone":"b2","tables":{"t":[{"n":"p"},{"n":"q"}]}}]})",
                      "x.json");
  REQUIRE(maps.size() == 2);
  CHECK(maps[0].layout == "one");
  CHECK(maps[0].backbone == "b1");
  CHECK(maps[0].entries.size() == 1);
  REQUIRE(maps[1].entries.size() == 2);
  CHECK(maps[1].backbone == "b2");
  CHECK(maps[1].entries[1].from == "q1");
  CHECK(holds(refusal(head + "]}"), "members are none"));
  CHECK(holds(refusal(head + R"({"layout":"x","tables":{}}]})"), "backbone is missing"));
  CHECK(holds(refusal(head + R"({"layout":"x","backbone":"b"}]})"), "tables is missing"));
  CHECK(holds(refusal(head + R"({"layout":"x","backbone":"b","tables":{"s":[]}}]})"),
              "two tables are called s"));
}

TEST_CASE("name_map: a tensor may be the difference of two, and plus a number", "[name_map]") {
  const NameMap map = map_of(R"({"from":"m","minus":"b","to":"mean","shape":[2]},
      {"from":"v","plus":0.5,"to":"var","shape":[2]})");
  const StateDict theirs{{"m", tensor<float>({2}, {1, 2})},
                         {"b", tensor<double>({2}, {0.25, -4})},
                         {"v", tensor<float>({2}, {3, 0})}};
  const NameMapFit all = fit(map, theirs);
  CHECK(all.found == 3);
  CHECK(all.unexpected.empty());
  const StateDict ours = apply(map, theirs);
  CHECK(ours.size() == 2);
  CHECK(same(ours.at("mean"), tensor<float>({2}, {0.75, 6})));
  CHECK(same(ours.at("var"), tensor<float>({2}, {3.5, 0.5})));
  CHECK(same(theirs.at("m"), tensor<float>({2}, {1, 2})));
  CHECK(fit(map, {{"m", theirs.at("m")}, {"v", theirs.at("v")}}).missing ==
        std::vector<std::string>{"b"});
  CHECK(holds(refusal(map_text(R"({"from":"m","plus":"1","to":"x","shape":[]})")),
              "plus of m is no number"));
  CHECK(holds(refusal(map_text(R"({"from":"m","minus":"m","to":"x","shape":[]})")),
              "two rules use m"));
}

TEST_CASE("name_map: names that lack or are too many are found, ignored ones are not counted",
          "[name_map]") {
  const NameMap map = map_of(R"({"from":"p{theirs}","to":"{ours}","shape":[1],"each":["level"]})");
  const Tensor t = tensor<float>({1}, {1});
  const NameMapFit here = fit(map, {{"p3", t}, {"p3.count", t}, {"extra", t}, {"extra2", t}});
  CHECK(here.found == 1);
  CHECK(here.missing == std::vector<std::string>{"p4"});
  CHECK(here.unexpected == std::vector<std::string>{"extra2"});
}

TEST_CASE("name_map: rows are permuted: ours r is theirs rows[r]", "[name_map]") {
  const NameMap map = map_of(R"({"from":"p","to":"q","shape":[3,2],"rows":[2,0,1]})");
  const StateDict ours = apply(map, {{"p", tensor<float>({3, 2}, {0, 1, 10, 11, 20, 21})}});
  CHECK(same(ours.at("q"), tensor<float>({3, 2}, {20, 21, 0, 1, 10, 11})));
}

TEST_CASE("name_map: doubles become floats; other shapes and types are refused",
          "[name_map][error]") {
  const NameMap map = map_of(R"({"from":"p","to":"q","shape":[2]})");
  CHECK(same(apply(map, {{"p", tensor<double>({2}, {1, 2})}}).at("q"), tensor<float>({2}, {1, 2})));
  const auto message_of = [&](const Tensor& t) {
    return test::thrown<ShapeError>([&] { return apply(map, {{"p", t}}); });
  };
  CHECK(message_of(tensor<float>({1, 2}, {1, 2})) == "import: p has shape [1, 2], a test has [2]");
  CHECK(holds(message_of(tensor<std::int64_t>({2}, {1, 2})), "p has elements i64"));
}

TEST_CASE("name_map: maps that make no sense are refused", "[name_map][error]") {
  CHECK(holds(refusal("{"), "not JSON"));
  CHECK(holds(refusal("[]"), "schema"));
  CHECK(holds(refusal(R"({"schema":"retinaface-name-map/2"})"), "schema"));
  CHECK(holds(refusal(R"({"schema":"retinaface-name-map/1"})"), "layout is missing"));
  CHECK(holds(refusal(map_text(R"({"to":"q","shape":[]})")), "from is missing"));
  CHECK(holds(refusal(map_text(R"(7)")), "from is missing"));
  CHECK(holds(refusal(map_text(R"({"from":"p{x}","to":"q","shape":[]})")), "placeholder in p{x}"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[-1]})")), "a shape holds -1"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":["x"]})")), "a shape holds x"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[2],"rows":[0,0]})")),
              "no permutation"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[2],"rows":[0,2]})")),
              "no permutation"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[3],"rows":[0,1]})")),
              "are 2, its shape is [3]"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[],"each":["none"]})")),
              "which is no table"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[],"each":["part"]})")),
              "two rules make p or q"));
  CHECK(holds(refusal(map_text(R"({"from":"p","to":"q","shape":[],"each":["part","part"]})")),
              "two tables of one rule"));
}

// 1 + 2 * 13 convolutions in the backbone, 3 + 2 in the pyramid, 3 * 5 in the context modules, each
// with 4 tensors of batch norm, and 2 tensors in each of 9 heads. mnet.25 adds a bias to the 20
// convolutions of pyramid and context.
TEST_CASE("name_map: the published layouts cover every tensor of the network",
          "[name_map][golden]") {
  std::map<std::string, std::size_t> entries;
  for (const NameMap& map : published_name_maps()) entries[map.layout] = map.entries.size();
  CHECK(entries.at("mobilenet0.25 of biubug6/Pytorch_Retinaface") == (27 + 5 + 15) * 5 + 18);
  CHECK(entries.at("mnet.25 of deepinsight/insightface") == (27 + 5 + 15) * 5 + 18 + 20);
  CHECK(entries.at("MobileNetV1 x0.25 of biubug6/Pytorch_Retinaface, trained on ImageNet") ==
        27 * 5);
  // 53 convolutions and the same neck.
  CHECK(entries.at("resnet50 of biubug6/Pytorch_Retinaface") == (53 + 5 + 15) * 5 + 18);
  const std::map<int, std::size_t> convolutions{
      {18, 20}, {34, 36}, {50, 53}, {101, 104}, {152, 155}};
  for (const auto& [depth, count] : convolutions) {
    CHECK(entries.at(message("ResNet-", depth, " of torchvision, trained on ImageNet")) ==
          count * 5);
  }
}
