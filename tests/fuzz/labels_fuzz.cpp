// The reader of label files: what it accepts are boxes with an area and finite points.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/check.hpp"
#include "retinaface/data/labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& picture :
         rf::parse_labels({"fuzz.txt", text}, {"ignore.txt", text}).pictures) {
      RF_ASSERT(!picture.path.empty() && picture.path.front() != '/');
      for (const auto& face : picture.labels.faces) {
        RF_ASSERT(face.box.x2 >= face.box.x1 && std::isfinite(face.box.x1 + face.box.y2));
        if (face.landmarks) RF_ASSERT(std::isfinite((*face.landmarks)[0].x));
      }
    }
  } catch (const rf::Error&) {
  }
  return 0;
}
