// The verbs of the program. Each adds its subcommand, flags and help to `app`; when the user chose
// it, it runs while the arguments are parsed and stores its exit code. What it throws becomes an
// exit code in main.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace rf::cli {

class MeshOutputs;

// `meshes`: what adds meshes of faces, make_mesh_outputs() (mesh_outputs.hpp); or nothing.
void add_detect(CLI::App& app, int& exit_code, std::shared_ptr<MeshOutputs> meshes);
void add_convert(CLI::App& app, int& exit_code);
void add_info(CLI::App& app, int& exit_code);
void add_eval(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_train(CLI::App& app, int& exit_code);
void add_mesh(CLI::App& app, int& exit_code);
void add_synth(CLI::App& app, int& exit_code);
void add_render(CLI::App& app, int& exit_code);

}  // namespace rf::cli
