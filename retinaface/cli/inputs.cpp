#include "retinaface/cli/inputs.hpp"

#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <istream>
#include <string_view>
#include <utility>

#include "engine/check.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestLine = 4096;  // PATH_MAX of Linux

// Sorted by path, so that the order does not depend on the file system. Errors are found in order
// too.
void add_folder(const fs::path& folder, std::vector<Input>& found) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    if (path.filename().string().starts_with('.')) continue;
    std::error_code ignored;
    const fs::file_status status = entries->symlink_status(ignored);
    if (fs::is_directory(status)) {
      add_folder(path, found);
    } else if (has_image_extension(path.string()) && !fs::is_directory(path, ignored)) {
      found.push_back({path.string(), ""});
    }
  }
  if (error)
    found.push_back(
        {folder.string(), message(folder.string(), ": cannot read the folder: ", error.message())});
}

void expand_existing(const std::string& path, std::deque<Input>& inputs) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    inputs.push_back({path, ""});  // what is wrong with a file is said when it is opened
    return;
  }
  std::vector<Input> found;
  add_folder(path, found);
  if (found.empty()) {
    found.push_back(
        {path, message(path, ": the folder holds no image (jpg, jpeg, png, bmp, ppm, pgm, pnm)")});
  }
  std::sort(found.begin(), found.end(),
            [](const Input& a, const Input& b) { return a.path < b.path; });
  inputs.insert(inputs.end(), found.begin(), found.end());
}

void expand(const std::string& argument, std::deque<Input>& inputs) {
  std::error_code ignored;
  const bool exists = fs::exists(fs::symlink_status(argument, ignored));
  if (exists || argument.find_first_of("*?[") == std::string::npos) {
    expand_existing(argument, inputs);
    return;
  }
  glob_t matches{};
  const int result = ::glob(argument.c_str(), 0, nullptr, &matches);  // sorted by glob
  if (result == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) expand_existing(matches.gl_pathv[i], inputs);
  } else {
    inputs.push_back(
        {argument, message(argument, result == GLOB_NOMATCH ? ": no file matches this pattern"
                                                            : ": the pattern cannot be expanded")});
  }
  ::globfree(&matches);
}

}  // namespace

std::string parent_folder(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return (error ? fs::path(path) : absolute).lexically_normal().parent_path().filename().string();
}

bool has_image_extension(const std::string& path) {
  static constexpr std::array<std::string_view, 7> kExtensions{".jpg", ".jpeg", ".png", ".bmp",
                                                               ".ppm", ".pgm",  ".pnm"};
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

InterruptibleInput::int_type InterruptibleInput::underflow() {
  constexpr int kMilliseconds = 100;
  while (!interrupted_) {
    pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kMilliseconds) == 0) continue;
    const ssize_t count = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    setg(buffer_.data(), buffer_.data(), buffer_.data() + count);
    return traits_type::to_int_type(*gptr());
  }
  return traits_type::eof();
}

InputQueue::InputQueue(const std::vector<std::string>& arguments, std::istream& list)
    : list_(&list) {
  for (const std::string& argument : arguments) {
    if (argument != "-") {
      expand(argument, rest_ ? *rest_ : queue_);
    } else if (rest_) {
      throw UsageError("-: standard input can be given once");
    } else {
      rest_.emplace();
    }
  }
}

std::optional<Index> InputQueue::total() const {
  if (rest_) return std::nullopt;
  return static_cast<Index>(queue_.size());
}

std::optional<Input> InputQueue::next() {
  while (queue_.empty() && rest_) {
    if (!read_list_line()) {
      queue_.insert(queue_.end(), rest_->begin(), rest_->end());
      rest_.reset();
    }
  }
  if (queue_.empty()) return std::nullopt;
  Input input = std::move(queue_.front());
  queue_.pop_front();
  return input;
}

// One line of the list into the queue; false at its end. A list that is no text (somebody piped a
// picture in) ends there with one error, not with one for each "line".
bool InputQueue::read_list_line() {
  std::string line;
  int c = std::istream::traits_type::eof();
  while ((c = list_->get()) != std::istream::traits_type::eof() && c != '\n') {
    if (c == '\0' || line.size() >= kLongestLine) {
      rest_->push_front(
          {"-", message("standard input: a list of paths is needed, one on each line; this is ",
                        c == '\0' ? "not text" : "a line of more than 4096 bytes")});
      return false;
    }
    line += static_cast<char>(c);
  }
  const bool ended = c == std::istream::traits_type::eof();
  if (line.ends_with('\r')) line.pop_back();
  if (!line.empty()) expand_existing(line, queue_);
  return !ended;
}

}  // namespace rf::cli
