// NumPy's files of one array (.npy, versions 1 to 3).
#pragma once

#include <span>
#include <string>

#include "engine/tensor.hpp"

namespace rf {

// Little-endian f4, f8, i4, i8 and u1 in C order, of rank at most 6. Throws FileError and
// FormatError, one line that names the file: another type or order, sizes that cannot be, a file
// cut short or too long.
[[nodiscard]] Tensor read_npy(const std::string& path);

// The same for bytes in memory; `name` begins messages.
[[nodiscard]] Tensor read_npy(std::span<const std::byte> file, const std::string& name);

}  // namespace rf
