#include "autograd/scope.hpp"

#include <utility>

namespace rf::ag {

namespace {

thread_local bool grad_on = true;
thread_local bool recompute_on = false;

}  // namespace

NoGradScope::NoGradScope() : before_(std::exchange(grad_on, false)) {}
NoGradScope::~NoGradScope() { grad_on = before_; }
bool grad_enabled() { return grad_on; }

RecomputeScope::RecomputeScope()
    : grad_before_(std::exchange(grad_on, true)),
      recompute_before_(std::exchange(recompute_on, true)) {}
RecomputeScope::~RecomputeScope() {
  grad_on = grad_before_;
  recompute_on = recompute_before_;
}
bool recomputing() { return recompute_on; }

}  // namespace rf::ag
