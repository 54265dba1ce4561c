// One process at a time in the folder of a training run.
#pragma once

#include <string>

namespace rf {

// Holds the file "lock" of the folder for as long as it lives; the system lets go of it when a
// process ends in whatever way. Throws UsageError when another process holds it, FileError when the
// file cannot be made.
class RunLock {
 public:
  explicit RunLock(const std::string& folder);
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

 private:
  int descriptor_ = -1;
};

}  // namespace rf
