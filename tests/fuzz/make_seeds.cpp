// Writes the files that fuzzing starts from: make_seeds FOLDER fills FOLDER/NAME, NAME a parser.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>

#include "tests/fuzz/seed_makers.hpp"

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_seeds FOLDER\n");
    return 2;
  }
  for (const rf::test::SeedMaker& maker : rf::test::seed_makers()) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / maker.name;
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    maker.make(folder.string());
    const auto count = std::distance(std::filesystem::recursive_directory_iterator(folder),
                                     std::filesystem::recursive_directory_iterator());
    std::printf("%s: %ld files\n", maker.name, static_cast<long>(count));
    if (count == 0) return 1;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "make_seeds: %s\n", error.what());
  return 1;
}
