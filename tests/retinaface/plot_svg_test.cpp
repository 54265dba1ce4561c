#include "retinaface/evaluation/plot_svg.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

namespace {

rf::Plot plot_of(std::vector<double> x, std::vector<double> y) {
  return {.title = "A < B & C",
          .caption = "caption",
          .x_label = "Recall",
          .y_label = "Precision",
          .legend_title = "",
          .curves = {{"only\t50.00", std::move(x), std::move(y)}}};
}

std::string points_of(const std::string& svg) {
  const std::size_t start = svg.find("points=\"") + 8;
  return svg.substr(start, svg.find('"', start) - start);
}

}  // namespace

TEST_CASE("plot: the corners of the unit square are the corners of the axes' square", "[plot]") {
  const std::string svg = rf::plot_svg(plot_of({0, 1}, {1, 0}));
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  char comma = 0;
  std::istringstream points(points_of(svg));
  points >> x1 >> comma >> y1 >> x2 >> comma >> y2;
  REQUIRE(points);
  CHECK(x2 - x1 == y2 - y1);
  std::ostringstream frame;
  frame << "<rect x=\"" << x1 << "\" y=\"" << y1 << "\" width=\"" << x2 - x1 << "\" height=\""
        << y2 - y1 << "\"";
  CHECK(svg.find(frame.str()) != std::string::npos);
}

TEST_CASE("plot: text is escaped, labels and legend are there, the same plot is the same text",
          "[plot]") {
  const std::string svg = rf::plot_svg(plot_of({0, 0.5}, {1, 0.5}));
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("A &lt; B &amp; C") != std::string::npos);
  for (const char* text : {">Recall<", ">Precision<", ">only<", ">50.00<", ">caption<", ">0.2<"})
    CHECK(svg.find(text) != std::string::npos);
  CHECK(svg == rf::plot_svg(plot_of({0, 0.5}, {1, 0.5})));
}

TEST_CASE("plot: points that would not be seen are left out, the last never", "[plot]") {
  std::vector<double> x(1000, 0.5), y(1000, 0.5);
  x.back() = 0.5001;
  const std::string points = points_of(rf::plot_svg(plot_of(x, y)));
  CHECK(std::count(points.begin(), points.end(), ',') == 2);
  CHECK(rf::plot_svg(plot_of({}, {})).find("polyline") == std::string::npos);
}

TEST_CASE("plot: x can run to another end than 1", "[plot]") {
  rf::Plot plot = plot_of({0, 5, 20}, {0, 0.5, 1});
  const std::string unit = points_of(rf::plot_svg(plot_of({0, 0.5, 1}, {0, 0.5, 1})));
  plot.x_end = 10;
  const std::string svg = rf::plot_svg(plot);
  CHECK(points_of(svg) == unit);  // what is beyond the end is drawn at the end
  for (const char* tick : {">2<", ">8<", ">10<", ">0.8<"})
    CHECK(svg.find(tick) != std::string::npos);
}
