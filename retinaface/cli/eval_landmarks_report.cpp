#include "retinaface/cli/eval_landmarks_report.hpp"

#include <nlohmann/json.hpp>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/data/mtfl_attributes.hpp"
#include "retinaface/evaluation/plot_svg.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;
using Results = std::vector<std::optional<PointErrors>>;

struct PointName {
  const char *json, *table, *legend;
};
constexpr std::array<PointName, 5> kPoints{
    {{"image_left_eye", "image-left eye", "left eye"},
     {"image_right_eye", "image-right eye", "right eye"},
     {"nose_tip", "nose tip", "nose tip"},
     {"image_left_mouth_corner", "image-left mouth corner", "left mouth"},
     {"image_right_mouth_corner", "image-right mouth corner", "right mouth"}}};

Results of_pose(const LandmarkReport& report, std::size_t pose) {
  Results results;
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    if (report.poses[i] == pose) results.push_back(report.results[i]);
  }
  return results;
}

// Of those found: of one point, or the faces' (`point` 5).
std::vector<double> errors_of(const Results& results, std::size_t point) {
  std::vector<double> errors;
  for (const auto& result : results) {
    if (result) errors.push_back(point < result->size() ? (*result)[point] : face_error(*result));
  }
  return errors;
}

Index found(const LandmarkSummary& summary) { return summary.faces - summary.missed; }

std::string percent_or_dash(double value, bool known) { return known ? percent(value) : "-"; }

std::string row(const std::string& name, const ErrorSummary& errors, bool known) {
  return left(name, 26) + right(percent_or_dash(errors.mean, known), 8) +
         right(percent_or_dash(errors.median, known), 8) + "\n";
}

std::string pose_table(const LandmarkReport& report) {
  std::string text;
  for (std::size_t pose = 0; pose < kMtflPoses.size(); ++pose) {
    const LandmarkSummary of = summarise(of_pose(report, pose), kLandmarkFailure);
    if (of.faces == 0) continue;
    text += left(kMtflPoses[pose], 26) + right(percent_or_dash(of.face.mean, found(of) > 0), 8) +
            right(percent_or_dash(of.face.median, found(of) > 0), 8) +
            right(percent(of.failure_rate), 12) + right(std::to_string(of.missed), 8) +
            right(std::to_string(of.faces), 8) + "\n";
  }
  if (text.empty()) return text;
  return "\n" + left("by pose", 26) + right("mean", 8) + right("median", 8) +
         right("failures %", 12) + right("missed", 8) + right("faces", 8) + "\n" + text;
}

Json json_errors(const ErrorSummary& errors, bool known) {
  const auto value = [&](double error) {
    return known ? Json(rounded(100 * error, 3)) : Json(nullptr);
  };
  return {{"mean", value(errors.mean)}, {"median", value(errors.median)}};
}

Json json_summary(const LandmarkSummary& summary) {
  Json json{{"faces", summary.faces}, {"missed", summary.missed}};
  json.update(json_errors(summary.face, found(summary) > 0));
  json["failure_rate"] = rounded(100 * summary.failure_rate, 3);
  json["area_under_curve"] = rounded(100 * summary.area, 3);
  return json;
}

Json json_protocol(const LandmarkReport& report) {
  return {{"text", protocol_line(report)},
          {"labels", report.labels},
          {"pictures", report.run.images},
          {"pictures_in_labels", report.pictures_in_labels},
          {"every", report.every},
          {"normaliser", "sqrt(w h) of the labelled box"},
          {"iou", rounded(report.iou, 6)},
          {"failure", rounded(100 * kLandmarkFailure, 3)},
          {"frame", report.frame},
          {"size", report.run.size},
          {"score", rounded(report.run.score, 6)},
          {"nms", rounded(report.run.nms, 6)}};
}

}  // namespace

std::string protocol_line(const LandmarkReport& report) {
  std::string line = message("five landmarks of ", report.labels, ", ", report.run.images, " of ",
                             report.pictures_in_labels, " pictures");
  if (report.every > 1) line += message(" (the first and every ", report.every, "th after it)");
  line += "; " + protocol_text(report.run);
  if (report.frame > 0)
    line += message("; pictures framed by ", report.frame, " px of the model's mean colour");
  if (report.run.failed > 0)
    line += message("; ", report.run.failed, " pictures could not be decoded, their faces missed");
  return line + message(
                    "; error: distance / sqrt(w h) of the labelled box, a face's the mean of its "
                    "five; a face takes the detection of highest IoU, at least ",
                    fixed(report.iou, 2),
                    "; mean and median of the faces found; failures: missed or above ",
                    fixed(100 * kLandmarkFailure, 0), " %");
}

std::string landmark_table(const LandmarkReport& report) {
  const LandmarkSummary all = summarise(report.results, kLandmarkFailure);
  std::string text =
      left("error in % of sqrt(w h)", 26) + right("mean", 8) + right("median", 8) + "\n";
  for (std::size_t i = 0; i < kPoints.size(); ++i)
    text += row(kPoints[i].table, all.points[i], found(all) > 0);
  text += row("all five", all.face, found(all) > 0);
  text += pose_table(report);

  constexpr std::array<int, 8> kSteps{1, 2, 3, 4, 5, 6, 8, 10};
  const std::vector<double> errors = errors_of(report.results, kPoints.size());
  text += "\n" + left("an error of at most %", 26);
  for (const int step : kSteps) text += right(std::to_string(step), 8);
  text += "\n" + left("have, in % of the faces", 26);
  for (const int step : kSteps)
    text += right(percent(share_within(errors, all.faces, step / 100.0)), 8);
  text += message("\n\n", all.faces, " faces; ", all.missed, " missed; failures ",
                  percent(all.failure_rate), " %; area under the curve up to ",
                  fixed(100 * kLandmarkFailure, 0), " %: ", percent(all.area), " %\n");
  return text + "protocol: " + one_line(protocol_line(report)) + "\n";
}

std::string landmark_json(const LandmarkReport& report) {
  const LandmarkSummary all = summarise(report.results, kLandmarkFailure);
  Json json{{"schema", "retinaface-eval-landmarks/1"},
            {"model", {{"name", report.run.model_name}, {"sha256", report.run.model_sha256}}},
            {"protocol", json_protocol(report)},
            {"faces_without_landmarks", report.without_landmarks},
            {"pictures_failed", report.run.failed},
            {"all", json_summary(all)}};
  for (std::size_t i = 0; i < kPoints.size(); ++i)
    json["points"][kPoints[i].json] = json_errors(all.points[i], found(all) > 0);
  for (std::size_t pose = 0; pose < kMtflPoses.size(); ++pose) {
    const LandmarkSummary of = summarise(of_pose(report, pose), kLandmarkFailure);
    if (of.faces > 0) json["poses"][kMtflPoses[pose]] = json_summary(of);
  }
  const std::vector<double> errors = errors_of(report.results, kPoints.size());
  for (int half = 0; half <= 40; ++half) {
    json["cumulative"]["error"].push_back(half / 2.0);
    json["cumulative"]["faces"].push_back(
        rounded(100 * share_within(errors, all.faces, half / 200.0), 3));
  }
  json["run"] = json_run(&report.run);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string landmark_picture(const LandmarkReport& report) {
  const LandmarkSummary all = summarise(report.results, kLandmarkFailure);
  Plot plot{.title = message("Landmark error, ", all.faces, " faces: failures ",
                             percent(all.failure_rate), " %"),
            .caption = protocol_line(report) + "; left and right as the viewer sees them",
            .x_label = "Error in % of sqrt(w h)",
            .y_label = "Share of the faces",
            .legend_title = "point\tmean %",
            .curves = {},
            .x_end = 100 * kLandmarkFailure};
  const auto add = [&](const char* name, std::size_t point, const ErrorSummary& errors) {
    CumulativeErrors curve =
        cumulative_errors(errors_of(report.results, point), all.faces, kLandmarkFailure);
    for (double& x : curve.x) x *= 100;
    plot.curves.push_back({std::string(name) + "\t" + percent_or_dash(errors.mean, found(all) > 0),
                           std::move(curve.x), std::move(curve.y)});
  };
  add("all five", kPoints.size(), all.face);
  for (std::size_t i = 0; i < kPoints.size(); ++i) add(kPoints[i].legend, i, all.points[i]);
  return plot_svg(plot);
}

}  // namespace rf::cli
