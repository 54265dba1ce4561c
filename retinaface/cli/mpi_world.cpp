#include "retinaface/cli/mpi_world.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "engine/check.hpp"

#ifdef RF_MPI
#include <mpi.h>

#include <algorithm>
#include <exception>
#include <vector>
#endif

namespace rf::cli {

Launch how_launched() {
  // Open MPI's mpirun; that of MPICH and its relatives, and srun --mpi=pmi2; any srun. In this
  // order: an mpirun in a step of SLURM's starts processes of its own.
  for (const std::string name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* const value = std::getenv(name.c_str());
    if (!value) continue;
    const std::string_view text(value);
    int count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc() && end == text.data() + text.size() && count > 0)
      return {count, message(name, "=", count)};
  }
  // Of other launchers that speak PMIx, which tells a process its number alone.
  if (std::getenv("PMIX_RANK")) return {0, "PMIX_RANK"};
  return {};
}

void refuse_several_processes(const std::string& verb) {
  if (const Launch launch = how_launched(); !launch.alone()) {
    throw UsageError(message(verb, ": is for one process, without mpirun and srun (",
                             launch.told_by, " is set): several would write the same files"));
  }
}

#ifdef RF_MPI

namespace {

class MpiWorld final : public World {
 public:
  MpiWorld() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  void sum(std::span<float> values) override { sum_as(values, MPI_FLOAT); }
  void sum(std::span<double> values) override { sum_as(values, MPI_DOUBLE); }

 private:
  // MPI_Allreduce may add in any order; what all have gathered is added in one.
  template <class T>
  void sum_as(std::span<T> values, MPI_Datatype type) {
    constexpr std::size_t kAtOnce = 1 << 18;  // of each process
    std::vector<T> all;
    for (std::size_t begin = 0; begin < values.size(); begin += kAtOnce) {
      const std::span<T> part = values.subspan(begin, std::min(kAtOnce, values.size() - begin));
      const int count = static_cast<int>(part.size());
      all.resize(part.size() * static_cast<std::size_t>(size_));
      MPI_Allgather(part.data(), count, type, all.data(), count, type, MPI_COMM_WORLD);
      std::copy_n(all.begin(), part.size(), part.begin());
      for (std::size_t other = part.size(); other < all.size(); other += part.size()) {
        for (std::size_t i = 0; i < part.size(); ++i) part[i] += all[other + i];
      }
    }
  }

  int rank_ = 0, size_ = 1;
};

}  // namespace

MpiSession::MpiSession(const Launch& launch) {
  int support = 0;  // other threads work here, but none of them speaks to the other processes
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &support);
  if (support < MPI_THREAD_FUNNELED)
    throw UsageError("train: this MPI does not allow several threads in a process");
  world_ = std::make_unique<MpiWorld>();
  if (const int known = world_->size(); known < launch.processes) {
    MPI_Finalize();
    throw UsageError(message("train: ", launch.processes, " processes were started (",
                             launch.told_by, "), but MPI knows of ", known,
                             ": `srun --mpi=list` tells which --mpi= there are for it, or start "
                             "them by mpirun"));
  }
  set_world(world_.get());
}

MpiSession::~MpiSession() {
  set_world(nullptr);
  if (std::uncaught_exceptions() == 0) {
    MPI_Finalize();
    return;
  }
  // The others may wait for this process in a sum. Its error is told first.
  ::on_exit([](int exit_code, void*) { MPI_Abort(MPI_COMM_WORLD, exit_code); }, nullptr);
}

#else

MpiSession::MpiSession(const Launch& launch) {
  throw UsageError(message("train: several processes were started together (", launch.told_by,
                           "), but this program was built without MPI: each would write the same "
                           "files; `make mpi` builds one that has it"));
}

MpiSession::~MpiSession() = default;

#endif

}  // namespace rf::cli
