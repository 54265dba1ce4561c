// The images that a command line names: files, folders, patterns, a list on standard input.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <iosfwd>
#include <optional>
#include <streambuf>
#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf::cli {

struct Input {
  std::string path;   // as the user would write it
  std::string error;  // not empty: this input cannot be read, and why (names the path)
};

// Name of the folder that holds the file, as WIDER FACE groups its images: "0--Parade" for
// "val/0--Parade/1.jpg". For a path without a folder, that of the current one. Empty in the root
// folder.
[[nodiscard]] std::string parent_folder(const std::string& path);

// Whether the name ends in one of the extensions that a folder is searched for: jpg jpeg png bmp
// ppm pgm pnm, any case.
[[nodiscard]] bool has_image_extension(const std::string& path);

// Expands arguments, in their order, one input at a time:
//   file        itself, whatever its extension
//   folder      its image files and those of its subfolders, sorted by path; hidden files and
//   linked folders left out pattern     (with * ? or [, and not the name of a file) what it
//   matches, sorted, each expanded again
//   -           the lines of `list`, each a file or folder; read as they come, so that a program
//   can feed it
// What does not exist, or holds no image, is an Input with an error.
class InputQueue {
 public:
  InputQueue(const std::vector<std::string>& arguments, std::istream& list);

  // The number of inputs, if no list has to be read to know it.
  [[nodiscard]] std::optional<Index> total() const;
  // Those known so far that next() has not given yet.
  [[nodiscard]] const std::deque<Input>& known() const { return queue_; }

  [[nodiscard]] std::optional<Input> next();

 private:
  [[nodiscard]] bool read_list_line();

  std::istream* list_;
  std::deque<Input> queue_;                // before the list, then what a line of it gave
  std::optional<std::deque<Input>> rest_;  // after the list, while there is one to be read
};

// The bytes of a descriptor as they come, for a stream. Another thread can end it while its reader
// waits.
class InterruptibleInput final : public std::streambuf {
 public:
  explicit InterruptibleInput(int descriptor) : descriptor_(descriptor) {}
  // The stream is at its end from now on, but for what it has read already.
  void interrupt() { interrupted_ = true; }

 private:
  int_type underflow() override;

  int descriptor_;
  std::atomic<bool> interrupted_{false};
  std::array<char, 4096> buffer_{};
};

}  // namespace rf::cli
