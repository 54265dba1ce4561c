#include "retinaface/cli/bench_one.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/image.hpp"
#include "engine/kernels/table.hpp"
#include "engine/machine_speed.hpp"
#include "engine/parallel.hpp"
#include "engine/random.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/pipeline.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

// Without --runs: so many, more until a second has passed, fewer when they take too long.
constexpr std::size_t kDefaultRuns = 20;
constexpr double kLeastMilliseconds = 1000, kMostMilliseconds = 5000;

struct Stage {
  const char* name;
  std::vector<double> milliseconds;

  [[nodiscard]] double median() const {
    std::vector<double> sorted = milliseconds;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
  [[nodiscard]] double min() const {
    return *std::min_element(milliseconds.begin(), milliseconds.end());
  }
};

struct Measurement {
  double cold_ms = 0, load_ms = 0, first_ms = 0;
  Stage decode{"decode", {}}, resize{"resize", {}}, network{"network", {}}, post{"post", {}},
      total{"total", {}};
  std::size_t faces = 0;
  ImageSize picture, seen;
  std::string model;
  double flops = 0;                // of the network, for one picture
  double peak_flops_a_second = 0;  // of the machine
};

// Noise over soft shades: nothing that a network finds, but no branch of ours depends on the
// content either, except that post-processing has nothing to suppress.
Image synthetic_image(ImageSize size) {
  Image image{size.width, size.height,
              std::vector<std::uint8_t>(static_cast<std::size_t>(size.width * size.height * 3))};
  Random random(1, RandomPurpose::sample);
  std::size_t i = 0;
  for (Index y = 0; y < size.height; ++y) {
    for (Index x = 0; x < size.width; ++x) {
      for (const Index shade : {x * 160 / size.width, y * 160 / size.height,
                                (x + y) * 160 / (size.width + size.height)}) {
        image.rgb[i++] = static_cast<std::uint8_t>(shade + static_cast<Index>(random.below(64)));
      }
    }
  }
  return image;
}

// The picture: decoded from `file` each time as detect would, or the synthetic one.
class Source {
 public:
  explicit Source(const BenchSetup& setup) : name_(setup.photo) {
    if (!name_.empty()) {
      file_ = read_file(name_, kMaxImageFileBytes);
      return;
    }
    constexpr ImageSize kVga{640, 480};
    const bool exact = setup.size.find('x') != std::string::npos;
    const ImageSize size = exact ? SizeRule::parse(setup.size).canvas(kVga) : kVga;
    if (size.width * size.height > DecodeOptions().max_pixels)
      throw UsageError(message("bench: --size ", setup.size, " has more pixels than detect takes, ",
                               DecodeOptions().max_pixels));
    image_ = synthetic_image(size);
  }
  [[nodiscard]] bool is_photo() const { return !name_.empty(); }
  // Valid until the next call.
  [[nodiscard]] const Image& get() {
    if (is_photo()) image_ = decode_image(file_, name_);
    return image_;
  }

 private:
  std::string name_;
  std::vector<std::byte> file_;
  Image image_;
};

// One whole detection, its times appended.
void detect_once(const Pipeline& pipeline, Source& source, Measurement& into) {
  const Stopwatch whole;
  const Image& image = source.get();
  const double decode = whole.milliseconds();
  StageTimes times;
  into.faces = pipeline.detect(image, &times).size();
  into.total.milliseconds.push_back(whole.milliseconds() - (source.is_photo() ? 0 : decode));
  into.decode.milliseconds.push_back(source.is_photo() ? decode : 0);
  into.resize.milliseconds.push_back(times.resize);
  into.post.milliseconds.push_back(times.post);
  into.picture = {image.width, image.height};
}

// The network alone on a tensor of floats, as other programs are measured.
void run_network_once(const Pipeline& pipeline, Source& source, Measurement& into) {
  const Tensor input = pipeline.preprocess(source.get());
  const Stopwatch watch;
  const NetworkOutputs outputs = pipeline.network(input);
  into.network.milliseconds.push_back(watch.milliseconds());
}

double milliseconds_since(std::int64_t started_ns) {
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<double>(now.count() - started_ns) / 1e6;
}

Measurement measure(const BenchSetup& setup) {
  Source source(setup);
  Measurement result;
  const Stopwatch load;
  DetectorOptions options;
  options.size = setup.size;
  const Pipeline pipeline(chosen_model(setup.model), options);
  result.load_ms = load.milliseconds();
  result.model = pipeline.model().path;
  Measurement first;
  detect_once(pipeline, source, first);
  result.first_ms = first.total.milliseconds.front();
  if (setup.started_ns != 0) result.cold_ms = milliseconds_since(setup.started_ns);
  run_network_once(pipeline, source, first);  // both are warm now
  for (const PlanStep& step : pipeline.plan(first.picture)->steps()) result.flops += step.flops;
  result.peak_flops_a_second = measure_peak_flops();

  const Stopwatch all;
  const auto enough = [&](std::size_t runs) {
    if (setup.runs > 0) return runs >= static_cast<std::size_t>(setup.runs);
    const double passed = all.milliseconds();
    return runs >= kDefaultRuns ? passed >= kLeastMilliseconds : passed >= kMostMilliseconds;
  };
  do {
    detect_once(pipeline, source, result);
    run_network_once(pipeline, source, result);
  } while (!enough(result.total.milliseconds.size()));
  result.seen = pipeline.size_rule().canvas(result.picture);
  return result;
}

// Three decimals, as a number: what the clock can tell.
double rounded(double milliseconds) { return std::round(milliseconds * 1000) / 1000; }

}  // namespace

Json bench_one(const BenchSetup& setup) {
  const Measurement m = measure(setup);
  const ThreadLimit threads = thread_limit();
  const double flops_a_second = m.flops / m.network.median() * 1e3;
  Json json{{"schema", "retinaface-bench/1"},
            {"version", version()},
            {"build", build()},
            {"compiler", compiler()},
            {"cpu", cpu_name()},
            {"isa", kernels().name},
            {"isa_reason", isa_reason()},
            {"threads", threads.count},
            {"threads_from", threads.source},
            {"model", m.model},
            {"image", setup.photo.empty() ? Json() : Json(setup.photo)},
            {"image_width", m.picture.width},
            {"image_height", m.picture.height},
            {"width", m.seen.width},
            {"height", m.seen.height},
            {"faces", m.faces},
            {"runs", m.network.milliseconds.size()}};
  if (setup.started_ns != 0) json["cold_ms"] = rounded(m.cold_ms);
  json["load_ms"] = rounded(m.load_ms);
  json["first_ms"] = rounded(m.first_ms);
  for (const Stage* stage : {&m.decode, &m.resize, &m.network, &m.post, &m.total}) {
    const bool absent = stage == &m.decode && setup.photo.empty();
    json[std::string(stage->name) + "_ms"] = absent ? Json() : Json(rounded(stage->median()));
    json[std::string(stage->name) + "_min"] = absent ? Json() : Json(rounded(stage->min()));
  }
  json["flops"] = m.flops;
  json["gflop_s"] = rounded(flops_a_second / 1e9);
  json["peak_gflop_s"] = rounded(m.peak_flops_a_second / 1e9);
  json["share_of_peak"] = rounded(flops_a_second / m.peak_flops_a_second);
  json["peak_memory_mb"] = rounded(peak_memory_mb());
  return json;
}

std::string program_line() {
  return message("retinaface ", version(), " (", build(), ", ", compiler(), "), ", cpu_name());
}

std::string bench_one_text(const Json& m) {
  const auto text_of = [&](const char* key) { return m[key].get<std::string>(); };
  const auto number = [&](const std::string& key) { return fixed(m[key].get<double>(), 2); };
  std::string text =
      message(program_line(), ", ", text_of("isa"), ", ", m["threads"],
              m["threads"] == 1 ? " thread" : " threads", " (", text_of("threads_from"), "); ",
              m["image"].is_null() ? "a synthetic image" : one_line(text_of("image")), " of ",
              m["image_width"], "x", m["image_height"], ", seen as ", m["width"], "x", m["height"],
              "; ", m["runs"], " runs\n\n| stage | median ms | min ms |\n|---|---:|---:|\n");
  for (const auto& [stage, name] : std::vector<std::pair<std::string, std::string>>{
           {"decode", "decode"},
           {"resize", "resize"},
           {"post", "post"},
           {"total", "a detection in all"},
           {"network", "the network alone, given floats"}}) {
    if (m[stage + "_ms"].is_null()) continue;
    text +=
        message("| ", name, " | ", number(stage + "_ms"), " | ", number(stage + "_min"), " |\n");
  }
  return text + message("| first run | ", number("first_ms"), " | |\n| model load | ",
                        number("load_ms"),
                        " | |\n\nThe network: ", fixed(m["flops"].get<double>() / 1e9, 3),
                        " GFLOP as direct convolution, ", fixed(m["gflop_s"].get<double>(), 1),
                        " GFLOP/s, ", fixed(100 * m["share_of_peak"].get<double>(), 0),
                        " % of the measured peak of ", fixed(m["peak_gflop_s"].get<double>(), 1),
                        ".\nPeak memory ", fixed(m["peak_memory_mb"].get<double>(), 1), " MB.\n");
}

}  // namespace rf::cli
