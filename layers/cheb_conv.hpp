// Convolution on a graph by Chebyshev polynomials of its Laplacian (Defferrard et al. 2016,
// equations (3) to (5); the paper's section 3.2.1):
//   y = sum over k < K of  T_k(L) x W_k  +  b,     T_0 = 1, T_1 = L, T_k = 2 L T_(k-1) - T_(k-2)
// with L scaled (layers/mesh_graph.hpp), so that an output sees what lies K - 1 edges away.
#pragma once

#include "engine/ops/csr.hpp"
#include "layers/module.hpp"

namespace rf {

// x [N, V, in], weight [in K, out] whose row f K + k belongs to feature f and order k, bias [out]
// or without elements -> [N, V, out]. Two ways to the same sum: by the recurrence above all T_k x
// are made, in features wide; Clenshaw's way (1955) goes down from b_K = b_(K+1) = 0,
//   b_k = x W_k + 2 L b_(k+1) - b_(k+2),     y = x W_0 + L b_1 - b_2,
// and its sparse products are out features wide. Throw ShapeError: sizes that do not fit, weights
// whose rows the features do not divide.
[[nodiscard]] Var cheb_conv_by_recurrence(const CsrPair& laplacian, const Var& x, const Var& weight,
                                          const Var& bias);
[[nodiscard]] Var cheb_conv_by_clenshaw(const CsrPair& laplacian, const Var& x, const Var& weight,
                                        const Var& bias);

struct ChebConvOptions {
  Index in_features, out_features;
  Index order = 6;  // K (Zhou et al. 2019 use 6)
};

// Parameters: weight and bias as above. Uses the way whose sparse products are narrower.
class ChebConv final : public Module {
 public:
  // Throws UsageError: sizes or an order below 1.
  ChebConv(const ChebConvOptions& options, CsrPair laplacian);
  [[nodiscard]] Var forward(const Var& x) const;  // [N, V, in] -> [N, V, out]

 private:
  CsrPair laplacian_;
  bool narrows_;
  Var weight_, bias_;
};

}  // namespace rf
