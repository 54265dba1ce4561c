// Files of MXNet's mx.nd.save and of Module checkpoints (.params): a list of arrays and a list of
// their names.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/state_dict.hpp"

namespace rf {

// The arrays by name; the prefixes "arg:" and "aux:" are taken off. f16 becomes f32; arrays borrow
// from the map where they are aligned. Throws FileError and FormatError, one line that names the
// file: sparse arrays, other versions, sizes that cannot be, a file cut short or too long.
[[nodiscard]] StateDict read_mxnet(const std::string& path);

// The same for bytes in memory that `owner` keeps alive (null: the caller does); `name` begins
// messages.
[[nodiscard]] StateDict read_mxnet(std::span<const std::byte> file, const std::string& name,
                                   std::shared_ptr<const void> owner);

}  // namespace rf
