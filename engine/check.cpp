#include "engine/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace rf::detail {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "retinaface: bug: %s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace rf::detail
