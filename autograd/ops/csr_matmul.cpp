#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/ops/csr.hpp"

namespace rf::ag {

namespace {

struct CsrMatmulNode final : Node {
  static constexpr bool kReadsInputs = false;
  CsrPair a;
  double factor;
  CsrMatmulNode(CsrPair pair, double times) : a(std::move(pair)), factor(times) {}
  const char* name() const override { return "csr_matmul"; }
  Attributes attributes() const override {
    return {{"rows", static_cast<double>(a.matrix->rows())},
            {"columns", static_cast<double>(a.matrix->columns())},
            {"entries", static_cast<double>(a.matrix->column().size())},
            {"factor", factor}};
  }
  void backward(const Tensor& gy) override {
    if (wants(0)) input(0).accumulate(rf::csr_matmul(*a.transpose, gy, factor));
    if (inputs().size() > 1 && wants(1)) input(1).accumulate(rf::scale(gy, -1));
    if (inputs().size() > 2 && wants(2)) input(2).accumulate(gy);
  }
};

}  // namespace

Var csr_matmul(const CsrPair& a, const Var& x) {
  return record<CsrMatmulNode>(rf::csr_matmul(*a.matrix, x.value()), {x}, a, 1.0);
}

Var csr_matmul(const CsrPair& a, const Var& x, double factor, const Var& minus, const Var& plus) {
  return record<CsrMatmulNode>(
      rf::csr_matmul(*a.matrix, x.value(), factor, minus.value(), plus.value()), {x, minus, plus},
      a, factor);
}

}  // namespace rf::ag
