#include "engine/ops/copy_rows.hpp"

#include <algorithm>
#include <cstring>

#include "engine/ops/run.hpp"

namespace rf {

void copy_rows(const std::byte* from, Index from_pitch, std::byte* to, Index to_pitch, Index count,
               Index row_bytes) {
  constexpr Index kPiece = 65536;
  if (row_bytes == 0) return;
  const Index pieces = ceil_div(row_bytes, kPiece);
  for_ranges(count * pieces, std::min(row_bytes, kPiece) / 4, [&](Index begin, Index end) {
    for (Index unit = begin; unit < end; ++unit) {
      const Index row = unit / pieces, offset = unit % pieces * kPiece;
      std::memcpy(to + row * to_pitch + offset, from + row * from_pitch + offset,
                  static_cast<std::size_t>(std::min(kPiece, row_bytes - offset)));
    }
  });
}

}  // namespace rf
