// Scopes that change what operations on Vars do on this thread, for as long as they live. They
// nest.
#pragma once

namespace rf::ag {

// Operations record nothing: values only.
class NoGradScope {
 public:
  NoGradScope();
  NoGradScope(const NoGradScope&) = delete;
  NoGradScope& operator=(const NoGradScope&) = delete;
  ~NoGradScope();

 private:
  bool before_;
};
[[nodiscard]] bool grad_enabled();

// A forward pass that repeats an earlier one (checkpoint.hpp): operations record even inside a
// NoGradScope, and what a forward pass changes beside its result (the running statistics of batch
// norm) is left alone.
class RecomputeScope {
 public:
  RecomputeScope();
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;
  ~RecomputeScope();

 private:
  bool grad_before_, recompute_before_;
};
[[nodiscard]] bool recomputing();

}  // namespace rf::ag
