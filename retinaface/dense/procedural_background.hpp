// Backgrounds out of nothing, for synthetic pictures without a folder of photographs.
#pragma once

#include "engine/image.hpp"
#include "engine/random.hpp"
#include "retinaface/size_rule.hpp"

namespace rf {

// A smooth field of colours, value noise on grids of 2 to 40 cells along the longer side, and up to
// 12 rectangles and discs that let it shine through. No two alike; nothing in it is like a face.
// Requires a size of at least 1 x 1.
[[nodiscard]] Image procedural_background(ImageSize size, Random random);

}  // namespace rf
