#include "tests/cli/run_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/file.hpp"
#include "tests/support.hpp"

namespace rf::test {

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In the child: `path` becomes descriptor `fd`.
void redirect(const std::string& path, int flags, int fd) {
  const int opened = ::open(path.c_str(), flags, 0600);
  if (opened < 0 || ::dup2(opened, fd) < 0) ::_exit(126);
  ::close(opened);
}

// Waits for the file or for the end of the child, which stays to be waited for.
void signal_when_there(pid_t child, int signal, const std::string& file) {
  siginfo_t ended{};
  while (::access(file.c_str(), F_OK) != 0) {
    if (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == child)
      return;
    ::usleep(500);
  }
  ::kill(child, signal);
}

// `while_running(child)` is called before the end of the program is waited for.
template <class F>
Outcome run(const std::vector<std::string>& arguments, const RunOptions& options,
            F&& while_running) {
  const TemporaryFolder folder;
  const std::string in = folder.file("in"), err = folder.file("err");
  const std::string out = options.output_file.empty() ? folder.file("out") : options.output_file;
  write_file(in, options.input, IfExists::replace);
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT, STDERR_FILENO);
    for (const std::string& pair : options.environment) {
      const std::size_t equals = pair.find('=');
      ::setenv(pair.substr(0, equals).c_str(), pair.substr(equals + 1).c_str(), 1);
    }
    std::vector<char*> argv{const_cast<char*>("retinaface")};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(options.program.c_str(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  while_running(child);
  if (::waitpid(child, &status, 0) != child) std::abort();
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  outcome.out = options.output_file.empty() ? text_of(out) : "";
  outcome.err = text_of(err);
  return outcome;
}

}  // namespace

std::vector<std::string> Outcome::complaints() const {
  std::vector<std::string> lines;
  std::istringstream text(err);
  for (std::string line; std::getline(text, line);) {
    const bool speed = line.find(" images/s, ") != std::string::npos;
    if (!speed && !line.starts_with("retinaface: note:")) lines.push_back(line);
  }
  return lines;
}

Outcome run_program(const std::vector<std::string>& arguments, const RunOptions& options) {
  return run(arguments, options, [](pid_t) {});
}

Outcome run_program_and_signal(const std::vector<std::string>& arguments, int signal,
                               const std::string& when) {
  return run(arguments, {}, [&](pid_t child) { signal_when_there(child, signal, when); });
}

}  // namespace rf::test
