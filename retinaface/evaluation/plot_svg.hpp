// Curves in a square as a self-contained SVG picture: precision-recall and error distributions.
#pragma once

#include <string>
#include <vector>

namespace rf {

struct PlotCurve {
  std::string label;         // in the legend; columns are separated by tabs: "easy\t89.23"
  std::vector<double> x, y;  // 0 .. Plot::x_end and 0 .. 1, equally many (RF_ASSERT)
};

struct Plot {
  std::string title;
  std::string caption;  // small, below the title; broken into lines
  std::string x_label, y_label;
  std::string legend_title;  // columns as in PlotCurve::label
  std::vector<PlotCurve> curves;
  // Colours run from dark to light in the order of the curves (a family by one parameter);
  // otherwise they differ as much as they can, also for colour-blind readers, and so do the dashes.
  bool sequential = false;
  double x_end = 1;  // at the right edge; above 0
};

// The SVG text, on a white plate so that it reads on any page. The same plot gives the same bytes.
[[nodiscard]] std::string plot_svg(const Plot& plot);

}  // namespace rf
