// MATLAB's MAT-file format, level 5 (versions 5 to 7), little-endian: as much as ground truth
// needs. Full numeric, character and cell arrays, plain or zlib-compressed. Source: MathWorks,
// "MAT-File Format".
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// One array. Elements are in MATLAB's order: the first dimension runs fastest.
struct MatArray {
  enum class Kind {
    numeric,  // `numbers`: any of MATLAB's integer, floating-point and logical types; of complex
              // ones the real part
    text,     // `text`: UTF-8
    cell,     // `cells`
    other,    // structures, objects, sparse arrays: present, content not read
  };
  Kind kind = Kind::numeric;
  std::vector<Index> dims;  // at least two, unless the array is an empty placeholder
  std::vector<double> numbers;
  std::string text;
  std::vector<MatArray> cells;
};

using MatVariables = std::map<std::string, MatArray>;

// What a file may at most hold, so that a small hostile file cannot ask for large memory.
struct MatLimits {
  Index file_bytes = 64 << 20;
  Index inflated_bytes = 64 << 20;  // of all compressed variables together
  Index values = 16 << 20;          // numbers, characters
  Index arrays = 1 << 20;           // cells at any depth
  int depth = 8;                    // of cells within cells
};

// All variables of a file. Throws FileError (cannot be read), FormatError, one line that names the
// file: another format or version, big-endian, truncated, corrupt, above a limit.
[[nodiscard]] MatVariables read_mat(const std::string& path, const MatLimits& limits = {});

// The same for a file in memory; `name` is for messages.
[[nodiscard]] MatVariables parse_mat(std::span<const std::byte> file, const std::string& name,
                                     const MatLimits& limits = {});

}  // namespace rf
