// Convolutions one after another, computed a few rows at a time, so that what lies between them
// never leaves a cache: each layer keeps only the rows that the next one still reads.
#pragma once

#include <vector>

#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "engine/plan/conv_layer.hpp"

namespace rf {

// Convolutions by the direct kernel whose result only the next one reads, as nodes
// "conv2d_chain"(x, w0, b0, w1, b1, ...): as many together as pays.
[[nodiscard]] Graph chain_convolutions(const Graph& graph);

class ConvChain {
 public:
  // Each layer's input is the output of the one before; for the kernels in use now. `rows` of the
  // last layer at a time; 0: as many as pays.
  ConvChain(std::vector<ConvLayer> layers, Index batch, Index rows = 0);

  [[nodiscard]] Index rows() const { return rows_; }  // of the last layer, at a time
  [[nodiscard]] std::size_t scratch_bytes() const { return scratch_bytes_; }
  // What the first layer reads, dense: a tensor, or a picture where its kernel takes one.
  struct Input {
    const float* x;
    const PictureInput* picture = nullptr;
  };
  // y: of the last layer, dense.
  void run(const Input& x, float* y, const Scratch& scratch) const;

  // Bytes that a chain touches while it makes `rows` rows of its result.
  [[nodiscard]] static Index working_bytes(const std::vector<ConvLayer>& layers, Index rows);

 private:
  // Rows of a layer's output, each channel `pitch` floats after the one before.
  struct Buffer {
    Index offset, pitch;  // floats
    Index rows;           // that there is room for
  };
  // Which rows of it are there.
  struct Progress {
    Index base = 0, done = 0;
  };
  [[nodiscard]] Index first_read(std::size_t layer, Index row) const;
  [[nodiscard]] Index rows_read(std::size_t layer, Index end) const;
  void slide(std::size_t layer, float* buffer, Progress& progress, Index first) const;
  void advance(std::size_t layer, const Input& x, float* y, Progress* progress, Index end,
               float* buffers, std::byte* scratch) const;
  void run_stripe(const Input& x, float* y, Index begin, Index end, std::byte* scratch) const;

  const KernelTable* table_;
  std::vector<ConvLayer> layers_;
  std::vector<Buffer> buffers_;
  Index batch_, rows_;
  Index buffer_floats_ = 0;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace rf
