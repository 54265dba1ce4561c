// Any bytes as a safetensors file, and as a model file of ours: what is read, or an rf::Error.
#include <cstdint>
#include <span>

#include "engine/check.hpp"
#include "tests/fuzz/touch.hpp"
#include "weights/model_file.hpp"
#include "weights/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    rf::test::touch(rf::read_safetensors(file, "fuzz", nullptr).tensors);
  } catch (const rf::Error&) {
  }
  try {
    rf::test::touch(rf::read_model(file, "fuzz", nullptr).tensors);
  } catch (const rf::Error&) {
  }
  return 0;
}
