// Ground truth of the WIDER FACE validation set (Yang et al. 2016): what faces there are and which
// of them count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

struct WiderBox {  // pixels; (x, y) is the upper left corner
  double x = 0, y = 0, width = 0, height = 0;
};

struct WiderImage {
  std::string name;  // "<event>/<file>" without the extension
  std::vector<WiderBox> boxes;
};

// Which faces count: a face that does not is neither to be found nor wrong to find.
struct WiderSubset {
  std::string name;                                // "easy", "medium", "hard", or "all"
  std::vector<std::vector<std::uint8_t>> counted;  // [image][box]: 1 counts, 0 is ignored
};

struct WiderGroundTruth {
  std::string source;  // for people: which files
  std::vector<WiderImage> images;
  std::vector<WiderSubset> subsets;
  Index images_in_source = 0;  // before keep_listed()
};

// From a folder: the official evaluation set, wider_face_val.mat and
// wider_{easy,medium,hard}_val.mat, subsets easy, medium and hard. From a file: the text of the
// annotation release (wider_face_val_bbx_gt.txt), which does not say the difficulty: one subset
// "all", of every face that is not marked invalid. Throws FileError; FormatError, naming the file
// (and line): not such a file, or files that do not fit each other.
[[nodiscard]] WiderGroundTruth read_wider_ground_truth(const std::string& path);

// The text form for a file in memory; `name` is for messages.
[[nodiscard]] WiderGroundTruth parse_wider_text(std::string_view text, const std::string& name);

// The names of a list: one "<event>/<file>.jpg" (or without .jpg) a line, empty lines skipped.
// Throws FileError; FormatError: no name at all, a senseless or repeated one.
[[nodiscard]] std::vector<std::string> read_wider_list(const std::string& path);
[[nodiscard]] std::vector<std::string> parse_wider_list(std::string_view text,
                                                        const std::string& name);

// The ground truth of the listed images only, in the order of `truth`. Throws FormatError naming
// `list_name` and the first name that `truth` does not have.
[[nodiscard]] WiderGroundTruth keep_listed(const WiderGroundTruth& truth,
                                           std::span<const std::string> names,
                                           const std::string& list_name);

// How many faces of a subset count.
[[nodiscard]] Index count_faces(const WiderSubset& subset);

}  // namespace rf
