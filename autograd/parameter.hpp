// A value that training changes, under the name it has in files and messages.
#pragma once

#include <string>

#include "autograd/var.hpp"

namespace rf::ag {

struct Parameter {
  std::string name;
  Var var;  // a leaf; copies are the same variable
};

// Whether training changes it now: it wants a gradient (is not frozen), and backward() has reached
// it.
[[nodiscard]] inline bool has_gradient(const Parameter& parameter) {
  return parameter.var.requires_grad() && parameter.var.grad().numel() > 0;
}

}  // namespace rf::ag
