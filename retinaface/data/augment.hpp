// From a labelled picture to what the network sees of it in training (RetinaFace section 4.2):
// a random square crop, resized, mirrored half of the time, its colours distorted.
#pragma once

#include "engine/image.hpp"
#include "engine/random.hpp"
#include "retinaface/matching.hpp"
#include "retinaface/size_rule.hpp"

namespace rf {

struct AugmentOptions {
  // The crop's side over the picture's short edge is uniform in between. Above 1 the crop reaches
  // out of the picture, and what lies outside is the mean colour before colours are distorted.
  double crop_min = 0.3, crop_max = 1;
  double mirror = 0.5;  // probability
  bool photometric = true;
  // Faces smaller than this, sqrt(width height) in pixels of the network's picture, are ignored:
  // neither faces nor background.
  double min_face = 0;
  // The whole picture at the upper left of the square, as detection with a size WxH has it, and
  // nothing random.
  bool whole = false;
};

// A square of the picture, `side` pixels wide, its upper left corner at (x, y), which may lie
// outside.
struct Crop {
  Index x, y, side;
  bool mirrored = false;
};

// Crops are drawn until one holds the centre of a face (section 4.2 keeps faces by their centre),
// at most 50 times; where the picture has no face, the first is taken. The paper does not say what
// happens to crops without faces; pictures that teach nothing would be wasted time.
[[nodiscard]] Crop random_crop(ImageSize picture, const PictureLabels& labels,
                               const AugmentOptions& options, Random& random);

// The labels within a crop that is resized to `size` pixels. A face stays, cut to the crop and the
// picture, if its centre is in the crop; it keeps its landmarks if all five are. Mirroring swaps
// left and right landmarks. What is visible of other faces, and faces below `min_face`, is ignored.
[[nodiscard]] PictureLabels crop_labels(const PictureLabels& labels, ImageSize picture,
                                        const Crop& crop, Index size, double min_face);

// Colour (r, g, b) -> matrix (r, g, b) + offset, then limited to 0 .. 255.
struct ColourMap {
  std::array<std::array<float, 3>, 3> matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  float offset = 0;
};

// Brightness +-32, contrast and saturation by 0.5 to 1.5, hue by +-18 degrees, each half of the
// time: the numbers of SSD (Liu et al. 2016), to which "photo-metric colour distortion" of section
// 4.2 refers. (Its code turns the hue of 8-bit pictures, where OpenCV counts in steps of two
// degrees, by twice as much; reimplementations in float by 18 degrees.) Hue turns colours about the
// grey axis, so that all four together are one affine map.
[[nodiscard]] ColourMap random_colours(Random& random);

// Where a float picture of three planes lies, channels in the order of the network's input.
struct Planes {
  float* data;
  Index row_stride, plane_stride;  // in elements
};

// Writes one augmented sample of size x size pixels; gives its labels.
[[nodiscard]] PictureLabels augment(const Image& image, const PictureLabels& labels, Index size,
                                    const AugmentOptions& options, const InputConfig& input,
                                    Random& random, const Planes& out);

}  // namespace rf
