// A data set looked through before a training run: what its label files, or its pictures, cannot
// mean.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "retinaface/data/labels.hpp"
#include "retinaface/data/source.hpp"

namespace rf {

// Sizes are sqrt(width height) of a box in pixels of its picture; 0 without faces.
struct FaceSizes {
  double smallest = 0, median = 0, largest = 0;
  // Faces below 8 pixels, then from 8, 16, 32, 64, 128, 256 and 512 pixels up to the next.
  std::array<Index, 8> faces{};
};

struct DataCheck {
  // Those of the label file by line, then those of the ignore file.
  std::vector<LabelProblem> problems;
  Index pictures = 0, unreadable_pictures = 0, pictures_without_faces = 0;
  Index faces = 0, faces_with_landmarks = 0, ignored_regions = 0;  // that the reader accepts
  FaceSizes sizes;
};

// Reads the labels and decodes every picture, on all threads; the result does not depend on them.
// A problem is
//   what the reader leaves out (read_labels)
//   a picture   that is missing, corrupt or cut off; that its EXIF tag turns, since labels are
//               pixels of the stored picture; that is named in two ways (a.jpg, ./a.jpg)
//   a box       that leaves its picture by more than 2 pixels and a tenth of its side, or lies
//               outside altogether; as large as the picture; thinner than a pixel; more than 5
//               times as long as wide; that its picture has already
//   landmarks   all at one place; left and right swapped: seen along the line from the eyes to the
//               mouth, whichever way that points, the left eye (or corner) lies to the right of the
//               other by more than a quarter of that line's length, so that profiles are spared
// An ignored region is checked for leaving its picture altogether. `progress`, if given, is called
// on this thread with the number of pictures done and of all. Throws as read_labels().
using CheckProgress = std::function<void(Index done, Index total)>;
[[nodiscard]] DataCheck check_data(const DataSource& source, const CheckProgress& progress = {});

// The problems, one a line as "file:line: text", then the counts.
[[nodiscard]] std::string to_text(const DataCheck& check);

}  // namespace rf
