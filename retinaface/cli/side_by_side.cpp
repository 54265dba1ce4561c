#include "retinaface/cli/side_by_side.hpp"

namespace rf::cli {

int job_count(int asked, std::optional<Index> items) {
  const int most = asked > 0 ? asked : thread_count();
  return items ? static_cast<int>(std::clamp<Index>(*items, 1, most)) : most;
}

}  // namespace rf::cli
