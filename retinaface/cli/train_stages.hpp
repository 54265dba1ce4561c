// The stages of the dense branch: `retinaface train decoder`, `retinaface train head`.
#pragma once

#include <CLI/CLI.hpp>

namespace rf::cli {

void add_train_stages(CLI::App& train, int& exit_code);

}  // namespace rf::cli
