#include "engine/random.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace rf::test {

TEST_CASE("random: Philox gives the known answers of the Random123 distribution", "[random]") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: a stream is its key alone, and copies go on from where they were", "[random]") {
  Random a(1, RandomPurpose::test, 2, 3), b(1, RandomPurpose::test, 2, 3);
  std::vector<std::uint32_t> first;
  for (int i = 0; i < 11; ++i) first.push_back(a.next_u32());
  for (int i = 0; i < 11; ++i) CHECK(b.next_u32() == first[static_cast<std::size_t>(i)]);
  Random copy = a;
  for (int i = 0; i < 9; ++i) CHECK(copy.next_u32() == a.next_u32());
}

TEST_CASE("random: seed, purpose, step and item each make another stream", "[random]") {
  std::set<std::array<std::uint32_t, 4>> starts;
  const auto start = [&](Random r) {
    starts.insert({r.next_u32(), r.next_u32(), r.next_u32(), r.next_u32()});
  };
  start(Random(1, RandomPurpose::test, 2, 3));
  start(Random(2, RandomPurpose::test, 2, 3));
  start(Random((std::uint64_t{1} << 32) + 1, RandomPurpose::test, 2, 3));
  start(Random(1, RandomPurpose::augment, 2, 3));
  start(Random(1, RandomPurpose::test, 3, 3));
  start(Random(1, RandomPurpose::test, 2, 4));
  start(Random(1, RandomPurpose::test, 3, 2));
  CHECK(starts.size() == 7);
}

TEST_CASE("random: uniform numbers fill [0, 1) evenly", "[random]") {
  Random random(5, RandomPurpose::test);
  constexpr int kCount = 200000, kBins = 50;
  std::vector<int> bins(kBins);
  double sum = 0;
  for (int i = 0; i < kCount; ++i) {
    const float u = random.uniform();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += static_cast<double>(u);
    ++bins[static_cast<std::size_t>(u * kBins)];
  }
  CHECK(std::abs(sum / kCount - 0.5) < 5 * std::sqrt(1 / 12.0 / kCount));
  double chi2 = 0;
  for (const int n : bins) chi2 += std::pow(n - kCount / kBins, 2) / (kCount / kBins);
  CHECK(chi2 < 100);  // 49 degrees of freedom: 99.99 % are below 94.3
  for (int i = 0; i < 1000; ++i) {
    const float v = random.uniform(-3, 5);
    CHECK((v >= -3 && v <= 5));
  }
}

TEST_CASE("random: normal numbers have the moments of the normal distribution", "[random]") {
  Random random(6, RandomPurpose::test);
  constexpr int kCount = 200000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  int within = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto x = static_cast<double>(random.normal());
    REQUIRE(std::isfinite(x));
    m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
    within += std::abs(x) < 1;
  }
  const double scale =
      5 / std::sqrt(kCount);  // five standard errors, of sd 1, sqrt 2, sqrt 15, sqrt 96
  CHECK(std::abs(m1 / kCount) < scale);
  CHECK(std::abs(m2 / kCount - 1) < scale * std::sqrt(2));
  CHECK(std::abs(m3 / kCount) < scale * std::sqrt(15));
  CHECK(std::abs(m4 / kCount - 3) < scale * std::sqrt(96));
  CHECK(std::abs(within / double{kCount} - 0.682689) < scale * 0.466);
}

TEST_CASE("random: below(n) reaches every number below n, evenly, and none above", "[random]") {
  Random random(7, RandomPurpose::test);
  for (const std::uint32_t n : {1U, 2U, 3U, 10U, 64U}) {
    std::vector<int> seen(n);
    const int count = 4000 * static_cast<int>(n);
    for (int i = 0; i < count; ++i) {
      const std::uint32_t x = random.below(n);
      REQUIRE(x < n);
      ++seen[x];
    }
    for (const int times : seen) CHECK(std::abs(times - 4000) < 5 * std::sqrt(4000));
  }
  // For n = 3 2^30, a remainder alone would give the lower third half of the time instead of a
  // third.
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random.below(3U << 30) < (1U << 30);
  CHECK(std::abs(low - 10000) < 5 * 82);
}

}  // namespace rf::test
