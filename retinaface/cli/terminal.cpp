#include "retinaface/cli/terminal.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/check.hpp"
#include "retinaface/cli/progress.hpp"

namespace rf::cli {

namespace {

[[noreturn]] void stdout_failed(int error) {
  // What is still buffered would fail once more when the process ends.
  ::close(STDOUT_FILENO);
  throw FileError(message("standard output: cannot write: ", std::strerror(error)));
}

}  // namespace

std::string one_line(const std::string& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line += "\\x";
      line += kDigits[byte >> 4];
      line += kDigits[byte & 15];
    }
  }
  return line;
}

std::string with_path(const std::string& path, const std::string& what) {
  return what.starts_with(path + ":") ? what : path + ": " + what;
}

void say(const std::string& line) {
  Progress::clear_screen();
  const std::string text = "retinaface: " + one_line(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void print(const std::string& text) {
  if (stdout_is_terminal()) Progress::clear_screen();
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) stdout_failed(errno);
}

void flush_results() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) stdout_failed(errno);
}

bool stdout_is_terminal() {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return terminal;
}

bool stderr_is_terminal() {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return terminal;
}

}  // namespace rf::cli
