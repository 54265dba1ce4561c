#include <catch2/catch.hpp>

#include "engine/check.hpp"
#include "retinaface/size_rule.hpp"

using rf::ImageSize;
using rf::SizeRule;

TEST_CASE("size_rule: the five forms give the sizes worked out by hand", "[size_rule]") {
  const ImageSize picture{1600, 1200};
  CHECK(SizeRule::parse("original").scaled(picture) == picture);
  CHECK(SizeRule::parse("long:640").scaled(picture) == ImageSize{640, 480});
  CHECK(SizeRule::parse("short:600").scaled(picture) == ImageSize{800, 600});
  CHECK(SizeRule::parse("short:600:700").scaled(picture) == ImageSize{700, 525});
  CHECK(SizeRule::parse("short:600:900").scaled(picture) == ImageSize{800, 600});
  CHECK(SizeRule::parse("scale:1.5").scaled(picture) == ImageSize{2400, 1800});
  CHECK(SizeRule::parse("scale:0.25").canvas(picture) == ImageSize{400, 300});
  CHECK(SizeRule::parse("800x800").scaled(picture) == ImageSize{800, 600});
  CHECK(SizeRule::parse("800x800").canvas(picture) == ImageSize{800, 800});
  CHECK(SizeRule::parse("long:640").canvas(picture) == ImageSize{640, 480});
}

TEST_CASE("size_rule: sides are rounded to nearest, never to nothing", "[size_rule]") {
  CHECK(SizeRule::parse("long:100").scaled({1000, 1}) == ImageSize{100, 1});
  CHECK(SizeRule::parse("long:10").scaled({100, 25}) == ImageSize{10, 3});  // 2.5 goes up
  CHECK(SizeRule::parse("long:10").scaled({100, 24}) == ImageSize{10, 2});
}

TEST_CASE("size_rule: a thin picture does not grow without bound", "[size_rule]") {
  const ImageSize scaled = SizeRule::parse("short:640").scaled({1, 4000});
  CHECK(scaled.height == 65536);
  CHECK(scaled.width == 16);
}

TEST_CASE("size_rule: refuses what is none of the five forms", "[size_rule][error]") {
  const char* text =
      GENERATE("", "0x0", "640x0", "x480", "640x", "-1x480", "long:", "long:0", "long:-5",
               "long:1e3", "short:600:", "short:600:0", "short::700", "short:1:2:3", "Original",
               "640x480x3", "long:70000", " 640x480", "scale:", "scale:0", "scale:-2", "scale:nan",
               "scale:2x", "scale:101", "long:99999999999999999999");
  CAPTURE(text);
  CHECK_THROWS_AS(SizeRule::parse(text), rf::UsageError);
}
