// Files: whole-file reads, memory maps, and writes that are never left half done.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/shape.hpp"

namespace rf {

// The whole content of a regular file. Throws FileError, naming the file: missing, unreadable, a
// directory or device, or above `max_bytes`.
[[nodiscard]] std::vector<std::byte> read_file(const std::string& path, Index max_bytes);

// A regular file mapped read-only. Pages are read when first touched, so that opening is fast and
// unused bytes cost nothing. The file must not shrink while it is mapped (POSIX raises SIGBUS
// then).
class MappedFile {
 public:
  // Throws FileError, naming the file. An empty file gives an empty span.
  [[nodiscard]] static std::shared_ptr<const MappedFile> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
};

enum class IfExists { refuse, replace };

// A file that appears under its name complete or not at all: written to a temporary name in the
// same folder, flushed to disk, renamed by commit(). Destroyed without commit(), it leaves nothing
// behind.
class AtomicFile {
 public:
  // Throws FileError: the folder is missing or not writable; with IfExists::refuse also if `path`
  // exists.
  AtomicFile(std::string path, IfExists if_exists);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  // Both throw FileError (disk full, another process made the file meanwhile, ...).
  void write(std::span<const std::byte> bytes);
  void write(const std::string& text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void fail(const char* doing, int error) const;

  std::string path_;
  std::string temporary_;
  IfExists if_exists_;
  int descriptor_ = -1;
};

// The three steps of AtomicFile for content that is in memory.
void write_file(const std::string& path, std::span<const std::byte> bytes, IfExists if_exists);
void write_file(const std::string& path, const std::string& text, IfExists if_exists);

}  // namespace rf
