// This file is compiled with -fwrapv: stb_image sums up hostile JPEG coefficients in int, and
// wrapping round is what it means. It also shifts by a count that a truncated bit stream drives out
// of range; what is shifted is then zero or rubbish of a file already broken, so the result is
// harmless, and the sanitizers' shift check is off for this file.
#include "engine/stb.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "engine/check.hpp"

namespace {

// The memory of the decode that runs on this thread. stb's allocation hooks take no context, hence
// thread-local.
struct Budget {
  std::size_t left = 0;
  bool exceeded = false;   // more than max_bytes was asked for
  bool exhausted = false;  // the system had no more
};
thread_local Budget budget;

constexpr std::size_t kHeader =
    16;  // before each block: its size; keeps blocks aligned as malloc does

std::size_t& size_of_block(void* header) { return *static_cast<std::size_t*>(header); }

void* budget_realloc(void* block, std::size_t bytes) {
  void* header = block ? static_cast<std::byte*>(block) - kHeader : nullptr;
  const std::size_t before = header ? size_of_block(header) : 0;
  if (bytes > before && bytes - before > budget.left) {
    budget.exceeded = true;
    return nullptr;
  }
  // calloc: large blocks come from the system as zeros already.
  void* grown = header ? std::realloc(header, kHeader + bytes) : std::calloc(1, kHeader + bytes);
  if (!grown) {
    budget.exhausted = true;
    return nullptr;
  }
  size_of_block(grown) = bytes;
  budget.left = budget.left + before - bytes;
  std::byte* result = static_cast<std::byte*>(grown) + kHeader;
  if (header && bytes > before) std::memset(result + before, 0, bytes - before);
  return result;
}

void* budget_malloc(std::size_t bytes) { return budget_realloc(nullptr, bytes); }

void budget_free(void* block) {
  if (!block) return;
  void* header = static_cast<std::byte*>(block) - kHeader;
  budget.left += size_of_block(header);
  std::free(header);
}

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS (1 << 28)        // probe_image has judged the size
#define STBI_ASSERT(x) static_cast<void>(0)  // hostile files reach some of them; none guards memory
#define STBI_MALLOC(bytes) budget_malloc(bytes)
#define STBI_REALLOC(block, bytes) budget_realloc(block, bytes)
#define STBI_FREE(block) budget_free(block)

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // fields that only callbacks use
#endif
#include <stb_image.h>
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace rf::stb {

Image decode(std::span<const std::byte> file, const std::string& name, std::size_t max_bytes) {
  if (file.size() > std::size_t{1} << 30) {
    throw FormatError(
        message(name, ": has ", file.size(), " bytes, pictures up to 1 GiB are read"));
  }
  budget = {.left = max_bytes};
  stbi__g_failure_reason = nullptr;  // some failures set none
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()),
                            static_cast<int>(file.size()), &width, &height, &channels, 3),
      budget_free);
  if (!pixels) {
    if (budget.exhausted) throw std::bad_alloc();
    if (budget.exceeded) {
      throw FormatError(
          message(name, ": is corrupt: it unpacks to more than its size in pixels allows"));
    }
    const char* reason = stbi_failure_reason();
    throw FormatError(message(name, ": is corrupt or of a kind that is not read (stb_image: ",
                              reason ? reason : "no reason given", ")"));
  }
  Image image{width, height, {}};
  const std::size_t bytes =
      std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  image.rgb.assign(pixels.get(), pixels.get() + bytes);
  return image;
}

namespace {

// Runs one of stb's encoders; `write` takes the callback and its context, and returns 0 when memory
// is short.
template <class Write>
std::vector<std::byte> encode(const Image& image, Write&& write) {
  RF_ASSERT(image.width >= 1 && image.height >= 1 && image.width <= INT_MAX / 4 / image.height);
  struct Output {
    std::vector<std::byte> bytes;
    bool failed = false;
  } output;
  const auto append = [](void* context, void* data, int size) {
    Output& out = *static_cast<Output*>(context);
    const auto* begin = static_cast<const std::byte*>(data);
    try {  // nothing may be thrown through stb: it would leak
      if (!out.failed) out.bytes.insert(out.bytes.end(), begin, begin + size);
    } catch (const std::bad_alloc&) {
      out.failed = true;
    }
  };
  const int done =
      write(append, &output, static_cast<int>(image.width), static_cast<int>(image.height));
  if (done == 0 || output.failed) throw std::bad_alloc();
  return std::move(output.bytes);
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  return encode(image, [&](stbi_write_func* append, void* output, int width, int height) {
    return stbi_write_png_to_func(append, output, width, height, 3, image.rgb.data(), 3 * width);
  });
}

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  RF_ASSERT(image.width <= 65535 && image.height <= 65535);
  return encode(image, [&](stbi_write_func* append, void* output, int width, int height) {
    return stbi_write_jpg_to_func(append, output, width, height, 3, image.rgb.data(), quality);
  });
}

std::vector<std::byte> encode_bmp(const Image& image) {
  return encode(image, [&](stbi_write_func* append, void* output, int width, int height) {
    return stbi_write_bmp_to_func(append, output, width, height, 3, image.rgb.data());
  });
}

}  // namespace rf::stb
