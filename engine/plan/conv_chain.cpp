#include "engine/plan/conv_chain.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/conv2d_schedule.hpp"

namespace rf {

namespace {

constexpr std::size_t kMostLayers = 16;
// What a chain may touch for one step, which makes a few rows at least.
struct Budget {
  Index bytes, rows;
};

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Index channels_of(const Conv2dGeometry& g) { return g.groups * g.out_channels; }

// Floats from one channel to the next: an odd number of cache lines, so that the channels of a
// pixel do not all compete for the same places in a cache.
Index pitch_of(Index floats) { return (floats + 15) / 16 * 16 + ((floats + 15) / 16 % 2 ? 0 : 16); }

Index largest_value(const std::vector<ConvLayer>& layers) {  // between them, bytes
  Index largest = 0;
  for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
    const Conv2dGeometry& g = layers[l].geometry;
    largest = std::max(largest, checked_mul(channels_of(g), g.out_h * g.out_w * 4));
  }
  return largest;
}

// Measured: values that a third-level cache holds are worth keeping from it only where the rows fit
// a second-level cache and kernels still get four at once; larger ones at any price, as long as the
// rows fit a third-level cache.
Budget budget(const std::vector<ConvLayer>& layers) {
  return largest_value(layers) > (6 << 20) ? Budget{3 << 20, 2} : Budget{1 << 20, 4};
}

Index fitting_rows(const std::vector<ConvLayer>& layers) {
  const Index out_h = layers.back().geometry.out_h, most = budget(layers).bytes;
  Index rows = 1;
  while (rows < out_h && ConvChain::working_bytes(layers, rows + 1) <= most) ++rows;
  return rows < out_h && rows > 4 ? rows - rows % 4 : rows;  // as many as kernels take at once
}

// Values that caches hold need no chain, unless so few channels are made of them that fetching them
// takes as long as the products.
Index small_value(const ConvLayer& next) {
  return (next.depthwise() ? next.geometry.groups : next.geometry.out_channels) <= 32 ? 2 << 20
                                                                                      : 4 << 20;
}

}  // namespace

ConvChain::ConvChain(std::vector<ConvLayer> layers, Index batch, Index rows)
    : table_(&kernels()), layers_(std::move(layers)), batch_(batch), rows_(rows) {
  if (rows_ == 0) rows_ = fitting_rows(layers_);
  // The most rows of each layer that one step needs, from the last back.
  std::vector<Index> most(layers_.size(), rows_);
  for (std::size_t l = layers_.size() - 1; l > 0; --l) {
    const Conv2dGeometry& g = layers_[l].geometry;
    most[l - 1] = std::min(g.in_h, (most[l] - 1) * g.stride + g.kernel_h);
  }
  std::size_t kernel_bytes = 0;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Conv2dGeometry g = layers_[l].geometry;
    g.out_h = most[l];
    const bool in_place =
        l > 0 && g.kernel_h == 1 && g.kernel_w == 1 && g.pad_h == 0 && g.pad_w == 0;
    kernel_bytes = std::max(
        kernel_bytes,
        table_->conv2d_scratch_bytes(g, in_place ? 1 : most[l] * std::max<Index>(g.out_w, 1)));
    if (l + 1 == layers_.size()) break;
    // Room for half as many more, so that rows that stay move less often.
    const Conv2dGeometry& next = layers_[l + 1].geometry;
    const Index room = next.kernel_h > next.stride ? most[l] + most[l] / 2 : most[l];
    const Index pitch = pitch_of(room * g.out_w);
    buffers_.push_back({.offset = buffer_floats_, .pitch = pitch, .rows = room});
    buffer_floats_ += channels_of(g) * pitch + kReadAfter;
  }
  buffer_floats_ = (buffer_floats_ + 15) / 16 * 16;
  scratch_bytes_ = at(buffer_floats_) * sizeof(float) + kernel_bytes;
}

Index ConvChain::working_bytes(const std::vector<ConvLayer>& layers, Index rows) {
  Index floats = 0, kept = 0;
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Conv2dGeometry& g = layers[l].geometry;
    floats += channels_of(g) * (rows + kept) * g.out_w + layers[l].w.numel();
    rows *= g.stride;
    kept = std::max<Index>(g.kernel_h - g.stride, 0);
  }
  return floats * static_cast<Index>(sizeof(float));
}

// The first row of its input that a layer reads for row `row` of its output.
Index ConvChain::first_read(std::size_t layer, Index row) const {
  const Conv2dGeometry& g = layers_[layer].geometry;
  return std::max<Index>(row * g.stride - g.pad_h, 0);
}

// How many rows of its input a layer has read when its output is there up to row `end`.
Index ConvChain::rows_read(std::size_t layer, Index end) const {
  const Conv2dGeometry& g = layers_[layer].geometry;
  return std::clamp<Index>((end - 1) * g.stride - g.pad_h + g.kernel_h, 0, g.in_h);
}

// Drops the rows before `first`.
void ConvChain::slide(std::size_t layer, float* buffer, Progress& progress, Index first) const {
  const Conv2dGeometry& g = layers_[layer].geometry;
  const Index kept = (progress.done - first) * g.out_w, skipped = (first - progress.base) * g.out_w;
  if (kept > 0 && skipped > 0) {
    for (Index k = 0; k < channels_of(g); ++k) {
      float* rows = buffer + k * buffers_[layer].pitch;
      std::memmove(rows, rows + skipped, at(kept) * sizeof(float));
    }
  }
  progress.base = first;
}

// Computes a layer's output up to row `end`.
void ConvChain::advance(std::size_t layer, const Input& x, float* y, Progress* progress, Index end,
                        float* buffers, std::byte* scratch) const {
  const ConvLayer& l = layers_[layer];
  const Index done = progress[layer].done, rows = end - done;
  Conv2dArgs<float> args = l.args();
  args.x = x.x;
  args.picture = layer == 0 ? x.picture : nullptr;
  args.y = y + done * l.geometry.out_w;
  args.y_pitch = l.geometry.out_h * l.geometry.out_w;
  Conv2dGeometry& g = args.geometry;
  g.out_h = rows;
  g.pad_h -= done * g.stride;
  if (layer > 0) {
    const Progress& before = progress[layer - 1];
    const Index first = first_read(layer, done);
    args.x = buffers + buffers_[layer - 1].offset + (first - before.base) * g.in_w;
    args.x_pitch = buffers_[layer - 1].pitch;
    g.in_h = before.done - first;
    g.pad_h += first;
  }
  if (layer + 1 < layers_.size()) {
    args.y = buffers + buffers_[layer].offset + (done - progress[layer].base) * g.out_w;
    args.y_pitch = buffers_[layer].pitch;
  }
  for (Index group = 0; group < g.groups; ++group) {
    table_->conv2d(
        args, {.image = 0, .group = group, .begin = 0, .end = rows * g.out_w, .scratch = scratch});
  }
  progress[layer].done = end;
}

// Rows [begin, end) of the last layer.
void ConvChain::run_stripe(const Input& x, float* y, Index begin, Index end,
                           std::byte* scratch) const {
  auto* buffers = reinterpret_cast<float*>(scratch);
  scratch += at(buffer_floats_) * sizeof(float);
  std::array<Progress, kMostLayers> progress;
  std::array<Index, kMostLayers> needed{};
  const std::size_t last = layers_.size() - 1;
  Index first = begin;
  for (std::size_t l = last + 1; l-- > 0; first = first_read(l, first))
    progress[l] = {first, first};
  while (progress[last].done < end) {
    needed[last] = std::min(progress[last].done + rows_, end);
    for (std::size_t l = last; l > 0; --l) needed[l - 1] = rows_read(l, needed[l]);
    for (std::size_t l = 0; l <= last; ++l) {
      if (l < last && needed[l] - progress[l].base > buffers_[l].rows) {
        slide(l, buffers + buffers_[l].offset, progress[l],
              first_read(l + 1, progress[l + 1].done));
      }
      if (needed[l] > progress[l].done)
        advance(l, x, y, progress.data(), needed[l], buffers, scratch);
    }
  }
}

void ConvChain::run(const Input& x, float* y, const Scratch& scratch) const {
  const Conv2dGeometry &first = layers_.front().geometry, &last = layers_.back().geometry;
  // A stripe's first rows need some of another's once more: few stripes, but so many that a thread
  // which gets little of its processor leaves the rest to the others, and as many for each.
  const Index threads = scratch.threads, most = last.out_h / (2 * rows_) / threads * threads;
  const Index stripes = threads == 1 ? 1 : std::clamp(most, threads, 2 * threads);
  const Index x_image = first.groups * first.in_channels * first.in_h * first.in_w,
              y_image = channels_of(last) * last.out_h * last.out_w;
  parallel_for(batch_ * stripes, scratch, [&](Index chunk, std::byte* memory) {
    const Index image = chunk / stripes, stripe = chunk % stripes;
    run_stripe({.x = x.picture ? nullptr : x.x + image * x_image, .picture = x.picture},
               y + image * y_image, stripe * last.out_h / stripes,
               (stripe + 1) * last.out_h / stripes, memory);
  });
}

namespace {

// Whether a chain can go on with this layer.
bool chains(const ConvLayer& layer) {
  const Conv2dGeometry& g = layer.geometry;
  return g.dilation == 1 && g.kernel_h >= g.stride && g.out_h > 0 && g.out_w > 0 &&
         (layer.depthwise() || !Conv2dSchedule(g, 1).winograd());
}

// The node's layers, and whether all of them can be part of a chain.
bool chains(const Graph& graph, const Graph::Node& node, std::vector<ConvLayer>& layers) {
  if (node.op != "conv2d" || node.inputs.size() != 3 ||
      graph.values[at(node.inputs[1])].constant.numel() == 0)
    return false;
  layers = conv_layers(graph, node);
  return chains(layers.front());
}

void append(Graph::Node& chain, const Graph::Node& next) {
  if (chain.op == "conv2d") {
    chain.op = "conv2d_chain";
    for (const auto& [name, value] : std::exchange(chain.attributes, {}))
      chain.attributes[name + "0"] = value;
  }
  const std::string number = std::to_string((chain.inputs.size() - 1) / 2);
  for (const auto& [name, value] : next.attributes) chain.attributes[name + number] = value;
  chain.inputs.insert(chain.inputs.end(), next.inputs.begin() + 1, next.inputs.end());
  chain.output = next.output;
}

}  // namespace

Graph chain_convolutions(const Graph& before) {
  Graph graph = before;
  std::vector<Index> readers(graph.values.size(), 0);
  for (const Graph::Node& node : graph.nodes) {
    for (const Index input : node.inputs) ++readers[at(input)];
  }
  for (const Index output : graph.outputs) ++readers[at(output)];
  graph.nodes.clear();
  std::vector<ConvLayer> layers;  // of the last node, while it can go on
  for (const Graph::Node& node : before.nodes) {
    std::vector<ConvLayer> next;
    const bool can = chains(graph, node, next);
    if (can && !layers.empty() && layers.size() < kMostLayers) {
      Graph::Node& chain = graph.nodes.back();
      std::vector<ConvLayer> longer = layers;
      longer.push_back(next.front());
      const Budget may = budget(longer);
      const Index rows = std::min(may.rows, next.front().geometry.out_h);
      if (chain.output == node.inputs[0] &&
          largest_value({layers.back(), next.front()}) > small_value(next.front()) &&
          readers[at(chain.output)] == 1 && ConvChain::working_bytes(longer, rows) <= may.bytes) {
        append(chain, node);
        layers = std::move(longer);
        continue;
      }
    }
    graph.nodes.push_back(node);
    layers = can ? std::move(next) : std::vector<ConvLayer>{};
  }
  return graph;
}

}  // namespace rf
