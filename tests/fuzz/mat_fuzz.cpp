// Any bytes as a MAT-file, with limits low enough that no input takes long.
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/check.hpp"
#include "retinaface/evaluation/mat_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const rf::MatLimits limits{.inflated_bytes = 1 << 20, .values = 1 << 17, .arrays = 1 << 14};
  try {
    (void)rf::parse_mat(std::as_bytes(std::span(data, size)), "fuzz.mat", limits);
  } catch (const rf::Error&) {
  }
  return 0;
}
