// Stands in for libFuzzer where there is none: feeds a fuzz target every file of a folder, whole,
// cut short and with bits flipped. The same inputs on every run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kCuts = 64, kFlips = 64;

// A copy of exactly this many bytes, so that a sanitizer sees a read beyond them.
void feed(const Bytes& bytes, std::size_t size) {
  const Bytes copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Half of the flips fall into the first 256 bytes, where most formats keep their header.
void replay(const Bytes& seed) {
  feed(seed, seed.size());
  for (std::size_t cut = 0; cut < kCuts; ++cut) feed(seed, seed.size() * cut / kCuts);
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed.size()));
  for (std::size_t flip = 0; flip < kFlips && !seed.empty(); ++flip) {
    Bytes damaged = seed;
    const std::size_t range = flip % 2 == 0 ? std::min<std::size_t>(seed.size(), 256) : seed.size();
    damaged[random() % range] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    feed(damaged, damaged.size());
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) replay(read(path));
  std::printf("%zu files\n", paths.size());
  return paths.empty() ? 1 : 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}
