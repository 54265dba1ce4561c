#include "retinaface/cli/model_flag.hpp"

#include "engine/check.hpp"
#include "weights/embedded_model.hpp"

namespace rf::cli {

CLI::Option* add_model_flag(CLI::App& verb, std::string& path, const std::string& description) {
  // An empty name is a variable that was never set, not a wish for the built-in model.
  const CLI::Validator names_a_file(
      [](const std::string& text) -> std::string { return text.empty() ? "names no file" : ""; },
      "");
  const char* fallback = embedded_model() ? "Default: the model that is built into this program"
                                          : "No default: no model is built into this program";
  return verb.add_option("--model", path, description + fallback)
      ->type_name("FILE")
      ->check(names_a_file);
}

void require_model(const std::string& verb, const std::string& path) {
  if (!path.empty() || embedded_model()) return;
  throw UsageError(
      message(verb,
              ": --model FILE is needed, no model is built into this program; public weights: "
              "mobilenet0.25_Final.pth (biubug6/Pytorch_Retinaface on GitHub) or mnet.25 "
              "(deepinsight/insightface)"));
}

LoadedModel chosen_model(const std::string& path) {
  return path.empty() ? load_embedded_model() : load_model(path);
}

}  // namespace rf::cli
