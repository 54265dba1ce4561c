#include "retinaface/evaluation/wider_detections.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"

namespace rf {

namespace {

constexpr Index kMaxFileBytes = 64 << 20;
constexpr double kFarthest = 1e7;  // pixels

// The .txt files one folder below `folder`, as "<event>/<file>" without extension, sorted.
std::vector<std::string> names_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& event : fs::directory_iterator(folder)) {
      if (!event.is_directory()) continue;
      for (const fs::directory_entry& file : fs::directory_iterator(event.path())) {
        if (file.path().extension() != ".txt") continue;
        names.push_back(event.path().filename().string() + "/" + file.path().stem().string());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw FileError(
        message(folder, ": cannot list the folder of detections: ", error.code().message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<WiderDetection> parse_wider_detections(std::string_view text, const std::string& name) {
  NumberedLines lines(text, name);
  const std::optional<std::string_view> title = lines.next();
  if (!title || title->empty()) lines.fail("empty where the name of the image is due");
  const Index count = lines.next_count("the number of detections");
  std::vector<WiderDetection> detections;  // grows by what the text holds, not by what it announces
  std::array<double, 5> v{};
  for (Index i = 0; i < count; ++i) {
    lines.next_numbers(v, v.size(), "\"x y width height score\"");
    if (std::any_of(v.begin(), v.end() - 1,
                    [](double pixels) { return std::abs(pixels) > kFarthest; })) {
      lines.fail(message("a box beyond ", kFarthest, " pixels"));
    }
    if (v[2] < 0 || v[3] < 0) lines.fail(message("a box of size ", v[2], " x ", v[3]));
    detections.push_back({{v[0], v[1], v[2], v[3]}, v[4]});
  }
  while (const std::optional<std::string_view> line = lines.next()) {
    if (!line->empty())
      lines.fail(message(quoted(*line), " after the ", count, " announced detections"));
  }
  return detections;
}

WiderDetections read_wider_detections(const std::string& folder,
                                      std::span<const WiderImage> images) {
  std::unordered_map<std::string, std::size_t> position;
  for (std::size_t i = 0; i < images.size(); ++i) position.emplace(images[i].name, i);

  WiderDetections found;
  found.images.resize(images.size());
  std::vector<bool> has_file(images.size(), false);
  for (std::string& name : names_in(folder)) {
    const auto image = position.find(name);
    if (image == position.end()) {
      found.others.push_back(std::move(name));
      continue;
    }
    const std::string path = folder + "/" + name + ".txt";
    const std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
    found.images[image->second] =
        parse_wider_detections({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
    has_file[image->second] = true;
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!has_file[i]) found.missing.push_back(images[i].name);
  }
  if (found.missing.size() == images.size()) {
    throw FileError(message(folder, ": has no detection file for any of ", images.size(),
                            " images; <event>/<file>.txt is sought, for example ",
                            images.front().name, ".txt"));
  }
  return found;
}

}  // namespace rf
