// Text out of a file that nobody trusts, made fit for an error message.
#pragma once

#include <string>
#include <string_view>

namespace rf {

// One line of printable ASCII: other bytes as \xNN, cut after 80 characters.
[[nodiscard]] inline std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string out;
  for (const char c : text) {
    if (out.size() >= kLongest) return out + "...";
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
  }
  return out;
}

}  // namespace rf
