#include "retinaface/evaluation/plot_svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/markup.hpp"

namespace rf {

namespace {

// Pixels of the picture. The plot area is square: equal steps of precision and recall look equal.
constexpr double kWidth = 800, kArea = 540, kLeft = 72, kRight = kLeft + kArea;
constexpr double kTitleBaseline = 34, kCaptionLine = 17, kBelowArea = 62;
constexpr std::size_t kCaptionColumns = 118;

constexpr const char* kInk = "#1a1a1a";
constexpr const char* kGrey = "#5c5c5c";
constexpr const char* kGrid = "#e4e4e4";

struct Stroke {
  std::string colour;
  const char* dashes;
};

// Okabe and Ito's colours; the dashes keep curves apart in print without colour.
Stroke distinct_stroke(std::size_t i) {
  static constexpr std::array<const char*, 6> kColours{"#0072b2", "#d55e00", "#009e73",
                                                       "#cc79a7", "#56b4e9", "#e69f00"};
  static constexpr std::array<const char*, 3> kDashes{"", "10 3", "4 3"};
  return {kColours[i % kColours.size()], kDashes[i % kDashes.size()]};
}

// From dark violet over teal to a yellow-green that still reads on white.
Stroke sequential_stroke(std::size_t i, std::size_t count) {
  static constexpr std::array<std::array<double, 3>, 5> kStops{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 190, 90}, {190, 200, 40}}};
  const double t =
      count < 2 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1) * (kStops.size() - 1);
  const std::size_t stop = std::min<std::size_t>(static_cast<std::size_t>(t), kStops.size() - 2);
  std::string colour = "rgb(";
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const double low = kStops[stop][channel], high = kStops[stop + 1][channel];
    colour += decimal_number(std::round(low + (high - low) * (t - static_cast<double>(stop))), 0) +
              (channel < 2 ? "," : ")");
  }
  return {colour, ""};
}

std::vector<std::string> broken(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > columns)
      lines.push_back(std::exchange(line, ""));
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

std::vector<std::string> columns_of(const std::string& label) {
  std::vector<std::string> columns(1);
  for (const char c : label) {
    if (c == '\t') {
      columns.emplace_back();
    } else {
      columns.back() += c;
    }
  }
  return columns;
}

class SvgWriter {
 public:
  explicit SvgWriter(double height) {
    svg_ = message("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ",
                   decimal_number(kWidth), " ", decimal_number(height), "\" width=\"",
                   decimal_number(kWidth), "\" height=\"", decimal_number(height),
                   "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\">\n",
                   "<rect width=\"", decimal_number(kWidth), "\" height=\"", decimal_number(height),
                   "\" fill=\"#ffffff\"/>\n");
  }

  void text(double x, double y, std::string_view content, const std::string& attributes) {
    svg_ += message("<text x=\"", decimal_number(x), "\" y=\"", decimal_number(y), "\" ",
                    attributes, ">", escaped(content), "</text>\n");
  }

  void line(double x1, double y1, double x2, double y2, const std::string& attributes) {
    svg_ += message("<line x1=\"", decimal_number(x1), "\" y1=\"", decimal_number(y1), "\" x2=\"",
                    decimal_number(x2), "\" y2=\"", decimal_number(y2), "\" ", attributes, "/>\n");
  }

  void raw(const std::string& element) { svg_ += element + "\n"; }

  std::string finish() { return svg_ + "</svg>\n"; }

 private:
  std::string svg_;
};

std::string stroke_attributes(const Stroke& stroke, double width) {
  std::string text =
      message("stroke=\"", stroke.colour, "\" stroke-width=\"", decimal_number(width), "\"");
  if (*stroke.dashes) text += message(" stroke-dasharray=\"", stroke.dashes, "\"");
  return text;
}

std::string fill(const char* colour, const char* anchor) {
  return message("fill=\"", colour, "\" text-anchor=\"", anchor, "\"");
}

void draw_axes(SvgWriter& svg, const Plot& plot, double top) {
  const double bottom = top + kArea;
  for (int i = 0; i <= 10; ++i) {
    const double x = kLeft + kArea * i / 10, y = bottom - kArea * i / 10;
    const std::string grid = message("stroke=\"", kGrid, "\"");
    if (i > 0 && i < 10) {
      svg.line(x, top, x, bottom, grid);
      svg.line(kLeft, y, kRight, y, grid);
    }
    const std::string ink = message("stroke=\"", kInk, "\"");
    svg.line(x, bottom, x, bottom + (i % 2 ? 3 : 6), ink);
    svg.line(kLeft - (i % 2 ? 3 : 6), y, kLeft, y, ink);
    if (i % 2 == 0) {
      svg.text(x, bottom + 22, decimal_number(plot.x_end * i / 10), fill(kInk, "middle"));
      svg.text(kLeft - 11, y + 5, decimal_number(i / 10.0, 1), fill(kInk, "end"));
    }
  }
  const double middle = top + kArea / 2;
  svg.text(kLeft + kArea / 2, bottom + 46, plot.x_label,
           fill(kInk, "middle") + " font-size=\"15\"");
  svg.text(0, 0, plot.y_label,
           fill(kInk, "middle") + message(" font-size=\"15\" transform=\"translate(28 ",
                                          decimal_number(middle), ") rotate(-90)\""));
}

// Points nearer than a quarter of a pixel to the one before add nothing.
void draw_curve(SvgWriter& svg, const PlotCurve& curve, double x_end, const Stroke& stroke,
                double top) {
  RF_ASSERT(curve.x.size() == curve.y.size());
  std::string points;
  double last_x = -1, last_y = -1;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    const double x = kLeft + kArea * std::clamp(curve.x[i] / x_end, 0.0, 1.0);
    const double y = top + kArea * (1 - std::clamp(curve.y[i], 0.0, 1.0));
    const bool last = i + 1 == curve.x.size();
    if (!last && std::abs(x - last_x) < 0.25 && std::abs(y - last_y) < 0.25) continue;
    points += (points.empty() ? "" : " ") + decimal_number(x) + "," + decimal_number(y);
    last_x = x;
    last_y = y;
  }
  if (points.empty()) return;
  svg.raw(message("<polyline points=\"", points, "\" fill=\"none\" stroke-linejoin=\"round\" ",
                  stroke_attributes(stroke, 2), "/>"));
}

// To the right of the area, where it hides no curve.
void draw_legend(SvgWriter& svg, const Plot& plot, const std::vector<Stroke>& strokes, double top) {
  constexpr double kRow = 21, kSample = 30, kColumn = 54, kLegendLeft = kRight + 20;
  double y = top + 15;
  // The first column starts at the sample, the others end flush, as numbers should.
  const auto row = [&](const std::string& label, const char* colour) {
    const std::vector<std::string> columns = columns_of(label);
    const double x = kLegendLeft + kSample + 8;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (c == 0) {
        svg.text(x, y, columns[c], fill(colour, "start"));
      } else {
        svg.text(x + kColumn * static_cast<double>(c + 1), y, columns[c], fill(colour, "end"));
      }
    }
  };
  if (!plot.legend_title.empty()) {
    row(plot.legend_title, kGrey);
    y += kRow;
  }
  for (std::size_t i = 0; i < plot.curves.size(); ++i, y += kRow) {
    svg.line(kLegendLeft, y - 5, kLegendLeft + kSample, y - 5, stroke_attributes(strokes[i], 2.5));
    row(plot.curves[i].label, kInk);
  }
}

}  // namespace

std::string plot_svg(const Plot& plot) {
  RF_ASSERT(plot.x_end > 0);
  const std::vector<std::string> caption = broken(plot.caption, kCaptionColumns);
  const double top = kTitleBaseline + kCaptionLine * static_cast<double>(caption.size()) + 20;
  const double bottom = top + kArea;

  std::vector<Stroke> strokes;
  for (std::size_t i = 0; i < plot.curves.size(); ++i) {
    strokes.push_back(plot.sequential ? sequential_stroke(i, plot.curves.size())
                                      : distinct_stroke(i));
  }

  SvgWriter svg(bottom + kBelowArea);
  svg.raw(message("<title>", escaped(plot.title), "</title>"));
  svg.text(kLeft, kTitleBaseline, plot.title,
           fill(kInk, "start") + " font-size=\"18\" font-weight=\"bold\"");
  for (std::size_t i = 0; i < caption.size(); ++i) {
    svg.text(kLeft, kTitleBaseline + 3 + kCaptionLine * static_cast<double>(i + 1), caption[i],
             fill(kGrey, "start") + " font-size=\"12\"");
  }
  draw_axes(svg, plot, top);
  for (std::size_t i = plot.curves.size(); i-- > 0;)
    draw_curve(svg, plot.curves[i], plot.x_end, strokes[i], top);
  svg.raw(message("<rect x=\"", decimal_number(kLeft), "\" y=\"", decimal_number(top),
                  "\" width=\"", decimal_number(kArea), "\" height=\"", decimal_number(kArea),
                  "\" fill=\"none\" stroke=\"", kInk, "\"/>"));
  draw_legend(svg, plot, strokes, top);
  return svg.finish();
}

}  // namespace rf
