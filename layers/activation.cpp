#include "layers/activation.hpp"

#include "autograd/ops.hpp"

namespace rf {

ag::Var activate(const ag::Var& x, const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::none: return x;
    case Activation::Kind::relu: return ag::relu(x);
    case Activation::Kind::leaky_relu: return ag::leaky_relu(x, {.slope = activation.slope});
  }
  return x;
}

}  // namespace rf
