// Where the files of a training set are.
#pragma once

#include <string>

namespace rf {

struct DataSource {
  std::string label_file;      // retinaface/data/labels.hpp
  std::string ignore_file;     // empty: there is none
  std::string picture_folder;  // what the paths in both are relative to
  double weight = 1;           // how often its pictures come up, beside those of other sources
};

// The files in a folder: label.txt, ignore.txt if it is there, and the pictures in images/ or, if
// there is no such folder, in the folder itself. Throws FileError, saying what was looked for: no
// folder, no label.txt.
[[nodiscard]] DataSource find_data(const std::string& folder);

// The value of --data: "DIR", or "DIR:WEIGHT" with a weight above 0 (2, 0.5, 1e-3). A folder whose
// own name ends so is taken as a folder if it exists. Throws UsageError: an empty value, a weight
// of 0 or below, or not finite; FileError as find_data().
[[nodiscard]] DataSource parse_data_flag(const std::string& value);

}  // namespace rf
