#include "retinaface/evaluation/mesh_recovery.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "retinaface/dense/recognised.hpp"

namespace rf {

namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The angle between two poses (layers/mesh_camera.hpp) in degrees: with q = (1, g) / |(1, g)|, that
// of the quaternion conj(q) q'.
double angle_between(const float* g, const float* h) {
  double real = 1, a = 1, b = 1;
  for (int i = 0; i < 3; ++i) {
    const auto x = static_cast<double>(g[i]), y = static_cast<double>(h[i]);
    real += x * y;
    a += x * x;
    b += y * y;
  }
  const double cosine = std::min(std::abs(real) / std::sqrt(a * b), 1.0);
  return 2 * std::acos(cosine) * 180 / std::numbers::pi;
}

std::array<double, 3> middle_of(const Tensor& mesh) {
  std::array<double, 3> middle{};
  const Index count = mesh.shape()[0], width = mesh.shape()[1];
  for (Index v = 0; v < count; ++v) {
    for (std::size_t i = 0; i < 3; ++i)
      middle[i] += static_cast<double>(mesh.data<float>()[v * width + static_cast<Index>(i)]) /
                   static_cast<double>(count);
  }
  return middle;
}

struct FaceErrors {
  double rotation, points, vertices;
};

FaceErrors errors_of(const DenseFace& found, const SyntheticFace& truth) {
  const Index count = truth.mesh.shape()[0];
  const std::array<double, 3> here = middle_of(found.mesh), there = middle_of(truth.mesh);
  double in_picture = 0, in_space = 0;
  for (Index v = 0; v < count; ++v) {
    const auto between = [&](const Tensor& a, const Tensor& b, Index width_a, Index width_b,
                             Index i) {
      return static_cast<double>(a.data<float>()[v * width_a + i]) -
             static_cast<double>(b.data<float>()[v * width_b + i]);
    };
    double square = 0;
    for (Index i = 0; i < 3; ++i) {
      const auto axis = static_cast<std::size_t>(i);
      square += std::pow(between(found.mesh, truth.mesh, 6, 6, i) - (here[axis] - there[axis]), 2);
    }
    in_space += std::sqrt(square);
    in_picture += std::hypot(between(found.points, truth.points, 3, 2, 0),
                             between(found.points, truth.points, 3, 2, 1));
  }
  const double size = std::sqrt(static_cast<double>(truth.box.x2 - truth.box.x1) *
                                static_cast<double>(truth.box.y2 - truth.box.y1));
  const auto vertices = static_cast<double>(count);
  return {.rotation = angle_between(found.camera.data<float>() + 3, truth.camera.data<float>() + 3),
          .points = 100 * in_picture / vertices / size,
          .vertices = 10 * in_space / vertices};
}

}  // namespace

SyntheticOptions held_out_options(Index side, std::uint64_t seed) {
  return {.width = side,
          .height = side,
          .min_faces = 1,
          .max_faces = 1,
          .smallest = 32,
          .largest = 0.9 * static_cast<double>(side),
          .seed = seed};
}

SyntheticBackgrounds backgrounds_of(const std::string& folder) {
  if (folder.empty()) return {};
  return SyntheticBackgrounds(parse_data_flag(folder),
                              {.most_pictures = 500, .cached_bytes = Index{1} << 30});
}

Recovery measure_recovery(const DenseBranch& branch, const Pipeline& pipeline,
                          const SyntheticPictures& pictures, std::uint64_t first, Index count) {
  struct Result {
    Index faces = 0;
    std::vector<FaceErrors> read, posed;
  };
  std::vector<Result> results(static_cast<std::size_t>(count));
  parallel_for(count, [&](Index i) {
    Result& result = results[static_cast<std::size_t>(i)];
    const SyntheticPicture picture = pictures(first + static_cast<std::uint64_t>(i));
    const FaceColumns found = pipeline.detect_columns(picture.image);
    const Recognised known = recognised(found, picture.faces, 1);
    const FaceColumns columns = chosen(found, known.rows);
    const std::vector<DenseFace> read = branch.read(picture.image, columns),
                                 posed = branch.posed_mean(columns.faces);
    result.faces = static_cast<Index>(picture.faces.size());
    for (std::size_t f = 0; f < read.size(); ++f) {
      result.read.push_back(errors_of(read[f], *known.faces[f]));
      result.posed.push_back(errors_of(posed[f], *known.faces[f]));
      const FaceErrors& here = result.read.back();
      if (!std::isfinite(here.rotation + here.points + here.vertices))
        throw ModelError("the dense branch gives numbers that are not finite");
    }
  });
  Recovery recovery;
  std::vector<FaceErrors> read, posed;
  for (const Result& result : results) {
    recovery.faces += result.faces;
    read.insert(read.end(), result.read.begin(), result.read.end());
    posed.insert(posed.end(), result.posed.begin(), result.posed.end());
  }
  recovery.found = static_cast<Index>(read.size());
  const auto median_of = [](const std::vector<FaceErrors>& all, double FaceErrors::*error) {
    std::vector<double> values;
    for (const FaceErrors& each : all) values.push_back(each.*error);
    return median(std::move(values));
  };
  recovery.rotation = median_of(read, &FaceErrors::rotation);
  recovery.points = median_of(read, &FaceErrors::points);
  recovery.vertices = median_of(read, &FaceErrors::vertices);
  recovery.rotation_posed = median_of(posed, &FaceErrors::rotation);
  recovery.points_posed = median_of(posed, &FaceErrors::points);
  recovery.vertices_posed = median_of(posed, &FaceErrors::vertices);
  return recovery;
}

}  // namespace rf
