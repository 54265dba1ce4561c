// Pictures of the training report: what was found, beside what the labels say.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/image.hpp"
#include "retinaface/matching.hpp"

namespace rf {

// Boxes and points in pixels of `image`.
struct ReportPicture {
  std::string caption;  // any text, such as a file name
  Image image;
  std::vector<Face> found;
  std::vector<LabelledFace> labelled;
};

// For each labelled face whether it is found: by falling score each found box takes the labelled
// one that it overlaps most, of those not yet taken, if the IoU is at least 0.5.
[[nodiscard]] std::vector<bool> labels_found(const ReportPicture& picture);

// Adds the labelled faces of `picture` that are not found to the worst ones of the pictures before:
// the largest, by area, at most `count`; of equal ones those that came first. Each becomes a crop
// three times as wide as the face, in which it is the first labelled one; boxes are those of the
// crop's pixels. Faces that do not lie in the picture are left out.
void keep_worst_misses(std::vector<ReportPicture>& worst, const ReportPicture& picture,
                       std::size_t count);

// Both give a <figure> with the picture as a JPEG in the text itself. Found boxes are drawn
// as draw_faces does, over them the corners of the labels: white for those found, orange with a
// cross for those missed.
[[nodiscard]] std::string sample_figure(const ReportPicture& picture);
[[nodiscard]] std::string miss_figure(const ReportPicture& crop);  // names the size of the face

}  // namespace rf
