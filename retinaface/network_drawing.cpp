#include "retinaface/network_drawing.hpp"

#include <array>
#include <bit>
#include <cstdint>

#include "engine/check.hpp"
#include "retinaface/markup.hpp"
#include "retinaface/model.hpp"

namespace rf {

namespace {

// The number in the names C2, P2: a stride of 4 is 2.
int level_number(Index stride) { return std::countr_zero(static_cast<std::uint64_t>(stride)); }

Index parameters_of(const Module::NamedVars& parameters, const std::string& prefix) {
  Index count = 0;
  for (const auto& [name, var] : parameters) {
    if (name.starts_with(prefix)) count += var.value().numel();
  }
  return count;
}

std::string shape_text(const Shape& shape) {
  return message(shape[0], " x ", shape[1], " x ", shape[2]);
}

const char* conv3x3_text(Deformation deformation) {
  constexpr std::array<const char*, 3> kTexts = {"3x3", "deformable 3x3",
                                                 "modulated deformable 3x3"};
  return kTexts[static_cast<std::size_t>(deformation)];
}

}  // namespace

NetworkDrawing draw_network(const ModelConfig& config, ImageSize image) {
  const RetinaFace network(config);
  const Module::NamedVars parameters = network.named_parameters();
  const std::vector<Backbone::Level> backbone = network.backbone_levels();
  const auto shape = [&](Index channels, Index stride) {
    return Shape{channels, ceil_div(image.height, stride), ceil_div(image.width, stride)};
  };
  NetworkDrawing drawing;
  drawing.title = config.name;
  drawing.image = image;
  for (const Backbone::Level& level : backbone) {
    const int number = level_number(level.stride);
    drawing.backbone.push_back({message("C", number), shape(level.channels, level.stride),
                                message("stage of stride ", level.stride), 0});
  }
  const std::string conv3x3 = conv3x3_text(config.neck.deformation);
  for (std::size_t l = 0; l < config.anchors.size(); ++l) {
    const AnchorLevel& level = config.anchors[l];
    const int number = level_number(level.stride);
    const bool added = l >= backbone.size(), coarsest = l + 1 == backbone.size();
    const std::string how =
        added ? message("3x3 of stride 2 on C", number - 1)
              : message("1x1 of C", number,
                        coarsest ? "" : message(" + P", number + 1, " doubled, ", conv3x3));
    const Index own = added ? parameters_of(parameters, "fpn.coarser.")
                            : parameters_of(parameters, message("fpn.lateral.", l, ".")) +
                                  parameters_of(parameters, message("fpn.merge.", l, "."));
    const Shape output = shape(config.neck.channels, level.stride);
    drawing.pyramid.push_back({message("P", number), output, how, own});
    drawing.context.push_back({message("context ", number), output,
                               message("five ", conv3x3, " see 3, 5 and 7 pixels"),
                               parameters_of(parameters, message("context.", l, "."))});
    drawing.anchors.push_back(output[1] * output[2] * static_cast<Index>(level.sizes.size()));
  }
  drawing.heads =
      config.heads == HeadSharing::shared ? "1x1, the same on every level" : "1x1, one per level";
  drawing.backbone_parameters = parameters_of(parameters, "backbone.");
  drawing.head_parameters = parameters_of(parameters, "heads.");
  drawing.parameters = parameters_of(parameters, "");
  return drawing;
}

std::string tree_text(const NetworkDrawing& d) {
  std::string text = message(d.title, ": ", grouped_number(d.parameters), " numbers to learn\n");
  text += message("├─ image  ", shape_text({3, d.image.height, d.image.width}), "\n");
  const auto branch = [&](const std::string& name, const std::string& what) {
    text += message("├─ ", name, "  ", what, "\n");
  };
  const auto levels = [&](const std::vector<NetworkLevel>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const NetworkLevel& level = all[i];
      text += message("│  ", i + 1 == all.size() ? "└─ " : "├─ ", level.name, "  ",
                      shape_text(level.output), "  ", level.what);
      if (level.parameters > 0) text += message("  (", grouped_number(level.parameters), ")");
      text += "\n";
    }
  };
  branch("backbone", grouped_number(d.backbone_parameters));
  levels(d.backbone);
  branch("pyramid", "");
  levels(d.pyramid);
  branch("context", "one per level");
  levels(d.context);
  Index anchors = 0;
  for (const Index count : d.anchors) anchors += count;
  text += message("└─ heads  ", d.heads, "  (", grouped_number(d.head_parameters), ")\n");
  text += message("   ├─ cls  ", grouped_number(anchors), " anchors x 2\n");
  text += message("   ├─ box  ", grouped_number(anchors), " anchors x 4\n");
  return text + message("   └─ landmark  ", grouped_number(anchors), " anchors x 10\n");
}

}  // namespace rf
