// The text readers of the WIDER FACE evaluation. What they accept is evaluated too: numbers, never
// NaN, never a crash.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/check.hpp"
#include "retinaface/evaluation/wider_protocol.hpp"

namespace {

void evaluate(std::string_view text) {
  const auto detections = rf::parse_wider_detections(text, "fuzz.txt");
  rf::WiderGroundTruth truth;
  truth.images = {{"a/b", {{0, 0, 9, 9}}}};
  truth.subsets = {{"all", {{1}}}};
  const std::vector<std::vector<rf::WiderDetection>> images{detections};
  for (const auto& result : rf::evaluate_wider(truth, images)) {
    RF_ASSERT(result.ap[0] >= 0 && result.ap[0] <= 1);
  }
}

template <class Read>
void attempt(Read&& read) {
  try {
    read();
  } catch (const rf::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] { evaluate(text); });
  attempt([&] { (void)rf::parse_wider_text(text, "fuzz.txt"); });
  attempt([&] { (void)rf::parse_wider_list(text, "fuzz.txt"); });
  return 0;
}
