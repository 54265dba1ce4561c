#include "retinaface/training/line_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include "engine/check.hpp"
#include "retinaface/markup.hpp"
#include "retinaface/training/chart_axis.hpp"
#include "retinaface/training/chart_series.hpp"

namespace rf {

namespace {

constexpr std::size_t kMostGroups = 400;
constexpr int kYSteps = 5;
// The picture is a box of percentages in which text keeps its size; curves are drawn in a nested
// one of kUnits x kUnits that stretches with it.
constexpr double kUnits = 1000;

struct Curve {
  std::vector<RowGroup> groups;
  std::vector<double> means;  // of the line, one for each group

  [[nodiscard]] bool empty() const {
    return std::none_of(groups.begin(), groups.end(), [](const RowGroup& g) { return g.rows > 0; });
  }
};

Curve curve_of(const LineChart& chart, const ChartSeries& series) {
  RF_ASSERT(series.x.size() == series.y.size());
  std::vector<double> x, y;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!(series.x[i] >= chart.x_low && series.x[i] <= chart.x_high)) continue;
    x.push_back(series.x[i]);
    y.push_back(series.y[i]);
  }
  Curve curve;
  const bool all = chart.kind == ChartKind::points;
  curve.groups = group_rows(x, y, all ? std::max<std::size_t>(x.size(), 1) : kMostGroups);
  // A window of 4 % of the rows; below 50 rows, the rows themselves.
  const std::size_t reach = chart.kind == ChartKind::means ? curve.groups.size() / 50 : 0;
  curve.means = moving_mean(curve.groups, reach);
  return curve;
}

Axis y_axis(const LineChart& chart, std::span<const Curve> curves) {
  bool any = false;
  double low = 0, high = 0;
  const auto include = [&](double from, double to) {
    low = any ? std::min(low, from) : from;
    high = any ? std::max(high, to) : to;
    any = true;
  };
  for (const Curve& curve : curves) {
    for (const RowGroup& group : curve.groups) {
      if (group.rows > 0) include(group.low, group.high);
    }
  }
  constexpr double kLeast = 1e-30, kRatio = 8, kMargin = 1.15;
  if (chart.logarithmic && low >= kLeast * kMargin && high >= kRatio * low)
    return logarithmic_axis(low / kMargin, high * kMargin);
  if (chart.y_low) include(*chart.y_low, *chart.y_low);
  const double extent = high - low;
  // Room for the words at the highest point.
  high += extent * (chart.mark_highest ? 0.15 : 0.06);
  if (!chart.y_low || low < *chart.y_low) low -= extent * 0.06;
  return linear_axis(low, high, kYSteps);
}

std::string percent(double share) { return decimal_number(100 * share, 2) + "%"; }

class ChartWriter {
 public:
  ChartWriter(const LineChart& chart, std::span<const Curve> curves)
      : chart_(chart),
        curves_(curves),
        x_(linear_axis(chart.x_low, chart.x_high, chart.x_steps)),
        y_(y_axis(chart, curves)) {}

  std::string write() {
    const std::string title = chart_.id + "-title", description = chart_.id + "-description";
    html_ +=
        message("<svg class=\"plot\" role=\"img\" aria-labelledby=\"", title, " ", description,
                "\">\n<title id=\"", title, "\">", escaped(chart_.title), "</title>\n<desc id=\"",
                description, "\">", escaped(description_text()), "</desc>\n");
    axes();
    html_ += message("<svg width=\"100%\" height=\"100%\" viewBox=\"0 0 ", kUnits, " ", kUnits,
                     "\" preserveAspectRatio=\"none\">\n");
    for (std::size_t i = curves_.size(); i-- > 0;) {
      if (chart_.kind != ChartKind::points) band(i);
    }
    for (std::size_t i = curves_.size(); i-- > 0;) line(i);
    html_ += "</svg>\n";
    if (chart_.kind == ChartKind::points) dots();
    if (chart_.mark_highest) highest();
    html_ += "</svg>\n";
    return std::move(html_);
  }

 private:
  [[nodiscard]] std::string left(double x) const { return percent(x_.position(x)); }
  [[nodiscard]] std::string top(double y) const { return percent(1 - y_.position(y)); }
  [[nodiscard]] std::string point(double x, double y) const {
    return decimal_number(kUnits * x_.position(x), 1) + "," +
           decimal_number(kUnits * (1 - y_.position(y)), 1);
  }

  [[nodiscard]] std::string description_text() const {
    std::string text = chart_.x_label + " " + significant_number(chart_.x_low, 6) + " to " +
                       significant_number(chart_.x_high, 6) + ".";
    for (std::size_t i = 0; i < curves_.size(); ++i) {
      const std::vector<RowGroup>& groups = curves_[i].groups;
      std::vector<RowGroup> shown;
      std::copy_if(groups.begin(), groups.end(), std::back_inserter(shown),
                   [](const RowGroup& g) { return g.rows > 0; });
      if (shown.empty()) continue;
      const auto lower = [](const RowGroup& a, const RowGroup& b) { return a.low < b.low; };
      const auto less = [](const RowGroup& a, const RowGroup& b) { return a.high < b.high; };
      text += " " + chart_.series[i].label + ": first " +
              significant_number(shown.front().mean, 4) + ", last " +
              significant_number(shown.back().mean, 4) + ", lowest " +
              significant_number(std::min_element(shown.begin(), shown.end(), lower)->low, 4) +
              ", highest " +
              significant_number(std::max_element(shown.begin(), shown.end(), less)->high, 4) + ".";
    }
    return text;
  }

  void axes() {
    for (const Tick& tick : y_.ticks) {
      const std::string at = top(tick.value);
      html_ += message("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"", at, "\" y2=\"", at,
                       "\"/><text class=\"tick\" x=\"-8\" dy=\"4\" y=\"", at,
                       "\" text-anchor=\"end\">", tick.text, "</text>\n");
    }
    for (const Tick& tick : x_.ticks) {
      const std::string at = left(tick.value);
      html_ += message("<svg x=\"", at,
                       "\" y=\"100%\"><line class=\"axis\" y2=\"5\"/><text class=\"tick\" y=\"19\" "
                       "text-anchor=\"middle\">",
                       tick.text, "</text></svg>\n");
    }
    html_ += "<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\"/>";
    html_ += message(
        "<svg x=\"100%\" y=\"100%\"><text class=\"tick\" y=\"36\" "
        "text-anchor=\"end\">",
        escaped(chart_.x_label), "</text></svg>\n");
  }

  // Calls visit(begin, end) for each stretch of groups that have rows.
  template <class Visit>
  static void stretches(const std::vector<RowGroup>& groups, Visit&& visit) {
    for (std::size_t i = 0; i < groups.size();) {
      const std::size_t begin = i;
      while (i < groups.size() && groups[i].rows > 0) ++i;
      if (i > begin) visit(begin, i);
      if (i == begin) ++i;
    }
  }

  void band(std::size_t series) {
    const std::vector<RowGroup>& groups = curves_[series].groups;
    std::string path;
    stretches(groups, [&](std::size_t begin, std::size_t end) {
      path += "M";
      for (std::size_t i = begin; i < end; ++i) path += point(groups[i].x, groups[i].high) + " ";
      for (std::size_t i = end; i-- > begin;) path += point(groups[i].x, groups[i].low) + " ";
      path += "Z";
    });
    draw("band", series, path);
  }

  void line(std::size_t series) {
    const Curve& curve = curves_[series];
    std::string path, lone;
    stretches(curve.groups, [&](std::size_t begin, std::size_t end) {
      // A row on its own is a dot: a line without length, with round ends.
      std::string& to = end == begin + 1 ? lone : path;
      to += "M";
      for (std::size_t i = begin; i < end; ++i)
        to += point(curve.groups[i].x, curve.means[i]) + " ";
      if (&to == &lone) lone += "h0";
    });
    draw("line", series, path);
    draw("line lone", series, lone);
  }

  void draw(const char* kind, std::size_t series, const std::string& path) {
    if (path.empty()) return;
    html_ += message("<path class=\"", kind, " series", series + 1, "\" d=\"", path, "\"/>\n");
  }

  void dots() {
    for (std::size_t s = curves_.size(); s-- > 0;) {
      for (const RowGroup& g : curves_[s].groups) {
        if (g.rows == 0) continue;
        html_ += message("<circle class=\"dot series", s + 1, "\" cx=\"", left(g.x), "\" cy=\"",
                         top(g.mean), "\" r=\"3\"><title>", escaped(chart_.series[s].label), " ",
                         significant_number(g.mean, 4), ", ", escaped(chart_.x_label), " ",
                         grouped_number(static_cast<Index>(g.x)), "</title></circle>\n");
      }
    }
  }

  void highest() {
    if (curves_.empty() || curves_[0].empty()) return;
    const RowGroup* best = nullptr;
    for (const RowGroup& g : curves_[0].groups) {
      if (g.rows > 0 && (!best || g.high > best->high)) best = &g;
    }
    const double at = x_.position(best->x);
    const char* anchor = at < 0.15 ? "start" : at > 0.85 ? "end" : "middle";
    // Above a curve that is alone, below one that may have others above it.
    const char* down = curves_.size() == 1 ? "-11" : "25";
    html_ += message("<circle class=\"ring series1\" cx=\"", left(best->x), "\" cy=\"",
                     top(best->high), "\" r=\"6\"/><text class=\"mark\" x=\"", left(best->x),
                     "\" y=\"", top(best->high), "\" dy=\"", down, "\" text-anchor=\"", anchor,
                     "\">best ", significant_number(best->high, 4), "</text>\n");
  }

  const LineChart& chart_;
  std::span<const Curve> curves_;
  Axis x_, y_;
  std::string html_;
};

std::string legend(const LineChart& chart, std::span<const Curve> curves) {
  const bool exact = chart.kind == ChartKind::exact;
  std::string html = "<span class=\"legend\">";
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    html += message(
        "<span class=\"entry\"><svg class=\"swatch\" aria-hidden=\"true\"><line "
        "class=\"line series",
        i + 1, "\" x1=\"1\" x2=\"27\" y1=\"6\" y2=\"6\"/></svg>", escaped(chart.series[i].label));
    std::size_t last = curve.groups.size();
    while (last > 0 && curve.groups[last - 1].rows == 0) --last;
    if (last > 0)
      html += message(" <b>",
                      exact ? trimmed_number(curve.means[last - 1], 4)
                            : significant_number(curve.means[last - 1], 4),
                      "</b>");
    html += "</span>";
  }
  return html + "</span>";
}

}  // namespace

std::string line_chart(const LineChart& chart) {
  RF_ASSERT(!chart.series.empty() && chart.series.size() <= 4 && chart.x_low <= chart.x_high);
  std::vector<Curve> curves;
  for (const ChartSeries& series : chart.series) curves.push_back(curve_of(chart, series));
  std::string html = message("<figure class=\"chart\">\n<figcaption><strong>", escaped(chart.title),
                             "</strong>", legend(chart, curves), "</figcaption>\n");
  if (std::all_of(curves.begin(), curves.end(), [](const Curve& c) { return c.empty(); })) {
    html += "<p class=\"nothing\">Nothing to draw yet.</p>\n";
  } else {
    html += ChartWriter(chart, curves).write();
  }
  return html + "</figure>\n";
}

}  // namespace rf
