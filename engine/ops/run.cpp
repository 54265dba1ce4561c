#include "engine/ops/run.hpp"

namespace rf {

void check_same_dtype(const char* op, std::initializer_list<const Tensor*> tensors) {
  const Tensor* first = nullptr;
  for (const Tensor* t : tensors) {
    if (!t) continue;
    RF_CHECK_SHAPE(t->dtype() == DType::f32 || t->dtype() == DType::f64, op,
                   "computes in f32 or f64, got ", t->dtype());
    if (!first) first = t;
    RF_CHECK_SHAPE(t->dtype() == first->dtype(), op, "got both ", first->dtype(), " and ",
                   t->dtype(), "; convert one with Tensor::to");
  }
}

}  // namespace rf
