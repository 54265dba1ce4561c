// retinaface convert: a public file of weights to ours, or ours with another description.
#include "weights/convert.hpp"

#include <memory>
#include <string>

#include "engine/check.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/model.hpp"
#include "retinaface/model_config.hpp"

namespace rf::cli {

namespace {

struct ConvertFlags {
  std::string input, output;
  DescriptionChanges changes;
  bool overwrite = false, verify = false;
};

// Throws ModelError when the network of the description does not take the tensors of the file.
void check_network(const ModelFile& model, const ModelConfig& config, const std::string& path) {
  try {
    RetinaFace(config).load_state_dict(model.tensors);
  } catch (const ShapeError& e) {
    throw ModelError(
        message(path, ": its tensors are not those of the network described: ", e.what()));
  }
}

void convert(const ConvertFlags& flags) {
  const ModelFile model =
      read_model(flags.input, {.description_patch = description_patch(flags.changes)});
  const ModelConfig config = [&] {
    try {
      return parse_model_config(model.description);
    } catch (const ModelError& e) {
      throw ModelError(message(flags.input, ": ", e.what()));
    }
  }();
  check_network(model, config, flags.input);
  write_model(flags.output, model, flags.overwrite ? IfExists::replace : IfExists::refuse);
  if (flags.verify) verify_model(flags.output, model);

  Index numbers = 0;
  for (const auto& [name, tensor] : model.tensors) numbers += tensor.numel();
  // The description's texts come from a file that may hold anything.
  say(one_line(message(flags.output, ": ", config.name, ", ", model.tensors.size(), " tensors, ",
                       numbers, " numbers, from ", model.format)));
  say(message("sha256 of the tensors: ", model.sha256, flags.verify ? ", verified" : ""));
  say(one_line(message("licence: ", config.licence)));
  say(one_line(message("provenance: ", config.provenance)));
}

}  // namespace

void add_convert(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<ConvertFlags>();
  CLI::App* verb = app.add_subcommand("convert",
                                      "Write a model file of ours (safetensors and a description) "
                                      "from public weights: PyTorch .pth (both formats) and "
                                      "MXNet .params, recognised by the names and shapes of their "
                                      "tensors; or from a model file of ours with another "
                                      "description. What names cannot reveal is a flag; without it "
                                      "the description says what the published network "
                                      "needs.");
  verb->add_option("IN", flags->input, "the file to read")->required();
  verb->add_option("OUT", flags->output, "the file to write, usually .safetensors")->required();
  DescriptionChanges& c = flags->changes;
  verb->add_option("--activation", c.activation,
                   "relu or leaky_relu:SLOPE, of backbone and neck, for a network that was trained "
                   "with another");
  verb->add_option(
      "--anchors", c.anchors,
      "STRIDE:OFFSET:SIZE,SIZE of each level from the finest, sizes ascending, joined by /, for "
      "example "
      "8:4:16,32/16:8:64,128/32:16:256,512; OFFSET is the centre of the first cell in pixels");
  verb->add_option("--mean", c.mean,
                   "A,B,C taken off each channel, pixels from 0 to 255, in the order of --order");
  verb->add_option("--scale", c.scale,
                   "A,B,C that multiply each channel after the mean was taken off");
  verb->add_option("--order", c.order,
                   "rgb or bgr: the order of channels that the network was trained with");
  verb->add_option("--variances", c.variances,
                   "CENTRE,SIZE that multiply predicted offsets, for example 0.1,0.2");
  verb->add_option("--name", c.name, "the model's name, for people");
  verb->add_option("--licence", c.licence, "terms of the weights, one sentence");
  verb->add_option("--provenance", c.provenance, "where the weights come from, one sentence");
  verb->add_flag("--overwrite", flags->overwrite,
                 "replace OUT if it exists; it is refused otherwise");
  verb->add_flag("--verify", flags->verify,
                 "read OUT again and compare every tensor bit by bit and the description");
  verb->callback([flags, &exit_code] {
    convert(*flags);
    exit_code = 0;
  });
}

}  // namespace rf::cli
