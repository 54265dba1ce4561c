#include "retinaface/training/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/check.hpp"
#include "retinaface/markup.hpp"
#include "retinaface/training/chart_axis.hpp"
#include "retinaface/training/chart_style.hpp"
#include "retinaface/training/report_charts.hpp"
#include "retinaface/training/report_style.hpp"

namespace rf {

namespace {

// Per cent with two decimals, as the tables of the paper have AP.
std::string percent(double share) {
  if (!chartable(share)) return "not finite";
  return fixed_number(100 * share, 2);
}

std::string signed_text(const std::string& number) {
  return number.starts_with('-') ? "−" + number.substr(1) : "+" + number;
}

std::string at_step(Index step, double epoch) {
  return message("step ", grouped_number(step), ", epoch ", significant_number(epoch, 3));
}

// Of those that are finite; not a number when there are none.
double mean(const MetricsRow* begin, const MetricsRow* end, double MetricsRow::*member) {
  double sum = 0, count = 0;
  for (const MetricsRow* row = begin; row != end; ++row) {
    if (!chartable(row->*member)) continue;
    sum += row->*member;
    ++count;
  }
  return sum / count;
}

const ValidationRow* best_of(const std::vector<ValidationRow>& rows, Index last_step) {
  const ValidationRow* best = nullptr;
  for (const ValidationRow& row : rows) {
    if (row.step <= last_step && chartable(row.ap) && (!best || row.ap > best->ap)) best = &row;
  }
  return best;
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return message("<div class=\"tile\"><span>", name, "</span><b>", value, "</b><span>", note,
                 "</span></div>\n");
}

std::string validation_tiles(const ReportInput& input) {
  const Index last = last_step(input), before = last - last / 4;
  const ValidationRow* best = best_of(input.validation, last);
  if (!best) return tile("Best AP", "–", "no validation yet");
  const ValidationRow& now = input.validation.back();
  std::string html =
      tile("Best AP", percent(best->ap) + " <small>%</small>", at_step(best->step, best->epoch));
  html +=
      tile("Latest AP", percent(now.ap) + " <small>%</small>",
           message("recall ", percent(now.recall), " % of ", grouped_number(now.faces), " faces"));
  const ValidationRow* earlier = best_of(input.validation, before);
  html += earlier
              ? tile("Gain since step " + grouped_number(before),
                     signed_text(percent(best->ap - earlier->ap)) + " <small>points</small>",
                     "of the best AP, last quarter of the run")
              : tile("Gain since step " + grouped_number(before), "–", "no validation before it");
  return html;
}

std::string training_tiles(const std::vector<MetricsRow>& rows) {
  if (rows.empty()) return tile("Loss", "–", "no step yet");
  const MetricsRow* const end = rows.data() + rows.size();
  const std::size_t tenth = std::max<std::size_t>(1, rows.size() / 10);
  const MetricsRow* const recent = end - tenth;
  const double loss = mean(recent, end, &MetricsRow::loss);
  std::string trend = "mean of the last tenth";
  if (rows.size() >= 2 * tenth) {
    const double before = mean(recent - tenth, recent, &MetricsRow::loss);
    const double change = 100 * (loss - before) / before;
    if (chartable(change))
      trend += ", " + signed_text(fixed_number(change, 1)) + " % on the tenth before";
  }
  const double seconds = mean(recent, end, &MetricsRow::seconds_per_image);
  const double wait = mean(recent, end, &MetricsRow::wait_share);
  const MetricsRow& last = rows.back();
  return tile("Loss", significant_number(loss, 4), trend) +
         tile("Pictures seen", grouped_number(last.images), at_step(last.step, last.epoch)) +
         tile("Speed", significant_number(1 / seconds, 3) + " <small>pictures/s</small>",
              message(significant_number(1000 * seconds, 3), " ms each, ",
                      chartable(wait) ? fixed_number(100 * wait, 1) : "not finite",
                      " % spent waiting for them"));
}

// A sentence when rows hold what no chart can show.
std::string unshown_rows(const std::vector<MetricsRow>& rows) {
  const auto count = std::count_if(rows.begin(), rows.end(), [](const MetricsRow& row) {
    for (const double v :
         {row.loss, row.cls, row.box, row.landmark, row.teacher, row.dense, row.grad_norm}) {
      if (!chartable(v)) return true;
    }
    return false;
  });
  if (count == 0) return "";
  return message("<p><strong>", grouped_number(count), count == 1 ? " row holds" : " rows hold",
                 " a loss or a gradient that is not finite</strong>; charts leave such values "
                 "out.</p>\n");
}

std::string validation_table(const std::vector<ValidationRow>& rows) {
  constexpr std::size_t kLast = 8;
  if (rows.empty()) return "";
  std::string html =
      "<section>\n<h2>Latest validations</h2>\n<table><thead><tr><th>step</th><th>epoch</th>"
      "<th>AP, %</th><th>recall, %</th><th>faces</th></tr></thead><tbody>\n";
  const ValidationRow* best = best_of(rows, rows.back().step);
  const std::size_t begin = rows.size() - std::min(rows.size(), kLast);
  const auto add = [&](const ValidationRow& row) {
    html += message(&row == best ? "<tr class=\"best\">" : "<tr>", "<td>", grouped_number(row.step),
                    "</td><td>", significant_number(row.epoch, 3), "</td><td>", percent(row.ap),
                    &row == best ? " (best)" : "", "</td><td>", percent(row.recall), "</td><td>",
                    grouped_number(row.faces), "</td></tr>\n");
  };
  if (best && best < rows.data() + begin) add(*best);
  for (std::size_t i = begin; i < rows.size(); ++i) add(rows[i]);
  return html + "</tbody></table>\n</section>\n";
}

template <class Figure>
std::string picture_section(const char* heading, const char* note, const char* grid,
                            const std::vector<ReportPicture>& pictures, Figure&& figure) {
  if (pictures.empty()) return "";
  std::string html = message("<section>\n<h2>", heading, "</h2>\n<p class=\"note\">", note,
                             "</p>\n<div class=\"pictures ", grid, "\">\n");
  for (const ReportPicture& picture : pictures) html += figure(picture);
  return html + "</div>\n</section>\n";
}

std::string settings_section(const ReportInput& input) {
  if (input.settings.empty()) return "";
  std::string html = "<section>\n<h2>Settings</h2>\n<dl>\n";
  for (const auto& [name, value] : input.settings)
    html += message("<div><dt>", escaped(name), "</dt><dd>", escaped(value), "</dd></div>\n");
  return html + "</dl>\n</section>\n";
}

std::string notes_section(const std::vector<std::string>& notes) {
  constexpr std::size_t kMost = 100;
  if (notes.empty()) return "";
  std::string html = "<section>\n<h2>Notes</h2>\n<ul>\n";
  for (std::size_t i = 0; i < std::min(notes.size(), kMost); ++i)
    html += "<li>" + escaped(notes[i]) + "</li>\n";
  if (notes.size() > kMost) html += message("<li>and ", notes.size() - kMost, " more</li>\n");
  return html + "</ul>\n</section>\n";
}

const char* status_class(const std::string& status) {
  return status.starts_with("running")    ? "running"
         : status.starts_with("finished") ? "finished"
                                          : "stopped";
}

}  // namespace

std::string training_report(const ReportInput& input) {
  std::string html = message(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      // Nothing may be fetched or run, whatever the texts below hold.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      escaped(input.title), "</title>\n<style>\n", kReportStyle, kChartStyle,
      "</style>\n</head>\n<body>\n<header><h1>", escaped(input.title), "</h1><span class=\"status ",
      status_class(input.status), "\">", escaped(input.status), "</span></header>\n<main>\n");
  html += "<section class=\"tiles\">\n" + validation_tiles(input) + training_tiles(input.metrics) +
          "</section>\n";
  html +=
      "<section>\n" + unshown_rows(input.metrics) + "<div class=\"charts large\">\n" +
      large_charts(input) + "</div>\n<div class=\"charts small\">\n" + small_charts(input) +
      "</div>\n<p class=\"note\">Lines are running means over 4 % of the steps; the band behind "
      "them reaches from the lowest to the highest row. Numbers beside the names are those of "
      "the right end.</p>\n</section>\n";
  html += picture_section(
      "Worst misses",
      "The largest labelled faces that no box meets (IoU 0.5), with their size in the picture. "
      "Orange corners and a cross: the face missed. Full boxes, coloured by score: what was found "
      "nearby.",
      "misses", input.misses, miss_figure);
  html += picture_section(
      "Samples",
      "Full boxes, coloured by score from blue (0) to red (1): found. White corners: a label that "
      "is found. Orange corners and a cross: one that is missed.",
      "samples", input.samples, sample_figure);
  html += validation_table(input.validation);
  html += settings_section(input);
  html += notes_section(input.notes);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace rf
