#include "retinaface/dense/seen_colours.hpp"

#include <algorithm>
#include <span>

#include "engine/check.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/picture_points.hpp"
#include "retinaface/dense/pixel_loss.hpp"
#include "retinaface/feature_map.hpp"
#include "retinaface/nms.hpp"

namespace rf {

namespace {

// Rows i V / count of [V, 3 or more], their first three numbers.
Tensor places_of(const Tensor& mesh, Index count) {
  const Index vertices = mesh.shape()[0], width = mesh.shape()[1];
  if (count < 0 || count > vertices)
    throw UsageError(message("colours of ", count, " vertices; 0 to ", vertices, " are possible"));
  Tensor places = Tensor::empty({count, 3});
  for (Index i = 0; i < count; ++i)
    std::copy_n(mesh.data<float>() + i * vertices / count * width, 3, places.data<float>() + 3 * i);
  return places;
}

}  // namespace

FivePlaces five_places(const Tensor& mesh, const std::vector<Index>& landmarks5) {
  FivePlaces places{};
  const Index width = mesh.shape()[1];
  for (std::size_t k = 0; k < 5; ++k) {
    for (std::size_t i = 0; i < 3; ++i)
      places[k][i] =
          static_cast<double>(mesh.data<float>()[landmarks5[k] * width + static_cast<Index>(i)]);
  }
  return places;
}

SeenColours::SeenColours(const Tensor& mean, const std::vector<Index>& landmarks5, Index count)
    : five_(five_places(mean, landmarks5)), places_(places_of(mean, count)) {}

Tensor SeenColours::operator()(const Image& picture, const Face& face) const {
  if (count() == 0) return Tensor::empty({0});
  const SquareCrop square = square_around(face_box(face));
  const Tensor rgb = square_pixels(picture, square, kSize).rgb;
  const Tensor points = picture_points(places_, five_point_camera(five_, face.landmarks, square),
                                       {.x = 0, .y = 0, .side = static_cast<double>(kSize)});
  Tensor colours = Tensor::empty({3 * count()});
  float* to = colours.data<float>();
  for (Index v = 0; v < count(); ++v, to += 3) {
    // The middle of a pixel is half a pixel from its corner.
    const double x = static_cast<double>(points.data<float>()[3 * v]) - 0.5,
                 y = static_cast<double>(points.data<float>()[3 * v + 1]) - 0.5;
    std::fill_n(to, 3, 0.0F);
    for (const MapPlace::Corner& corner : place_between(y, x, kSize, kSize).corners) {
      const float* pixel = rgb.data<float>() + 3 * (corner.row * kSize + corner.column);
      for (Index c = 0; c < 3; ++c) to[c] += corner.weight * pixel[c];
    }
  }
  return colours;
}

FaceColumns SeenColours::added_to(const FaceColumns& faces, const Image& picture) const {
  const auto found = static_cast<Index>(faces.faces.size());
  if (count() == 0) return faces;
  const Index width = faces.features.shape()[1];
  FaceColumns wider{.faces = faces.faces,
                    .groups = faces.groups,
                    .features = Tensor::empty({found, width + 3 * count()})};
  float* to = wider.features.data<float>();
  for (Index i = 0; i < found; ++i) {
    to = std::copy_n(faces.features.data<float>() + i * width, width, to);
    const Tensor colours = (*this)(picture, faces.faces[static_cast<std::size_t>(i)]);
    to = std::ranges::copy(colours.span<float>(), to).out;
  }
  return wider;
}

}  // namespace rf
