#include "retinaface/cli/child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engine/check.hpp"

extern char** environ;

namespace rf::cli {

namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

[[noreturn]] void cannot_start(int error) {
  throw FileError(message("cannot start ", kThisProgram, ": ", std::strerror(error)));
}

struct Pipe {
  int read_end = -1, write_end = -1;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) cannot_start(errno);
    read_end = ends[0];
    write_end = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(read_end);
    close_write_end();
  }
  void close_write_end() {
    if (write_end >= 0) ::close(write_end);
    write_end = -1;
  }
};

pid_t start(const std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv{const_cast<char*>("retinaface")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions)) cannot_start(error);
  pid_t child = -1;
  int error = ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (error == 0) error = ::posix_spawn_file_actions_adddup2(&actions, output, fd);
  }
  if (error == 0)
    error = ::posix_spawn(&child, kThisProgram, &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) cannot_start(error);
  return child;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return text;
    }
  }
}

// The last complaint that it printed, without the name of the program.
std::string last_complaint(const std::string& output) {
  constexpr std::string_view kName = "retinaface: ";
  const std::size_t begin = output.rfind(kName);
  if (begin == std::string::npos || output.compare(begin, 17, "retinaface: note:") == 0) return "";
  const std::size_t text = begin + kName.size();
  return ": " + output.substr(text, output.find('\n', text) - text);
}

}  // namespace

ChildOutcome run_child(const std::vector<std::string>& arguments) {
  Pipe pipe;
  const pid_t child = start(arguments, pipe.write_end);
  pipe.close_write_end();
  ChildOutcome outcome;
  outcome.output = read_all(pipe.read_end);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) cannot_start(errno);
  }
  if (WIFSIGNALED(status)) {
    outcome.error = message("ended by signal ", WTERMSIG(status));
  } else if (WEXITSTATUS(status) != 0) {
    outcome.error = message("exit code ", WEXITSTATUS(status), last_complaint(outcome.output));
  }
  return outcome;
}

}  // namespace rf::cli
