// Files of torch.save: the legacy format (five pickles, then the numbers) and the ZIP archive that
// followed it.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/state_dict.hpp"

namespace rf {

enum class TorchFormat { legacy, zip };

struct TorchFile {
  TorchFormat format;
  StateDict tensors;
};

// The state dictionary in the file, found also inside a checkpoint such as {"epoch": ..,
// "state_dict": {..}}; a prefix "module." that all names share (DataParallel) is taken off. What is
// no tensor is left out. Half and bfloat16 become f32; tensors borrow from the map where alignment
// and strides allow. Throws FileError and FormatError, one line that names the file: pickles that
// ask for anything but tensors and containers (docs/weights-format.md), tensors that reach outside
// their storage, a file cut short.
[[nodiscard]] TorchFile read_torch(const std::string& path);

// The same for bytes in memory that `owner` keeps alive (null: the caller does); `name` begins
// messages.
[[nodiscard]] TorchFile read_torch(std::span<const std::byte> file, const std::string& name,
                                   std::shared_ptr<const void> owner);

}  // namespace rf
