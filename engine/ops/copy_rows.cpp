#include "engine/ops/copy_rows.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "engine/ops/run.hpp"

namespace rf {

namespace {

// Columns of a mesh's vertices are such rows.
constexpr Index kWord = 4, kShortRow = 32;

void copy_short_rows(const std::byte* from, Index from_pitch, std::byte* to, Index to_pitch,
                     Index count, Index row_bytes) {
  const auto copy = [&](auto bytes) {
    for_ranges(count, row_bytes / kWord, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const std::byte* source = from + row * from_pitch;
        std::byte* target = to + row * to_pitch;
        // Word by word: a call for each row would take longer than the copy.
        for (Index i = 0; i < bytes; i += kWord) std::memcpy(target + i, source + i, kWord);
      }
    });
  };
  if (row_bytes == 3 * kWord) {
    copy(std::integral_constant<Index, 3 * kWord>{});  // places, colours: known when compiled
  } else {
    copy(row_bytes);
  }
}

}  // namespace

void copy_rows(const std::byte* from, Index from_pitch, std::byte* to, Index to_pitch, Index count,
               Index row_bytes) {
  constexpr Index kPiece = 65536;
  if (row_bytes == 0) return;
  if (row_bytes <= kShortRow && row_bytes % kWord == 0)
    return copy_short_rows(from, from_pitch, to, to_pitch, count, row_bytes);
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
