#include "layers/mesh_encoder.hpp"

#include <algorithm>
#include <string>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

Tensor kept_vertices(const CsrMatrix& up) {
  Tensor kept = Tensor::empty({up.columns()}, DType::i64);
  Index* rows = kept.data<Index>();
  std::fill_n(rows, up.columns(), Index{-1});
  for (Index r = 0; r < up.rows(); ++r) {
    const auto begin = static_cast<std::size_t>(up.row_begin()[static_cast<std::size_t>(r)]),
               end = static_cast<std::size_t>(up.row_begin()[static_cast<std::size_t>(r) + 1]);
    Index only = -1, others = 0;
    for (std::size_t e = begin; e < end; ++e) {
      if (up.value()[e] == 1.0)
        only = up.column()[e];
      else if (up.value()[e] != 0.0)
        ++others;
    }
    if (only >= 0 && others == 0 && rows[only] < 0) rows[only] = r;
  }
  for (Index c = 0; c < up.columns(); ++c)
    RF_CHECK_SHAPE(rows[c] >= 0, "kept_vertices", "coarse vertex ", c,
                   " is no vertex of the finer level");
  return kept;
}

MeshEncoder::MeshEncoder(const std::vector<DecoderLevel>& levels, const MeshDecoderOptions& o) {
  (void)MeshDecoder(levels, o);  // what does not fit a decoder does not fit its mirror image
  const std::size_t finest = levels.size() - 1;
  first_ = std::make_unique<ChebConv>(
      ChebConvOptions{
          .in_features = o.features, .out_features = o.widths[finest], .order = o.order},
      levels[finest].laplacian);
  child("first", *first_);
  for (std::size_t level = finest; level > 0; --level) {
    kept_.push_back(kept_vertices(*levels[level].up.matrix));
    convs_.push_back(std::make_unique<ChebConv>(
        ChebConvOptions{
            .in_features = o.widths[level], .out_features = o.widths[level - 1], .order = o.order},
        levels[level].laplacian));
    child("conv." + std::to_string(level), *convs_.back());
  }
  fc_ = std::make_unique<Linear>(levels[0].laplacian.matrix->rows() * o.widths[0], o.code);
  child("fc", *fc_);
  mean_ = buffer("mean", Tensor::zeros({levels[finest].laplacian.matrix->rows(), o.features}));
}

Var MeshEncoder::forward(const Var& mesh) const {
  Var x = ag::elu(first_->forward(ag::subtract(mesh, mean_)));
  for (std::size_t i = 0; i < convs_.size(); ++i)
    x = ag::gather(ag::elu(convs_[i]->forward(x)), 1, kept_[i]);
  const Shape& s = x.shape();
  return fc_->forward(ag::reshape(x, {s[0], s[1] * s[2]}));
}

}  // namespace rf
