#include "retinaface/data/labels.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <string_view>

#include "engine/check.hpp"
#include "engine/file.hpp"

namespace rf {

namespace {

constexpr Index kMaxBytes = Index{1} << 30;
constexpr float kMostPixels = 1e6F;  // no picture that we decode is as large

// Lines of a text, without their ends (\n or \r\n); f(line, number).
template <class F>
void for_each_line(std::string_view text, F&& f) {
  for (Index number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    f(line, number);
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// A line's numbers; at most 20, all finite and of a size that a picture can have. Else `count` is
// -1.
struct Numbers {
  std::array<float, 20> values{};
  int count = 0;

  explicit Numbers(std::string_view line) {
    for (line = trimmed(line); !line.empty(); line = trimmed(line)) {
      const std::size_t length = std::min(line.find_first_of(" \t"), line.size());
      float value = 0;
      const char* end = line.data() + length;
      const auto [stop, error] = std::from_chars(line.data(), end, value);
      const bool fits = error == std::errc{} && stop == end && std::abs(value) <= kMostPixels;
      if (!fits || count == static_cast<int>(values.size())) {
        count = -1;
        return;
      }
      values[static_cast<std::size_t>(count++)] = value;
      line.remove_prefix(length);
    }
  }
};

// Whether a path stays inside the folder of pictures.
bool is_inside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
    return false;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    if (path.substr(start, end - start) == "..") return false;
    start = end + 1;
  }
  return true;
}

class Reader {
 public:
  Reader(const NamedText& source, std::vector<LabelProblem>& problems)
      : source_(source), problems_(problems) {
    if (source.text.find('\0') != std::string_view::npos) {
      throw FormatError(message(source.name, ": a label file is text, this one holds zero bytes"));
    }
  }

  // on_picture(path, line number), then on_box(numbers, line number) for each of its lines.
  template <class OnPicture, class OnBox>
  void read(OnPicture&& on_picture, OnBox&& on_box) {
    bool in_picture = false;
    for_each_line(source_.text, [&](std::string_view raw, Index number) {
      const std::string_view line = trimmed(raw);
      if (line.empty()) return;
      if (line.front() == '#') {
        const std::string_view path = trimmed(line.substr(1));
        in_picture = is_inside(path);
        if (in_picture) {
          on_picture(std::string(path), number);
        } else {
          note(number, "a path inside the folder of pictures is needed; its faces are left out");
        }
        return;
      }
      const Numbers numbers(line);
      if (numbers.count < 0) {
        note(number, "not a line of up to 20 numbers; left out");
      } else if (in_picture) {
        on_box(numbers, number);
      } else {
        note(number, "a face of no picture; left out");
      }
    });
  }

  void note(Index line, std::string text) {
    problems_.push_back({source_.name, line, std::move(text)});
  }

  // The box of a line; nothing, and a note, if it has no area.
  std::optional<Box> box_of(const Numbers& numbers, Index line) {
    const auto& v = numbers.values;
    if (numbers.count >= 4 && v[2] > 0 && v[3] > 0)
      return Box{v[0], v[1], v[0] + v[2], v[1] + v[3]};
    note(line, numbers.count < 4 ? message(numbers.count, " numbers, a box has 4; left out")
                                 : message("a box of ", v[2], " x ", v[3], "; left out"));
    return std::nullopt;
  }

 private:
  const NamedText& source_;
  std::vector<LabelProblem>& problems_;
};

// The points of a face's line, if all five are given. Points that lie farther outside the box than
// half of its size are noted and dropped: a mistake, or of somebody else.
std::optional<std::array<Point, 5>> landmarks_of(const Numbers& numbers, const Box& box, Index line,
                                                 Reader& reader) {
  if (numbers.count < 19) return std::nullopt;
  const float width = box.x2 - box.x1, height = box.y2 - box.y1;
  std::array<Point, 5> points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const float x = numbers.values[4 + 3 * i], y = numbers.values[5 + 3 * i],
                flag = numbers.values[6 + 3 * i];
    if (flag < 0) return std::nullopt;
    const float outside = std::max(
        {(box.x1 - x) / width, (x - box.x2) / width, (box.y1 - y) / height, (y - box.y2) / height});
    if (!(outside <= 0.5F)) {
      reader.note(line, message("landmark ", i + 1, " at (", x, ", ", y, ") is far from its box (",
                                std::round(100 * outside) / 100,
                                " times its side away); the landmarks are left out"));
      return std::nullopt;
    }
    points[i] = {x, y};
  }
  return points;
}

}  // namespace

Labels parse_labels(const NamedText& text, const NamedText& ignored_text) {
  Labels labels;
  std::map<std::string, std::size_t> index;  // of a picture, by its path
  std::size_t current = 0;
  Reader reader(text, labels.problems);
  reader.read(
      [&](const std::string& path, Index line) {
        const auto [entry, is_new] = index.emplace(path, labels.pictures.size());
        if (is_new)
          labels.pictures.push_back({path, line, {}});
        else
          reader.note(line, path + " is named a second time; its faces are added");
        current = entry->second;
      },
      [&](const Numbers& numbers, Index line) {
        if (numbers.count != 4 && numbers.count != 19 && numbers.count != 20) {
          reader.note(line, message(numbers.count, " numbers, a face has 4, 19 or 20; left out"));
          return;
        }
        const std::optional<Box> box = reader.box_of(numbers, line);
        if (!box) return;
        LabelledPicture& picture = labels.pictures[current];
        picture.labels.faces.push_back({*box, landmarks_of(numbers, *box, line, reader)});
        picture.face_lines.push_back(line);
      });
  if (labels.pictures.empty()) {
    throw FormatError(message(text.name, ": names no picture; each begins with a line '# path'"));
  }
  if (ignored_text.text.empty()) return labels;
  std::optional<std::size_t> known;
  Reader ignored(ignored_text, labels.problems);
  ignored.read(
      [&](const std::string& path, Index line) {
        const auto entry = index.find(path);
        known = entry == index.end() ? std::nullopt : std::optional(entry->second);
        if (!known)
          ignored.note(line, path + " is not in the label file; its regions are left out");
      },
      [&](const Numbers& numbers, Index line) {
        if (!known) return;
        if (const std::optional<Box> box = ignored.box_of(numbers, line)) {
          labels.pictures[*known].labels.ignored.push_back(*box);
          labels.pictures[*known].ignored_lines.push_back(line);
        }
      });
  return labels;
}

Labels read_labels(const std::string& label_file, const std::string& ignore_file) {
  const auto read = [](const std::string& path) {
    return path.empty() ? std::vector<std::byte>() : read_file(path, kMaxBytes);
  };
  const auto text = [](const std::vector<std::byte>& bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const std::vector<std::byte> labels = read(label_file), ignored = read(ignore_file);
  return parse_labels({label_file, text(labels)}, {ignore_file, text(ignored)});
}

}  // namespace rf
