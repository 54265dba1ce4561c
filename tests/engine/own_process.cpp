#include "tests/engine/own_process.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/emulator.hpp"

namespace rf::test {

namespace {
constexpr const char *kBegin = "<answer>", *kEnd = "</answer>";
}

std::string answer_of(const std::string& tag, const std::string& variable,
                      const std::string& value) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string filter = "[." + tag + "]";
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv(variable.c_str(), value.c_str(), 1);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", "exec " RF_EMULATOR " \"$0\" \"$1\"", program.c_str(),
            filter.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 1024> buffer{};
  for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  CAPTURE(text);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  const std::size_t start = begin + std::string(kBegin).size();
  return text.substr(start, end - start);
}

void answer(const std::string& text) {
  std::printf("%s%s%s\n", kBegin, text.c_str(), kEnd);
  std::fflush(stdout);
}

}  // namespace rf::test
