// Several processes that mpirun has started, as one World (engine/world.hpp).
#pragma once

#include <memory>

#include "engine/world.hpp"

namespace rf::cli {

// Whether mpirun, or what it is called here, started this process together with others.
[[nodiscard]] bool started_by_mpi();

// While it lives, world() is that of MPI's processes. Its end waits for the others; when an error
// ends it, all are ended when this process does, with its exit code.
class MpiSession {
 public:
  // Throws UsageError: this program was built without MPI.
  MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

 private:
  std::unique_ptr<World> world_;
};

}  // namespace rf::cli
