#include "retinaface/training/report_charts.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "retinaface/training/line_chart.hpp"

namespace rf {

namespace {

using Values = std::vector<double>;

template <class Row, class Number>
Values values_of(const std::vector<Row>& rows, Number Row::*member) {
  Values values;
  for (const Row& row : rows) values.push_back(static_cast<double>(row.*member));
  return values;
}

}  // namespace

Index last_step(const ReportInput& input) {
  Index step = 1;
  if (!input.metrics.empty()) step = std::max(step, input.metrics.back().step);
  if (!input.validation.empty()) step = std::max(step, input.validation.back().step);
  return step;
}

std::string large_charts(const ReportInput& input) {
  const std::vector<MetricsRow>& rows = input.metrics;
  const Values steps = values_of(rows, &MetricsRow::step);
  const auto last = static_cast<double>(last_step(input));
  std::string html = line_chart({.id = "loss",
                                 .title = "Loss",
                                 .x_label = "step",
                                 .series = {{"total", steps, values_of(rows, &MetricsRow::loss)}},
                                 .x_high = last,
                                 .logarithmic = true});
  Values ap = values_of(input.validation, &ValidationRow::ap);
  Values recall = values_of(input.validation, &ValidationRow::recall);
  for (double& share : ap) share *= 100;
  for (double& share : recall) share *= 100;
  const Values checks = values_of(input.validation, &ValidationRow::step);
  LineChart accuracy{.id = "accuracy",
                     .title = "Validation, %",
                     .x_label = "step",
                     .kind = ChartKind::points,
                     .series = {{"AP", checks, ap}, {"recall", checks, recall}},
                     .x_high = last,
                     .mark_highest = true};
  html += line_chart(accuracy);
  LineChart terms{.id = "terms",
                  .title = "Terms of the loss",
                  .x_label = "step",
                  .series = {{"class", steps, values_of(rows, &MetricsRow::cls)},
                             {"box", steps, values_of(rows, &MetricsRow::box)},
                             {"landmarks", steps, values_of(rows, &MetricsRow::landmark)}},
                  .x_high = last,
                  .logarithmic = true};
  const Values teacher = values_of(rows, &MetricsRow::teacher);
  if (std::any_of(teacher.begin(), teacher.end(), [](double t) { return t != 0; }))
    terms.series.push_back({"teacher", steps, teacher});
  html += line_chart(terms);
  // The rise from nothing hides what the last half still gains.
  accuracy.id = "later";
  accuracy.title = "AP, later half of the steps, %";
  accuracy.series.pop_back();
  accuracy.x_low = std::floor(last / 2);
  html += line_chart(accuracy);
  return html;
}

std::string small_charts(const ReportInput& input) {
  const std::vector<MetricsRow>& rows = input.metrics;
  const Values steps = values_of(rows, &MetricsRow::step);
  const auto last = static_cast<double>(last_step(input));
  Values speed, wait;
  for (const MetricsRow& row : rows) {
    speed.push_back(1 / row.seconds_per_image);
    wait.push_back(100 * row.wait_share);
  }
  const auto chart = [&](const char* id, const char* title, const char* label, Values values) {
    return LineChart{.id = id,
                     .title = title,
                     .x_label = "step",
                     .series = {{label, steps, std::move(values)}},
                     .x_high = last,
                     .x_steps = 3};
  };
  LineChart rate =
      chart("rate", "Learning rate", "rate", values_of(rows, &MetricsRow::learning_rate));
  LineChart norm = chart("norm", "Gradient norm", "norm", values_of(rows, &MetricsRow::grad_norm));
  LineChart pictures = chart("speed", "Pictures per second", "speed", std::move(speed));
  LineChart loader = chart("wait", "Loader wait, %", "wait", std::move(wait));
  rate.kind = ChartKind::exact;
  rate.logarithmic = norm.logarithmic = true;
  pictures.y_low = loader.y_low = 0;
  std::string html =
      line_chart(rate) + line_chart(norm) + line_chart(pictures) + line_chart(loader);
  Values dense = values_of(rows, &MetricsRow::dense);
  if (std::any_of(dense.begin(), dense.end(), [](double d) { return d != 0; }))
    html += line_chart(chart("dense", "Dense branch", "loss", std::move(dense)));
  return html;
}

}  // namespace rf
