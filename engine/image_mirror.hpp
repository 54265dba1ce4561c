// Pictures as a mirror shows them.
#pragma once

#include "engine/image.hpp"

namespace rf {

// Left and right exchanged.
[[nodiscard]] Image mirrored(const Image& image);

}  // namespace rf
