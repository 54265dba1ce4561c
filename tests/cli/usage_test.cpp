// What is wrong with the command line or the model: one line and the right exit code.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/state_dict.hpp"
#include "tests/cli/images.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/model_fixture.hpp"
#include "tests/support.hpp"
#include "weights/model_file.hpp"

namespace rf::test {

namespace {

// Checks for one complaint that holds `text`, nothing on stdout, and the exit code.
void check_refused(const Outcome& outcome, int exit_code, const std::string& text) {
  CAPTURE(outcome.err, outcome.out, text);
  CHECK(outcome.exit_code == exit_code);
  CHECK(outcome.out.empty());
  REQUIRE(outcome.complaints().size() == 1);
  CHECK(outcome.complaints()[0].starts_with("retinaface: "));
  CHECK(outcome.complaints()[0].find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("without arguments the program shows three examples") {
  const Outcome outcome = run_program({});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  std::size_t examples = 0;
  for (std::size_t at = 0; (at = outcome.out.find("\n  retinaface ", at)) != std::string::npos;
       ++at)
    ++examples;
  CHECK(examples == 3);
}

TEST_CASE("the program tells its version and explains its verbs") {
  const Outcome version = run_program({"--version"});
  CHECK(version.exit_code == 0);
  CHECK(version.out.starts_with("retinaface "));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"help", "detect"}, {"detect", "--help"}, {"detect", "-h"}}) {
    const Outcome help = run_program(arguments);
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    for (const char* expected :
         {"Usage: retinaface detect", "--score", "Default 0.5", "--wider", "Exit codes"}) {
      CAPTURE(expected, help.out);
      CHECK(help.out.find(expected) != std::string::npos);
    }
  }
  for (const char* verb :
       {"detect", "convert", "info", "eval", "train", "mesh", "render", "synth", "bench"}) {
    CHECK(run_program({"--help"}).out.find(verb) != std::string::npos);
    CHECK(run_program({"help", verb}).exit_code == 0);
  }
  check_refused(run_program({"help", "fly"}), 2, "fly");
}

TEST_CASE("flags that mean nothing are refused before anything is read") {
  const auto refused = [](std::vector<std::string> flags, const std::string& text) {
    flags.insert(flags.begin(), {"detect", "nothing.jpg", "--model", "nothing.pth"});
    check_refused(run_program(flags), 2, text);
  };
  refused({"--size", "0x0"}, "0x0");
  refused({"--size", "640"}, "640");
  refused({"--size", "long:-3"}, "long:-3");
  refused({"--frobnicate"}, "--frobnicate");
  refused({"--score", "2"}, "--score: 2 is not a number from 0 to 1");
  refused({"--score", "nan"}, "--score");
  refused({"--score", "high"}, "--score");
  refused({"--nms", "-0.1"}, "--nms");
  refused({"--threads", "0"}, "--threads: 0 is not a number from 1 to 1024");
  refused({"--threads", "1.5"}, "--threads");
  refused({"--threads", "1000000"}, "--threads");
  for (const char* jobs :
       {"0", "-1", "1025", "1.5", "nan", "two", "4x", "", "99999999999999999999"})
    refused({"--jobs", jobs}, "--jobs");
  refused({"--isa", "mmx"}, "--isa mmx");
  refused({"--json", "--csv"}, "--json");
  refused({"--json", "--jsonl"}, "--json");
  refused({"--align", "112"}, "--crops");
  refused({"--max-pixels", "0"}, "--max-pixels");
  refused({"other.jpg", "--draw", "one.png"}, "--draw one.png");
  refused({"--model", "twice.pth"}, "--model");
  check_refused(run_program({"detect", "--model", "m"}), 2, "no image is named");
  check_refused(run_program({"info", "--image", "0x5"}), 2, "0x5");
  check_refused(run_program({"info", "--image", "long:5"}), 2, "long:5");
  check_refused(run_program({"fly"}), 2, "fly");
}

TEST_CASE("environment variables that mean nothing are refused") {
  const std::vector<std::string> arguments{"detect", "nothing.jpg", "--model", "nothing.pth"};
  check_refused(run_program(arguments, {.environment = {"RF_ISA=mmx"}}), 2, "RF_ISA=mmx");
  check_refused(run_program(arguments, {.environment = {"RF_THREADS=many"}}), 2, "RF_THREADS");
}

TEST_CASE("a model file that is no model gives exit code 4 and names the file") {
  const TemporaryFolder folder;
  const std::string photo = folder.file("photo.ppm"), model = folder.file("model.pth");
  put(photo, noise_ppm(32, 32));
  const auto refused = [&](const std::string& path) {
    check_refused(run_program({"detect", photo, "--model", path}), 4, path);
    check_refused(run_program({"info", path}), 4, path);
    check_refused(run_program({"bench", photo, "--model", path}), 4, path);
  };
  refused(folder.file("missing.pth"));
  refused(folder.path().string());
  refused(photo);
  put(model, "");
  refused(model);
  put(model, "this is a text");
  refused(model);

  const std::string whole = folder.file("whole.safetensors");
  write_random_model(whole);
  const std::string bytes = get(whole);
  put(model, bytes.substr(0, bytes.size() / 2));
  refused(model);
  std::string flipped = bytes;
  flipped[flipped.size() - 9] = static_cast<char>(flipped[flipped.size() - 9] ^ 1);
  put(model, flipped);
  refused(model);

  SECTION("another architecture") {
    ModelFile other;
    other.description = light_model_description();
    other.tensors.emplace("transformer.weight", Tensor::zeros({3, 3}));
    write_model(model, other, IfExists::replace);
    refused(model);
  }
  SECTION("a tensor of another shape") {
    ModelFile other = read_model(whole);
    StateDict& tensors = other.tensors;
    tensors.begin()->second = Tensor::zeros({7});
    write_model(model, other, IfExists::replace);
    refused(model);
  }
}

TEST_CASE("an abort ends with exit code 70") {
  // SIGABRT is what a failed assertion raises; the program is sent one while it waits for its list.
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  const std::string script = "mkfifo " + folder.file("list") + "; exec 9<>" + folder.file("list") +
                             "; " + std::string(RF_CLI_BINARY) + " detect - --model " + model +
                             " <&9 >/dev/null 2>&1 & " +
                             "pid=$!; sleep 0.5; kill -ABRT $pid; wait $pid";
  const int status = std::system(("bash -c '" + script + "'").c_str());
  CHECK(WEXITSTATUS(status) == 70);
}

TEST_CASE("info shows program, machine, model card and face sizes") {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.safetensors");
  write_random_model(model);
  const Outcome text = run_program({"info", model, "--size", "long:640", "--image", "1280x960"});
  CHECK(text.exit_code == 0);
  // The scale is 1/2 and the anchors are 16 to 512 pixels.
  CHECK(text.out.find("seen as 640x480: the anchors are made for faces of 32 to 1024 pixels") !=
        std::string::npos);
  CHECK(text.out.find("mobilenet0.25 with random weights") != std::string::npos);

  const Outcome outcome =
      run_program({"info", model, "--json"}, {.environment = {"RF_ISA=scalar", "RF_THREADS=3"}});
  REQUIRE(outcome.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(outcome.out);
  CHECK(json["schema"] == "retinaface-info/1");
  CHECK(json["program"]["isa"] == "scalar");
  CHECK(json["program"]["isa_reason"] == "RF_ISA");
  CHECK(json["program"]["threads"] == 3);
  CHECK(json["program"]["threads_from"] == "RF_THREADS");
  CHECK(json["model"]["format"] == "safetensors");
  CHECK(json["model"]["parameters"] ==
        426608);  // as the public release has (its README's count of trainable ones)
  CHECK(json["model"]["sha256"].get<std::string>().size() == 64);
  CHECK(json["face_sizes"]["smallest_face"] == 16);
  CHECK(json["face_sizes"]["largest_face"] == 512);
  CHECK(run_program({"info"}).exit_code == 0);
}

TEST_CASE("info draws a network that has learned nothing") {
  const TemporaryFolder folder;
  const std::string svg = folder.file("network.svg");
  const std::vector<std::string> paper = {"info", "--network", "paper", "--backbone", "resnet18"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = paper;
    all.insert(all.end(), more.begin(), more.end());
    return run_program(all);
  };
  const Outcome drawn = with({"--image", "640x640", "--tree", "--svg", svg});
  CHECK(drawn.exit_code == 0);
  CHECK_THAT(drawn.out, Catch::Contains("102\u202f300 anchors x 10") &&
                            Catch::Contains("P6  256 x 10 x 10") &&
                            Catch::Contains("modulated deformable 3x3"));
  std::ifstream file(svg);
  const std::string picture{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(picture, Catch::StartsWith("<svg") && Catch::EndsWith("</svg>\n") &&
                          Catch::Contains(">P6<") && Catch::Contains("256 x 160 x 160"));
  check_refused(with({"--svg", svg}), 3, svg);  // is there
  CHECK(with({"--svg", svg, "--overwrite", "--json"}).exit_code == 0);
  const auto json = nlohmann::json::parse(with({"--tree", "--json"}).out);
  CHECK(json["parts"].size() == 4 + 5 + 5);
  CHECK(json["parts"][0]["output"] == nlohmann::json{64, 120, 160});
  check_refused(with({"--stem", "7x7"}), 2, "--stem 7x7");
  check_refused(run_program({"info", "--backbone", "vgg"}), 2, "vgg");
  check_refused(with({svg}), 2, "--network");
  CHECK_THAT(with({}).out, Catch::Contains("256 channels, deformable (v2), heads shared"));
  check_refused(run_program({"info", "--tree"}, {.program = RF_BARE_BINARY}), 2, "--model");
}

TEST_CASE("info --plan shows every step of the network for a picture") {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.safetensors");
  write_random_model(model);
  const Outcome outcome =
      run_program({"info", model, "--image", "64x48", "--plan", "--json", "--threads"});
  CHECK(outcome.exit_code == 2);  // not a flag of info
  const auto plan = nlohmann::json::parse(
      run_program({"info", model, "--image", "64x48", "--plan", "--json"}).out)["plan"];
  double flops = 0;
  std::size_t convolutions = 0, merged = 0;
  for (const auto& step : plan["steps"]) {
    flops += step["flops"].get<double>();
    if (step["op"] == "conv2d") ++convolutions;
    if (step["op"] == "conv2d_parts") ++merged;
    CHECK(step["ms"] >= 0);
    CHECK(step["op"] != "batch_norm");
    // Winograd's kernels have (m + 2)^2 products for each tile of m x m outputs.
    const double products = step["kernel_flops"], defined = step["flops"];
    const std::string kernel = step["kernel"];
    if (kernel.starts_with("Winograd ")) {
      const Index m = kernel.back() - '0', h = step["output"][2], w = step["output"][3];
      CHECK(products * static_cast<double>(h * w * 9) ==
            Approx(defined *
                   static_cast<double>(ceil_div(h, m) * ceil_div(w, m) * (m + 2) * (m + 2))));
    } else {
      CHECK(products == defined);
    }
    CHECK((step["bound"] == "arithmetic" || step["bound"] == "memory"));
    if (defined == 0) CHECK(step["bound"] == "memory");
    const double ms = step["ms"], predicted = step["predicted_ms"];
    if (predicted > 0.002)  // four decimals are printed
      CHECK(step["share_of_limit"].get<double>() == Approx(predicted / ms).epsilon(0.1));
  }
  CHECK(convolutions == 27 + 5 + 3);  // backbone, pyramid, the last one of each context module
  CHECK(merged == 3 * 2 + 3);         // context modules: two of two each; heads: three of three
  CHECK(flops > 1e6);
  CHECK(plan["memory_bytes"] > 0);
  CHECK(plan["machine"]["peak_gflop_s"] > 0);
  CHECK(plan["machine"]["memory"].size() >= 1);
  const Outcome table = run_program({"info", model, "--image", "64x48", "--plan"});
  CHECK(table.out.find("| conv2d |") != std::string::npos);
  CHECK(!nlohmann::json::parse(run_program({"info", model, "--json"}).out).contains("plan"));
}

TEST_CASE("the public weights run as they are", "[shared]") {
  for (const char* name :
       {"mobilenet0.25_Final.pth", "mobilenet0.25_zip_format.pth", "mnet.25-0000.params"}) {
    const auto model = shared_file(std::string("weights/") + name);
    const auto photos = shared_file("data/photos");
    if (!model || !photos) continue;
    const Outcome card = run_program({"info", model->string(), "--json"});
    REQUIRE(card.exit_code == 0);
    CHECK(nlohmann::json::parse(card.out)["model"]["backbone"] == "mobilenet0.25");
    const Outcome found = run_program(
        {"detect", photos->string(), "--model", model->string(), "--size", "long:1024", "--json"});
    CAPTURE(name, found.err);
    REQUIRE(found.exit_code == 0);
    const nlohmann::json json = nlohmann::json::parse(found.out);
    for (const auto& image : json["images"]) CHECK(image["faces"].size() >= 5);
  }
  const auto backbone = shared_file("weights/mobilenetV1X0.25_pretrain.tar");
  if (backbone) check_refused(run_program({"info", backbone->string()}), 4, backbone->string());
}

}  // namespace rf::test
