#include "retinaface/training/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/check.hpp"

namespace rf {

RunLock::RunLock(const std::string& folder) {
  const std::string path = folder + "/lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw FileError(message(path, ": cannot be made: ", std::strerror(errno)));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(descriptor_);
  if (error == EWOULDBLOCK)
    throw UsageError(message(folder, ": another process is training there just now"));
  throw FileError(message(path, ": cannot be locked: ", std::strerror(error)));
}

RunLock::~RunLock() { ::close(descriptor_); }

}  // namespace rf
