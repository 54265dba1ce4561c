// Curves over the steps of a run, as an HTML figure with an SVG picture that fills the width it is
// given: its lines stretch, its text does not. Colours and sizes come from chart_style.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace rf {

struct ChartSeries {
  std::string label;         // in the legend
  std::vector<double> x, y;  // rising x from 0; equally many (RF_ASSERT); y that are not finite are
                             // left out
};

enum class ChartKind {
  means,   // many rows that scatter: their running mean, on a band from the lowest to the highest
  exact,   // rows that do not scatter: the line goes through them
  points,  // few rows, each a dot with its values on hover, joined by straight lines
};

struct LineChart {
  std::string id;  // letters; unique in the page
  std::string title;
  std::string x_label;
  ChartKind kind = ChartKind::means;
  std::vector<ChartSeries> series;             // one to four
  double x_low = 0, x_high = 0;                // of the axis; rows outside are left out
  std::optional<double> y_low = std::nullopt;  // a value that the axis must reach down to
  bool logarithmic = false;                    // if values are positive and span a factor of 8
  int x_steps = 4;                             // between ticks, at most
  bool mark_highest = false;                   // of the first series, in words
};

// A <figure>. The same chart gives the same bytes.
[[nodiscard]] std::string line_chart(const LineChart& chart);

}  // namespace rf
