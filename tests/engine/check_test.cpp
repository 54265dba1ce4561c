#include "engine/check.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <type_traits>

#include "engine/shape.hpp"

namespace rf::test {

TEST_CASE("check: the message names the op and the values", "[check]") {
  const Shape shape{2, 3};
  const auto judge = [&] {
    RF_CHECK_SHAPE(shape.rank() == 4, "conv2d", "input ", shape, " needs rank ", 4);
  };
  CHECK_THROWS_AS(judge(), ShapeError);
  CHECK_THROWS_WITH(judge(), "conv2d: input [2, 3] needs rank 4");
  CHECK_NOTHROW([&] { RF_CHECK_SHAPE(shape.rank() == 2, "conv2d", "never made"); }());
}

TEST_CASE("check: every class is an Error, and no class is another", "[check]") {
  CHECK_THROWS_AS(throw FormatError("x"), Error);
  CHECK_THROWS_AS(throw FileError("x"), Error);
  CHECK_THROWS_AS(throw UsageError("x"), Error);
  CHECK_THROWS_AS(throw ModelError("x"), Error);
  const bool unrelated =
      !std::is_base_of_v<FormatError, ModelError> && !std::is_base_of_v<ShapeError, FormatError>;
  CHECK(unrelated);
}

TEST_CASE("check: a failed assertion prints its expression and aborts", "[check]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // the test framework listens to it
    ::dup2(ends[1], STDERR_FILENO);
    RF_ASSERT(1 + 1 == 3);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[256];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CAPTURE(text);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  CHECK(text.find("1 + 1 == 3") != std::string::npos);
  CHECK(text.find("check_test.cpp") != std::string::npos);
}

}  // namespace rf::test
