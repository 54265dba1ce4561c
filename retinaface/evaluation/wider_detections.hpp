// Detections in the file form of the WIDER FACE benchmark: FOLDER/<event>/<file>.txt holds the
// image's name, the number of detections, and one line "x y width height score" each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retinaface/evaluation/wider_ground_truth.hpp"

namespace rf {

struct WiderDetection {
  WiderBox box;
  double score = 0;
};

struct WiderDetections {
  std::vector<std::vector<WiderDetection>>
      images;                        // of each image of the ground truth, in the order of its file
  std::vector<std::string> missing;  // images without a file: no detections
  std::vector<std::string> others;   // "<event>/<file>" of files for images not evaluated, sorted
};

// Throws FileError: no such folder, a file that cannot be read, or none for any of the images (they
// are sought elsewhere then). FormatError "file:line: ...": not such a file.
[[nodiscard]] WiderDetections read_wider_detections(const std::string& folder,
                                                    std::span<const WiderImage> images);

// One file in memory; `name` is for messages. Throws FormatError: numbers that are none or not
// finite, boxes beyond 10,000,000 pixels or of negative size, more or fewer lines than announced.
[[nodiscard]] std::vector<WiderDetection> parse_wider_detections(std::string_view text,
                                                                 const std::string& name);

}  // namespace rf
