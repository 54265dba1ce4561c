#include "retinaface/dense/dense_model.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "engine/file.hpp"
#include "retinaface/dense/dense_branch.hpp"
#include "tests/retinaface/dense_fixture.hpp"
#include "tests/weights/reader_checks.hpp"
#include "weights/described_state.hpp"
#include "weights/safetensors.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::ordered_json;

constexpr FileSchema kSchema{
    .key = "retinaface-dense", .schema = "retinaface-dense/1", .what = "file of the dense branch"};

std::string bytes_in(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, 1 << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What reading says of the example after a change.
std::string refusal(const std::function<void(Json&, StateDict&)>& change,
                    const DenseModel& model = tiny_dense_model(4)) {
  const TemporaryFolder folder;
  const std::string path = folder.file("d.safetensors");
  write_dense_model(path, model, IfExists::refuse);
  DescribedState file = read_described_state(path, kSchema);
  StateDict state;
  for (const auto& [name, tensor] : file.state) state.emplace(name, tensor.clone());
  change(file.description, state);
  write_described_state(path, kSchema,
                        {.description = file.description, .state = state, .sha256 = {}},
                        IfExists::replace);
  const std::string what = thrown<ModelError>([&] { return read_dense_model(path); });
  if (what == "nothing thrown") return what;
  CAPTURE(what);
  CHECK(one_line(what));
  REQUIRE(what.starts_with(path + ": "));
  return what.substr(path.size() + 2);
}

// The same after a change of the description, or of the tensors.
std::string refused_text(const std::function<void(Json&)>& change) {
  return refusal([&](Json& json, StateDict&) { change(json); });
}
std::string refused_numbers(const std::function<void(StateDict&)>& change) {
  return refusal([&](Json&, StateDict& state) { change(state); });
}

void check_same(const DenseModel& a, const DenseModel& b) {
  CHECK(a.licence == b.licence);
  CHECK(a.provenance == b.provenance);
  CHECK(a.decoder.code == b.decoder.code);
  CHECK(a.decoder.order == b.decoder.order);
  CHECK(a.decoder.widths == b.decoder.widths);
  CHECK(a.landmarks5 == b.landmarks5);
  CHECK(a.landmarks68 == b.landmarks68);
  REQUIRE(a.levels.size() == b.levels.size());
  for (std::size_t i = 0; i < a.levels.size(); ++i) {
    CHECK(a.levels[i].vertices == b.levels[i].vertices);
    CHECK(a.levels[i].triangles == b.levels[i].triangles);
    if (i == 0) continue;
    const Tensor x = random_tensor({a.levels[i].up.columns(), 3}, 5);
    CHECK(same(csr_matmul(a.levels[i].up, x), csr_matmul(b.levels[i].up, x)));
  }
  REQUIRE(a.decoder_state.size() == b.decoder_state.size());
  for (const auto& [name, tensor] : a.decoder_state) CHECK(same(tensor, b.decoder_state.at(name)));
  REQUIRE(a.head.has_value() == b.head.has_value());
  if (!a.head) return;
  CHECK(a.head->config == b.head->config);
  CHECK(a.head->detector_sha256 == b.head->detector_sha256);
  REQUIRE(a.head->state.size() == b.head->state.size());
  for (const auto& [name, tensor] : a.head->state) CHECK(same(tensor, b.head->state.at(name)));
}

}  // namespace

TEST_CASE("dense model: what is written is read, and the same bytes every time", "[dense_model]") {
  for (const Index hidden : {-1, 0, 4}) {  // -1: no head
    CAPTURE(hidden);
    const TemporaryFolder folder;
    DenseModel wanted = tiny_dense_model(std::max<Index>(hidden, 0));
    if (hidden < 0) wanted.head.reset();
    write_dense_model(folder.file("a"), wanted, IfExists::refuse);
    write_dense_model(folder.file("b"), wanted, IfExists::refuse);
    CHECK(bytes_in(folder.file("a")) == bytes_in(folder.file("b")));
    const DenseModel found = read_dense_model(folder.file("a"));
    check_same(found, wanted);
    CHECK(found.sha256.size() == 64);
    CHECK(found.sha256 == read_described_state(folder.file("a"), kSchema).sha256);
    // And what was read is the same again.
    write_dense_model(folder.file("c"), found, IfExists::refuse);
    check_same(read_dense_model(folder.file("c")), wanted);
  }
}

namespace {

// A head that reads maps at the five landmarks and colours too, with one set of weights.
DenseModel model_with_points() {
  DenseModel model = tiny_dense_model(4);
  DenseHeadConfig& config = model.head->config;
  config.points = parse_feature_maps("context.1,backbone.0");
  config.point_channels = 7;
  config.colours = 4;
  config.shared = true;
  DenseHead head(config);
  initialize(head, {.scheme = InitScheme::xavier_uniform}, 2);
  model.head->state = head.state_dict();
  return model;
}

}  // namespace

TEST_CASE("dense model: maps, colours and shared weights are keys that others lack",
          "[dense_model]") {
  const TemporaryFolder folder;
  const DenseModel wanted = model_with_points();
  write_dense_model(folder.file("a"), wanted, IfExists::refuse);
  check_same(read_dense_model(folder.file("a")), wanted);
  const Json head = read_described_state(folder.file("a"), kSchema).description["head"];
  CHECK(head["points"] == Json{"context.1", "backbone.0"});
  CHECK(head["point_channels"] == 7);
  CHECK(head["colours"] == 4);
  CHECK(head["shared"] == true);
  // Files of before are what they were.
  write_dense_model(folder.file("b"), tiny_dense_model(), IfExists::refuse);
  const Json before = read_described_state(folder.file("b"), kSchema).description["head"];
  for (const char* const key : {"points", "point_channels", "colours", "shared"})
    CHECK_FALSE(before.contains(key));
}

TEST_CASE("dense model: maps that make no sense are refused", "[dense_model][error]") {
  const auto refused = [](const std::function<void(Json&)>& change) {
    return refusal([&](Json& j, StateDict&) { change(j["head"]); }, model_with_points());
  };
  for (const Json& points : {Json::array(), Json(7), Json("context.0"), Json(Json::object())})
    CHECK(holds(refused([&](Json& head) { head["points"] = points; }), "points"));
  for (const char* const map : {"", "context", "context.", "context.x", "context.-1", "neck.0",
                                "context.2", "backbone.99999999999999999999", "context.0 "})
    CHECK(holds(refused([&](Json& head) { head["points"] = {map}; }), "its head's points: "));
  CHECK(holds(refused([](Json& head) { head["points"] = {1}; }), "another type"));
  CHECK(holds(refused([](Json& head) { head["colours"] = 6; }), "colours of 6 vertices"));
  CHECK(holds(refused([](Json& head) { head["colours"] = 0; }), "0 for colours"));
  CHECK(holds(refused([](Json& head) { head["colours"] = "all"; }), "colours"));
  CHECK(holds(refused([](Json& head) { head["colours"] = 3; }), "numbers, but"));
  CHECK(
      holds(refused([](Json& head) { head["points"] = std::vector<std::string>(17, "context.0"); }),
            "1 to 16"));
  for (const Json& value : {Json(0), Json(-1), Json(100'001), Json("7")})
    CHECK(holds(refused([&](Json& head) { head["point_channels"] = value; }), "point_channels"));
  CHECK(holds(refused([](Json& head) { head.erase("point_channels"); }), "lacks a key"));
  CHECK(holds(refused([](Json& head) { head["point_channels"] = 8; }), "its head has"));
  CHECK(holds(refused([](Json& head) { head.erase("points"); }), "its head has"));
  CHECK(holds(refused([](Json& head) { head["shared"] = false; }), "its head has"));
  CHECK(holds(refused([](Json& head) { head["shared"] = 1; }), "another type"));
}

TEST_CASE("dense model: its networks compute what those that were written did", "[dense_model]") {
  const TemporaryFolder folder;
  const DenseModel wanted = tiny_dense_model();
  write_dense_model(folder.file("a"), wanted, IfExists::refuse);
  const DenseModel found = read_dense_model(folder.file("a"));
  const Var code(random_tensor({2, 3}, 1));
  CHECK(same(make_decoder(found)->forward(code).value(),
             make_decoder(wanted)->forward(code).value()));
  const DenseInputs in{.counts = {1, 0, 0, 1},
                       .features = Var(random_tensor({2, 5}, 2)),
                       .five = random_tensor({2, 5, 2}, 3),
                       .camera = random_tensor({2, 7}, 4)};
  CHECK(same(make_head(found)->forward(in).camera.value(),
             make_head(wanted)->forward(in).camera.value()));
  CHECK(same(mean_face(found), wanted.decoder_state.at("mean")));
  for (const auto& [name, var] : make_head(found)->named_parameters())
    CHECK_FALSE(var.requires_grad());
}

TEST_CASE("dense model: a full disk, or a file that is there, stays as it was", "[dense_model]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("d");
  const DenseModel model = tiny_dense_model();
  write_dense_model(path, model, IfExists::refuse);
  const std::string before = bytes_in(path);
  CHECK_THROWS_AS(write_dense_model(path, model, IfExists::refuse), FileError);
  {
    const FullDisk full(1000);
    CHECK_THROWS_AS(write_dense_model(path, model, IfExists::replace), FileError);
  }
  CHECK(bytes_in(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("dense model: cut and flipped files are refused, or are what they were",
          "[dense_model][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("d");
  const DenseModel wanted = tiny_dense_model();
  write_dense_model(path, wanted, IfExists::refuse);
  const std::string file = bytes_in(path);
  const Refusals refusals =
      damage(file, path, kSanitized ? 401 : 97, [&](const std::string& damaged) {
        std::ofstream(path, std::ios::binary) << damaged;
        const DenseModel found = read_dense_model(path);
        // Text may have changed; the networks may not.
        for (const auto& [name, tensor] : wanted.decoder_state)
          CHECK(same(tensor, found.decoder_state.at(name)));
        return found;
      });
  CHECK(refusals.cuts > 0);
  CHECK(refusals.flips > 0);
}

TEST_CASE("dense model: what is none is refused", "[dense_model][error]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("d");
  const auto what = [&] { return thrown<ModelError>([&] { return read_dense_model(path); }); };
  CHECK(what().starts_with(path + ": "));  // there is none
  std::ofstream(path) << "no file of ours";
  CHECK(what().starts_with(path + ": "));
  write_safetensors(path, {{"a", Tensor::zeros({1})}}, {}, IfExists::replace);
  CHECK(holds(what(), path + ": is no file of the dense branch"));
  CHECK(refusal([](Json&, StateDict&) {}) == "nothing thrown");
  CHECK(
      holds(refused_text([](Json& j) { j["schema"] = "retinaface-dense/2"; }), "another version"));
}

TEST_CASE("dense model: a description that lacks a key is refused", "[dense_model][error]") {
  for (const char* const key : {"licence", "provenance", "decoder", "landmarks5", "landmarks68"})
    CHECK(holds(refused_text([&](Json& j) { j.erase(key); }), "lacks a key"));
  for (const char* const key : {"code", "order", "widths", "vertices"})
    CHECK(holds(refused_text([&](Json& j) { j["decoder"].erase(key); }), "lacks a key"));
  for (const char* const key :
       {"channels", "levels", "anchors", "hidden", "pivot", "detector_sha256"})
    CHECK(holds(refused_text([&](Json& j) { j["head"].erase(key); }), "lacks a key"));
  for (const char* const key : {"licence", "decoder", "landmarks5", "head"})
    CHECK(holds(refused_text([&](Json& j) { j[key] = 7; }), "another type"));
}

TEST_CASE("dense model: sizes that lie are refused before memory is taken for them",
          "[dense_model][error]") {
  for (const char* const key : {"code", "order"}) {
    for (const Json& value : {Json(0), Json(-1), Json(1.5), Json(1e300), Json("7"), Json(100001)})
      CHECK(holds(refused_text([&](Json& j) { j["decoder"][key] = value; }), key));
    for (const Index value : {4, 100'000})
      CHECK(holds(refused_text([&](Json& j) { j["decoder"][key] = value; }), "its decoder has"));
  }
  for (const char* const key : {"channels", "levels", "anchors", "hidden"}) {
    for (const Json& value : {Json(-1), Json(1e300), Json("7"), Json(100001)})
      CHECK(holds(refused_text([&](Json& j) { j["head"][key] = value; }), key));
    for (const Index value : {1, 100'000})
      CHECK(holds(refused_text([&](Json& j) { j["head"][key] = value; }), "its head has"));
  }
  CHECK(holds(refused_text([](Json& j) {
                for (const char* const key : {"channels", "levels", "anchors", "hidden"})
                  j["head"][key] = 100'000;
              }),
              "its head has"));
  for (const Json& widths : {Json{3}, Json{3, 2, 2}, Json{3, 0}, Json{3, -2}, Json{3, 1'000'000}})
    CHECK(holds(refused_text([&](Json& j) { j["decoder"]["widths"] = widths; }),
                "from 2 to 16 levels"));
  CHECK(holds(refused_text([](Json& j) {
                j["decoder"]["widths"] = {100'000, 100'000};
              }),
              "its decoder has"));
  // As many numbers, in other shapes.
  CHECK(holds(refused_text([](Json& j) {
                j["head"]["levels"] = 4;
                j["head"]["anchors"] = 1;
              }),
              "nothing thrown"));
  CHECK(holds(refused_text([](Json& j) { j["head"]["pivot"] = {1, 2}; }), ""));
  CHECK_FALSE(holds(refused_text([](Json& j) { j["head"]["pivot"] = {1, 2}; }), "nothing thrown"));
}

TEST_CASE("dense model: levels that do not follow each other are refused", "[dense_model][error]") {
  const auto levels = [](const Json& vertices) {
    return refused_text([&](Json& j) { j["decoder"]["vertices"] = vertices; });
  };
  CHECK(holds(levels({4}), "from 2 to 16 levels"));
  CHECK(holds(levels({4, 5, 6}), "from 2 to 16 levels"));
  CHECK(holds(levels({4, 0}), "from 2 to 16 levels"));
  CHECK(holds(levels({4, 6}), "level.1.up.vertices"));
  CHECK(holds(levels({4, 4}), "level.1.triangles names vertex 4 of 4"));
  CHECK(holds(levels({3, 5}), "level.0.triangles names vertex 3 of 3"));
  CHECK(holds(levels({6, 5}), "its decoder has"));
  CHECK(holds(levels({1'000'000, 5}), "from 2 to 16 levels"));
}

TEST_CASE("dense model: landmarks that are no vertices are refused", "[dense_model][error]") {
  for (const Json& rows : {Json{0, 1, 2, 3}, Json{0, 1, 2, 3, 4, 0}, Json{0, 1, 2, 3, 5},
                           Json{0, 1, 2, 3, -1}, Json::array()})
    CHECK(holds(refused_text([&](Json& j) { j["landmarks5"] = rows; }),
                "landmarks5 must be 5 vertices of 5"));
  CHECK(holds(refused_text([](Json& j) { j["landmarks68"].erase(67); }),
              "landmarks68 must be 68 vertices of 5"));
  CHECK(holds(refused_text([](Json& j) { j["landmarks68"][40] = 99; }), "landmarks68 must be"));
  CHECK(holds(refused_text([](Json& j) { j["landmarks5"][2] = "nose"; }), "another type"));
}

TEST_CASE("dense model: tensors that do not fit are refused", "[dense_model][error]") {
  for (const char* const name :
       {"level.0.triangles", "level.1.triangles", "level.1.up.vertices", "level.1.up.weights"}) {
    CHECK(holds(refused_numbers([&](StateDict& s) { s.erase(name); }), name));
    CHECK(holds(refused_numbers([&](StateDict& s) { s[name] = Tensor::zeros({5, 4}); }), name));
    CHECK(holds(refused_numbers([&](StateDict& s) {
                  s[name] = Tensor::zeros({5, 3}, DType::f64);
                }),
                "must be "));
    CHECK(holds(refused_numbers([&](StateDict& s) { s[name] = Tensor::zeros({15}, DType::i32); }),
                name));
  }
  for (const std::int32_t vertex : {-1, 4, 1 << 30})
    CHECK(holds(refused_numbers([&](StateDict& s) {
                  s.at("level.1.up.vertices").data<std::int32_t>()[14] = vertex;
                }),
                "level.1.up.vertices names vertex"));
  CHECK(holds(
      refused_numbers([](StateDict& s) { s.at("level.1.triangles").data<std::int32_t>()[3] = 5; }),
      "level.1.triangles names vertex 5 of 5"));
  for (const char* const name : {"decoder/fc.weight", "decoder/mean", "decoder/last.bias",
                                 "head/out.3.weight", "head/hidden.0.bias", "head/feature_mean"}) {
    CAPTURE(name);
    CHECK(holds(refused_numbers([&](StateDict& s) { s.erase(name); }), " has "));
    CHECK(holds(refused_numbers([&](StateDict& s) { s[name] = s.at(name).to(DType::f64); }),
                "must be f32"));
    // As many numbers under another name, or in another shape.
    CHECK(holds(refused_numbers([&](StateDict& s) {
                  s[std::string(name) + "x"] = s.at(name);
                  s.erase(name);
                }),
                "does not fit its description"));
    CHECK(holds(refused_numbers([&](StateDict& s) {
                  s[name] = s.at(name).reshaped({1, s.at(name).numel(), 1});
                }),
                "does not fit its description"));
  }
  CHECK(holds(refused_numbers([](StateDict& s) { s["head/extra"] = Tensor::zeros({1}); }),
              "its head has"));
}

TEST_CASE("dense model: numbers that are not finite are refused", "[dense_model][error]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const char* const name : {"decoder/fc.weight", "decoder/mean", "head/out.0.weight",
                                   "head/feature_deviation", "level.1.up.weights"}) {
      const std::string what =
          refused_numbers([&](StateDict& s) { s.at(name).data<float>()[2] = bad; });
      CHECK(holds(what, name));
      CHECK(holds(what, "holds the number"));
    }
  }
}

TEST_CASE("dense model: without a head there is no branch, and heads know their detector",
          "[dense_model][error]") {
  DenseModel model = tiny_dense_model();
  LoadedModel detector{"m", "none", "d", {}, {}};
  detector.config.neck.channels = 5;
  detector.config.anchors = {{8, 4, {16, 32}}, {16, 8, {64, 128}}};
  CHECK_NOTHROW(check_detector(model, detector));
  detector.config.anchors.pop_back();
  CHECK(holds(thrown<ModelError>([&] {
                check_detector(model, detector);
                return 0;
              }),
              "other sizes than the detector"));
  detector.sha256 = "0123456789abcdef";
  const std::string what = thrown<UsageError>([&] {
    check_detector(model, detector);
    return 0;
  });
  CHECK(holds(what, "0123456789ab"));
  CHECK_NOTHROW(DenseBranch(model));
  model.head.reset();
  CHECK_NOTHROW(check_detector(model, detector));
  CHECK_THROWS_AS(DenseBranch(model), ModelError);
}

}  // namespace rf::test
