#include "retinaface/markup.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string_view>

namespace {

std::string base64_of(std::string_view text) {
  return rf::base64(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

TEST_CASE("markup: base64 gives the test vectors of RFC 4648, section 10", "[markup]") {
  CHECK(base64_of("").empty());
  CHECK(base64_of("f") == "Zg==");
  CHECK(base64_of("fo") == "Zm8=");
  CHECK(base64_of("foo") == "Zm9v");
  CHECK(base64_of("foob") == "Zm9vYg==");
  CHECK(base64_of("fooba") == "Zm9vYmE=");
  CHECK(base64_of("foobar") == "Zm9vYmFy");
  CHECK(base64_of("\xff\xef\xbe") == "/+++");
}

TEST_CASE("markup: text can neither open a tag nor leave an attribute", "[markup]") {
  CHECK(rf::escaped("a<b>&\"c\"\n\x7f'é") == "a&lt;b&gt;&amp;&quot;c&quot;  'é");
}

TEST_CASE("markup: numbers for people have the digits they are asked for", "[markup]") {
  CHECK(rf::significant_number(0, 4) == "0.000");
  CHECK(rf::significant_number(3.14159, 3) == "3.14");
  CHECK(rf::significant_number(-0.0123456, 3) == "-0.0123");
  CHECK(rf::significant_number(123456, 3) == "123456");
  CHECK(rf::significant_number(9.996, 3) == "10.0");
  CHECK(rf::significant_number(1.25e-7, 3) == "1.25e-7");
  CHECK(rf::significant_number(1e300, 2) == "1.0e300");
  CHECK(rf::significant_number(std::numeric_limits<double>::quiet_NaN(), 3) == "not finite");
  CHECK(rf::significant_number(-std::numeric_limits<double>::infinity(), 3) == "not finite");
  CHECK(rf::trimmed_number(0.0001, 4) == "0.0001");
  CHECK(rf::trimmed_number(10, 4) == "10");
  CHECK(rf::trimmed_number(1e-7, 3) == "1.00e-7");
  CHECK(rf::fixed_number(-0.25, 2) == "-0.25");
  CHECK(rf::decimal_number(2.50) == "2.5");
  CHECK(rf::decimal_number(100, 0) == "100");
  CHECK(rf::decimal_number(-0.001) == "0");
}

TEST_CASE("markup: whole numbers are in groups of three", "[markup]") {
  CHECK(rf::grouped_number(0) == "0");
  CHECK(rf::grouped_number(999) == "999");
  CHECK(rf::grouped_number(1000) == "1\u202f000");
  CHECK(rf::grouped_number(-123456) == "-123\u202f456");
  CHECK(rf::grouped_number(12345678) == "12\u202f345\u202f678");
}
