#include "retinaface/training/report_picture.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/check.hpp"
#include "engine/image_resize.hpp"
#include "retinaface/canvas.hpp"
#include "retinaface/draw.hpp"
#include "retinaface/markup.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

constexpr double kFoundIou = 0.5;

// How pictures are embedded: pixels of the longer edge, and the quality.
struct Format {
  Index smallest, largest;
  int quality;
};
constexpr Format kSample{1, 720, 85};
constexpr Format kCrop{260, 400, 92};  // with the full resolution of colours, for the thin lines
constexpr Colour kWhite{255, 255, 255}, kBlack{0, 0, 0}, kMissed{255, 140, 0};

Box box_of(const Face& face) { return {face.x1, face.y1, face.x2, face.y2}; }

struct Size {
  double width, height;
};

Size size_of(const Box& box) {
  return {static_cast<double>(box.x2) - static_cast<double>(box.x1),
          static_cast<double>(box.y2) - static_cast<double>(box.y1)};
}

// With an area, in the picture at least in part, and not so far out that arithmetic suffers.
bool lies_in(const Image& image, const Box& box) {
  constexpr float kFar = 1e6F;
  for (const float v : {box.x1, box.y1, box.x2, box.y2}) {
    if (!(std::abs(v) <= kFar)) return false;
  }
  return box.x1 < box.x2 && box.y1 < box.y2 && box.x2 > 0 && box.y2 > 0 &&
         box.x1 < static_cast<float>(image.width) && box.y1 < static_cast<float>(image.height);
}

// Every coordinate c of the axes becomes (c - offset) * scale.
struct Mapping {
  float x, y, scale_x, scale_y;

  [[nodiscard]] Point operator()(const Point& p) const {
    return {(p.x - x) * scale_x, (p.y - y) * scale_y};
  }
  [[nodiscard]] ReportPicture operator()(const ReportPicture& picture, Image image) const {
    ReportPicture mapped{picture.caption, std::move(image), picture.found, picture.labelled};
    const auto corners = [&](float& x1, float& y1, float& x2, float& y2) {
      const Point upper = (*this)({x1, y1}), lower = (*this)({x2, y2});
      x1 = upper.x;
      y1 = upper.y;
      x2 = lower.x;
      y2 = lower.y;
    };
    for (Face& face : mapped.found) {
      corners(face.x1, face.y1, face.x2, face.y2);
      for (Point& p : face.landmarks) p = (*this)(p);
    }
    for (LabelledFace& face : mapped.labelled) {
      corners(face.box.x1, face.box.y1, face.box.x2, face.box.y2);
      if (!face.landmarks) continue;
      for (Point& p : *face.landmarks) p = (*this)(p);
    }
    return mapped;
  }
};

// The surroundings of a labelled face, which becomes the first.
ReportPicture cropped(const ReportPicture& picture, std::size_t labelled) {
  const Box& box = picture.labelled[labelled].box;
  const auto [width, height] = size_of(box);
  const double half = std::max(1.5 * std::max(width, height), 24.0);
  // At an edge of the picture the crop moves inwards.
  const auto range = [half](float from, float to, Index size) {
    const double centre = (static_cast<double>(from) + static_cast<double>(to)) / 2;
    const Index length = std::min(static_cast<Index>(std::ceil(2 * half)), size);
    const Index begin = std::clamp(static_cast<Index>(centre - half), Index{0}, size - length);
    return std::pair(begin, begin + length);
  };
  const auto [left, right] = range(box.x1, box.x2, picture.image.width);
  const auto [top, bottom] = range(box.y1, box.y2, picture.image.height);
  Image image{right - left, bottom - top, {}};
  for (Index y = top; y < bottom; ++y) {
    const auto row = picture.image.rgb.begin() + 3 * (y * picture.image.width + left);
    image.rgb.insert(image.rgb.end(), row, row + 3 * image.width);
  }
  const Mapping mapping{static_cast<float>(left), static_cast<float>(top), 1, 1};
  ReportPicture crop = mapping(picture, std::move(image));
  std::rotate(crop.labelled.begin(), crop.labelled.begin() + static_cast<std::ptrdiff_t>(labelled),
              crop.labelled.begin() + static_cast<std::ptrdiff_t>(labelled) + 1);
  return crop;
}

double area(const LabelledFace& face) {
  const auto [width, height] = size_of(face.box);
  return width * height;
}

// The picture with an edge as the format has it.
ReportPicture sized(const ReportPicture& picture, const Format& format) {
  const Index width = picture.image.width, height = picture.image.height;
  const Index edge = std::max(width, height),
              wanted = std::clamp(edge, format.smallest, format.largest);
  if (wanted == edge) return picture;
  const auto scaled = [&](Index side) { return std::max<Index>(1, (side * wanted) / edge); };
  Image image = resize(picture.image, scaled(width), scaled(height));
  const Mapping mapping{0, 0, static_cast<float>(image.width) / static_cast<float>(width),
                        static_cast<float>(image.height) / static_cast<float>(height)};
  return mapping(picture, std::move(image));
}

// A quarter of each side from every corner, a little outside the box, so that a found box of the
// same place stays visible.
void draw_label(Canvas& canvas, const Box& box, double largest_line, bool missed) {
  const Size size = size_of(box);
  // Thin on small faces, which it would hide.
  const double line = std::clamp(std::min(size.width, size.height) / 16, 1.0, largest_line);
  const double gap = line, x1 = static_cast<double>(box.x1) - gap,
               y1 = static_cast<double>(box.y1) - gap, x2 = static_cast<double>(box.x2) + gap,
               y2 = static_cast<double>(box.y2) + gap;
  const double across = std::max(2.0, size.width / 4), down = std::max(2.0, size.height / 4);
  const auto draw = [&](double line_width, Colour ink) {
    for (const double x : {x1, x2}) {
      for (const double y : {y1, y2}) {
        canvas.line(x, y, x + (x == x1 ? across : -across), y, line_width, ink);
        canvas.line(x, y, x, y + (y == y1 ? down : -down), line_width, ink);
      }
    }
    if (!missed) return;
    const double x = (x1 + x2) / 2, y = (y1 + y2) / 2,
                 arm = std::clamp(size.width / 10, 2.0, 3 * line);
    canvas.line(x - arm, y - arm, x + arm, y + arm, line_width, ink);
    canvas.line(x - arm, y + arm, x + arm, y - arm, line_width, ink);
  };
  draw(2 * line, kBlack);
  draw(line, missed ? kMissed : kWhite);
}

std::string boxes_text(const ReportPicture& picture) {
  return message(picture.found.size(), picture.found.size() == 1 ? " box" : " boxes");
}

struct Drawn {
  std::string image;  // an <img>, or nothing for an empty picture
  std::size_t labelled = 0, found = 0;
};

Drawn drawn(const ReportPicture& picture, const Format& format) {
  const std::vector<bool> is_found = labels_found(picture);
  Drawn result{"", is_found.size(),
               static_cast<std::size_t>(std::count(is_found.begin(), is_found.end(), true))};
  if (picture.image.width < 1 || picture.image.height < 1) return result;
  const ReportPicture shown = sized(picture, format);
  Image image = draw_faces(shown.image, shown.found, {.colour_bar = false, .low = 0});
  Canvas canvas(image);
  // The page shows pictures smaller than they are.
  const double line = std::max(2.0, static_cast<double>(std::max(image.width, image.height)) / 260);
  for (std::size_t i = 0; i < is_found.size(); ++i) {
    const Box& box = shown.labelled[i].box;
    if (lies_in(image, box)) draw_label(canvas, box, line, !is_found[i]);
  }
  result.image =
      message("<img width=\"", image.width, "\" height=\"", image.height, "\" alt=\"",
              escaped(picture.caption), ": ", result.found, " of ", result.labelled,
              " labelled faces found, ", boxes_text(picture), "\" src=\"data:image/jpeg;base64,",
              base64(encode_jpeg(image, format.quality)), "\">");
  return result;
}

std::string figure(const std::string& image, const std::string& line, const std::string& caption) {
  return message("<figure>", image, "<figcaption><b>", line, "</b> ", escaped(caption),
                 "</figcaption></figure>\n");
}

}  // namespace

std::vector<bool> labels_found(const ReportPicture& picture) {
  std::vector<std::size_t> order(picture.found.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return picture.found[a].score > picture.found[b].score;
  });
  std::vector<bool> taken(picture.labelled.size());
  for (const std::size_t f : order) {
    std::size_t best = taken.size();
    double best_iou = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const double overlap_share =
          taken[i] ? 0 : iou(box_of(picture.found[f]), picture.labelled[i].box, false);
      if (overlap_share >= kFoundIou && overlap_share > best_iou) {
        best = i;
        best_iou = overlap_share;
      }
    }
    if (best < taken.size()) taken[best] = true;
  }
  return taken;
}

void keep_worst_misses(std::vector<ReportPicture>& worst, const ReportPicture& picture,
                       std::size_t count) {
  const std::vector<bool> found = labels_found(picture);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const LabelledFace& face = picture.labelled[i];
    if (found[i] || !lies_in(picture.image, face.box)) continue;
    const auto at = std::upper_bound(
        worst.begin(), worst.end(), area(face),
        [](double a, const ReportPicture& crop) { return a > area(crop.labelled[0]); });
    if (static_cast<std::size_t>(at - worst.begin()) >= count) continue;
    worst.insert(at, cropped(picture, i));
    if (worst.size() > count) worst.pop_back();
  }
}

std::string sample_figure(const ReportPicture& picture) {
  const Drawn result = drawn(picture, kSample);
  return figure(result.image,
                message(result.found, " of ", result.labelled, " found, ", boxes_text(picture)),
                picture.caption);
}

std::string miss_figure(const ReportPicture& crop) {
  const Drawn result = drawn(crop, kCrop);
  std::string size;
  if (!crop.labelled.empty()) {
    const auto [width, height] = size_of(crop.labelled[0].box);
    size = significant_number(std::round(width), 1) + " × " +
           significant_number(std::round(height), 1) + " px";
  }
  return figure(result.image, size, crop.caption);
}

}  // namespace rf
