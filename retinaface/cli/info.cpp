// retinaface info: this build, this CPU, and what a model file says about itself.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "layers/init.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/plan_table.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/network_drawing.hpp"
#include "retinaface/networks.hpp"
#include "retinaface/pipeline.hpp"
#include "weights/embedded_model.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InfoFlags {
  std::string model, size = "original", image = "640x480", svg;
  std::optional<NetworkChoice> network;  // instead of a model
  bool plan = false, json = false, tree = false, overwrite = false;
};

// "WxH" of a picture; the numbers are judged as those of a size rule.
ImageSize parse_image_size(const std::string& text) {
  try {
    if (text.find('x') == std::string::npos || text.find(':') != std::string::npos)
      throw UsageError("no WxH");
    return SizeRule::parse(text).canvas({1, 1});
  } catch (const UsageError&) {
    throw UsageError(message(
        "--image ", text, ": WIDTHxHEIGHT is needed, each from 1 to 65536, for example 4000x3000"));
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const KernelTable* table : supported_kernel_tables()) names.emplace_back(table->name);
  return names;
}

Json program_json() {
  const ThreadLimit threads = thread_limit();
  return {{"version", version()},           {"build", build()},
          {"compiler", compiler()},         {"cpu", cpu_name()},
          {"cpu_features", cpu_features()}, {"isa", kernels().name},
          {"isa_reason", kernels_reason()}, {"isa_supported", supported_isas()},
          {"threads", threads.count},       {"threads_from", threads.source}};
}

Index parameter_count(const ModelConfig& config) {
  Index count = 0;
  for (const auto& [name, var] : RetinaFace(config).named_parameters())
    count += var.value().numel();
  return count;
}

const char* activation_name(const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::none: return "none";
    case Activation::Kind::relu: return "relu";
    case Activation::Kind::leaky_relu: return "leaky_relu";
  }
  return "unknown";
}

Json model_json(const LoadedModel& model) {
  const ModelConfig& config = model.config;
  const Json described = Json::parse(to_json(config));
  return {{"path", model.path},
          {"name", config.name},
          {"format", model.format},
          {"sha256", model.sha256},
          {"licence", config.licence},
          {"provenance", config.provenance},
          {"tensors", model.tensors.size()},
          {"parameters", parameter_count(config)},
          {"backbone", config.backbone.name},
          {"activation", activation_name(config.backbone.activation)},
          {"arch", described["arch"]},
          {"input", described["input"]},
          {"anchors", described["anchors"]},
          {"coding", described["coding"]},
          {"nms", described["nms"]}};
}

Json sizes_json(const Pipeline& pipeline, ImageSize picture) {
  const ImageSize seen = pipeline.size_rule().canvas(picture);
  const Pipeline::FaceSizes faces = pipeline.face_sizes(picture);
  return {{"image", {picture.width, picture.height}},
          {"size", pipeline.size_rule().text()},
          {"network_input", {seen.width, seen.height}},
          {"smallest_face", faces.smallest},
          {"largest_face", faces.largest}};
}

std::string line(const std::string& name, const std::string& value) {
  return name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + one_line(value) + "\n";
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string program_text(const Json& program) {
  return line("retinaface", version() + " (" + build() + ", " + compiler() + ")") +
         line("CPU", cpu_name()) + line("features", join(cpu_features())) +
         line("kernels", text_of(program["isa"]) + " (" + text_of(program["isa_reason"]) + ")") +
         line("supported", join(supported_isas())) +
         line("threads",
              text_of(program["threads"]) + " (" + text_of(program["threads_from"]) + ")");
}

std::string model_text(const Json& model) {
  std::string text = "\n";
  for (const char* key : {"name", "path", "format", "sha256", "licence", "provenance"}) {
    text += line(key[0] == 'n' ? "model" : key, text_of(model[key]));
  }
  text += line("network", text_of(model["backbone"]) + ", " + text_of(model["activation"]) + ", " +
                              text_of(model["parameters"]) + " parameters in " +
                              text_of(model["tensors"]) + " tensors with batch-norm statistics");
  const Json &neck = model["arch"]["neck"], &backbone = model["arch"]["backbone"];
  text +=
      line("layers",
           text_of(neck["channels"]) + " channels, " +
               (neck.contains("deformation") ? "deformable (" + text_of(neck["deformation"]) + "), "
                                             : std::string()) +
               (backbone.contains("stem") ? text_of(backbone["stem"]) + " stem, " : std::string()) +
               (model["arch"]["heads"] == "shared" ? "heads shared by all levels"
                                                   : "heads of its own for each level"));
  text += line("input", text_of(model["input"]["order"]) + ", minus " +
                            text_of(model["input"]["mean"]) + ", times " +
                            text_of(model["input"]["scale"]));
  for (const Json& level : model["anchors"]) {
    text += line("anchors", "stride " + text_of(level["stride"]) + ": squares of " +
                                text_of(level["sizes"]) + " pixels, first centre at " +
                                text_of(level["offset"]));
  }
  const auto plus_one = [](const Json& rule) {
    return rule["plus_one"].get<bool>() ? ", sides count x2 - x1 + 1" : "";
  };
  const Json& coding = model["coding"];
  text += line("coding", "variances " + text_of(coding["centre_variance"]) + " (centre), " +
                             text_of(coding["size_variance"]) + " (size)" + plus_one(coding) +
                             (coding["clip"].get<bool>() ? ", cut to the image" : ""));
  return text + line("NMS", "IoU above " + text_of(model["nms"]["iou"]) + plus_one(model["nms"]));
}

std::string sizes_text(const Json& sizes) {
  const Json &image = sizes["image"], &seen = sizes["network_input"];
  return "\n" +
         line("face sizes", message("an image of ", image[0], "x", image[1], " with --size ",
                                    text_of(sizes["size"]), " is seen as ", seen[0], "x", seen[1],
                                    ": the anchors are made for faces of ",
                                    fixed(sizes["smallest_face"].get<double>(), 0), " to ",
                                    fixed(sizes["largest_face"].get<double>(), 0), " pixels"));
}

Json parts_json(const NetworkDrawing& drawing) {
  Json parts = Json::array();
  for (const auto* levels : {&drawing.backbone, &drawing.pyramid, &drawing.context}) {
    for (const NetworkLevel& level : *levels)
      parts.push_back({{"name", level.name},
                       {"output", {level.output[0], level.output[1], level.output[2]}},
                       {"made_by", level.what}});
  }
  return parts;
}

// A network that has learned nothing: what its shape alone decides can be told.
LoadedModel untrained(const NetworkChoice& choice) {
  LoadedModel model{.path = "",
                    .format = "none: random numbers",
                    .sha256 = "",
                    .config = network_config(choice),
                    .tensors = {}};
  RetinaFace network(model.config);
  initialize(network, {}, 1);
  model.tensors = network.state_dict();
  return model;
}

int info(const InfoFlags& flags) {
  const ImageSize picture = parse_image_size(flags.image);
  (void)SizeRule::parse(flags.size);
  if (flags.network && !flags.model.empty())
    throw UsageError(
        "info: a model file has a network of its own: leave out --network and what belongs to it");
  Json all{{"schema", "retinaface-info/1"}, {"program", program_json()}};
  std::string text = program_text(all["program"]);
  if (!flags.network && (flags.tree || flags.plan || !flags.svg.empty()))
    require_model("info", flags.model);
  if (!flags.network && flags.model.empty() && !embedded_model()) {
    text += line("built-in model", "none");
  } else {
    DetectorOptions options;
    options.size = flags.size;
    const Pipeline pipeline(flags.network ? untrained(*flags.network) : chosen_model(flags.model),
                            options);
    all["model"] = model_json(pipeline.model());
    all["face_sizes"] = sizes_json(pipeline, picture);
    text += model_text(all["model"]) + sizes_text(all["face_sizes"]);
    if (flags.tree || !flags.svg.empty()) {
      NetworkDrawing drawing =
          draw_network(pipeline.model().config, pipeline.size_rule().canvas(picture));
      drawing.title = one_line(drawing.title);
      all["parts"] = parts_json(drawing);
      if (flags.tree) text += "\n" + tree_text(drawing);
      if (!flags.svg.empty())
        write_file(flags.svg, network_svg(drawing),
                   flags.overwrite ? IfExists::replace : IfExists::refuse);
    }
    if (flags.plan) {
      all["plan"] = plan_json(*pipeline.plan(picture), pipeline.size_rule().canvas(picture));
      text += "\n" + plan_text(all["plan"]);
    }
  }
  print(flags.json ? all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
  return kExitDone;
}

}  // namespace

void add_info(CLI::App& app, int& exit_code) {
  CLI::App* verb =
      app.add_subcommand("info", "Show this build, this CPU, and what a model file holds");
  const auto flags = std::make_shared<InfoFlags>();
  verb->add_option("model", flags->model,
                   "A model file. Default: the model that is built into this program")
      ->type_name("MODEL");
  verb->add_option("--size", flags->size,
                   "As for detect: how large the network would see the picture. Default original")
      ->type_name("RULE");
  verb->add_option("--image", flags->image,
                   "The picture for which face sizes are told. Default 640x480, the size that "
                   "benchmarks use")
      ->type_name("WxH");
  verb->add_flag(
      "--plan", flags->plan,
      "Show the inference plan for that picture, a row for each step, and how long it takes");
  const auto network = [&](const char* name, std::string NetworkChoice::*part, const char* help) {
    verb->add_option_function<std::string>(
            name,
            [flags, part](const std::string& word) {
              if (!flags->network) flags->network.emplace();
              (*flags->network).*part = word;
            },
            help)
        ->group("A network that has learned nothing, in place of a model");
  };
  network("--network", &NetworkChoice::network, "three-level or paper");
  network("--backbone", &NetworkChoice::backbone, "As for train");
  network("--deformable", &NetworkChoice::deformable, "none, v1, v2 or auto");
  network("--stem", &NetworkChoice::stem, "Of mobilenet0.25: 3x3 or 7x7");
  verb->add_flag("--tree", flags->tree,
                 "Show the network's parts and the shapes of their outputs for that picture");
  verb->add_option("--svg", flags->svg, "Draw the network, for that picture, to this file")
      ->type_name("FILE");
  verb->add_flag("--overwrite", flags->overwrite, "The file of --svg may be there already");
  verb->add_flag("--json", flags->json, "Print one JSON object");
  verb->callback([flags, &exit_code] { exit_code = info(*flags); });
}

}  // namespace rf::cli
