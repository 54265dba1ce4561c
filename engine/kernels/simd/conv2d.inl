// Direct convolution of any kernel size, stride, padding, dilation and group count.
//
// A call covers some rows of one image and one group, whose input is packed (conv_strip.inl).
// Output pixels are then walked as one line of strip positions q = i * strip_w + j, kVectors
// vectors at a time with a block of output channels in registers; positions with j >= out_w are
// computed and not stored.
namespace rf {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kConvChannels = 8, kConvVectors = 3;  // 24 accumulators of 32 registers
#elif defined(__AVX2__)
constexpr int kConvChannels = 4, kConvVectors = 3;  // 12 of 16
#else
constexpr int kConvChannels = 4,
              kConvVectors = 2;  // 8 of 16: without FMA each product needs a register
#endif
constexpr Index kConvTile = kConvVectors * kLanes;
static_assert(kConvTile <= kStripSlack && kConvTile <= kReadAfter);

// How tiles pass through the output channels. near: one by one. far: what they are stored to or
// added to is far away; it is fetched while products are made, and a few tiles at a time pass, so
// that planes are reached in longer pieces.
enum class Walk { near, far };
constexpr Index kTilesTogether = 4;

// Whether each part is of whole blocks.
inline bool in_whole_blocks(const Conv2dArgs<float>& args) noexcept {
  for (Index p = 0; args.parts && p < args.part_count; ++p) {
    if (args.parts[p].channels % kConvChannels != 0) return false;
  }
  return true;
}

// Of results with more floats, a second-level cache keeps none. Where blocks are short, fetching
// costs more than it brings.
inline Walk walk_of(const Conv2dArgs<float>& args, Index taps) noexcept {
  constexpr Index kLargeValue = 1 << 18, kLongBlock = 64;
  const bool large = args.y_plane() * args.geometry.out_channels > kLargeValue;
  return args.residual || (large && taps >= kLongBlock && in_whole_blocks(args)) ? Walk::far
                                                                                 : Walk::near;
}

// Where the values of one tile go, and through which activation. A vector that lies within a row of
// the output is stored there; one that holds a gap between rows or ends past the last pixel goes to
// a buffer first.
struct ConvTarget {
  float* to;  // output channel k's plane starts at to + k * plane
  Index plane;
  Index at[kConvVectors];  // of each vector, in the plane; -1: to the buffer
  Index vectors;           // that hold any pixel
  float* buffer;           // [channels][kConvTile]
  const float* residual;   // where `to` is, in the residual; nullptr: none
  const float* slope;      // [channels], of the activation; nullptr: none
  Index ahead;             // floats from an input to one that is read soon and may be far away
};

// acc[k][v] += weight(k) x[v].
template <int Channels, int Vectors, class Weight>
[[gnu::always_inline]] inline void add_products(const Vec (&x)[Vectors], Weight&& weight,
                                                Vec (&acc)[Channels][Vectors]) noexcept {
  for (int k = 0; k < Channels; ++k) {
    const Vec w(weight(k));
    for (int v = 0; v < Vectors; ++v) acc[k][v] = xsimd::fma(w, x[v], acc[k][v]);
  }
}

// Channels x (Vectors * kLanes) outputs: acc = b + sum_r w[k][r] strip[offset[r] + q].
template <Walk How, int Channels, int Vectors>
[[gnu::always_inline]] inline void conv_block(const float* strip, const Index* offset, Index taps,
                                              const float* w, const float* b,
                                              const ConvTarget& target) noexcept {
  Vec acc[Channels][Vectors];
  for (int k = 0; k < Channels; ++k) {
    for (int v = 0; v < Vectors; ++v) acc[k][v] = Vec(b ? b[k] : 0.0F);
  }
  const auto add_tap = [&](Index r) {
    const float* p = strip + offset[r];
    __builtin_prefetch(p + target.ahead);
    Vec x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = Vec::load_unaligned(p + v * kLanes);
    add_products<Channels, Vectors>(
        x, [&](int k) { return w[k * taps + r]; }, acc);
  };
  Index r = 0;
  if constexpr (How == Walk::far) {
    const float* far =
        (target.residual ? target.residual : target.to) + (target.at[0] >= 0 ? target.at[0] : 0);
    for (; r < Channels * Vectors && r < taps; ++r) {
      __builtin_prefetch(far + r / Vectors * target.plane + r % Vectors * kLanes);
      add_tap(r);
    }
  }
  for (; r < taps; ++r) add_tap(r);
  if (How == Walk::far && target.residual) {
    for (int v = 0; v < Vectors; ++v) {
      const float* from =
          target.at[v] >= 0 ? target.residual + target.at[v] : target.buffer + v * kLanes;
      const Index pitch = target.at[v] >= 0 ? target.plane : kConvTile;
      for (int k = 0; k < Channels; ++k) acc[k][v] += Vec::load_unaligned(from + k * pitch);
    }
  }
  if (target.slope) {
#pragma GCC unroll 8  // a loop that stays one would put all of acc into memory
    for (int k = 0; k < Channels; ++k) {
      const float slope = target.slope[k];
      for (int v = 0; v < Vectors; ++v) acc[k][v] = activated(acc[k][v], slope);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    float* to = target.at[v] >= 0 ? target.to + target.at[v] : target.buffer + v * kLanes;
    const Index pitch = target.at[v] >= 0 ? target.plane : kConvTile;
    for (int k = 0; k < Channels; ++k) acc[k][v].store_unaligned(to + k * pitch);
  }
}

template <Walk How, int Channels>
[[gnu::always_inline]] inline void conv_block(const float* strip, const Index* offset, Index taps,
                                              const float* w, const float* b,
                                              const ConvTarget& target) noexcept {
  if (target.vectors > 2)
    conv_block<How, Channels, kConvVectors>(strip, offset, taps, w, b, target);
  else if (target.vectors == 2)
    conv_block<How, Channels, 2>(strip, offset, taps, w, b, target);
  else
    conv_block<How, Channels, 1>(strip, offset, taps, w, b, target);
}

// The tile of strip positions q .. q + count - 1, whose rows are `width` apart.
inline ConvTarget tile_target(Index q, Index count, Index width, Index out_w) noexcept {
  ConvTarget target{};
  target.vectors = (count + kLanes - 1) / kLanes;
  if (width == out_w) {  // without gaps the plane is one line
    for (Index v = 0; v < target.vectors; ++v)
      target.at[v] = count - v * kLanes >= kLanes ? q + v * kLanes : -1;
    return target;
  }
  Index row = q / width, j = q % width;
  for (Index v = 0; v < target.vectors; ++v) {
    const bool inside = count - v * kLanes >= kLanes && j + kLanes <= out_w;
    target.at[v] = inside ? row * out_w + j : -1;
    for (j += kLanes; j >= width; j -= width) ++row;
  }
  return target;
}

// Calls move(buffer's element, plane's element) for what lies in the buffer, gaps left out.
template <class Move>
inline void for_each_buffered(const ConvTarget& target, Index channels, Index q, Index count,
                              Index width, Index out_w, Move&& move) noexcept {
  for (Index v = 0; v < target.vectors; ++v) {
    if (target.at[v] >= 0) continue;
    const Index first = v * kLanes, end = first + kLanes < count ? first + kLanes : count;
    Index row = (q + first) / width, j = (q + first) % width;
    for (Index t = first; t < end; ++t) {
      if (j < out_w) {
        for (Index k = 0; k < channels; ++k)
          move(target.buffer[k * kConvTile + t], k * target.plane + row * out_w + j);
      }
      if (++j == width) j = 0, ++row;
    }
  }
}

// Calls block(Count<channels>) for the most channels of `left` that one block takes; says how many.
// Far, where whole blocks are the rule, the rest goes one by one, to keep the program small.
template <Walk How = Walk::near, class Block>
inline Index in_blocks(Index left, Block&& block) noexcept {
  if (left >= kConvChannels) return block(Count<kConvChannels>{}), kConvChannels;
  if constexpr (How == Walk::near) {
    if (left >= 4) return block(Count<4>{}), 4;
    if (left >= 2) return block(Count<2>{}), 2;
  }
  return block(Count<1>{}), 1;
}

// Calls run(part, k, end, first) for the channels [k, end) of each part that belong to the tile's;
// the part's first channel is `first` of the group.
template <class Run>
inline void for_each_part(const Conv2dArgs<float>& args, const Conv2dPart<float>& whole,
                          const Conv2dTile& tile, Run&& run) noexcept {
  const Conv2dPart<float>* parts = args.parts ? args.parts : &whole;
  const Index part_count = args.parts ? args.part_count : 1;
  for (Index p = 0, first = 0; p < part_count; first += parts[p++].channels) {
    const Index k = tile.first_channel > first ? tile.first_channel - first : 0,
                left = tile.last_channel - first;
    const Index end = left < parts[p].channels ? left : parts[p].channels;
    if (k < end) run(parts[p], k, end, first);
  }
}

// What conv_tiles needs of a call, beside the arguments.
struct ConvCall {
  const float* strip;
  const Index* offset;  // of the taps
  ConvStrip shape;
  Index first_row, q_begin, q_end;
  Index group;  // of the whole batch
  const Conv2dTile& tile;
};

template <Walk How>
void conv_tiles(const Conv2dArgs<float>& args, const ConvCall& call) noexcept {
  const Conv2dGeometry& a = args.geometry;
  const Index plane = args.y_plane(), width = call.shape.width, taps = call.shape.taps;
  const Conv2dPart<float> whole{.y = args.y + call.group * a.out_channels * plane,
                                .channels = a.out_channels};
  const Index together = How == Walk::far && a.out_channels >= 128 ? kTilesTogether : 1;
  alignas(64) float buffer[kConvChannels * kConvTile];
  ConvTarget targets[How == Walk::far ? kTilesTogether : 1];
  for (Index q = call.q_begin; q < call.q_end; q += together * kConvTile) {
    const auto count_of = [&](Index t) {
      const Index left = call.q_end - q - t * kConvTile;
      return left < kConvTile ? left : kConvTile;
    };
    Index tiles = 0;
    for (; tiles < together && count_of(tiles) > 0; ++tiles) {
      targets[tiles] = tile_target(q + tiles * kConvTile, count_of(tiles), width, a.out_w);
      targets[tiles].plane = plane;
      targets[tiles].buffer = buffer;
    }
    Index blocks = 0;
    for_each_part(
        args, whole, call.tile,
        [&](const Conv2dPart<float>& part, Index k, Index end, Index first) {
          while (k < end) {
            const Index channel = call.tile.group * a.out_channels + first + k;
            const float *weights = args.w + channel * taps,
                        *b = args.b ? args.b + channel : nullptr;
            float* to = part.y + k * plane + call.first_row * a.out_w;
            Index made = 0;
            for (Index t = 0; t < tiles; ++t) {
              const Index at = q + t * kConvTile, count = count_of(t);
              ConvTarget& target = targets[t];
              target.to = to;
              target.slope = args.slope ? args.slope + channel : nullptr;
              target.residual =
                  How == Walk::far && args.residual ? args.residual + (to - args.y) : nullptr;
              // The first blocks of a tile fetch a vector each of the next tile's inputs.
              target.ahead = blocks < kConvVectors ? kConvTile + blocks * kLanes : 0;
              made = in_blocks<How>(end - k, [&](auto block) {
                constexpr int kBlock = decltype(block)::value;
                if (How == Walk::far && target.residual) {
                  for_each_buffered(target, kBlock, at, count, width, a.out_w,
                                    [&](float& value, Index i) { value = target.residual[i]; });
                }
                conv_block<How, kBlock>(call.strip + at, call.offset, taps, weights, b, target);
              });
              for_each_buffered(target, made, at, count, width, a.out_w,
                                [&](const float& value, Index i) { to[i] = value; });
            }
            ++blocks;
            k += made;
          }
        });
  }
}

std::size_t conv2d_scratch_bytes(const Conv2dGeometry& a, Index pixels) noexcept {
  const Index rows =
      (pixels - 1) / a.out_w + 2;  // a range that starts inside a row touches one row more
  const ConvStrip strip(a, rows < a.out_h ? rows : a.out_h);
  const auto packed =
      static_cast<std::size_t>(round_up_64(strip.taps * static_cast<Index>(sizeof(Index))) +
                               round_up_64(strip.floats(a) * static_cast<Index>(sizeof(float))));
  const std::size_t narrow = is_narrow(a) ? narrow_scratch_bytes(a) : 0;
  return packed > narrow ? packed : narrow;
}

bool conv2d_reads_picture(const Conv2dGeometry& a) noexcept {
  return is_narrow(a) && a.in_channels == 3 && a.groups == 1;
}

void conv2d(const Conv2dArgs<float>& args, const Conv2dTile& tile) noexcept {
  const Conv2dGeometry& a = args.geometry;
  if (is_depthwise_3x3(a)) return depthwise_conv2d(args, tile);
  if (is_narrow(a) && !args.residual && !args.parts) return narrow_conv2d(args, tile);
  const Index in_plane = args.x_plane();
  const Index first_row = tile.begin / a.out_w, last_row = (tile.end - 1) / a.out_w;
  const ConvStrip shape(a, last_row - first_row + 1);
  auto* offset = reinterpret_cast<Index*>(tile.scratch);
  const Index group = tile.image * a.groups + tile.group;
  const float* strip = args.x + group * a.in_channels * in_plane;
  if (args.x_pitch && is_pointwise(a)) {  // read where it is
    for (Index c = 0; c < a.in_channels; ++c) offset[c] = c * in_plane;
    strip += first_row * a.in_w;
  } else {
    tap_offsets(a, shape, offset);
    auto* packed = reinterpret_cast<float*>(
        tile.scratch + round_up_64(shape.taps * static_cast<Index>(sizeof(Index))));
    pack_strip(a, shape, strip, in_plane, first_row, packed);
    strip = packed;
  }
  const ConvCall call{.strip = strip,
                      .offset = offset,
                      .shape = shape,
                      .first_row = first_row,
                      .q_begin = tile.begin % a.out_w,
                      .q_end = (last_row - first_row) * shape.width + (tile.end - 1) % a.out_w + 1,
                      .group = group,
                      .tile = tile};
  if (walk_of(args, shape.taps) == Walk::far)
    conv_tiles<Walk::far>(args, call);
  else
    conv_tiles<Walk::near>(args, call);
}

}  // namespace
}  // namespace rf
