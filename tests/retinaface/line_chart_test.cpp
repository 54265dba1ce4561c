#include "retinaface/training/line_chart.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "retinaface/training/chart_axis.hpp"
#include "retinaface/training/chart_series.hpp"

using Catch::Contains;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> texts_of(const rf::Axis& axis) {
  std::vector<std::string> texts;
  for (const rf::Tick& tick : axis.ticks) texts.push_back(tick.text);
  return texts;
}

// The numbers of the first path of this class, two for each point.
std::vector<double> path_of(const std::string& html, const std::string& classes) {
  const std::size_t at = html.find("<path class=\"" + classes + "\"");
  if (at == std::string::npos) return {};
  const std::size_t begin = html.find(" d=\"", at) + 4;
  std::vector<double> numbers;
  const std::string path = html.substr(begin, html.find('"', begin) - begin);
  for (std::size_t i = 0; i < path.size();) {
    if (!std::isdigit(static_cast<unsigned char>(path[i]))) {
      ++i;
      continue;
    }
    std::size_t used = 0;
    numbers.push_back(std::stod(path.substr(i), &used));
    i += used;
  }
  return numbers;
}

rf::LineChart chart_of(std::vector<double> x, std::vector<double> y) {
  const double high = x.empty() ? 1 : x.back();
  return {.id = "chart",
          .title = "A < B",
          .x_label = "step",
          .series = {{"loss", std::move(x), std::move(y)}},
          .x_high = high};
}

}  // namespace

TEST_CASE("chart: ticks are round and lie within the axis", "[chart]") {
  using Texts = std::vector<std::string>;
  CHECK(texts_of(rf::linear_axis(0, 1, 5)) == Texts{"0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(texts_of(rf::linear_axis(0, 40000, 4)) ==
        Texts{"0", "10\u202f000", "20\u202f000", "30\u202f000", "40\u202f000"});
  CHECK(texts_of(rf::linear_axis(-0.03, 0.031, 5)) == Texts{"-0.02", "0", "0.02"});
  CHECK(texts_of(rf::linear_axis(65.2, 72.9, 5)) == Texts{"66", "68", "70", "72"});
  CHECK(texts_of(rf::linear_axis(0, 3e6, 3)) == Texts{"0", "1e6", "2e6", "3e6"});
  CHECK(texts_of(rf::linear_axis(0, 3e-6, 3)) == Texts{"0", "1e-6", "2e-6", "3e-6"});
  CHECK(texts_of(rf::logarithmic_axis(0.3, 12)) == Texts{"0.5", "1", "2", "5", "10"});
  CHECK(texts_of(rf::logarithmic_axis(0.0001, 1)) == Texts{"0.0001", "0.001", "0.01", "0.1", "1"});
  CHECK(texts_of(rf::logarithmic_axis(1e-10, 1e8)).size() <= 7);
}

TEST_CASE("chart: positions run from 0 to 1, of a logarithm by ratios", "[chart]") {
  const rf::Axis linear = rf::linear_axis(2, 6, 4), logarithmic = rf::logarithmic_axis(0.1, 1000);
  CHECK(linear.position(2) == 0);
  CHECK(linear.position(3) == 0.25);
  CHECK(linear.position(7) == 1);
  CHECK(logarithmic.position(1) == Approx(0.25).epsilon(1e-12));
  CHECK(logarithmic.position(1000) == 1);
}

TEST_CASE("chart: a range without extent, or at the ends of double, has an axis too", "[chart]") {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 0}, {5, 5}, {-1e30, -1e30}, {-1e30, 1e30}, {1e-30, 2e-30}, {7, 7 + 1e-14}}) {
    CAPTURE(low, high);
    const rf::Axis axis = rf::linear_axis(low, high, 5);
    CHECK(axis.low < axis.high);
    CHECK(!axis.ticks.empty());
    CHECK(axis.ticks.size() <= 8);
  }
}

TEST_CASE("chart: groups keep every extreme, and each row is in one", "[chart]") {
  std::vector<double> x, y;
  for (int i = 0; i < 5003; ++i) {
    x.push_back(i + 1);
    y.push_back(i % 7);
  }
  y[17] = 900;
  y[3001] = -900;
  y[4000] = kNan;
  y[4001] = kInfinity;
  const std::vector<rf::RowGroup> groups = rf::group_rows(x, y, 400);
  CHECK(groups.size() == 400);
  rf::Index rows = 0;
  double low = 0, high = 0, sum = 0;
  for (const rf::RowGroup& g : groups) {
    CHECK((g.rows >= 11 && g.rows <= 13));  // 5003 / 400 is 12.5; two hold no numbers
    CHECK((g.low <= g.mean && g.mean <= g.high));
    rows += g.rows;
    low = std::min(low, g.low);
    high = std::max(high, g.high);
    sum += g.mean * static_cast<double>(g.rows);
  }
  CHECK(rows == 5001);
  CHECK(low == -900);
  CHECK(high == 900);
  CHECK(groups.back().x == 5003);
  double expected = 0;
  for (const double v : y) expected += rf::chartable(v) ? v : 0;
  CHECK(sum == Approx(expected).epsilon(1e-9));
}

TEST_CASE("chart: few rows stay as they are, none give none", "[chart]") {
  const std::vector<rf::RowGroup> groups =
      rf::group_rows(std::vector<double>{1, 2}, std::vector<double>{5, kNan}, 400);
  REQUIRE(groups.size() == 2);
  CHECK((groups[0].low == 5 && groups[0].high == 5 && groups[0].mean == 5 && groups[0].rows == 1));
  CHECK(groups[1].rows == 0);
  CHECK(rf::group_rows({}, {}, 400).empty());
}

TEST_CASE("chart: the running mean counts rows, and at the ends what there is", "[chart]") {
  const std::vector<rf::RowGroup> groups{
      {1, 2, 2, 2, 1}, {2, 8, 8, 8, 3}, {3, 0, 0, 0, 0}, {4, 5, 5, 5, 1}};
  CHECK(rf::moving_mean(groups, 1) == std::vector<double>{26.0 / 4, 26.0 / 4, 29.0 / 4, 5});
  CHECK(rf::moving_mean(groups, 0) == std::vector<double>{2, 8, 0, 5});
}

TEST_CASE("chart: rows lie where the axes say", "[chart]") {
  // y from 0 to 10 with 6 % at either end: -0.6 to 10.6 in 1000 units from the top.
  const std::string html = rf::line_chart(chart_of({0, 25, 100}, {0, 10, 5}));
  const std::vector<double> line = path_of(html, "line series1");
  REQUIRE(line.size() == 6);
  CHECK(line[0] == 0);
  CHECK(line[1] == Approx(1000 * 10.6 / 11.2).margin(0.06));
  CHECK(line[2] == 250);
  CHECK(line[3] == Approx(1000 * 0.6 / 11.2).margin(0.06));
  CHECK(line[4] == 1000);
  CHECK(line[5] == Approx(500).margin(0.06));
  CHECK_THAT(html, Contains("<title id=\"chart-title\">A &lt; B</title>"));
  CHECK_THAT(html, Contains("loss: first 0.000, last 5.000, lowest 0.000, highest 10.00."));
}

TEST_CASE("chart: of thousands of rows the band reaches the highest and the lowest", "[chart]") {
  std::vector<double> x, y;
  for (int i = 0; i < 20000; ++i) {
    x.push_back(i);
    y.push_back(1);
  }
  y[12345] = 3;
  y[15000] = 0.5;
  const std::string html = rf::line_chart(chart_of(x, y));
  const std::vector<double> band = path_of(html, "band series1");
  REQUIRE(band.size() == 2 * 2 * 400);
  double top = 1000, bottom = 0;
  for (std::size_t i = 1; i < band.size(); i += 2) {
    top = std::min(top, band[i]);
    bottom = std::max(bottom, band[i]);
  }
  CHECK(top == Approx(1000 * 0.15 / 2.8).margin(0.06));
  CHECK(bottom == Approx(1000 * 2.65 / 2.8).margin(0.06));
  CHECK(html.size() < 30000);
  // The line is a mean: the spike of one row in 50 x 17 hardly moves it.
  const std::vector<double> line = path_of(html, "line series1");
  for (std::size_t i = 1; i < line.size(); i += 2)
    CHECK(line[i] == Approx(1000 * 2.15 / 2.8).margin(3));
}

TEST_CASE("chart: where there are no numbers the line has a gap; a row alone is a dot", "[chart]") {
  const std::string html =
      rf::line_chart(chart_of({0, 1, 2, 3, 4, 5}, {1, 2, kNan, 1, kInfinity, 2}));
  CHECK(path_of(html, "line series1").size() == 4);
  CHECK(path_of(html, "line lone series1").size() == 2 * (2 + 1));  // and the 0 of each h0
  CHECK_THAT(rf::line_chart(chart_of({}, {})), Contains("Nothing to draw yet"));
  CHECK_THAT(rf::line_chart(chart_of({1}, {kNan})), Contains("Nothing to draw yet"));
}

TEST_CASE("chart: a logarithmic scale only for positive values that span a factor of 8",
          "[chart]") {
  const auto middle = [](double low, double between, double high) {
    rf::LineChart chart = chart_of({0, 1, 2}, {low, between, high});
    chart.logarithmic = true;
    return path_of(rf::line_chart(chart), "line series1").at(3);
  };
  CHECK(middle(1, 10, 100) == Approx(500).margin(0.06));
  CHECK(middle(1, 4, 7) == Approx(500).margin(0.06));
  CHECK(middle(0, 50, 100) == Approx(500).margin(0.06));
}

TEST_CASE("chart: points tell their values, and the highest is named", "[chart]") {
  rf::LineChart chart = chart_of({10, 20, 3000}, {0.25, 0.75, 0.5});
  chart.kind = rf::ChartKind::points;
  chart.mark_highest = true;
  const std::string html = rf::line_chart(chart);
  CHECK_THAT(html, Contains("<title>loss 0.2500, step 10</title>"));
  CHECK_THAT(html, Contains("<title>loss 0.5000, step 3\u202f000</title>"));
  CHECK_THAT(html, Contains(">best 0.7500</text>"));
  chart.x_low = 15;
  const std::string later = rf::line_chart(chart);
  CHECK(later.find("step 10<") == std::string::npos);
  CHECK_THAT(later, Contains("step 20<"));
}
