// Results as a picture: boxes coloured by score, landmarks, scores, and a colour bar that explains
// the colours.
#pragma once

#include <span>

#include "engine/image.hpp"
#include "retinaface/detector.hpp"

namespace rf {

struct DrawOptions {
  bool landmarks = true;  // five dots: left eye, right eye, nose tip, left and right mouth corner,
                          // one colour each
  bool scores = true;     // as text, where the face is large enough
  bool colour_bar =
      true;  // a strip at the right edge, outside the picture; left out below 120 pixels of height
  float low = 0.5F;  // scores that the ends of the colour scale stand for, 0 <= low < high <= 1
  float high = 1.0F;
};

// The picture with the faces drawn on it. Lines are scaled to the picture and thinner on small
// faces; boxes may reach outside; a box or a landmark that is not finite is left out. With the
// colour bar the result is wider than `image`, the picture stays at its left. Throws ShapeError for
// an empty picture or senseless low and high.
[[nodiscard]] Image draw_faces(const Image& image, std::span<const Face> faces,
                               const DrawOptions& options = {});

}  // namespace rf
