#include "retinaface/cli/mpi_world.hpp"

#include <cstdlib>
#include <string>

#include "engine/check.hpp"

#ifdef RF_MPI
#include <mpi.h>

#include <algorithm>
#include <exception>
#include <vector>
#endif

namespace rf::cli {

bool started_by_mpi() {
  // Open MPI; MPICH and its relatives.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* size = std::getenv(name);
    if (size && std::string(size) != "1") return true;
  }
  return false;
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

MpiSession::MpiSession() {
  int support = 0;  // other threads work here, but none of them speaks to the other processes
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &support);
  if (support < MPI_THREAD_FUNNELED)
    throw UsageError("train: this MPI does not allow several threads in a process");
  world_ = std::make_unique<MpiWorld>();
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

MpiSession::MpiSession() {
  throw UsageError(
      "train: several processes were started together, but this program was built without MPI; "
      "`make mpi` builds one that has it");
}

MpiSession::~MpiSession() = default;

#endif

}  // namespace rf::cli
