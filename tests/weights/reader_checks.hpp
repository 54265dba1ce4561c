// What the tests of readers share: the message of an error, equality of tensors, damaged files.
#pragma once

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "engine/tensor.hpp"

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

template <class T>
[[nodiscard]] Tensor tensor(const Shape& shape, std::vector<T> values) {
  return Tensor::from(shape, std::span<const T>(values));
}

// Type, shape and bits.
[[nodiscard]] inline bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.numel() == 0 ||
          std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0);
}

// Cuts `file` at every length and flips every bit (every `step`-th of each) and reads the result,
// which may succeed, or throw an rf::Error whose message is one line that begins with `name`. Gives
// the numbers of refusals.
struct Refusals {
  std::size_t cuts = 0, flips = 0;
};
template <class F>
[[nodiscard]] Refusals damage(const std::string& file, const std::string& name, std::size_t step,
                              F&& read) {
  const auto refused = [&](const std::string& damaged) {
    try {
      static_cast<void>(read(damaged));
      return false;
    } catch (const Error& e) {
      const std::string text = e.what();
      if (!one_line(text) || !text.starts_with(name + ": ")) FAIL("message: " << text);
      return true;
    }
  };
  Refusals refusals;
  for (std::size_t length = 0; length < file.size(); length += step) {
    refusals.cuts += refused(file.substr(0, length)) ? 1U : 0U;
  }
  for (std::size_t bit = 0; bit < file.size() * 8; bit += step) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    refusals.flips += refused(damaged) ? 1U : 0U;
  }
  return refusals;
}

}  // namespace rf::test
