#include "retinaface/training/report.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <limits>
#include <string_view>

#include "tests/support.hpp"

using Catch::Contains;
using rf::Face;
using rf::Image;
using rf::Index;
using rf::LabelledFace;
using rf::MetricsRow;
using rf::ReportInput;
using rf::ReportPicture;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Image grey(Index width, Index height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 100)};
}

Face found(float x1, float y1, float x2, float y2, float score = 0.9F) {
  std::array<rf::Point, 5> landmarks{};
  landmarks.fill({kNan, kNan});
  return {x1, y1, x2, y2, score, landmarks};
}

LabelledFace label(float x1, float y1, float x2, float y2) { return {{x1, y1, x2, y2}, {}}; }

MetricsRow row_of(Index step) {
  const auto s = static_cast<double>(step);
  return {.step = step,
          .epoch = s / 100,
          .images = 8 * step,
          .learning_rate = 0.01,
          .loss = 1 + 10 / s,
          .cls = 0.5,
          .box = 0.5,
          .landmark = 10 / s,
          .grad_norm = 2,
          .seconds_per_image = 0.05,
          .wait_share = 0.02};
}

ReportInput small_input() {
  ReportInput input{.title = "run 1", .status = "running"};
  for (Index step = 10; step <= 1000; step += 10) input.metrics.push_back(row_of(step));
  input.validation = {{500, 5, 0.5, 0.625, 40}, {1000, 10, 0.53125, 0.625, 40}};
  input.settings = {{"batch", "8"}};
  const ReportPicture picture{"a.jpg",
                              grey(100, 80),
                              {found(10, 10, 30, 30)},
                              {label(10, 10, 30, 30), label(50, 40, 60, 52)}};
  input.samples = {picture};
  rf::keep_worst_misses(input.misses, picture, 5);
  input.notes = {"b.jpg: is corrupt"};
  return input;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// What is wrong with the nesting of the tags, or nothing. Attributes are name="value"; in a value,
// and in text, no < may stand.
std::string nesting_problem(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != html.npos; at = html.find('<', at + 1)) {
    std::size_t end = at;
    bool quoted = false;
    while (++end < html.size() && (quoted || html[end] != '>')) {
      if (html[end] == '"') quoted = !quoted;
      if (html[end] == '<') return "< within " + html.substr(at, 40);
    }
    if (end >= html.size()) return "no end of " + html.substr(at, 40);
    std::string name = html.substr(at + 1, html.find_first_of(" />", at + 2) - at - 1);
    if (name == "!DOCTYPE" || name == "meta" || name == "img" || html[end - 1] == '/') continue;
    if (html[at + 1] == '/') {
      name = html.substr(at + 2, end - at - 2);
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
    } else {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

void check_page(const std::string& html) {
  CHECK(nesting_problem(html).empty());
  CHECK(html.starts_with("<!DOCTYPE html>"));
  CHECK(html.ends_with("</html>\n"));
  for (const char* forbidden : {"http://", "https://", "<script", "javascript", "url(", "@import"})
    CHECK(html.find(forbidden) == std::string::npos);
  for (const char* number : {"nan", ">-nan", ">inf", ">-inf", "\"inf", " inf"}) {
    const std::string without = html.substr(0, html.find("data:image"));
    CHECK(without.find(number) == std::string::npos);
  }
}

}  // namespace

TEST_CASE("training report: one page with the numbers, the curves and the pictures", "[report]") {
  const std::string html = rf::training_report(small_input());
  check_page(html);
  CHECK_THAT(html, Contains("<h1>run 1</h1><span class=\"status running\">running</span>"));
  CHECK_THAT(html, Contains("<span>Best AP</span><b>53.12 <small>%</small></b><span>step 1\u202f000"
                            ", epoch 10.0</span>"));
  // Best until step 750: 50; after it 53.125, rounded to even.
  CHECK_THAT(html, Contains("Gain since step 750</span><b>+3.12 <small>points</small></b>"));
  // The mean of 10 / step over 910 .. 1000 is 0.010478, over 810 .. 900 it is 0.011706.
  CHECK_THAT(html, Contains("<span>Loss</span><b>1.010</b>"));
  CHECK_THAT(html, Contains("−0.1 % on the tenth before"));
  CHECK_THAT(html, Contains("<b>8\u202f000</b><span>step 1\u202f000, epoch 10.0"));
  CHECK_THAT(html, Contains("<b>20.0 <small>pictures/s</small></b><span>50.0 ms each, 2.0 %"));
  CHECK(count_of(html, "<figure class=\"chart\">") == 8);
  CHECK(count_of(html, "role=\"img\"") == 8);
  CHECK(count_of(html, "<desc ") == 8);
  CHECK_THAT(html, Contains("<dt>batch</dt><dd>8</dd>"));
  CHECK_THAT(html, Contains("<li>b.jpg: is corrupt</li>"));
  CHECK(count_of(html, "src=\"data:image/jpeg;base64,/9j/") == 2);  // FF D8 FF begins a JPEG
  CHECK_THAT(html, Contains("<b>1 of 2 found, 1 box</b> a.jpg"));
  CHECK_THAT(html, Contains("<b>10 × 12 px</b> a.jpg"));
  CHECK_THAT(html, Contains("alt=\"a.jpg: 1 of 2 labelled faces found, 1 box\""));
  CHECK(html.find("teacher") == std::string::npos);
}

TEST_CASE("training report: the same input is the same page, for any number of threads",
          "[report]") {
  const std::string html = rf::training_report(small_input());
  for (const int threads : {1, 3}) {
    const rf::test::WithThreads with(threads);
    CHECK(rf::training_report(small_input()) == html);
  }
}

TEST_CASE("training report: no text can leave its place", "[report]") {
  const std::string hostile = "</style></b><script>alert(\"1\")</script>&\" onload=\"x";
  ReportInput input = small_input();
  input.title = input.status = hostile;
  input.settings = {{hostile, hostile}};
  input.notes.assign(2, hostile);
  input.samples[0].caption = input.misses[0].caption = hostile;
  const std::string html = rf::training_report(input);
  check_page(html);
  // Title twice, status, setting twice, notes; two captions, each with its alternative text.
  CHECK(count_of(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&quot; onload=") ==
        11);
  CHECK(html.find("onload=\"") == std::string::npos);
}

TEST_CASE("training report: before the first row, and with one of everything", "[report]") {
  const std::string empty = rf::training_report({.title = "", .status = ""});
  check_page(empty);
  CHECK(count_of(empty, "Nothing to draw yet.") == 8);
  CHECK_THAT(empty, Contains("no validation yet") && Contains("no step yet"));
  ReportInput input{.title = "one", .status = "stopped at step 10"};
  input.metrics = {row_of(10)};
  input.validation = {{10, 0.1, 0, 0, 40}};
  const std::string one = rf::training_report(input);
  check_page(one);
  CHECK(one.find("Nothing to draw yet.") == std::string::npos);
  CHECK_THAT(one, Contains("status stopped"));
  CHECK_THAT(one, Contains("<b>2.000</b><span>mean of the last tenth</span>"));
}

TEST_CASE("training report: numbers that are not finite are said, not drawn", "[report]") {
  ReportInput input = small_input();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (std::size_t i = 85; i < input.metrics.size(); ++i) input.metrics[i].loss = nan;
  input.metrics[3].grad_norm = infinity;
  input.metrics[4].seconds_per_image = 0;
  input.validation.push_back({1500, nan, nan, infinity, 40});
  const std::string html = rf::training_report(input);
  check_page(html);
  CHECK_THAT(html, Contains("<strong>16 rows hold a loss or a gradient that is not finite"));
  CHECK_THAT(html, Contains("<span>Loss</span><b>not finite</b>"));
  CHECK_THAT(html, Contains("<span>Best AP</span><b>53.12"));
  MetricsRow all{.step = std::numeric_limits<Index>::max(), .images = -5};
  all.epoch = all.learning_rate = all.loss = all.cls = all.box = all.landmark = all.teacher =
      all.grad_norm = all.seconds_per_image = all.wait_share = -infinity;
  input.metrics = {all};
  check_page(rf::training_report(input));
  all.epoch = all.learning_rate = all.loss = all.cls = all.box = all.landmark = all.teacher =
      all.grad_norm = all.seconds_per_image = all.wait_share = 1e308;
  input.metrics = {all};
  check_page(rf::training_report(input));
}

TEST_CASE("training report: thousands of rows make a page of moderate size", "[report]") {
  ReportInput input{.title = "long", .status = "running"};
  for (Index step = 1; step <= 20000; ++step) {
    MetricsRow row = row_of(step);
    row.teacher = 0.5;
    row.dense = 0.25;
    input.metrics.push_back(row);
  }
  for (Index step = 100; step <= 20000; step += 100)
    input.validation.push_back({step, 0, 0.5, 0.5, 40});
  const std::string html = rf::training_report(input);
  check_page(html);
  CHECK(html.size() < 300'000);
  CHECK_THAT(html, Contains("</svg>teacher <b>0.5000</b>"));
  CHECK_THAT(html, Contains("Dense branch"));  // beside a teacher, in a chart of its own
}

TEST_CASE("training report: many notes are cut, with how many", "[report]") {
  ReportInput input = small_input();
  input.notes.assign(150, "note");
  const std::string html = rf::training_report(input);
  CHECK(count_of(html, "<li>note</li>") == 100);
  CHECK_THAT(html, Contains("<li>and 50 more</li>"));
}

TEST_CASE("report picture: a label is found once, by the surest box at IoU 0.5", "[report]") {
  // Two labels side by side that share half of their width with the box between them.
  ReportPicture picture{"", grey(100, 100), {}, {label(0, 0, 20, 20), label(10, 0, 30, 20)}};
  using Found = std::vector<bool>;
  CHECK(rf::labels_found(picture) == Found{false, false});
  picture.found = {found(0, 0, 20, 20)};
  CHECK(rf::labels_found(picture) == Found{true, false});
  picture.found = {found(0, 0, 20, 20), found(1, 0, 21, 20)};  // IoU 11 / 29 with the second label
  CHECK(rf::labels_found(picture) == Found{true, false});
  picture.found = {found(0, 0, 20, 40)};  // exactly 0.5
  CHECK(rf::labels_found(picture) == Found{true, false});
  picture.found = {found(0, 0, 20, 41)};
  CHECK(rf::labels_found(picture) == Found{false, false});
  // The surer box comes second in the list, and takes the first label; 15 x 20 of 25 x 20 is 0.6,
  // with either label.
  picture.found = {found(0, 0, 20, 20, 0.6F), found(5, 0, 25, 20, 0.9F)};
  CHECK(rf::labels_found(picture) == Found{true, false});
  picture.found = {found(0, 0, 20, 20, 0.9F), found(5, 0, 25, 20, 0.6F)};
  CHECK(rf::labels_found(picture) == Found{true, true});
}

TEST_CASE("report picture: the largest misses stay, cut out with their surroundings", "[report]") {
  Image image = grey(200, 100);
  const auto at = [](const Image& i, Index x, Index y) {
    return static_cast<int>(i.rgb[static_cast<std::size_t>(3 * (y * i.width + x))]);
  };
  image.rgb[3 * (50 * 200 + 100)] = 255;  // the centre of the second face
  const ReportPicture picture{
      "a",
      image,
      {found(5, 5, 15, 15), found(90, 40, 95, 45)},
      {label(5, 5, 15, 15), label(90, 40, 110, 60), label(190, 0, 200, 8),
       label(300, 300, 400, 400), label(50, 50, 50, 90), label(kNan, 0, 20, 20)}};
  std::vector<ReportPicture> worst;
  rf::keep_worst_misses(worst, picture, 8);
  REQUIRE(worst.size() == 2);
  // 3 x 20 pixels about (100, 50).
  CHECK(worst[0].image.width == 60);
  CHECK(worst[0].image.height == 60);
  CHECK(at(worst[0].image, 30, 30) == 255);
  CHECK(worst[0].labelled[0].box.x1 == 20);
  CHECK(worst[0].labelled[0].box.y2 == 40);
  CHECK(worst[0].labelled.size() == picture.labelled.size());
  CHECK(worst[0].found[1].x1 == 20);
  // At the corner the crop moves inwards; no crop is smaller than 48 pixels.
  CHECK(worst[1].image.width == 48);
  CHECK(worst[1].image.height == 48);
  CHECK(worst[1].labelled[0].box.x2 == 48);
  CHECK(worst[1].labelled[0].box.y1 == 0);

  const ReportPicture same{"b", image, {}, {label(100, 40, 120, 60), label(40, 40, 45, 45)}};
  rf::keep_worst_misses(worst, same, 3);
  REQUIRE(worst.size() == 3);
  CHECK(worst[0].caption == "a");
  CHECK(worst[1].caption == "b");  // as large as the first, but later
  CHECK(worst[2].caption == "a");
  rf::keep_worst_misses(worst, same, 0);
  CHECK(worst.size() == 3);
}

TEST_CASE("report picture: an empty picture and boxes far out give a figure all the same",
          "[report]") {
  const ReportPicture empty{"e", {}, {found(0, 0, 1, 1)}, {label(0, 0, 9, 9)}};
  CHECK(rf::sample_figure(empty) ==
        "<figure><figcaption><b>0 of 1 found, 1 box</b> "
        "e</figcaption></figure>\n");
  const float far = std::numeric_limits<float>::max();
  const ReportPicture wild{"w",
                           grey(1, 2000),
                           {found(-far, -far, far, far), found(kNan, 0, 1, 1)},
                           {label(-far, -far, far, far), label(1, 1, kNan, 0)}};
  CHECK_THAT(rf::sample_figure(wild), Contains("width=\"1\" height=\"720\""));
  CHECK_THAT(rf::miss_figure(wild), Contains("px</b> w"));
}
