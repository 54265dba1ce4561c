#include "retinaface/cli/eval_wider_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/evaluation/plot_svg.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

Json json_protocol(const WiderReport& report) {
  Json protocol{{"text", protocol_line(report)},
                {"images", report.truth.images.size()},
                {"images_in_ground_truth", report.truth.images_in_source},
                {"list", report.list.empty() ? Json(nullptr) : Json(report.list)},
                {"ground_truth", report.truth.source},
                {"score_normalisation", "min-max over the set"},
                {"score_thresholds", WiderOptions{}.thresholds},
                {"iou", "of boxes w + 1 by h + 1 pixels"}};
  if (report.run) {
    const TestTimeOptions once, &how = report.run->test_time ? *report.run->test_time : once;
    protocol["size"] = size_text(*report.run);
    protocol["score"] = rounded(report.run->score, 6);
    protocol["nms"] = rounded(report.run->nms, 6);
    protocol["flip"] = how.flip;
    protocol["vote"] = how.vote ? Json(rounded(*how.vote, 6)) : Json(nullptr);
    protocol["any_size"] = how.any_size || how.sizes.size() < 2;
    protocol["max_pass_pixels"] = report.run->test_time ? Json(how.max_pixels) : Json(nullptr);
    protocol["boxes"] = "float";
  } else {
    protocol["boxes"] = "as in the files";
  }
  return protocol;
}

Json json_subset(const WiderSubsetResult& result, const std::vector<double>& ious) {
  const auto value = [&result](double ap) {
    return result.faces ? Json(rounded(100 * ap, 2)) : Json(nullptr);
  };
  Json subset{{"faces", result.faces},
              {"ap", value(result.ap.front())},
              {"ap_mean", value(mean(result.ap))}};
  for (std::size_t i = 0; i < ious.size(); ++i)
    subset["ap_at_iou"][fixed(ious[i], 2)] = value(result.ap[i]);
  return subset;
}

PlotCurve curve_of(const WiderSubsetResult& result, std::size_t iou, const std::string& label) {
  const PrecisionRecall& points = result.curves[iou];
  return {label + "\t" + percent(result.ap[iou]), points.recall, points.precision};
}

}  // namespace

std::string protocol_line(const WiderReport& report) {
  std::string line = message("WIDER FACE val, ", report.truth.images.size(), " of ",
                             report.truth.images_in_source, " images");
  if (!report.list.empty()) line += message(" (", report.list, ")");
  line += "; ground truth: " + report.truth.source;
  if (report.run) {
    line += "; " + protocol_text(*report.run) + "; float boxes";
  } else {
    line += message("; detections: ", report.detections, ", boxes as in the files");
  }
  if (report.run && report.run->failed > 0) {
    line += message("; ", report.run->failed, " images could not be decoded, counted as empty");
  }
  if (!report.found.missing.empty()) {
    line += message("; ", report.found.missing.size(), " images without a file, counted as empty");
  }
  return line +
         message("; scores min-max normalised over the set; ", WiderOptions{}.thresholds,
                 " thresholds; IoU of boxes w + 1 by h + 1, at least ",
                 fixed(report.ious.front(), 2),
                 report.ious.size() > 1 ? message(" .. ", fixed(report.ious.back(), 2)) : "");
}

std::string wider_table(const WiderReport& report) {
  constexpr std::size_t kNameWidth = 15;
  std::string text = "AP in % at IoU ";
  for (const double iou : report.ious) text += right(fixed(iou, 2), 7);
  text += right("mean", 7) + right("faces", 8) + "\n";
  for (const WiderSubsetResult& result : report.results) {
    text += left(result.name, kNameWidth);
    for (const double ap : result.ap) text += right(result.faces ? percent(ap) : "-", 7);
    text += right(result.faces ? percent(mean(result.ap)) : "-", 7) +
            right(std::to_string(result.faces), 8) + "\n";
  }
  return text + "protocol: " + one_line(protocol_line(report)) + "\n";
}

std::string wider_json(const WiderReport& report) {
  Json json{{"schema", "retinaface-eval-wider/1"}};
  if (report.run)
    json["model"] = {{"name", report.run->model_name}, {"sha256", report.run->model_sha256}};
  json["protocol"] = json_protocol(report);
  std::size_t count = 0;
  for (const auto& image : report.found.images) count += image.size();
  json["detections"] = {{"count", count},
                        {"images_without_file", report.found.missing.size()},
                        {"files_not_evaluated", report.found.others.size()},
                        {"images_failed", report.run ? report.run->failed : 0}};
  for (const WiderSubsetResult& result : report.results)
    json["subsets"][result.name] = json_subset(result, report.ious);
  json["run"] = json_run(report.run ? &*report.run : nullptr);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string curve_file_name(const std::string& subset) {
  return "precision-recall" + (subset.empty() ? "" : "-" + subset) + ".svg";
}

std::string curve_picture(const WiderReport& report, const std::string& subset) {
  Plot plot{.title = "WIDER FACE val, ",
            .caption = protocol_line(report),
            .x_label = "Recall",
            .y_label = "Precision",
            .legend_title = subset.empty() ? "subset\tAP %" : "IoU\tAP %",
            .curves = {},
            .sequential = !subset.empty()};
  plot.title += subset.empty() ? "IoU " + fixed(report.ious.front(), 2) : subset;
  for (const WiderSubsetResult& result : report.results) {
    if (subset.empty()) plot.curves.push_back(curve_of(result, 0, result.name));
    for (std::size_t i = 0; result.name == subset && i < report.ious.size(); ++i) {
      plot.curves.push_back(curve_of(result, i, fixed(report.ious[i], 2)));
    }
  }
  return plot_svg(plot);
}

}  // namespace rf::cli
