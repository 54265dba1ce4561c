// Runs the program that was built, as a shell would.
#pragma once

#include <string>
#include <vector>

namespace rf::test {

struct Outcome {
  int exit_code = -1;  // of the program, or -N when signal N ended it
  std::string out, err;

  // Lines of stderr, notes about a slow build and the speed of many images left out.
  [[nodiscard]] std::vector<std::string> complaints() const;
};

struct RunOptions {
  std::string program = RF_CLI_BINARY;
  std::string input{};        // on stdin
  std::string output_file{};  // stdout goes there (/dev/full); Outcome::out stays empty
  std::vector<std::string> environment{};  // "NAME=value", added to ours
};

[[nodiscard]] Outcome run_program(const std::vector<std::string>& arguments,
                                  const RunOptions& options = {});

// The same, and `signal` is sent to the program as soon as the file `when` is there, unless it has
// ended before.
[[nodiscard]] Outcome run_program_and_signal(const std::vector<std::string>& arguments, int signal,
                                             const std::string& when);

}  // namespace rf::test
