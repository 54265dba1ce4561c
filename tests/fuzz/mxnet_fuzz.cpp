// Any bytes as a list of MXNet arrays: what is read, or an rf::Error.
#include <cstdint>
#include <span>

#include "engine/check.hpp"
#include "tests/fuzz/touch.hpp"
#include "weights/mxnet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    rf::test::touch(rf::read_mxnet(std::as_bytes(std::span(data, size)), "fuzz", nullptr));
  } catch (const rf::Error&) {
  }
  return 0;
}
