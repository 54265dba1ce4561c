// From a coloured mesh to a code: the decoder's mirror image (Ranjan et al. 2018). Level by level a
// Chebyshev convolution, ELU, down-sampling to the vertices that the coarser level keeps; a linear
// layer makes the code. With a decoder it is the auto-encoder of the cited papers' tables; the
// dense branch itself has no encoder.
#pragma once

#include <memory>
#include <vector>

#include "layers/mesh_decoder.hpp"

namespace rf {

// Children: first, conv.{level} down to 1, fc, named as the decoder's that they mirror.
// Buffer: mean [V, features], taken off first.
class MeshEncoder final : public Module {
 public:
  // Levels and options as the decoder has them. Throws as MeshDecoder does; ShapeError also where a
  // coarse vertex is none of the finer level's (no row of `up` is 1 there alone).
  MeshEncoder(const std::vector<DecoderLevel>& levels, const MeshDecoderOptions& options = {});

  [[nodiscard]] Var forward(const Var& mesh) const;  // [N, V, features] -> [N, code]

 private:
  std::vector<Tensor>
      kept_;  // of each level but the coarsest: rows that the next coarser one keeps
  std::unique_ptr<ChebConv> first_;               // of the finest level
  std::vector<std::unique_ptr<ChebConv>> convs_;  // from the finest, level.widths as the decoder's
  std::unique_ptr<Linear> fc_;
  Var mean_;
};

// Rows of the finer level that up-sampling takes as they are, one for each coarse vertex: D of the
// mesh hierarchy. i64 [coarse vertices]. Throws ShapeError: a coarse vertex without one.
[[nodiscard]] Tensor kept_vertices(const CsrMatrix& up);

}  // namespace rf
