#include "autograd/node.hpp"
#include "autograd/ops.hpp"
#include "engine/ops/csr.hpp"

namespace rf::ag {

namespace {

struct CsrMatmulNode final : Node {
  static constexpr bool kReadsInputs = false;
  CsrPair a;
  explicit CsrMatmulNode(CsrPair pair) : a(std::move(pair)) {}
  const char* name() const override { return "csr_matmul"; }
  Attributes attributes() const override {
    return {{"rows", static_cast<double>(a.matrix->rows())},
            {"columns", static_cast<double>(a.matrix->columns())},
            {"entries", static_cast<double>(a.matrix->column().size())}};
  }
  void backward(const Tensor& gy) override {
    input(0).accumulate(rf::csr_matmul(*a.transpose, gy));
  }
};

}  // namespace

Var csr_matmul(const CsrPair& a, const Var& x) {
  return record<CsrMatmulNode>(rf::csr_matmul(*a.matrix, x.value()), {x}, a);
}

}  // namespace rf::ag
