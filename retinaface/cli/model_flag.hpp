// Which model a verb uses: the file that --model names, else the one that is part of the program.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "retinaface/pipeline.hpp"

namespace rf::cli {

// Adds --model FILE to `verb`; `path` stays empty without it. The help is `description` and the
// default.
CLI::Option* add_model_flag(CLI::App& verb, std::string& path, const std::string& description);

// Throws UsageError when there is no model to use, so that this is known before anything is read:
// `path` is empty and nothing is built in. The message begins with the name of the verb.
void require_model(const std::string& verb, const std::string& path);

// The model of that file; the one built in if `path` is empty. Throws ModelError.
[[nodiscard]] LoadedModel chosen_model(const std::string& path);

}  // namespace rf::cli
