#include "autograd/ops.hpp"

namespace rf::ag {


Var upsample_nearest(const Var& x, const UpsampleNearestParams& params) {
  return Var(rf::upsample_nearest(x.value(), params));
}

Var resize_bilinear(const Var& x, const ResizeBilinearParams& params) {
  return Var(rf::resize_bilinear(x.value(), params));
}

Var max_pool2d(const Var& x, const MaxPool2dParams& params) {
  return Var(rf::max_pool2d(x.value(), params));
}

Var softmax(const Var& x, int axis) { return Var(rf::softmax(x.value(), axis)); }

}  // namespace rf::ag
