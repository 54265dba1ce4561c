// For fuzz targets: reads every byte of every tensor, so that a sanitizer sees one that lies
// outside its file.
#pragma once

#include <cstddef>

#include "engine/state_dict.hpp"

namespace rf::test {

inline void touch(const StateDict& tensors) {
  std::byte sum{0};
  for (const auto& [name, tensor] : tensors) {
    const auto* bytes = static_cast<const std::byte*>(tensor.raw());
    for (Index i = 0; i < tensor.bytes(); ++i) sum ^= bytes[i];
  }
  volatile std::byte seen = sum;
  static_cast<void>(seen);
}

}  // namespace rf::test
