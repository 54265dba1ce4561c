// Several processes that mpirun or srun has started, as one World (engine/world.hpp).
#pragma once

#include <memory>
#include <string>

#include "engine/world.hpp"

namespace rf::cli {

// What the environment says of how this process was started.
struct Launch {
  int processes = 1;    // together, this one among them; 0: perhaps several, it does not say
  std::string told_by;  // "SLURM_STEP_NUM_TASKS=4"; empty: nothing

  [[nodiscard]] bool alone() const { return processes == 1; }
};
[[nodiscard]] Launch how_launched();

// For verbs that work in one process: several would write over each other's files. Throws
// UsageError, which begins with `verb`, when they may be several.
void refuse_several_processes(const std::string& verb);

// While it lives, world() is that of MPI's processes. Its end waits for the others; when an error
// ends it, all are ended when this process does, with its exit code.
class MpiSession {
 public:
  // Throws UsageError: this program was built without MPI, or MPI knows of fewer processes than
  // were started, each of which would train alone and write over the others' files.
  explicit MpiSession(const Launch& launch);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

 private:
  std::unique_ptr<World> world_;
};

}  // namespace rf::cli
