// Any bytes as a NumPy array: what is read, or an rf::Error.
#include <cstdint>
#include <span>

#include "engine/check.hpp"
#include "tests/fuzz/touch.hpp"
#include "weights/npy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rf::test::touch({{"array", rf::read_npy(std::as_bytes(std::span(data, size)), "fuzz")}});
  } catch (const rf::Error&) {
  }
  return 0;
}
