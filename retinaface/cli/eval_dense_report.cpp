#include "retinaface/cli/eval_dense_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/evaluation/landmark_error.hpp"
#include "retinaface/evaluation/plot_svg.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kContext =
    "3DDFA is published with 4.25 to 4.76 on all 2,000 images of AFLW2000-3D";
constexpr Index kImagesOfAflw2000 = 2000;
constexpr std::size_t kName = 34, kColumn = 10;

// Ours and the baseline's, and how many times the baseline's ours is; dashes without faces.
std::string columns(double ours, double baseline, int decimals, bool known) {
  const auto text = [&](double value, int digits) {
    return right(known ? fixed(value, digits) : "-", kColumn);
  };
  return text(ours, decimals) + text(baseline, decimals) +
         (known && baseline > 0 ? right(fixed(ours / baseline, 3), kColumn) : right("-", kColumn));
}

std::string heading(const std::string& what, const std::string& baseline) {
  return left(what, kName) + right("ours", kColumn) + right(baseline, kColumn) +
         right("ratio", kColumn);
}

std::string yaw_name(std::size_t bin) {
  return message("yaw ", bin == 0 ? "0" : fixed(kYawBins[bin - 1], 0), " to ",
                 fixed(kYawBins[bin], 0), " degrees");
}

std::string bin_row(const std::string& name, const DenseLandmarkSummary::Bin& bin) {
  return left(name, kName) +
         columns(100 * bin.mean.read, 100 * bin.mean.posed, 2, bin.found() > 0) +
         right(std::to_string(bin.faces), kColumn) + right(std::to_string(bin.missed), kColumn) +
         "\n";
}

Index better_faces(const DenseLandmarkPart& part) {
  return std::ranges::count_if(part.results, [](const DenseLandmarkResult& result) {
    return result.errors && result.errors->read < result.errors->posed;
  });
}

std::string landmark_protocol(const DenseLandmarkPart& part) {
  return message("68 landmarks of ", part.labels, ", ", part.results.size(),
                 " pictures; mean distance in the picture / sqrt(w h) of the labelled points' box; "
                 "the detection that overlaps this box best, IoU above ",
                 fixed(kLeastLandmarkIou, 2),
                 ", answers for a face; means of the faces found, missed ones beside them; "
                 "baseline: the mean face posed by the detector's five points");
}

std::string landmark_part(const DenseLandmarkPart& part) {
  const DenseLandmarkSummary summary = summarise(part.results);
  std::string text = heading("landmarks, in % of sqrt(w h)", "baseline") + right("faces", kColumn) +
                     right("missed", kColumn) + "\n";
  for (std::size_t bin = 0; bin < kYawBins.size(); ++bin)
    text += bin_row(yaw_name(bin), summary.bins[bin]);
  text +=
      left("mean of the bins", kName) +
      columns(100 * summary.of_bins.read, 100 * summary.of_bins.posed, 2, summary.all.found() > 0) +
      "\n" + bin_row("mean of the faces", summary.all);
  text += message("ours is better on ", better_faces(part), " of ", summary.all.found(),
                  " faces\ncontext: ", kContext, "\n");
  if (summary.all.faces < kImagesOfAflw2000)
    text += message("note: ", summary.all.faces, " images are few: a difference may be chance\n");
  return text + "protocol: " + one_line(landmark_protocol(part)) + "\n";
}

std::string pixel_protocol(const DensePixelPart& part) {
  const DensePixelOptions& o = part.options;
  return message(
      "faces of ", part.labels, " whose detection overlaps the label, IoU at least ",
      fixed(kLeastPixelIou, 2), ", and is at least ", rounded(o.smallest, 3),
      " px: ", part.results.size(), " of ", part.faces, " in ", part.pictures,
      " pictures; squares of ", fixed(kCropOfBox, 1), " boxes as ", o.size, "x", o.size,
      " pixels; mean absolute difference of red, green and blue, 0 to 1, over the pixels of the "
      "mean face as the detector's five points pose it, a pixel of these that a face leaves free "
      "counts 1; camera (7) and light (9) of both fitted to these pixels by ",
      o.fit.steps,
      " steps of Adam, ours from what the head says, the mean face from the five points and the "
      "usual light; the best step counts",
      o.fit_code ? "; code fitted: the code of a face too, by the same steps" : "");
}

// Faces whose code was fitted beside the mean face, from where their fits began.
std::string code_rows(const DensePixelSummary& s) {
  const auto row = [&](const char* name, double fitted) {
    return left(name, kName) + columns(fitted, s.mean.posed_after, 4, s.faces > 0) + "\n";
  };
  return row("code fitted, from ours, mean", s.mean.read_code) +
         row("code fitted, from 0, mean", s.mean.posed_code);
}

std::string pixel_part(const DensePixelPart& part) {
  const DensePixelSummary s = summarise(part.results);
  const auto row = [&](const char* name, double ours, double mean_face) {
    return left(name, kName) + columns(ours, mean_face, 4, s.faces > 0) + "\n";
  };
  return heading("pixels, mean |difference|", "mean face") + "\n" +
         row("before the fit, mean", s.mean.read_before, s.mean.posed_before) +
         row("before the fit, median", s.median.read_before, s.median.posed_before) +
         row("after the fit, mean", s.mean.read_after, s.mean.posed_after) +
         row("after the fit, median", s.median.read_after, s.median.posed_after) +
         (part.options.fit_code ? code_rows(s) : "") +
         message("ours is better on ", percent(s.better), " % of ", s.faces,
                 " faces; the mean face covers ", s.median.pixels, " pixels (median)\n") +
         "protocol: " + one_line(pixel_protocol(part)) + "\n";
}

std::string synthetic_protocol(const DenseSyntheticPart& part) {
  return message(part.pictures,
                 " pictures of one synthetic face that no training sees, face model ",
                 part.face_model, ", backgrounds ", part.backgrounds,
                 "; a face is found by a detection of IoU above 0.5; medians of the faces found; "
                 "points: mean distance of all vertices in the picture / sqrt(w h) of the face's "
                 "box; vertices: mean distance about their middles; baseline: the mean face posed "
                 "by the detector's five points");
}

std::string synthetic_part(const DenseSyntheticPart& part) {
  const Recovery& r = part.recovery;
  const auto row = [&](const char* name, double ours, double baseline) {
    return left(name, kName) + columns(ours, baseline, 2, r.found > 0) + "\n";
  };
  return heading("synthetic faces, medians", "baseline") + "\n" +
         row("rotation in degrees", r.rotation, r.rotation_posed) +
         row("points in % of sqrt(w h)", r.points, r.points_posed) +
         row("vertices in mm", r.vertices, r.vertices_posed) +
         message(r.found, " of ", r.faces, " faces found\n") +
         "protocol: " + one_line(synthetic_protocol(part)) + "\n";
}

Json number(double value, int decimals, bool known) {
  return known ? Json(rounded(value, decimals)) : Json(nullptr);
}

Json json_pair(const char* baseline, double ours, double theirs, int decimals, bool known) {
  return {{"ours", number(ours, decimals, known)}, {baseline, number(theirs, decimals, known)}};
}

Json json_bin(const DenseLandmarkSummary::Bin& bin) {
  Json json{{"faces", bin.faces}, {"missed", bin.missed}};
  json.update(json_pair("baseline", 100 * bin.mean.read, 100 * bin.mean.posed, 3, bin.found() > 0));
  return json;
}

Json json_landmarks(const DenseLandmarkPart& part) {
  const DenseLandmarkSummary summary = summarise(part.results);
  Json json{{"protocol", landmark_protocol(part)}, {"context", kContext}};
  for (std::size_t bin = 0; bin < kYawBins.size(); ++bin) {
    Json entry{{"largest_yaw", kYawBins[bin]}};
    entry.update(json_bin(summary.bins[bin]));
    json["bins"].push_back(std::move(entry));
  }
  json["mean_of_bins"] = json_pair("baseline", 100 * summary.of_bins.read,
                                   100 * summary.of_bins.posed, 3, summary.all.found() > 0);
  json["all"] = json_bin(summary.all);
  json["better"] = better_faces(part);
  return json;
}

Json json_pixels(const DensePixelPart& part) {
  const DensePixelSummary s = summarise(part.results);
  const auto pairs = [&](const DensePixelErrors& e) {
    const bool known = s.faces > 0;
    return Json{{"before", json_pair("mean_face", e.read_before, e.posed_before, 5, known)},
                {"after", json_pair("mean_face", e.read_after, e.posed_after, 5, known)},
                {"pixels", e.pixels}};
  };
  Json json{
      {"protocol", pixel_protocol(part)},
      {"faces", s.faces},
      {"faces_found", part.faces},
      {"mean", pairs(s.mean)},
      {"median", pairs(s.median)},
      {"ratio_after", number(s.mean.posed_after > 0 ? s.mean.read_after / s.mean.posed_after : 0, 4,
                             s.mean.posed_after > 0)},
      {"better", rounded(100 * s.better, 2)}};
  if (part.options.fit_code) {
    json["code_fitted"] = {{"from_ours", number(s.mean.read_code, 5, s.faces > 0)},
                           {"from_zero", number(s.mean.posed_code, 5, s.faces > 0)}};
  }
  return json;
}

Json json_synthetic(const DenseSyntheticPart& part) {
  const Recovery& r = part.recovery;
  const auto pair = [&](double ours, double baseline) {
    return json_pair("baseline", ours, baseline, 4, r.found > 0);
  };
  return {{"protocol", synthetic_protocol(part)},
          {"faces", r.faces},
          {"found", r.found},
          {"rotation_degrees", pair(r.rotation, r.rotation_posed)},
          {"points_percent", pair(r.points, r.points_posed)},
          {"vertices_mm", pair(r.vertices, r.vertices_posed)}};
}

std::string run_line(const DenseReport& report) {
  std::string line = message("dense branch, sha256 ", report.dense_sha256.substr(0, 12), "; ",
                             protocol_text(report.run));
  if (report.run.failed > 0)
    line += message("; ", report.run.failed, " pictures could not be decoded");
  return line;
}

}  // namespace

std::string dense_table(const DenseReport& report) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "\n") + part; };
  if (report.landmarks) add(landmark_part(*report.landmarks));
  if (report.pixels) add(pixel_part(*report.pixels));
  if (report.synthetic) add(synthetic_part(*report.synthetic));
  add("run: " + one_line(run_line(report)) + "\n");
  return text;
}

std::string dense_json(const DenseReport& report) {
  Json json{{"schema", "retinaface-eval-dense/1"},
            {"dense", {{"sha256", report.dense_sha256}}},
            {"model", {{"name", report.run.model_name}, {"sha256", report.run.model_sha256}}},
            {"detector", protocol_text(report.run)},
            {"pictures_failed", report.run.failed}};
  if (report.landmarks) json["landmarks"] = json_landmarks(*report.landmarks);
  if (report.pixels) json["pixels"] = json_pixels(*report.pixels);
  if (report.synthetic) json["synthetic"] = json_synthetic(*report.synthetic);
  json["run"] = json_run(&report.run);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string dense_picture(const DenseReport& report) {
  RF_ASSERT(report.landmarks);
  const DenseLandmarkPart& part = *report.landmarks;
  const DenseLandmarkSummary summary = summarise(part.results);
  Plot plot{.title = message("68 landmarks, ", summary.all.faces, " faces"),
            .caption = landmark_protocol(part) + "; " + run_line(report) + "; " + kContext,
            .x_label = "Error in % of sqrt(w h)",
            .y_label = "Share of the faces",
            .legend_title = "face\tmean %",
            .curves = {},
            .x_end = 100 * kDenseLandmarkEnd};
  const auto add = [&](const char* name, double DenseLandmarkErrors::*of) {
    std::vector<double> errors;
    for (const DenseLandmarkResult& result : part.results) {
      if (result.errors) errors.push_back((*result.errors).*of);
    }
    CumulativeErrors curve =
        cumulative_errors(std::move(errors), summary.all.faces, kDenseLandmarkEnd);
    for (double& x : curve.x) x *= 100;
    const std::string mean = summary.all.found() > 0 ? percent(summary.all.mean.*of) : "-";
    plot.curves.push_back({message(name, "\t", mean), std::move(curve.x), std::move(curve.y)});
  };
  add("ours", &DenseLandmarkErrors::read);
  add("baseline", &DenseLandmarkErrors::posed);
  return plot_svg(plot);
}

}  // namespace rf::cli
