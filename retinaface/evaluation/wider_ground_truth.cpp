#include "retinaface/evaluation/wider_ground_truth.hpp"

#include <array>
#include <cmath>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/evaluation/mat_file.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"

namespace rf {

namespace {

constexpr Index kMaxTextBytes = 64 << 20;

std::string_view without_jpg(std::string_view name) {
  constexpr std::string_view kExtension = ".jpg";
  return name.ends_with(kExtension) ? name.substr(0, name.size() - kExtension.size()) : name;
}

// Names become paths of files that are read and written: "<folder>/<file>" and nothing that leads
// elsewhere.
bool is_image_name(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  for (const std::string_view part : {name.substr(0, slash), name.substr(slash + 1)}) {
    if (part.empty() || part == "." || part == ".." || part.size() > 200) return false;
    for (const char c : part) {
      if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < ' ') return false;
    }
  }
  return true;
}

// --- .mat

const MatArray& variable(const MatVariables& variables, const char* name, const std::string& path) {
  const auto found = variables.find(name);
  if (found == variables.end()) throw FormatError(message(path, ": has no variable ", name));
  return found->second;
}

// The cells of an array that must hold `count` of them (any number: -1).
const std::vector<MatArray>& cells(const MatArray& array, Index count, const std::string& what) {
  if (array.kind != MatArray::Kind::cell) throw FormatError(message(what, " is not a cell array"));
  const Index size = static_cast<Index>(array.cells.size());
  if (count >= 0 && size != count)
    throw FormatError(message(what, " has ", size, " cells, ", count, " are due"));
  return array.cells;
}

std::vector<WiderBox> boxes_of(const MatArray& array, const std::string& what) {
  if (array.kind != MatArray::Kind::numeric) throw FormatError(message(what, " is not numeric"));
  const std::size_t count = array.numbers.size() / 4;
  if (count == 0 && array.numbers.empty()) return {};
  if (array.dims.size() != 2 || array.dims[1] != 4)
    throw FormatError(message(what, " is not of four columns"));
  std::vector<WiderBox> boxes(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto column = [&](std::size_t j) { return array.numbers[j * count + i]; };
    boxes[i] = {column(0), column(1), column(2), column(3)};
    for (std::size_t j = 0; j < 4; ++j) {
      if (!(std::abs(column(j)) <= 1e7))
        throw FormatError(message(what, ", row ", i + 1, ": not a box"));
    }
  }
  return boxes;
}

// 1-based indices into the boxes -> one flag per box.
std::vector<std::uint8_t> flags_of(const MatArray& array, std::size_t boxes,
                                   const std::string& what) {
  if (array.kind != MatArray::Kind::numeric) throw FormatError(message(what, " is not numeric"));
  std::vector<std::uint8_t> counted(boxes, 0);
  for (const double index : array.numbers) {
    if (!(index >= 1 && index <= static_cast<double>(boxes)) || index != std::floor(index)) {
      throw FormatError(message(what, ": index ", index, " into ", boxes, " boxes"));
    }
    std::uint8_t& flag = counted[static_cast<std::size_t>(index) - 1];
    if (flag) throw FormatError(message(what, ": index ", index, " twice"));
    flag = 1;
  }
  return counted;
}

WiderGroundTruth read_mat_folder(const std::filesystem::path& folder) {
  WiderGroundTruth truth;
  truth.source = message("official .mat files of ", folder.string());
  const std::string path = (folder / "wider_face_val.mat").string();
  const MatVariables variables = read_mat(path);
  const auto& events = cells(variable(variables, "event_list", path), -1, path + ": event_list");
  const Index event_count = static_cast<Index>(events.size());
  const auto& files =
      cells(variable(variables, "file_list", path), event_count, path + ": file_list");
  const auto& boxes =
      cells(variable(variables, "face_bbx_list", path), event_count, path + ": face_bbx_list");
  std::unordered_set<std::string> seen;
  for (std::size_t e = 0; e < events.size(); ++e) {
    const std::string where = message(path, ": event ", e + 1);
    const auto& names = cells(files[e], -1, where + " of file_list");
    const auto& event_boxes =
        cells(boxes[e], static_cast<Index>(names.size()), where + " of face_bbx_list");
    for (std::size_t i = 0; i < names.size(); ++i) {
      WiderImage image{events[e].text + "/" + names[i].text, {}};
      if (!is_image_name(image.name))
        throw FormatError(message(where, ": image ", i + 1, " is named ", quoted(image.name)));
      if (!seen.insert(image.name).second)
        throw FormatError(message(where, ": ", quoted(image.name), " twice"));
      image.boxes = boxes_of(event_boxes[i], message(where, ": boxes of image ", i + 1));
      truth.images.push_back(std::move(image));
    }
  }
  if (truth.images.empty()) throw FormatError(message(path, ": has no images"));
  truth.images_in_source = static_cast<Index>(truth.images.size());

  for (const char* name : {"easy", "medium", "hard"}) {
    const std::string subset_path = (folder / message("wider_", name, "_val.mat")).string();
    const MatVariables subset_variables = read_mat(subset_path);
    const auto& lists = cells(variable(subset_variables, "gt_list", subset_path), event_count,
                              subset_path + ": gt_list");
    WiderSubset subset{name, {}};
    for (std::size_t e = 0, image = 0; e < events.size(); ++e) {
      const std::string where = message(subset_path, ": event ", e + 1, " of gt_list");
      const auto& event_lists = cells(lists[e], static_cast<Index>(files[e].cells.size()), where);
      for (std::size_t i = 0; i < event_lists.size(); ++i, ++image) {
        subset.counted.push_back(flags_of(event_lists[i], truth.images[image].boxes.size(),
                                          message(where, ", image ", i + 1)));
      }
    }
    truth.subsets.push_back(std::move(subset));
  }
  return truth;
}

std::string read_text(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, kMaxTextBytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

WiderGroundTruth parse_wider_text(std::string_view text, const std::string& name) {
  WiderGroundTruth truth;
  truth.source = message(name, ", faces not marked invalid");
  WiderSubset all{"all", {}};
  std::unordered_set<std::string> seen;
  NumberedLines lines(text, name);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->empty()) continue;
    WiderImage image{std::string(without_jpg(*line)), {}};
    if (!is_image_name(image.name))
      lines.fail(message(quoted(*line), " where \"<event>/<file>.jpg\" is due"));
    if (!seen.insert(image.name).second) lines.fail(message(quoted(image.name), " a second time"));
    const Index count = lines.next_count("the number of faces");
    std::vector<std::uint8_t> counted;
    // x y w h, then blur, expression, illumination, invalid, occlusion, pose.
    constexpr std::size_t kInvalid = 7;
    std::array<double, 10> values{};
    const char* const kWhat = "\"x y w h\" and six flags of a face";
    for (Index i = 0; i < count; ++i) {
      const std::size_t given = lines.next_numbers(values, 4, kWhat);
      if (given != 4 && given != values.size())
        lines.fail(message(given, " numbers where ", kWhat, " are due"));
      for (std::size_t j = 0; j < 4; ++j) {
        if (std::abs(values[j]) > 1e7) lines.fail(message("a box at ", values[j], " pixels"));
      }
      image.boxes.push_back({values[0], values[1], values[2], values[3]});
      counted.push_back(given == 4 || values[kInvalid] == 0 ? 1 : 0);
    }
    // The release writes a line of zeros where an image has no faces.
    if (count == 0 && lines.peek() && lines.peek()->find('/') == std::string_view::npos &&
        !lines.peek()->empty()) {
      lines.next_numbers(values, 4, kWhat);
    }
    truth.images.push_back(std::move(image));
    all.counted.push_back(std::move(counted));
  }
  if (truth.images.empty()) throw FormatError(message(name, ": has no images"));
  truth.images_in_source = static_cast<Index>(truth.images.size());
  truth.subsets.push_back(std::move(all));
  return truth;
}

WiderGroundTruth read_wider_ground_truth(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return read_mat_folder(path);
  if (path.ends_with(".mat")) {
    throw FormatError(
        message(path, ": the official ground truth is four .mat files; name their folder"));
  }
  return parse_wider_text(read_text(path), path);
}

std::vector<std::string> parse_wider_list(std::string_view text, const std::string& name) {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  NumberedLines lines(text, name);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->empty()) continue;
    std::string image(without_jpg(*line));
    if (!is_image_name(image))
      lines.fail(message(quoted(*line), " where \"<event>/<file>.jpg\" is due"));
    if (!seen.insert(image).second) lines.fail(message(quoted(image), " a second time"));
    names.push_back(std::move(image));
  }
  if (names.empty()) throw FormatError(message(name, ": lists no images"));
  return names;
}

std::vector<std::string> read_wider_list(const std::string& path) {
  return parse_wider_list(read_text(path), path);
}

WiderGroundTruth keep_listed(const WiderGroundTruth& truth, std::span<const std::string> names,
                             const std::string& list_name) {
  const std::unordered_set<std::string> wanted(names.begin(), names.end());
  WiderGroundTruth kept;
  kept.source = truth.source;
  kept.images_in_source = truth.images_in_source;
  for (const WiderSubset& subset : truth.subsets) kept.subsets.push_back({subset.name, {}});
  std::unordered_set<std::string_view> known;
  for (std::size_t i = 0; i < truth.images.size(); ++i) {
    known.insert(truth.images[i].name);
    if (!wanted.contains(truth.images[i].name)) continue;
    kept.images.push_back(truth.images[i]);
    for (std::size_t s = 0; s < truth.subsets.size(); ++s) {
      kept.subsets[s].counted.push_back(truth.subsets[s].counted[i]);
    }
  }
  for (const std::string& name : names) {
    if (!known.contains(name)) {
      throw FormatError(
          message(list_name, ": ", quoted(name), " is not an image of ", truth.source));
    }
  }
  return kept;
}

Index count_faces(const WiderSubset& subset) {
  Index faces = 0;
  for (const auto& image : subset.counted) {
    for (const std::uint8_t counts : image) faces += counts;
  }
  return faces;
}

}  // namespace rf
