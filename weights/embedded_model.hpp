// The model that is part of the program: a whole model file, which the build linked in
// (RF_EMBED_MODEL in CMakeLists.txt; by default the weights that ship).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace rf {

// What messages and results call it, where they would name a file.
inline constexpr const char* kEmbeddedModelName = "built-in model";

// The bytes of the file, for read_model; they live as long as the program and begin at a multiple
// of 64, so that tensors are used where they lie. Nothing if the build linked none in.
[[nodiscard]] std::optional<std::span<const std::byte>> embedded_model();

}  // namespace rf
