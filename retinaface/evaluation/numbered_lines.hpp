// A text file taken line by line, with messages that name file and line.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/shape.hpp"

namespace rf {

class NumberedLines {
 public:
  // Both texts must outlive this.
  NumberedLines(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  // The next line without its end (LF or CR LF) and without blanks around it; nothing at the end of
  // the text.
  [[nodiscard]] std::optional<std::string_view> next();

  // What next() would give.
  [[nodiscard]] std::optional<std::string_view> peek() const;

  // The next line must hold finite numbers, separated by blanks: at least `least`, and no more than
  // values.size(). Gives how many. `what` is for the message. Throws FormatError.
  std::size_t next_numbers(std::span<double> values, std::size_t least, const char* what);

  // The next line must hold one count from 0 to 1,000,000. Throws FormatError.
  Index next_count(const char* what);

  // Throws FormatError "name:line: problem" about the line that was taken last.
  [[noreturn]] void fail(const std::string& problem) const;

 private:
  std::string_view rest_;
  const std::string& name_;
  Index line_ = 0;
};

// A line for a message: shortened, control characters as '?'.
[[nodiscard]] std::string quoted(std::string_view line);

}  // namespace rf
