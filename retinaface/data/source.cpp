#include "retinaface/data/source.hpp"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>

#include "engine/check.hpp"

namespace rf {

namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// A text that is a number and nothing else; may be infinite or no number.
std::optional<double> number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || text.empty() || error == std::errc::invalid_argument) return std::nullopt;
  return error == std::errc{} ? value : HUGE_VAL;  // out of range: too large, or too near 0
}

}  // namespace

DataSource find_data(const std::string& folder) {
  const fs::path path(folder);
  if (!is_folder(path)) {
    throw FileError(message(folder,
                            ": no such folder; a folder with label.txt and the pictures, "
                            "in images/ or beside it, is needed"));
  }
  DataSource source;
  source.label_file = (path / "label.txt").string();
  if (!is_there(source.label_file)) {
    throw FileError(message(folder,
                            ": holds no label.txt (the labels, one '# path' for each "
                            "picture and a line for each face)"));
  }
  if (const fs::path ignored = path / "ignore.txt"; is_there(ignored)) {
    source.ignore_file = ignored.string();
  }
  const fs::path images = path / "images";
  source.picture_folder = is_folder(images) ? images.string() : folder;
  return source;
}

DataSource parse_data_flag(const std::string& value) {
  if (value.empty()) throw UsageError("--data: a folder is needed, DIR or DIR:WEIGHT");
  const std::size_t colon = value.rfind(':');
  if (colon == std::string::npos || colon == 0 || is_folder(value)) return find_data(value);
  const std::optional<double> weight = number(value.substr(colon + 1));
  if (!weight) return find_data(value);
  if (!(*weight > 0) || !std::isfinite(*weight)) {
    throw UsageError(message("--data ", value, ": the weight must be above 0, and finite"));
  }
  DataSource source = find_data(value.substr(0, colon));
  source.weight = *weight;
  return source;
}

}  // namespace rf
