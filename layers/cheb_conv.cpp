#include "layers/cheb_conv.hpp"

#include <utility>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/check.hpp"

namespace rf {

namespace {

struct Sizes {
  Index batch, vertices, in, out, order;
};

Sizes sizes(const CsrPair& laplacian, const Var& x, const Var& weight, const Var& bias) {
  const CsrMatrix& l = *laplacian.matrix;
  const Shape &xs = x.shape(), &ws = weight.shape();
  RF_CHECK_SHAPE(xs.rank() == 3 && l.rows() == xs[1] && l.columns() == xs[1], "cheb_conv", "input ",
                 xs, " must be [N, V, features] for a Laplacian of ", l.rows(), " x ", l.columns());
  RF_CHECK_SHAPE(ws.rank() == 2 && xs[2] > 0 && ws[0] >= xs[2] && ws[0] % xs[2] == 0, "cheb_conv",
                 "weight ", ws, " must have a multiple of ", xs[2], " rows for input ", xs);
  RF_CHECK_SHAPE(bias.value().numel() == 0 || bias.shape() == Shape{ws[1]}, "cheb_conv", "bias ",
                 bias.shape(), " must be [", ws[1], "]");
  return {xs[0], xs[1], xs[2], ws[1], ws[0] / xs[2]};
}

// rows [N V, F] times w [F, out], the bias added.
Var product(const Var& rows, const Var& w, const Var& bias) {
  const Var y = ag::matmul(rows, w);
  return bias.value().numel() > 0 ? ag::add(y, bias) : y;
}

}  // namespace

Var cheb_conv_by_recurrence(const CsrPair& laplacian, const Var& x, const Var& weight,
                            const Var& bias) {
  const Sizes s = sizes(laplacian, x, weight, bias);
  std::vector<Var> terms{x};
  for (Index k = 1; k < s.order; ++k) {
    const Var& last = terms.back();
    terms.push_back(k == 1 ? ag::csr_matmul(laplacian, last)
                           : ag::csr_matmul(laplacian, last, 2, terms[terms.size() - 2]));
  }
  // Orders one after the other, as the terms are.
  const Var by_order = ag::reshape(
      ag::permute(ag::reshape(weight, {s.in, s.order, s.out}), {1, 0, 2}), {s.order * s.in, s.out});
  const Var rows = ag::reshape(ag::concat(terms, 2), {s.batch * s.vertices, s.order * s.in});
  return ag::reshape(product(rows, by_order, bias), {s.batch, s.vertices, s.out});
}

Var cheb_conv_by_clenshaw(const CsrPair& laplacian, const Var& x, const Var& weight,
                          const Var& bias) {
  const Sizes s = sizes(laplacian, x, weight, bias);
  const Var rows = ag::reshape(x, {s.batch * s.vertices, s.in});
  const Var by_order = ag::permute(ag::reshape(weight, {s.in, s.order, s.out}), {1, 0, 2});
  const auto term = [&](Index k) {  // x W_k
    const Var w = ag::reshape(ag::slice(by_order, 0, k, k + 1), {s.in, s.out});
    return ag::reshape(product(rows, w, k == 0 ? bias : Var(Tensor())),
                       {s.batch, s.vertices, s.out});
  };
  if (s.order == 1) return term(0);
  Var above = term(s.order - 1), before;  // b_(k+1), b_(k+2): at first 0
  for (Index k = s.order - 2; k >= 0; --k) {
    Var here = ag::csr_matmul(laplacian, above, k == 0 ? 1 : 2, before, term(k));
    before = std::exchange(above, std::move(here));
  }
  return above;
}

ChebConv::ChebConv(const ChebConvOptions& o, CsrPair laplacian)
    : laplacian_(std::move(laplacian)), narrows_(o.out_features < o.in_features) {
  if (o.in_features < 1 || o.out_features < 1 || o.order < 1)
    throw UsageError(message("ChebConv: ", o.in_features, " to ", o.out_features,
                             " features by order ", o.order, "; each must be at least 1"));
  weight_ = parameter("weight", {o.in_features * o.order, o.out_features});
  bias_ = parameter("bias", {o.out_features});
}

Var ChebConv::forward(const Var& x) const {
  return narrows_ ? cheb_conv_by_clenshaw(laplacian_, x, weight_, bias_)
                  : cheb_conv_by_recurrence(laplacian_, x, weight_, bias_);
}

}  // namespace rf
