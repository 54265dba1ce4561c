#include <algorithm>
#include <array>

#include "engine/check.hpp"
#include "retinaface/markup.hpp"
#include "retinaface/network_drawing.hpp"

namespace rf {

namespace {

// Pixels of the picture: columns of boxes, the coarsest level on top as in Figure 2.
constexpr double kBoxWidth = 150, kBoxHeight = 52, kGapX = 58, kGapY = 30, kLeft = 24, kTop = 92;

// The page's colour decides between the two sets: a picture in a document follows its reader.
constexpr const char* kStyle =
    "<style>text{font-family:system-ui,sans-serif;fill:#1a1a1a}.s{font-size:11px;fill:#5c5c5c}"
    ".n{font-size:14px;font-weight:600}.t{font-size:17px;font-weight:600}"
    ".b{fill:#dceaf7;stroke:#0072b2}.p{fill:#fbe3d3;stroke:#d55e00}.c{fill:#d5efe5;stroke:#009e73}"
    ".h{fill:#f5e1ee;stroke:#b05c92}.i{fill:#eeeeee;stroke:#5c5c5c}"
    "path{stroke:#5c5c5c;fill:none;stroke-width:1.3}.a{fill:#5c5c5c;stroke:none}"
    "@media(prefers-color-scheme:dark){text{fill:#ececec}.s{fill:#b8b8b8}.b{fill:#12314a}"
    ".p{fill:#4a2812}.c{fill:#0f3b2e}.h{fill:#452a3b}.i{fill:#333333}"
    "path{stroke:#b8b8b8}.a{fill:#b8b8b8}.bg{fill:#161616}}.bg{fill:#ffffff}"
    "@media(prefers-color-scheme:dark){.bg{fill:#161616}}</style>";

double column_x(int column) { return kLeft + column * (kBoxWidth + kGapX); }

class Sheet {
 public:
  explicit Sheet(int rows) : rows_(rows) {}

  // Row 0 is the finest, at the bottom.
  [[nodiscard]] double row_y(int row) const {
    return kTop + (rows_ - 1 - row) * (kBoxHeight + kGapY);
  }
  void text(double x, double y, const char* kind, const std::string& words,
            const char* anchor = "start") {
    body_ += message("<text class=\"", kind, "\" x=\"", x, "\" y=\"", y, "\" text-anchor=\"",
                     anchor, "\">", escaped(words), "</text>\n");
  }
  void box(int column, double y, const char* kind, const std::string& name,
           const std::string& below) {
    const double x = column_x(column), middle = x + kBoxWidth / 2;
    body_ += message("<rect class=\"", kind, "\" x=\"", x, "\" y=\"", y, "\" width=\"", kBoxWidth,
                     "\" height=\"", kBoxHeight, "\" rx=\"5\"/>\n");
    text(middle, y + 22, "n", name, "middle");
    text(middle, y + 40, "s", below, "middle");
  }
  void arrow(double x1, double y1, double x2, double y2) {
    body_ += message("<path d=\"M", x1, " ", y1, "L", x2, " ", y2, "\" marker-end=\"url(#a)\"/>\n");
  }
  // From the right side of a box to the left side of the next.
  void across(int column, int from, int to) {
    arrow(column_x(column) + kBoxWidth, row_y(from) + kBoxHeight / 2, column_x(column + 1) - 3,
          row_y(to) + kBoxHeight / 2);
  }
  void up(int column, int row) {
    const double x = column_x(column) + kBoxWidth / 2;
    arrow(x, row_y(row), x, row_y(row + 1) + kBoxHeight + 3);
  }
  void down(int column, int row) {
    const double x = column_x(column) + kBoxWidth / 2;
    arrow(x, row_y(row) + kBoxHeight, x, row_y(row - 1) - 3);
  }
  [[nodiscard]] std::string finish(double width, double height) const {
    return message("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", width, " ", height,
                   "\" width=\"", width, "\" height=\"", height, "\">\n", kStyle,
                   "\n<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" "
                   "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"a\" "
                   "d=\"M0 0L8 4L0 8z\"/></marker></defs>\n<rect class=\"bg\" width=\"",
                   width, "\" height=\"", height, "\"/>\n", body_, "</svg>\n");
  }

 private:
  int rows_;
  std::string body_;
};

std::string shape_text(const Shape& shape) {
  return message(shape[0], " x ", shape[1], " x ", shape[2]);
}

}  // namespace

std::string network_svg(const NetworkDrawing& d) {
  const auto levels = static_cast<int>(d.pyramid.size()),
             stages = static_cast<int>(d.backbone.size());
  Sheet sheet(levels);
  sheet.text(kLeft, 34, "t", d.title);
  Index anchors = 0;
  for (const Index count : d.anchors) anchors += count;
  sheet.text(kLeft, 56, "s",
             message(grouped_number(d.parameters), " numbers to learn; ", grouped_number(anchors),
                     " anchors on a picture of ", d.image.width, " x ", d.image.height));
  constexpr std::array<const char*, 4> kColumns = {"backbone", "pyramid", "context modules",
                                                   "heads"};
  for (int column = 0; column < 4; ++column)
    sheet.text(column_x(column) + kBoxWidth / 2, kTop - 12, "s",
               kColumns[static_cast<std::size_t>(column)], "middle");
  const auto at = [](int i) { return static_cast<std::size_t>(i); };
  for (int row = 0; row < stages; ++row) {
    const NetworkLevel& level = d.backbone[at(row)];
    sheet.box(0, sheet.row_y(row), "b", level.name, shape_text(level.output));
    if (row + 1 < stages) sheet.up(0, row);
  }
  const double image_y = sheet.row_y(0) + kBoxHeight + kGapY;
  sheet.box(0, image_y, "i", "image", message("3 x ", d.image.height, " x ", d.image.width));
  sheet.arrow(column_x(0) + kBoxWidth / 2, image_y, column_x(0) + kBoxWidth / 2,
              sheet.row_y(0) + kBoxHeight + 3);
  for (int l = 0; l < levels; ++l) {
    const bool added = l >= stages;
    const NetworkLevel& p = d.pyramid[at(l)];
    sheet.box(1, sheet.row_y(l), "p", p.name, shape_text(p.output));
    sheet.across(0, added ? l - 1 : l, l);
    if (l > 0 && !added) sheet.down(1, l);
    sheet.box(2, sheet.row_y(l), "c", d.context[at(l)].name,
              grouped_number(d.context[at(l)].parameters) + " numbers");
    sheet.across(1, l, l);
    sheet.box(3, sheet.row_y(l), "h", "face, box, points",
              message(grouped_number(d.anchors[at(l)]), " anchors"));
    sheet.across(2, l, l);
  }
  sheet.text(column_x(1), image_y + 12, "s",
             message(d.pyramid.front().name, ": ", d.pyramid.front().what, ". ",
                     d.pyramid.back().name, ": ", d.pyramid.back().what, "."));
  sheet.text(column_x(1), image_y + 29, "s", message("Context: ", d.context.front().what, "."));
  sheet.text(column_x(1), image_y + 46, "s", message("Heads: ", d.heads, "."));
  return sheet.finish(column_x(4) - kGapX + kLeft, image_y + kBoxHeight + kLeft);
}

}  // namespace rf
