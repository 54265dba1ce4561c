// This program once more, in a process of its own: for measurements of memory and of the start, and
// for what must not take this one down.
#pragma once

#include <string>
#include <vector>

namespace rf::cli {

struct ChildOutcome {
  std::string output;  // stdout and stderr, in the order of writing
  std::string error;   // how it failed; empty: exit code 0
};

// Runs it and waits for its end; stdin is empty. Throws FileError when it cannot be started: no
// /proc, no memory, too many processes.
[[nodiscard]] ChildOutcome run_child(const std::vector<std::string>& arguments);

}  // namespace rf::cli
