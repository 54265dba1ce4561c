// Reads a file in memory from front to back, little-endian, never beyond its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/check.hpp"

namespace rf {

class ByteReader {
 public:
  // `where` begins every message, for example "x.params".
  ByteReader(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }
  [[nodiscard]] const std::string& where() const { return where_; }

  // Throws FormatError when fewer than `count` bytes are left.
  std::span<const std::byte> take(std::uint64_t count, const char* what) {
    if (count > left()) {
      fail("the file ends inside ", what, ": ", count, " bytes are needed at byte ", position_,
           ", ", left(), " are left");
    }
    const auto piece = bytes_.subspan(position_, static_cast<std::size_t>(count));
    position_ += static_cast<std::size_t>(count);
    return piece;
  }

  std::string_view text(std::uint64_t count, const char* what) {
    const auto piece = take(count, what);
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  }

  template <class T>
  T number(const char* what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // Up to the next line feed, which is read but not returned.
  std::string_view line(const char* what) {
    const auto rest = bytes_.subspan(position_);
    const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
    if (!end) fail("the file ends inside ", what);
    const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data());
    const std::string_view text_of_line = text(length, what);
    ++position_;
    return text_of_line;
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(where_, ": ", parts...));
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::string where_;
};

}  // namespace rf
