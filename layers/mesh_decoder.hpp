// From a code to a coloured mesh (the paper's section 3.2.1, after Ranjan et al. 2018 and Zhou et
// al. 2019): a linear layer makes the features of the coarsest mesh; then, level by level,
// up-sampling, a Chebyshev convolution and ELU; a last convolution makes what is added to the mean
// mesh.
#pragma once

#include <memory>
#include <vector>

#include "layers/cheb_conv.hpp"
#include "layers/linear.hpp"

namespace rf {

// One mesh of a hierarchy, from the coarsest to the finest.
struct DecoderLevel {
  CsrPair laplacian;  // scaled, [V, V]
  CsrPair up;  // [V, V of the level before]: from its vertices to these; of the coarsest not used
};

struct MeshDecoderOptions {
  Index code = 128;
  // Features of the coarsest level, then of each level's convolution.
  std::vector<Index> widths{64, 64, 32, 16};
  Index features = 6;  // x, y, z, red, green, blue
  Index order = 6;     // of the convolutions
};

// Children: fc, conv.{level} from 1 on, last.
// Buffer: mean [V, features]. The paper's decoder also normalises before each activation; with a
// code for each face and meshes of one kind there is nothing to gain here, and a face would depend
// on its batch (a choice of ours).
class MeshDecoder final : public Module {
 public:
  // Throws UsageError: fewer than two levels, widths that are not one for each, sizes below 1;
  // ShapeError: levels that do not follow each other.
  MeshDecoder(const std::vector<DecoderLevel>& levels, const MeshDecoderOptions& options = {});

  [[nodiscard]] Var forward(const Var& code) const;  // [N, code] -> [N, V, features]

  [[nodiscard]] Index vertices() const { return levels_.back().laplacian.matrix->rows(); }

 private:
  std::vector<DecoderLevel> levels_;
  Index width_;  // of the coarsest level
  std::unique_ptr<Linear> fc_;
  std::vector<std::unique_ptr<ChebConv>> convs_;
  std::unique_ptr<ChebConv> last_;
  Var mean_;
};

}  // namespace rf
