// Tables that a run writes as it goes: CSV, the step in the first column, one row at a time.
#pragma once

#include <string>

#include "engine/shape.hpp"

namespace rf {

// 9 significant digits, enough to tell any two floats apart, and a point whatever the locale.
[[nodiscard]] std::string csv_number(double value);

// Adds a line, with its end, in one write, so that a killed run leaves whole lines and at most a
// last one without its end; a file that is not there, or is empty, gets `header` first. When the
// disk is full the file stays as it was. Throws FileError, naming the file.
void append_line(const std::string& path, const std::string& header, const std::string& line);

// Takes the rows of steps above `step` and a last line without its end out of the file, atomically.
// No file is no rows. Throws FileError; FormatError: another header, a row without a step.
void truncate_lines(const std::string& path, const std::string& header, Index step);

}  // namespace rf
