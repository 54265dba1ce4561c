// The message of the error that a call throws, for tests of messages.
#pragma once

#include <string>

namespace rf::test {

// what() of the E that `call` throws; "nothing thrown" otherwise. Another type of exception passes
// through.
template <class E, class F>
[[nodiscard]] std::string thrown(F&& call) {
  try {
    static_cast<void>(call());
  } catch (const E& e) {
    return e.what();
  }
  return "nothing thrown";
}

[[nodiscard]] inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

[[nodiscard]] inline bool one_line(const std::string& text) {
  return text.find('\n') == std::string::npos;
}

}  // namespace rf::test
