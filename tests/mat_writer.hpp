// Writes MAT-files (level 5, little-endian) for tests and fuzz seeds, straight from MathWorks'
// description of the format. Every function gives bytes; `file` puts variables together.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace rf::test::mat {

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// A data element: type, size, data, zeros up to a multiple of eight.
inline std::string element(std::uint32_t type, const std::string& data) {
  std::string bytes = raw(type) + raw(static_cast<std::uint32_t>(data.size())) + data;
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

// The form for at most four bytes of data, which lie within the tag.
inline std::string small_element(std::uint16_t type, const std::string& data) {
  std::string bytes = raw(type) + raw(static_cast<std::uint16_t>(data.size())) + data;
  bytes.resize(8);
  return bytes;
}

inline std::string array(std::uint32_t array_class, const std::vector<std::int32_t>& dims,
                         const std::string& name, const std::string& content) {
  std::string dim_bytes;
  for (const std::int32_t dim : dims) dim_bytes += raw(dim);
  return element(14, element(6, raw(array_class) + raw(std::uint32_t{0})) + element(5, dim_bytes) +
                         element(1, name) + content);
}

// Column by column, stored as double.
inline std::string numbers(const std::string& name, std::int32_t rows, std::int32_t columns,
                           const std::vector<double>& values) {
  std::string data;
  for (const double value : values) data += raw(value);
  return array(6, {rows, columns}, name, element(9, data));
}

// One line of ASCII, stored as UTF-16 units as MATLAB does.
inline std::string text(const std::string& name, const std::string& line) {
  std::string data;
  for (const char c : line) data += raw(static_cast<std::uint16_t>(c));
  return array(4, {1, static_cast<std::int32_t>(line.size())}, name, element(17, data));
}

// A column of arrays made by the functions above with an empty name.
inline std::string cells(const std::string& name, const std::vector<std::string>& arrays) {
  std::string content;
  for (const std::string& one : arrays) content += one;
  return array(1, {static_cast<std::int32_t>(arrays.size()), 1}, name, content);
}

// A zlib stream that stores its content uncompressed (RFC 1950, 1951).
inline std::string zlib_stored(const std::string& content) {
  std::string stream("\x78\x01", 2);
  std::uint32_t a = 1, b = 0;
  for (const char c : content) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  for (std::size_t at = 0; at == 0 || at < content.size(); at += 65535) {
    const std::string block = content.substr(at, 65535);
    stream += at + 65535 >= content.size() ? '\1' : '\0';
    const auto size = static_cast<std::uint16_t>(block.size());
    stream += raw(size) + raw(static_cast<std::uint16_t>(~size)) + block;
  }
  for (const std::uint32_t byte : {b >> 8, b & 0xFF, a >> 8, a & 0xFF})
    stream += static_cast<char>(byte);
  return stream;
}

// A compressed variable: no padding follows it.
inline std::string compressed(const std::string& stream) {
  return raw(std::uint32_t{15}) + raw(static_cast<std::uint32_t>(stream.size())) + stream;
}

inline std::string file(const std::vector<std::string>& variables) {
  std::string bytes = "MATLAB 5.0 MAT-file, written by a test";
  bytes.resize(124, ' ');
  bytes += raw(std::uint16_t{0x0100}) + "IM";
  for (const std::string& variable : variables) bytes += variable;
  return bytes;
}

}  // namespace rf::test::mat
