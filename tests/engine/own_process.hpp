// What is decided once per process is tested in a process of its own: this program again, running
// one hidden test case that prints the answer.
#pragma once

#include <string>

namespace rf::test {

// Runs the hidden test case tagged [.tag] with the environment variable set, and gives what
// answer() printed there.
[[nodiscard]] std::string answer_of(const std::string& tag, const std::string& variable,
                                    const std::string& value);

// Prints the text for answer_of.
void answer(const std::string& text);

}  // namespace rf::test
