// Faces cut out of a picture: plainly, or turned and scaled so that their landmarks lie where face
// recognition expects.
#pragma once

#include <array>

#include "engine/image.hpp"
#include "retinaface/detector.hpp"

namespace rf {

// (x, y) -> (a x - b y + tx, b x + a y + ty): turns, scales by sqrt(a^2 + b^2), shifts; never
// mirrors.
struct Similarity {
  double a = 1, b = 0, tx = 0, ty = 0;
};

// Where the landmarks of a face lie in a crop of size x size pixels: the template of ArcFace (Deng
// et al. 2019), given for 112 x 112, times size / 112.
[[nodiscard]] std::array<Point, 5> landmark_template(Index size);

// The similarity that takes `from` closest to `to`: least sum of squared distances (Umeyama 1991;
// in the plane and without mirroring it has the closed form of complex linear regression). Throws
// ShapeError when `from` lies on one point or a coordinate is not finite.
[[nodiscard]] Similarity fit_similarity(const std::array<Point, 5>& from,
                                        const std::array<Point, 5>& to);

// The face, size x size pixels, landmarks as near to landmark_template as a similarity takes them.
// Sampled bilinearly, with the mean of as many samples per pixel as the face is shrunk (no
// aliasing); black outside the picture. Throws ShapeError: an empty picture, size outside 1 ..
// 4096, landmarks that fit_similarity refuses.
[[nodiscard]] Image align_face(const Image& image, const Face& face, Index size);

// The box of the face, widened on each side by `margin` times its width or height, cut to the
// picture and at least one pixel. Whole pixels: every pixel that the box touches. Throws ShapeError
// for an empty picture.
[[nodiscard]] Image crop_face(const Image& image, const Face& face, double margin);

}  // namespace rf
