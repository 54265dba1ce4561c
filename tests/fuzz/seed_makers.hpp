// Who writes the files that fuzzing starts from: for every parser NAME a function, in
// tests/fuzz/NAME_seeds.cpp.
#pragma once

#include <string>
#include <vector>

namespace rf::test {

struct SeedMaker {
  const char* name;                         // of the parser: NAME in NAME_fuzz.cpp
  void (*make)(const std::string& folder);  // writes a handful of valid files; the folder exists
};

[[nodiscard]] const std::vector<SeedMaker>& seed_makers();

}  // namespace rf::test
