// safetensors: an 8-byte little-endian header length, a JSON header, the elements of all tensors
// without gaps. The layout byte by byte is in docs/weights-format.md.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/file.hpp"
#include "engine/state_dict.hpp"

namespace rf {

struct SafetensorsFile {
  StateDict tensors;
  std::map<std::string, std::string> metadata;  // the header's __metadata__
  std::span<const std::byte> data;              // the data section
  std::shared_ptr<const void> owner;            // keeps `data` alive
};

// The file is mapped; tensors borrow from the map where their alignment allows and are copied
// elsewhere, so they must not be written to. F32, F64, I32, I64, U8 and I8 keep their type, F16 and
// BF16 become f32. Throws FileError (cannot be read) and FormatError, one line that names the file:
// a header that is too long, is not JSON, names a tensor twice or says something about types,
// shapes or places that cannot be.
[[nodiscard]] SafetensorsFile read_safetensors(const std::string& path);

// The same for bytes in memory that `owner` keeps alive (null: the caller does); `name` begins
// messages.
[[nodiscard]] SafetensorsFile read_safetensors(std::span<const std::byte> file,
                                               const std::string& name,
                                               std::shared_ptr<const void> owner);

// The data section that write_safetensors makes of these tensors, piece by piece: larger elements
// first (so that all are aligned), then by name.
[[nodiscard]] std::vector<StateDict::const_iterator> safetensors_order(const StateDict& tensors);

// Writes atomically. Equal tensors and metadata give equal bytes. The data section begins at a
// multiple of 64. Throws FileError; FormatError for names or metadata that are not UTF-8, or a
// tensor called __metadata__.
void write_safetensors(const std::string& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata, IfExists if_exists);

}  // namespace rf
