#include "retinaface/evaluation/dense_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/check.hpp"
#include "retinaface/evaluation/landmark_error.hpp"

namespace rf {

namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

}  // namespace

std::vector<Index> measured_faces(const FaceColumns& found, std::span<const LabelledFace> labelled,
                                  double smallest) {
  std::vector<Index> rows;
  for (const auto& answer : match_detections(labelled, found.faces, kLeastPixelIou)) {
    if (!answer) continue;
    const Face& face = found.faces[*answer];
    const float side = std::max(face.x2 - face.x1, face.y2 - face.y1);
    if (static_cast<double>(side) >= smallest) rows.push_back(static_cast<Index>(*answer));
  }
  std::ranges::sort(rows);
  return rows;
}

DensePixels::DensePixels(const DenseBranch& branch, const DensePixelOptions& options)
    : branch_(branch),
      options_(options),
      renderer_(branch.model().levels.back().vertices, branch.model().levels.back().triangles) {
  if (options.size < 8 || options.size > 1024)
    throw UsageError(message("a square of ", options.size, " pixels; 8 to 1024 are possible"));
}

std::optional<DensePixelErrors> DensePixels::errors(const Image& picture, const DenseFace& read,
                                                    const DenseFace& posed) const {
  const SquarePixels pixels = square_pixels(picture, read.square, options_.size);
  const Tensor mask =
      mask_of(look_of(renderer_, posed.mesh, posed.camera, posed.light, options_.size), pixels);
  DensePixelErrors errors;
  errors.pixels = std::ranges::count(mask.span<float>(), 1.0F);
  if (errors.pixels == 0) return std::nullopt;
  const auto fit = [&](const DenseFace& face) {
    for (const Tensor* numbers : {&face.mesh, &face.camera, &face.light}) {
      for (const float x : numbers->span<float>()) {
        if (!std::isfinite(x))
          throw ModelError("the dense branch gives numbers that are not finite");
      }
    }
    return fit_camera(renderer_, face.mesh, face.camera, face.light, pixels, mask, options_.fit);
  };
  const FittedCamera ours = fit(read), theirs = fit(posed);
  errors.read_before = ours.before;
  errors.read_after = ours.after;
  errors.posed_before = theirs.before;
  errors.posed_after = theirs.after;
  if (options_.fit_code) {
    const auto fit_code = [&](const DenseFace& face) {
      return fit_face(renderer_, branch_.decoder(), face.code, face.camera, face.light, pixels,
                      mask, options_.fit)
          .after;
    };
    errors.read_code = fit_code(read);
    errors.posed_code = fit_code(posed);
  }
  return errors;
}

std::vector<std::optional<DensePixelErrors>> DensePixels::operator()(
    const Image& picture, const FaceColumns& faces) const {
  const std::vector<DenseFace> read = branch_.read(picture, faces),
                               posed = branch_.posed_mean(faces.faces);
  std::vector<std::optional<DensePixelErrors>> all;
  for (std::size_t i = 0; i < read.size(); ++i) all.push_back(errors(picture, read[i], posed[i]));
  return all;
}

DensePixelSummary summarise(std::span<const DensePixelErrors> faces) {
  DensePixelSummary summary;
  summary.faces = static_cast<Index>(faces.size());
  if (faces.empty()) return summary;
  const auto count = static_cast<double>(faces.size());
  for (double DensePixelErrors::*of :
       {&DensePixelErrors::read_before, &DensePixelErrors::read_after,
        &DensePixelErrors::posed_before, &DensePixelErrors::posed_after,
        &DensePixelErrors::read_code, &DensePixelErrors::posed_code}) {
    std::vector<double> values;
    for (const DensePixelErrors& face : faces) values.push_back(face.*of);
    summary.mean.*of = std::accumulate(values.begin(), values.end(), 0.0) / count;
    summary.median.*of = median(std::move(values));
  }
  std::vector<double> pixels;
  for (const DensePixelErrors& face : faces) {
    pixels.push_back(static_cast<double>(face.pixels));
    summary.better += face.read_after < face.posed_after ? 1 : 0;
  }
  summary.better /= count;
  summary.mean.pixels =
      static_cast<Index>(std::lround(std::accumulate(pixels.begin(), pixels.end(), 0.0) / count));
  summary.median.pixels = static_cast<Index>(std::lround(median(std::move(pixels))));
  return summary;
}

std::vector<Index> spread_evenly(Index total, Index count) {
  std::vector<Index> numbers;
  const Index taken = count <= 0 ? total : std::min(count, total);
  for (Index i = 0; i < taken; ++i) numbers.push_back(i * total / taken);
  return numbers;
}

}  // namespace rf
