// Label files of the RetinaFace annotation release: for every picture a line "# path", then one
// line per face:
//   x y w h                                        (4 numbers: a box)
//   x y w h  5 times (x y flag)                    (19: and five points; flag -1: not annotated)
//   x y w h  5 times (x y flag)  quality           (20: as the release's train file has it)
// Pixels of the stored picture, (x, y) the upper left corner. Other flags than -1 (0 and 1 are
// used) mean that the point is given. An ignore file has the same form, 4 numbers a line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "retinaface/matching.hpp"

namespace rf {

// A line that cannot be right. What the reader then does is said in the text.
struct LabelProblem {
  std::string file;
  Index line;  // from 1
  std::string text;
};

struct LabelledPicture {
  std::string path;  // as the file has it, relative to the folder of pictures
  Index line;        // where the label file names it
  PictureLabels labels;
  std::vector<Index> face_lines = {};     // where it has each of labels.faces
  std::vector<Index> ignored_lines = {};  // and the ignore file each of labels.ignored
};

struct Labels {
  std::vector<LabelledPicture> pictures;  // in the order of the file
  std::vector<LabelProblem> problems;
};

// Reads a label file, and an ignore file unless its path is empty. Lines that cannot be right are
// left out, or their landmarks are, and noted. Throws FileError: a file that cannot be read;
// FormatError: one that is no text, or names no picture.
[[nodiscard]] Labels read_labels(const std::string& label_file, const std::string& ignore_file);

// The same for texts in memory; the names are for messages. An ignore text may be empty.
struct NamedText {
  std::string name;
  std::string_view text;
};
[[nodiscard]] Labels parse_labels(const NamedText& labels, const NamedText& ignored);

}  // namespace rf
