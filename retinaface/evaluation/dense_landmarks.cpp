#include "retinaface/evaluation/dense_landmarks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/dense/recognised.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

constexpr std::string_view kPose = " pose_para ";
constexpr double kFarthest = 1e6;  // pixels that a file may name

// The `count` numbers at the beginning of a text, with blanks between; fewer if there are not so
// many.
std::vector<double> leading_numbers(std::string_view text, std::size_t count) {
  std::vector<double> numbers;
  while (numbers.size() < count) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !std::isfinite(value)) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() != ' ' && text.front() != '\t') break;
    numbers.push_back(value);
  }
  return numbers;
}

Landmarks68 parse_head(std::string_view line, const NumberedLines& lines) {
  const std::size_t pose = line.find(kPose);
  const std::vector<double> angles =
      pose == std::string_view::npos || pose <= 2 || !line.starts_with("# ")
          ? std::vector<double>()
          : leading_numbers(line.substr(pose + kPose.size()), 3);
  if (angles.size() < 3)
    lines.fail(message(quoted(line), " where \"# PATH pose_para PITCH YAW ROLL\" is due"));
  Landmarks68 face{.path = std::string(line.substr(2, pose - 2)),
                   .yaw = angles[1] * 180 / std::numbers::pi};
  if (std::abs(face.yaw) > 180) lines.fail(message("a yaw of ", angles[1], " radians"));
  return face;
}

double area(const Box& box) {
  return (static_cast<double>(box.x2) - static_cast<double>(box.x1)) *
         (static_cast<double>(box.y2) - static_cast<double>(box.y1));
}

}  // namespace

Box Landmarks68::box() const {
  std::array<double, 2> low = points[0], high = points[0];
  for (const auto& point : points) {
    for (std::size_t i = 0; i < 2; ++i) {
      low[i] = std::min(low[i], point[i]);
      high[i] = std::max(high[i], point[i]);
    }
  }
  return {static_cast<float>(low[0]), static_cast<float>(low[1]), static_cast<float>(high[0]),
          static_cast<float>(high[1])};
}

std::vector<Landmarks68> read_landmarks68(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, Index{1} << 28);
  return parse_landmarks68({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

std::vector<Landmarks68> parse_landmarks68(std::string_view text, const std::string& name) {
  NumberedLines lines(text, name);
  std::vector<Landmarks68> faces;
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->empty()) continue;
    Landmarks68 face = parse_head(*line, lines);
    for (auto& point : face.points) {
      std::array<double, 3> values{};
      lines.next_numbers(values, 3, "a landmark \"x y z\"");
      point = {values[0], values[1]};
      if (std::max(std::abs(point[0]), std::abs(point[1])) > kFarthest)
        lines.fail("a landmark more than a million pixels away");
    }
    if (!(area(face.box()) > 0)) lines.fail("the landmarks of " + face.path + " have no extent");
    faces.push_back(std::move(face));
  }
  if (faces.empty()) throw FormatError(name + ": names no picture");
  return faces;
}

double landmark_error(const Tensor& points, const std::vector<Index>& landmarks68,
                      const Landmarks68& labelled) {
  RF_ASSERT(landmarks68.size() == labelled.points.size());
  double sum = 0;
  for (std::size_t k = 0; k < landmarks68.size(); ++k) {
    const float* point = points.data<float>() + 3 * landmarks68[k];
    const double dx = static_cast<double>(point[0]) - labelled.points[k][0],
                 dy = static_cast<double>(point[1]) - labelled.points[k][1];
    sum += std::sqrt(dx * dx + dy * dy);
  }
  return sum / static_cast<double>(landmarks68.size()) / std::sqrt(area(labelled.box()));
}

std::optional<DenseLandmarkErrors> landmark_errors(const DenseBranch& branch, const Image& picture,
                                                   const FaceColumns& found,
                                                   const Landmarks68& labelled) {
  double best = kLeastLandmarkIou;
  std::vector<Index> row;
  for (std::size_t i = 0; i < found.faces.size(); ++i) {
    const double overlap = iou(face_box(found.faces[i]), labelled.box(), false);
    if (overlap <= best) continue;
    best = overlap;
    row = {static_cast<Index>(i)};
  }
  if (row.empty()) return std::nullopt;
  const FaceColumns face = chosen(found, row);
  const std::vector<Index>& rows = branch.model().landmarks68;
  const DenseLandmarkErrors errors{
      .read = landmark_error(branch.read(picture, face)[0].points, rows, labelled),
      .posed = landmark_error(branch.posed_mean(face.faces)[0].points, rows, labelled)};
  if (!std::isfinite(errors.read) || !std::isfinite(errors.posed))
    throw ModelError("the dense branch gives points that are not finite numbers");
  return errors;
}

DenseLandmarkSummary summarise(std::span<const DenseLandmarkResult> results) {
  DenseLandmarkSummary summary;
  for (const DenseLandmarkResult& result : results) {
    std::size_t bin = 0;
    while (bin + 1 < kYawBins.size() && std::abs(result.yaw) > kYawBins[bin]) ++bin;
    for (DenseLandmarkSummary::Bin* to : {&summary.bins[bin], &summary.all}) {
      ++to->faces;
      to->missed += result.errors ? 0 : 1;
      if (!result.errors) continue;
      to->mean.read += result.errors->read;
      to->mean.posed += result.errors->posed;
    }
  }
  const auto divide = [](DenseLandmarkErrors& errors, double by) {
    errors.read /= by;
    errors.posed /= by;
  };
  double bins = 0;
  if (summary.all.found() > 0) divide(summary.all.mean, static_cast<double>(summary.all.found()));
  for (DenseLandmarkSummary::Bin& bin : summary.bins) {
    if (bin.found() == 0) continue;
    divide(bin.mean, static_cast<double>(bin.found()));
    summary.of_bins.read += bin.mean.read;
    summary.of_bins.posed += bin.mean.posed;
    ++bins;
  }
  if (bins > 0) divide(summary.of_bins, bins);
  return summary;
}

}  // namespace rf
