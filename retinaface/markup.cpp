#include "retinaface/markup.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "engine/check.hpp"

namespace rf {

namespace {

std::string number_text(double value, std::chars_format format, int precision) {
  std::array<char, 64> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, format, precision);
  RF_ASSERT(error == std::errc());
  return {text.data(), end};
}

// Those at the end of a fraction.
std::string without_zeros(std::string number) {
  if (number.find('.') == std::string::npos || number.find('e') != std::string::npos) return number;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      result += ' ';
    } else {
      result += c;
    }
  }
  return result;
}

std::string fixed_number(double value, int decimals) {
  return number_text(value, std::chars_format::fixed, decimals);
}

std::string decimal_number(double value, int decimals) {
  const std::string result = without_zeros(fixed_number(value, decimals));
  return result == "-0" ? "0" : result;
}

std::string significant_number(double value, int digits) {
  if (!std::isfinite(value)) return "not finite";
  // "d.ddde-XX" tells the exponent after rounding.
  const std::string scientific = number_text(value, std::chars_format::scientific, digits - 1);
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const char* sign = scientific.data() + e + 1;
  std::from_chars(sign + (*sign == '+'), scientific.data() + scientific.size(), exponent);
  if (value != 0 && (exponent < -4 || exponent > 8))
    return scientific.substr(0, e + 1) + std::to_string(exponent);
  if (value == 0) exponent = 0;
  return number_text(value, std::chars_format::fixed, std::max(0, digits - 1 - exponent));
}

std::string trimmed_number(double value, int digits) {
  return without_zeros(significant_number(value, digits));
}

std::string grouped_number(Index value) {
  const std::string digits = std::to_string(value);
  std::string result;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool first = i == 0 || digits[i - 1] == '-';
    if (!first && (digits.size() - i) % 3 == 0) result += "\u202f";
    result += digits[i];
  }
  return result;
}

std::string base64(std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t b = 0; b < count; ++b)
      group |= std::to_integer<std::uint32_t>(bytes[i + b]) << (16 - 8 * b);
    for (std::size_t d = 0; d < 4; ++d)
      text += d <= count ? kDigits[group >> (18 - 6 * d) & 63] : '=';
  }
  return text;
}

}  // namespace rf
