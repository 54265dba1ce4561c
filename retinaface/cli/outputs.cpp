#include "retinaface/cli/outputs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
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
}

void OutputFiles::protect(const std::string& path) {
  if (any()) inputs_.insert(resolved(path));
}

bool OutputFiles::write(const std::string& input, const Image& image,
                        const std::vector<Face>& faces) {
  protect(input);
  bool good = true;
  const auto attempt = [&good](auto&& step) {
    try {
      step();
    } catch (const Error& error) {
      say(error.what());
      good = false;
    }
  };
  if (!options_.wider.empty()) attempt([&] { write_wider(input, faces); });
  if (!options_.draw.empty()) attempt([&] { write_drawing(input, image, faces); });
  if (!options_.crops.empty()) attempt([&] { good = write_crops(input, image, faces) && good; });
  return good;
}

void OutputFiles::write_drawing(const std::string& input, const Image& image,
                                const std::vector<Face>& faces) {
  const std::string path = draw_to_file_
                               ? options_.draw
                               : (fs::path(options_.draw) / (stem_of(input) + ".png")).string();
  claim(path, input);
  write_image(path, draw_faces(image, faces), options_.if_exists);
  written(path);
}

bool OutputFiles::write_crops(const std::string& input, const Image& image,
                              const std::vector<Face>& faces) {
  const std::string base = (fs::path(options_.crops) / stem_of(input)).string();
  claim(base + "_N.png", input);  // all of them at once: other inputs of this name have other faces
  bool good = true;
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const std::string path = base + "_" + std::to_string(i + 1) + ".png";
    try {
      claim(path, input);
      const Image crop = options_.align > 0 ? align_face(image, faces[i], options_.align)
                                            : crop_face(image, faces[i], kCropMargin);
      write_image(path, crop, options_.if_exists);
      written(path);
    } catch (const Error& error) {
      say(with_path(path, error.what()));
      good = false;
    }
  }
  return good;
}

void OutputFiles::write_wider(const std::string& input, const std::vector<Face>& faces) {
  const fs::path folder = fs::path(options_.wider) / parent_folder(input);
  const std::string path = (folder / (stem_of(input) + ".txt")).string();
  claim(path, input);
  make_folder(folder);
  write_file(path, wider_text(stem_of(input), faces), options_.if_exists);
  written(path);
}

void OutputFiles::claim(const std::string& path, const std::string& input) {
  if (inputs_.contains(resolved(path)))
    throw FileError(message(path, ": is an input, and inputs are never replaced"));
  const auto [owner, is_new] = claimed_.emplace(path, input);
  if (!is_new) {
    throw FileError(message(path, ": already written for ", owner->second, "; the result of ",
                            input, " has the same name, run it separately into another folder"));
  }
}

void OutputFiles::written(const std::string& path) const {
  if (!options_.quiet) say("wrote " + path);
}

}  // namespace rf::cli
