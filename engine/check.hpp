// Errors. A caller's mistake throws one of the classes below, with a message that names the op or
// the file, the values and the way out. Our own mistake fails RF_ASSERT: the expression is printed
// and the program aborts (the command line turns that into exit code 70).
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace rf {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Shapes, element types or parameters that an operation cannot honour.
class ShapeError : public Error {
 public:
  using Error::Error;
};

// A file whose content is not what its format promises.
class FormatError : public Error {
 public:
  using Error::Error;
};

// A file that cannot be opened, read or written.
class FileError : public Error {
 public:
  using Error::Error;
};

// A flag, option or environment variable with a value that means nothing.
class UsageError : public Error {
 public:
  using Error::Error;
};

// A model file that cannot be read, or that holds another network.
class ModelError : public Error {
 public:
  using Error::Error;
};

// A training run whose numbers are no longer numbers: a learning rate too high, broken data. Not a
// bug of ours; the command line ends with the exit code of inputs that failed.
class TrainingError : public Error {
 public:
  using Error::Error;
};

// The parts, one after another, as text.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

namespace detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}

}  // namespace rf

#define RF_CHECK_SHAPE(condition, op, ...)                                          \
  do {                                                                              \
    if (!(condition)) throw ::rf::ShapeError(::rf::message(op, ": ", __VA_ARGS__)); \
  } while (false)

#define RF_ASSERT(condition)                                                          \
  do {                                                                                \
    if (!(condition)) ::rf::detail::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)

// Where no value of an enumeration leads: a function may end with it instead of a return.
#define RF_UNREACHABLE() ::rf::detail::assertion_failed("unreachable", __FILE__, __LINE__)
