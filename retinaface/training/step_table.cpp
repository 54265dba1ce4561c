#include "retinaface/training/step_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/evaluation/numbered_lines.hpp"

namespace rf {

namespace {

constexpr Index kMaxFileBytes = Index{1} << 30;
constexpr int kDigits = 9;

}  // namespace

std::string csv_number(double value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                          std::chars_format::general, kDigits);
  RF_ASSERT(error == std::errc());
  return {digits.data(), end};
}

// Opened, written and closed at once: nothing of a row stays in this process.
void append_line(const std::string& path, const std::string& header, const std::string& line) {
  const auto fail = [&](int error) {
    throw FileError(message(path, ": cannot add a row: ", std::strerror(error)));
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) fail(errno);
  const ::off_t size = ::lseek(file, 0, SEEK_END);
  const std::string text = size == 0 ? header + line : line;
  std::size_t done = 0;
  int error = size < 0 ? errno : 0;
  while (error == 0 && done < text.size()) {
    const ::ssize_t n = ::write(file, text.data() + done, text.size() - done);
    if (n >= 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error != 0 && done > 0 && ::ftruncate(file, size) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) fail(error);
}

void truncate_lines(const std::string& path, const std::string& header, Index step) {
  std::error_code ignored;
  const auto type = std::filesystem::symlink_status(path, ignored).type();
  if (type == std::filesystem::file_type::not_found) return;
  const std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view text = file.substr(0, file.rfind('\n') + 1);  // npos + 1 is 0
  NumberedLines lines(text, path);
  std::string kept;
  while (const auto line = lines.next()) {
    if (kept.empty()) {
      if (std::string(*line) + '\n' != header)
        lines.fail(message(quoted(*line), " where the columns are due: ", header));
      kept = header;
      continue;
    }
    Index row = 0;
    const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), row);
    if (error != std::errc() || end == line->data() + line->size() || *end != ',')
      lines.fail(message(quoted(*line), " where a row is due that begins with a step"));
    if (row <= step) kept += std::string(*line) + '\n';
  }
  if (kept.size() != file.size()) write_file(path, kept, IfExists::replace);
}

}  // namespace rf
