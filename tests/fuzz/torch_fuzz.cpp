// Any bytes as a file of torch.save, legacy or ZIP, and as the pickle alone: what is read, or an
// rf::Error.
#include <cstdint>
#include <span>

#include "engine/check.hpp"
#include "tests/fuzz/touch.hpp"
#include "weights/pickle.hpp"
#include "weights/torch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    rf::test::touch(rf::read_torch(file, "fuzz", nullptr).tensors);
  } catch (const rf::Error&) {
  }
  try {
    static_cast<void>(rf::read_pickle(file, "fuzz"));
  } catch (const rf::Error&) {
  }
  return 0;
}
