#include "engine/plan/memory.hpp"

#include <catch2/catch.hpp>

#include "engine/random.hpp"

namespace rf::test {

TEST_CASE("plan memory: values one after the other share a place", "[plan]") {
  const Placement p = place({{100, 0, 1}, {100, 2, 3}, {64, 1, 2}});
  CHECK(p.offset == std::vector<Index>{0, 0, 128});
  CHECK(p.bytes == 192);
  CHECK(place({}).bytes == 0);
}

TEST_CASE("plan memory: a value goes into the gap that is large enough", "[plan]") {
  // 256 bytes for all steps would be 512; the second of 128 fits beside the first.
  const Placement p = place({{256, 0, 2}, {128, 0, 0}, {128, 1, 2}});
  CHECK(p.offset == std::vector<Index>{0, 256, 256});
  CHECK(p.bytes == 384);
}

TEST_CASE("plan memory: no two values that are alive at one step overlap", "[plan]") {
  Random random(7, RandomPurpose::sample);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> values;
    Index together = 0;
    for (int i = 0; i < 40; ++i) {
      const auto first = static_cast<Index>(random.below(30));
      values.push_back({static_cast<Index>(random.below(5000)), first,
                        first + static_cast<Index>(random.below(8))});
      together += values.back().bytes + 64;
    }
    const Placement p = place(values);
    CHECK(p.bytes <= together);
    for (std::size_t a = 0; a < values.size(); ++a) {
      CHECK(p.offset[a] % 64 == 0);
      CHECK(p.offset[a] + values[a].bytes <= p.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        const bool alive = values[a].first <= values[b].last && values[b].first <= values[a].last;
        const bool apart = p.offset[a] + values[a].bytes <= p.offset[b] ||
                           p.offset[b] + values[b].bytes <= p.offset[a];
        CHECK((!alive || apart));
      }
    }
  }
}

}  // namespace rf::test
