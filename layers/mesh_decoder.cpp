#include "layers/mesh_decoder.hpp"

#include <algorithm>
#include <string>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

void check(const std::vector<DecoderLevel>& levels, const MeshDecoderOptions& o) {
  if (levels.size() < 2 || o.widths.size() != levels.size())
    throw UsageError(message("MeshDecoder: ", levels.size(), " levels and ", o.widths.size(),
                             " widths; at least two levels and a width for each are needed"));
  const Index least = std::min({o.code, o.features, o.order, *std::ranges::min_element(o.widths)});
  if (least < 1)
    throw UsageError(message("MeshDecoder: a size of ", least, ", must be at least 1"));
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const CsrMatrix& l = *levels[i].laplacian.matrix;
    RF_CHECK_SHAPE(l.rows() == l.columns(), "MeshDecoder", "level ", i, " has a Laplacian of ",
                   l.rows(), " x ", l.columns());
    if (i == 0) continue;
    const CsrMatrix& up = *levels[i].up.matrix;
    const Index before = levels[i - 1].laplacian.matrix->rows();
    RF_CHECK_SHAPE(up.rows() == l.rows() && up.columns() == before, "MeshDecoder", "level ", i,
                   " is up-sampled by ", up.rows(), " x ", up.columns(), ", must be ", l.rows(),
                   " x ", before);
  }
}

}  // namespace

MeshDecoder::MeshDecoder(const std::vector<DecoderLevel>& levels, const MeshDecoderOptions& o)
    : levels_(levels), width_(0) {
  check(levels, o);
  width_ = o.widths[0];
  const Index coarsest = levels[0].laplacian.matrix->rows();
  fc_ = std::make_unique<Linear>(o.code, coarsest * width_);
  child("fc", *fc_);
  for (std::size_t i = 1; i < levels.size(); ++i) {
    convs_.push_back(std::make_unique<ChebConv>(
        ChebConvOptions{
            .in_features = o.widths[i - 1], .out_features = o.widths[i], .order = o.order},
        levels[i].laplacian));
    child("conv." + std::to_string(i), *convs_.back());
  }
  last_ = std::make_unique<ChebConv>(
      ChebConvOptions{.in_features = o.widths.back(), .out_features = o.features, .order = o.order},
      levels.back().laplacian);
  child("last", *last_);
  mean_ = buffer("mean", Tensor::zeros({vertices(), o.features}));
}

Var MeshDecoder::forward(const Var& code) const {
  Var x = ag::reshape(fc_->forward(code),
                      {code.shape()[0], levels_[0].laplacian.matrix->rows(), width_});
  for (std::size_t i = 1; i < levels_.size(); ++i)
    x = ag::elu(convs_[i - 1]->forward(ag::csr_matmul(levels_[i].up, x)));
  return ag::add(last_->forward(x), mean_);
}

}  // namespace rf
