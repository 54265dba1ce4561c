// What a training run writes down as it goes: metrics.csv and validation.csv, one row at a time.
// Both begin with a line of column names. Numbers have 9 significant digits (enough to tell any two
// floats apart) and a point whatever the locale. A row reaches the file in one write, so that a
// killed run leaves whole rows, and at most a last line without its end.
#pragma once

#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// Means over the steps since the row before, but for the first four.
struct MetricsRow {
  Index step = 0;            // steps done, from 1
  double epoch = 0;          // passes over the data: images / pictures in the data
  Index images = 0;          // pictures seen since the beginning of the run
  double learning_rate = 0;  // of the last of these steps
  double loss = 0;           // the sum that is minimised: equation (1), and the teacher's term
  double cls = 0;            // the terms without their weights
  double box = 0;
  double landmark = 0;
  double teacher = 0;  // the term of distillation; 0 when there is none
  double dense = 0;    // the dense branch's; 0 when there is none
  double grad_norm = 0;
  double seconds_per_image = 0;
  double wait_share = 0;  // of the time, in which the network waited for pictures: 0 to 1

  friend bool operator==(const MetricsRow&, const MetricsRow&) = default;
};

struct ValidationRow {
  Index step = 0;
  double epoch = 0;
  double ap = 0;      // 0 to 1
  double recall = 0;  // 0 to 1, at the score of the detections that were judged
  Index faces = 0;    // that were to be found

  friend bool operator==(const ValidationRow&, const ValidationRow&) = default;
};

// Adds a row at the end; a file that is not there, or is empty, gets its header first. When the
// disk is full the file stays as it was. Throws FileError, naming the file.
void append_metrics(const std::string& path, const MetricsRow& row);
void append_validation(const std::string& path, const ValidationRow& row);

// All rows. A last line without its end was never finished and is left out; no file is no rows.
// Throws FileError, FormatError "file:line: problem": other columns, no numbers, steps that do not
// rise. Values may be infinite or not numbers, as a run that diverges leaves them.
[[nodiscard]] std::vector<MetricsRow> read_metrics(const std::string& path);
[[nodiscard]] std::vector<ValidationRow> read_validation(const std::string& path);

// For a run that goes on from the checkpoint of `step`: takes the rows of later steps and a last
// line without its end out of the file, atomically, and gives the rows that stay. The bytes of
// these are not touched. Throws as reading does.
std::vector<MetricsRow> truncate_metrics(const std::string& path, Index step);
std::vector<ValidationRow> truncate_validation(const std::string& path, Index step);

}  // namespace rf
