#include "autograd/ops.hpp"

namespace rf::ag {


Var concat(const std::vector<Var>& parts, int axis) {
  std::vector<Tensor> values;
  for (const Var& part : parts) values.push_back(part.value());
  return Var(rf::concat(values, axis));
}

Var permute(const Var& x, const std::vector<int>& axes) {
  return Var(rf::permute(x.value(), axes));
}

Var reshape(const Var& x, const Shape& shape) { return Var(x.value().reshaped(shape)); }

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
