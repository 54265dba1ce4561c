#include "retinaface/training/checkpoint.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "tests/support.hpp"
#include "weights/safetensors.hpp"

namespace rf::test {

namespace {

using Json = nlohmann::json;

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.step = 1200;
  checkpoint.options.data = {"faces", "more:0.5"};
  checkpoint.options.lr = 0.25;
  checkpoint.options.sizes = {320, 640};
  checkpoint.data_sha256 = "d";
  checkpoint.teacher_sha256 = "t";
  checkpoint.best_step = 900;
  checkpoint.best_ap = 0.75;
  checkpoint.state.emplace("model/a", random_tensor({3, 4}, 1));
  checkpoint.state.emplace("optimizer/steps/a", Tensor::zeros({1}, DType::i64));
  return checkpoint;
}

// What reading says of the example with its description changed.
std::string refusal(const std::function<void(Json&)>& change) {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  write_checkpoint(path, example());
  SafetensorsFile file = read_safetensors(path);
  Json json = Json::parse(file.metadata.at("retinaface-checkpoint"));
  change(json);
  StateDict tensors;
  for (const auto& [name, tensor] : file.tensors) tensors.emplace(name, tensor.clone());
  write_safetensors(path, tensors, {{"retinaface-checkpoint", json.dump()}}, IfExists::replace);
  try {
    (void)read_checkpoint(path);
  } catch (const ModelError& error) {
    const std::string what = error.what();
    CHECK(what.starts_with(path + ": "));
    return what;
  }
  return "";
}

}  // namespace

TEST_CASE("checkpoint: what is written is read", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  const Checkpoint wanted = example();
  write_checkpoint(path, wanted);
  const Checkpoint found = read_checkpoint(path);
  CHECK(found.step == 1200);
  CHECK(to_json(found.options) == to_json(wanted.options));
  CHECK(found.data_sha256 == "d");
  CHECK(found.teacher_sha256 == "t");
  CHECK(found.best_step == 900);
  CHECK(found.best_ap == 0.75);
  REQUIRE(found.state.size() == 2);
  CHECK(relative_error(found.state.at("model/a"), wanted.state.at("model/a")) == 0);
}

TEST_CASE("checkpoint: a full disk leaves the old one whole", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  write_checkpoint(path, example());
  Checkpoint larger = example();
  larger.step = 1201;
  larger.state.emplace("model/b", random_tensor({100, 100}, 2));
  {
    const FullDisk full(20000);
    CHECK_THROWS_AS(write_checkpoint(path, larger), FileError);
  }
  CHECK(read_checkpoint(path).step == 1200);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("checkpoint: a description that lies is refused, and says where", "[checkpoint]") {
  using Catch::Contains;
  CHECK(refusal([](Json&) {}).empty());
  CHECK_THAT(refusal([](Json& j) { j["schema"] = "retinaface-checkpoint/2"; }),
             Contains("another version"));
  CHECK_THAT(refusal([](Json& j) { j["sha256"] = "0"; }), Contains("damaged"));
  for (const char* const key : {"step", "best_step"}) {
    CHECK_THAT(refusal([&](Json& j) { j[key] = -1; }), Contains(key));
    CHECK_THAT(refusal([&](Json& j) { j[key] = 1e300; }), Contains(key));
    CHECK_THAT(refusal([&](Json& j) { j[key] = (std::uint64_t{1} << 63) - 1; }), Contains(key));
    CHECK_THAT(refusal([&](Json& j) { j[key] = "7"; }), Contains(key));
  }
  CHECK_THAT(refusal([](Json& j) { j["best_step"] = 1201; }), Contains("after step 1200"));
  CHECK_THAT(refusal([](Json& j) { j.erase("data_sha256"); }), Contains("lacks a key"));
  CHECK_THAT(refusal([](Json& j) { j["options"].erase("lr"); }), Contains("lr"));
  CHECK_THAT(refusal([](Json& j) { j["options"]["lr"] = "fast"; }), Contains("lr"));
  CHECK_THAT(refusal([](Json& j) { j = Json::array(); }), Contains("another version"));
}

TEST_CASE("checkpoint: files of a folder are found by their exact names, and pruned",
          "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string at = folder.path().string();
  CHECK(checkpoint_path(at, 12) == at + "/checkpoint-00000012.safetensors");
  Checkpoint checkpoint = example();
  for (const Index step : {5, 10, 15, 20, 123456789})
    write_checkpoint(checkpoint_path(at, step), checkpoint);
  for (const char* const other :
       {"checkpoint-6.safetensors", "checkpoint-00000007.safetensors.x", "checkpoint-.safetensors",
        "checkpoint--0000001.safetensors", "last.safetensors"})
    write_checkpoint(folder.file(other), checkpoint);
  CHECK(checkpoint_steps(at) == std::vector<Index>{5, 10, 15, 20, 123456789});
  prune_checkpoints(at, 2, 10);
  CHECK(checkpoint_steps(at) == std::vector<Index>{10, 20, 123456789});
  CHECK(std::filesystem::exists(folder.file("checkpoint-6.safetensors")));
  CHECK_THROWS_AS(checkpoint_steps(folder.file("nowhere")), FileError);
}

}  // namespace rf::test
