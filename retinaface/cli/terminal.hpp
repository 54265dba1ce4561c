// What the program prints: results to stdout with every write checked, lines for people to stderr,
// and exit codes.
#pragma once

#include <string>

namespace rf::cli {

// Exit codes, documented in docs/command-line.md.
inline constexpr int kExitDone = 0;
inline constexpr int kExitSomeFailed = 1;  // some inputs failed and some succeeded
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInput = 3;  // no input succeeded, or the results could not be written
inline constexpr int kExitModel = 4;
inline constexpr int kExitBug = 70;

// `text` on one line: control characters (a newline in a file name, an escape sequence) become
// "\xNN".
[[nodiscard]] std::string one_line(const std::string& text);

// The message `what` of an error about the file `path`, with the path in front unless it is there.
[[nodiscard]] std::string with_path(const std::string& path, const std::string& what);

// Prints "retinaface: LINE" on stderr, after clearing a progress bar that is on the screen.
void say(const std::string& line);

// Appends `text` to stdout. Throws FileError when it cannot be written (a full disk); buffered text
// may only fail at flush_results(), which every verb calls before it claims to be done.
void print(const std::string& text);
void flush_results();

[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();

}  // namespace rf::cli
