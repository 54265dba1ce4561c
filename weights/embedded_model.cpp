#include "weights/embedded_model.hpp"

namespace rf {

#ifdef RF_EMBEDDED_MODEL

// The assembler copies the file: no compiler has to read millions of numbers.
asm(".pushsection .rodata.rf_embedded_model, \"a\"\n"
    ".balign 64\n"
    ".globl rf_embedded_model_begin, rf_embedded_model_end\n"
    "rf_embedded_model_begin:\n"
    ".incbin \"" RF_EMBEDDED_MODEL
    "\"\n"
    "rf_embedded_model_end:\n"
    ".popsection\n");

extern "C" {
[[gnu::visibility("hidden")]] extern const std::byte rf_embedded_model_begin[];
[[gnu::visibility("hidden")]] extern const std::byte rf_embedded_model_end[];
}

std::optional<std::span<const std::byte>> embedded_model() {
  return std::span(rf_embedded_model_begin, rf_embedded_model_end);
}

#else

std::optional<std::span<const std::byte>> embedded_model() { return std::nullopt; }

#endif

}  // namespace rf
