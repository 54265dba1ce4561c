#include "retinaface/cli/outputs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <new>
#include <string_view>

#include "engine/check.hpp"
#include "retinaface/align.hpp"
#include "retinaface/cli/inputs.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/draw.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

// Of the box's size, on each side: enough for forehead, chin and ears, which a RetinaFace box
// leaves out.
constexpr double kCropMargin = 0.25;

// The extensions that write_image knows.
bool names_picture(const std::string& path) {
  static constexpr std::array<std::string_view, 5> kExtensions{".png", ".jpg", ".jpeg", ".bmp",
                                                               ".ppm"};
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

void make_folder(const fs::path& folder) {
  if (folder.empty()) return;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw FileError(message(folder.string(), ": cannot make this folder: ", error.message()));
}

// What links and ".." come to, as far as the file exists.
std::string resolved(const std::string& path) {
  std::error_code error;
  const fs::path result = fs::weakly_canonical(path, error);
  return error ? path : result.string();
}

std::string stem_of(const std::string& path) { return fs::path(path).stem().string(); }

}  // namespace

OutputFiles::OutputFiles(const OutputOptions& options, bool one_input) : options_(options) {
  std::error_code ignored;
  draw_to_file_ = names_picture(options_.draw) && !fs::is_directory(options_.draw, ignored);
  if (draw_to_file_ && !one_input) {
    throw UsageError(message("--draw ", options_.draw,
                             ": one picture cannot show several inputs; name a folder"));
  }
  if (!options_.draw.empty() && !draw_to_file_) make_folder(options_.draw);
  make_folder(options_.crops);
  make_folder(options_.wider);
  make_folder(options_.meshes);
  if (!options_.mesh_json.empty()) claimed_.emplace(options_.mesh_json, "--mesh-json");
}

void OutputFiles::protect(const std::string& path) {
  if (any()) inputs_.insert(resolved(path));
}

void OutputFiles::check_mesh_json() const {
  const std::string& path = options_.mesh_json;
  if (!path.empty() && inputs_.contains(resolved(path)))
    throw FileError(message(path, ": is an input, and inputs are never replaced"));
}

std::vector<OutputFiles::Output> OutputFiles::claim(const std::string& input, std::size_t faces) {
  protect(input);
  std::vector<Output> outputs;
  const auto add = [&](Output::Kind kind, const std::string& path) {
    outputs.push_back({.kind = kind, .path = path, .error = refusal(path, input)});
  };
  if (!options_.wider.empty()) {
    const fs::path folder = fs::path(options_.wider) / parent_folder(input);
    add(Output::Kind::wider, (folder / (stem_of(input) + ".txt")).string());
  }
  if (!options_.draw.empty()) {
    add(Output::Kind::drawing,
        draw_to_file_ ? options_.draw
                      : (fs::path(options_.draw) / (stem_of(input) + ".png")).string());
  }
  const auto add_faces = [&](const std::string& folder, Output::Kind kind, const char* extension) {
    if (folder.empty()) return;
    const std::string base = (fs::path(folder) / stem_of(input)).string();
    claim_for_faces(base, extension, kind, input, faces, outputs);
  };
  add_faces(options_.crops, Output::Kind::crop, ".png");
  add_faces(options_.meshes, Output::Kind::obj, ".obj");
  add_faces(options_.meshes, Output::Kind::ply, ".ply");
  return outputs;
}

void OutputFiles::claim_for_faces(const std::string& base, const std::string& extension,
                                  Output::Kind kind, const std::string& input, std::size_t faces,
                                  std::vector<Output>& outputs) {
  // All of them at once: other inputs of this name have other faces.
  const std::string all = base + "_N" + extension;
  if (const std::string error = refusal(all, input); !error.empty()) {
    outputs.push_back({.kind = kind, .path = all, .error = error});
    return;
  }
  for (std::size_t i = 0; i < faces; ++i) {
    const std::string path = message(base, "_", i + 1, extension);
    outputs.push_back({.kind = kind, .path = path, .face = i, .error = refusal(path, input)});
  }
}

bool OutputFiles::write(const std::vector<Output>& outputs, const Shown& shown,
                        std::vector<std::string>& said) const {
  bool good = true;
  for (const Output& output : outputs) {
    std::string error = output.error;
    try {
      if (error.empty()) write_one(output, shown);
    } catch (const Error& what) {
      error = output.kind == Output::Kind::crop ? with_path(output.path, what.what()) : what.what();
    } catch (const std::bad_alloc&) {
      error = output.path + ": not enough memory for this picture";
    }
    if (!error.empty()) {
      said.push_back(error);
      good = false;
    } else if (!options_.quiet) {
      said.push_back("wrote " + output.path);
    }
  }
  return good;
}

void OutputFiles::write_one(const Output& output, const Shown& shown) const {
  const auto& [input, image, faces, meshes] = shown;
  const IfExists if_exists = options_.if_exists;
  switch (output.kind) {
    case Output::Kind::wider:
      make_folder(fs::path(output.path).parent_path());
      write_file(output.path, wider_text(stem_of(input), faces), if_exists);
      break;
    case Output::Kind::drawing:
      write_image(output.path, draw_faces(meshes ? meshes->overlaid(image) : image, faces),
                  if_exists);
      break;
    case Output::Kind::crop: {
      const Face& face = faces[output.face];
      write_image(output.path,
                  options_.align > 0 ? align_face(image, face, options_.align)
                                     : crop_face(image, face, kCropMargin),
                  if_exists);
      break;
    }
    case Output::Kind::obj: meshes->write_obj(output.face, output.path, if_exists); break;
    case Output::Kind::ply: meshes->write_ply(output.face, output.path, if_exists); break;
  }
}

std::string OutputFiles::refusal(const std::string& path, const std::string& input) {
  if (inputs_.contains(resolved(path)))
    return message(path, ": is an input, and inputs are never replaced");
  const auto [owner, is_new] = claimed_.emplace(path, input);
  if (is_new) return "";
  return message(path, ": already written for ", owner->second, "; the result of ", input,
                 " has the same name, run it separately into another folder");
}

}  // namespace rf::cli
