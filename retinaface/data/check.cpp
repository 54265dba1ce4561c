#include "retinaface/data/check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <map>
#include <new>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

#include "engine/check.hpp"
#include "engine/exif.hpp"
#include "engine/image.hpp"
#include "engine/image_probe.hpp"
#include "engine/parallel.hpp"

namespace rf {

namespace {

constexpr Index kPicturesPerStep = 64;  // between two calls of progress

struct Size {
  float width, height;
};

Size size_of(const Box& box) { return {box.x2 - box.x1, box.y2 - box.y1}; }

// A length in pixels for people: two decimals at most.
double rounded(float value) { return std::round(100 * static_cast<double>(value)) / 100; }

// What is wrong with a picture file, if anything; its size is known if its header could be read.
struct PictureCheck {
  std::optional<Size> size;
  std::string unreadable;
  int orientation = 1;
};

PictureCheck check_picture(const std::string& path) noexcept {
  PictureCheck check;
  try {
    const std::vector<std::byte> file = read_file(path, kMaxImageFileBytes);
    const DecodeOptions options{.apply_exif = false};
    const ImageProbe probe = probe_image(file, path, options.max_pixels);
    check.size = {static_cast<float>(probe.width), static_cast<float>(probe.height)};
    if (probe.format == ImageFormat::jpeg) check.orientation = exif_orientation(file);
    (void)decode_image(file, path, options);
  } catch (const Error& error) {
    check.unreadable = error.what();
  } catch (const std::bad_alloc&) {
    check.unreadable = path + ": not enough memory to decode it";
  }
  return check;
}

bool is_outside(const Box& box, const Size& picture) {
  return box.x1 >= picture.width || box.y1 >= picture.height || box.x2 <= 0 || box.y2 <= 0;
}

std::string outside_text(const char* what, const Size& picture) {
  return message(what, " lies outside its picture of ", picture.width, " x ", picture.height);
}

// What is wrong with a box whatever its picture; nothing: "".
std::string shape_problem(const Box& box) {
  const Size size = size_of(box);
  const auto named = [&](const char* problem) {
    return message("a box of ", rounded(size.width), " x ", rounded(size.height), problem);
  };
  const float shorter = std::min(size.width, size.height);
  if (shorter < 1) return named(" pixels, thinner than one");
  if (std::max(size.width, size.height) > 5 * shorter) return named(" pixels is no face's");
  return "";
}

std::string place_problem(const Box& box, const Size& picture) {
  if (is_outside(box, picture)) return outside_text("the box", picture);
  const auto [width, height] = size_of(box);
  const float beyond_x = std::max(-box.x1, box.x2 - picture.width),
              beyond_y = std::max(-box.y1, box.y2 - picture.height);
  if (beyond_x > std::max(2.0F, width / 10) || beyond_y > std::max(2.0F, height / 10)) {
    return message("the box reaches ", rounded(std::max(beyond_x, beyond_y)),
                   " pixels out of its picture of ", picture.width, " x ", picture.height);
  }
  if (width >= picture.width - 1 && height >= picture.height - 1) {
    return message("the box is as large as its picture of ", picture.width, " x ", picture.height);
  }
  return "";
}

std::string landmark_problem(const std::array<Point, 5>& points) {
  const auto same = [&](const Point& p) { return p.x == points[0].x && p.y == points[0].y; };
  if (std::all_of(points.begin(), points.end(), same)) return "all five landmarks are one point";
  const auto [left_eye, right_eye, nose, left_corner, right_corner] = points;
  // Twice the way from between the eyes to between the corners of the mouth. With y downwards, it
  // turned by a quarter towards the image's right, for a face that is upright, is (down.y,
  // -down.x).
  const Point down{left_corner.x + right_corner.x - left_eye.x - right_eye.x,
                   left_corner.y + right_corner.y - left_eye.y - right_eye.y};
  const auto to_the_right = [&](const Point& from, const Point& to) {
    return (to.x - from.x) * down.y - (to.y - from.y) * down.x;
  };
  const float quarter = (down.x * down.x + down.y * down.y) / 8;
  if (to_the_right(left_eye, right_eye) < -quarter ||
      to_the_right(left_corner, right_corner) < -quarter) {
    return "left and right are swapped among the landmarks";
  }
  return "";
}

class Checker {
 public:
  Checker(const DataSource& source, Labels labels)
      : source_(source), pictures_(std::move(labels.pictures)) {
    check_.problems = std::move(labels.problems);
  }

  DataCheck run(const CheckProgress& progress) {
    check_.pictures = static_cast<Index>(pictures_.size());
    std::vector<PictureCheck> files(pictures_.size());
    for (Index begin = 0; begin < check_.pictures; begin += kPicturesPerStep) {
      const Index count = std::min(kPicturesPerStep, check_.pictures - begin);
      parallel_for(count, [&](Index i) noexcept {
        const auto index = static_cast<std::size_t>(begin + i);
        files[index] = check_picture(path_of(pictures_[index]));
      });
      if (progress) progress(begin + count, check_.pictures);
    }
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      check_file(pictures_[i], files[i]);
      check_faces(pictures_[i], files[i].size);
      check_ignored(pictures_[i], files[i].size);
    }
    count_sizes();
    std::stable_sort(check_.problems.begin(), check_.problems.end(),
                     [&](const LabelProblem& a, const LabelProblem& b) {
                       return std::pair(a.file != source_.label_file, a.line) <
                              std::pair(b.file != source_.label_file, b.line);
                     });
    return std::move(check_);
  }

 private:
  void note(Index line, std::string text) {
    if (!text.empty()) check_.problems.push_back({source_.label_file, line, std::move(text)});
  }

  [[nodiscard]] std::string path_of(const LabelledPicture& picture) const {
    return (std::filesystem::path(source_.picture_folder) / picture.path).string();
  }

  void check_file(const LabelledPicture& picture, const PictureCheck& file) {
    const auto [other, is_new] = line_of_.emplace(
        std::filesystem::path(picture.path).lexically_normal().string(), picture.line);
    if (!is_new)
      note(picture.line, message(picture.path, " is the picture of line ", other->second));
    if (!file.unreadable.empty()) {
      ++check_.unreadable_pictures;
      note(picture.line, file.unreadable);
    }
    if (file.orientation != 1) {
      note(picture.line,
           message(picture.path, " is shown turned (EXIF orientation ", file.orientation,
                   "), but read as it is stored: labels of the shown picture do not fit"));
    }
  }

  void check_faces(const LabelledPicture& picture, const std::optional<Size>& size) {
    if (picture.labels.faces.empty()) ++check_.pictures_without_faces;
    std::map<std::tuple<float, float, float, float>, Index> known;  // boxes, and their lines
    for (std::size_t i = 0; i < picture.labels.faces.size(); ++i) {
      const auto& [box, landmarks] = picture.labels.faces[i];
      const Index line = picture.face_lines[i];
      const auto [first, is_new] = known.emplace(std::tuple(box.x1, box.y1, box.x2, box.y2), line);
      if (!is_new) note(line, message("the box of line ", first->second, " again"));
      note(line, shape_problem(box));
      if (size) note(line, place_problem(box, *size));
      if (landmarks) note(line, landmark_problem(*landmarks));
      ++check_.faces;
      check_.faces_with_landmarks += landmarks.has_value();
      const auto [width, height] = size_of(box);
      sizes_.push_back(std::sqrt(static_cast<double>(width) * static_cast<double>(height)));
    }
  }

  void check_ignored(const LabelledPicture& picture, const std::optional<Size>& size) {
    const auto& ignored = picture.labels.ignored;
    check_.ignored_regions += static_cast<Index>(ignored.size());
    for (std::size_t i = 0; size && i < ignored.size(); ++i) {
      if (!is_outside(ignored[i], *size)) continue;
      check_.problems.push_back(
          {source_.ignore_file, picture.ignored_lines[i], outside_text("the region", *size)});
    }
  }

  void count_sizes() {
    if (sizes_.empty()) return;
    std::sort(sizes_.begin(), sizes_.end());
    FaceSizes& sizes = check_.sizes;
    const std::size_t half = sizes_.size() / 2;
    sizes.smallest = sizes_.front();
    sizes.median = sizes_.size() % 2 == 1 ? sizes_[half] : (sizes_[half - 1] + sizes_[half]) / 2;
    sizes.largest = sizes_.back();
    for (const double size : sizes_) {
      const auto octave =  // 0 below 8 pixels
          static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(size / 8)));
      ++sizes.faces[std::min(octave, sizes.faces.size() - 1)];
    }
  }

  const DataSource& source_;
  std::vector<LabelledPicture> pictures_;
  std::map<std::string, Index> line_of_;  // of the pictures seen so far
  std::vector<double> sizes_;             // of the faces
  DataCheck check_;
};

}  // namespace

DataCheck check_data(const DataSource& source, const CheckProgress& progress) {
  return Checker(source, read_labels(source.label_file, source.ignore_file)).run(progress);
}

std::string to_text(const DataCheck& check) {
  std::ostringstream out;
  for (const auto& [file, line, text] : check.problems) {
    out << file << ":" << line << ": " << text << "\n";
  }
  out << check.pictures << " pictures (" << check.unreadable_pictures << " unreadable, "
      << check.pictures_without_faces << " without faces), " << check.faces << " faces ("
      << check.faces_with_landmarks << " with landmarks), " << check.ignored_regions
      << " ignored regions, " << check.problems.size() << " problems\n";
  if (check.faces == 0) return out.str();
  out << std::fixed << std::setprecision(1) << "face sizes sqrt(w h): smallest "
      << check.sizes.smallest << ", median " << check.sizes.median << ", largest "
      << check.sizes.largest << " pixels\n";
  for (std::size_t i = 0; i < check.sizes.faces.size(); ++i) {
    const std::string from = i == 0 ? "below 8" : message("from ", 4 << i);
    out << std::left << std::setw(8) << from << std::right << std::setw(9) << check.sizes.faces[i]
        << std::setw(7)
        << 100.0 * static_cast<double>(check.sizes.faces[i]) / static_cast<double>(check.faces)
        << " %\n";
  }
  return out.str();
}

}  // namespace rf
