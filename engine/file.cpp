#include "engine/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/check.hpp"

namespace rf {

namespace {

// An open descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int descriptor) : fd(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// Opens a regular file for reading and gives its size.
std::size_t open_regular(const std::string& path, Descriptor& file) {
  // O_NONBLOCK: opening a named pipe must fail below, not wait for a writer.
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0) throw FileError(message(path, ": cannot open: ", std::strerror(errno)));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0)
    throw FileError(message(path, ": cannot read: ", std::strerror(errno)));
  if (S_ISDIR(info.st_mode)) throw FileError(message(path, ": is a directory, a file is needed"));
  if (!S_ISREG(info.st_mode)) throw FileError(message(path, ": is not a regular file"));
  return static_cast<std::size_t>(info.st_size);
}

// Makes a file of a new name beside `path`, with the rights that every new file has: mkstemp makes
// private ones, and the umask cannot be read without changing it for other threads. -1 and errno
// where that fails.
int create_beside(const std::string& path, std::string& name) {
  static std::atomic<unsigned> serial{0};
  constexpr int kAttempts = 1000;  // a killed process with our number may have left files
  for (int i = 1;; ++i) {
    name = message(path, ".", ::getpid(), "-", serial.fetch_add(1));
    const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST || i == kAttempts) return descriptor;
  }
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, Index max_bytes) {
  Descriptor file(-1);
  const std::size_t size = open_regular(path, file);
  if (static_cast<Index>(size) > max_bytes) {
    throw FileError(message(path, ": has ", size, " bytes, at most ", max_bytes, " are read"));
  }
  std::vector<std::byte> bytes(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(file.fd, bytes.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw FileError(message(path, ": cannot read: ", std::strerror(errno)));
    if (n == 0) break;  // it shrank while we read: what is left is what there is
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  Descriptor file(-1);
  const std::size_t size = open_regular(path, file);
  const std::shared_ptr<MappedFile> mapped(new MappedFile);
  if (size == 0) return mapped;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) throw FileError(message(path, ": cannot map: ", std::strerror(errno)));
  mapped->bytes_ = {static_cast<const std::byte*>(address), size};
  return mapped;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

AtomicFile::AtomicFile(std::string path, IfExists if_exists)
    : path_(std::move(path)), if_exists_(if_exists) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored))
    throw FileError(message(path_, ": is a directory, cannot write a file there"));
  if (if_exists_ == IfExists::refuse && std::filesystem::exists(path_, ignored))
    fail("create", EEXIST);
  descriptor_ = create_beside(path_, temporary_);
  if (descriptor_ < 0) {
    const int error = errno;
    temporary_.clear();
    fail("create", error);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  RF_ASSERT(descriptor_ >= 0);
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  RF_ASSERT(descriptor_ >= 0);
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail("write", errno);
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail("write", errno);
  if (if_exists_ == IfExists::replace) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("create", errno);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) !=
             0) {
    if (errno != EINVAL && errno != ENOSYS) fail("create", errno);
    // A file system without RENAME_NOREPLACE: a hard link refuses an existing name as well.
    if (::link(temporary_.c_str(), path_.c_str()) != 0) fail("create", errno);
    ::unlink(temporary_.c_str());
  }
  temporary_.clear();
}

void AtomicFile::fail(const char* doing, int error) const {
  if (error == EEXIST) throw FileError(message(path_, ": exists already; --overwrite replaces it"));
  throw FileError(message(path_, ": cannot ", doing, ": ", std::strerror(error)));
}

void write_file(const std::string& path, std::span<const std::byte> bytes, IfExists if_exists) {
  AtomicFile file(path, if_exists);
  file.write(bytes);
  file.commit();
}

void write_file(const std::string& path, const std::string& text, IfExists if_exists) {
  write_file(path, std::as_bytes(std::span(text)), if_exists);
}

}  // namespace rf
