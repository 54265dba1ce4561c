#include "retinaface/evaluation/numbered_lines.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/check.hpp"

namespace rf {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::optional<std::string_view> NumberedLines::peek() const {
  if (rest_.empty()) return std::nullopt;
  return trimmed(rest_.substr(0, rest_.find('\n')));
}

std::optional<std::string_view> NumberedLines::next() {
  ++line_;
  const std::optional<std::string_view> line = peek();
  const std::size_t end = rest_.find('\n');
  rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
  return line;
}

std::size_t NumberedLines::next_numbers(std::span<double> values, std::size_t least,
                                        const char* what) {
  const std::optional<std::string_view> line = next();
  if (!line) fail(message("the file ends where ", what, " is due"));
  std::string_view rest = *line;
  std::size_t count = 0;
  while (!rest.empty()) {
    if (count == values.size()) fail(message(quoted(*line), " where ", what, " is due"));
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), values[count]);
    const std::size_t used = static_cast<std::size_t>(end - rest.data());
    const bool separated =
        used == rest.size() || kBlanks.find(rest[used]) != std::string_view::npos;
    if (error != std::errc() || !separated || !std::isfinite(values[count])) {
      fail(message(quoted(*line), " where ", what, " is due"));
    }
    ++count;
    rest = trimmed(rest.substr(used));
  }
  if (count < least) fail(message(quoted(*line), " where ", what, " is due"));
  return count;
}

Index NumberedLines::next_count(const char* what) {
  double value = 0;
  next_numbers({&value, 1}, 1, what);
  if (value < 0 || value > 1e6 || value != std::floor(value)) {
    fail(message("the count ", value, " where ", what, " is due"));
  }
  return static_cast<Index>(value);
}

void NumberedLines::fail(const std::string& problem) const {
  throw FormatError(message(name_, ":", line_, ": ", problem));
}

std::string quoted(std::string_view line) {
  constexpr std::size_t kLongest = 60;
  std::string text = "\"";
  for (const char c : line.substr(0, kLongest)) {
    text += c >= ' ' && c <= '~' ? c : '?';
  }
  return text + (line.size() > kLongest ? "...\"" : "\"");
}

}  // namespace rf
