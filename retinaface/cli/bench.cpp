// retinaface bench: how long each stage takes on this machine.
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "engine/image.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "engine/random.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/pipeline.hpp"

namespace rf::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kDefaultRuns = 20;
constexpr double kDefaultMilliseconds = 1000;

struct BenchFlags {
  std::string photo, model, size = "640x480", isa;
  int threads = 0, runs = 0;
  bool json = false;
};

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
  double load_ms = 0, first_ms = 0;
  Stage decode{"decode", {}}, resize{"resize", {}}, network{"network", {}}, post{"post", {}},
      total{"total", {}};
  std::size_t faces = 0;
  ImageSize picture, seen;
  std::string model;
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
  Source(const BenchFlags& flags) : name_(flags.photo) {
    if (!name_.empty()) {
      file_ = read_file(name_, kMaxImageFileBytes);
      return;
    }
    constexpr ImageSize kVga{640, 480};
    const bool exact = flags.size.find('x') != std::string::npos;
    synthetic_ = synthetic_image(exact ? SizeRule::parse(flags.size).canvas(kVga) : kVga);
  }
  [[nodiscard]] bool is_photo() const { return !name_.empty(); }
  [[nodiscard]] Image get() const { return is_photo() ? decode_image(file_, name_) : synthetic_; }

 private:
  std::string name_;
  std::vector<std::byte> file_;
  Image synthetic_;
};

// One image through all stages, their times appended.
void run_once(const Pipeline& pipeline, const Source& source, Measurement& into) {
  const Stopwatch whole;
  Stopwatch watch;
  const Image image = source.get();
  const double decode = watch.milliseconds();
  watch = Stopwatch();
  const Tensor input = pipeline.preprocess(image);
  into.resize.milliseconds.push_back(watch.milliseconds());
  watch = Stopwatch();
  const NetworkOutputs outputs = pipeline.network(input);
  into.network.milliseconds.push_back(watch.milliseconds());
  into.picture = {image.width, image.height};
  watch = Stopwatch();
  into.faces = pipeline.postprocess(outputs, into.picture).size();
  into.post.milliseconds.push_back(watch.milliseconds());
  into.decode.milliseconds.push_back(source.is_photo() ? decode : 0);
  into.total.milliseconds.push_back(whole.milliseconds() - (source.is_photo() ? 0 : decode));
}

Measurement measure(const BenchFlags& flags) {
  const Source source(flags);
  Measurement result;
  const Stopwatch load;
  DetectorOptions options;
  options.size = flags.size;
  const Pipeline pipeline(chosen_model(flags.model), options);
  result.load_ms = load.milliseconds();
  result.model = pipeline.model().path;
  Measurement first;
  run_once(pipeline, source, first);  // also the warm-up
  result.first_ms = first.total.milliseconds.front();

  const Stopwatch all;
  const int least = flags.runs > 0 ? flags.runs : kDefaultRuns;
  for (int i = 0; i < least || (flags.runs == 0 && all.milliseconds() < kDefaultMilliseconds);
       ++i) {
    run_once(pipeline, source, result);
  }
  result.seen = pipeline.size_rule().canvas(result.picture);
  return result;
}

// Three decimals, as a number: what the clock can tell.
double rounded(double milliseconds) { return std::round(milliseconds * 1000) / 1000; }

Json to_json(const BenchFlags& flags, const Measurement& m) {
  const ThreadLimit threads = thread_limit();
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
            {"image", flags.photo.empty() ? Json() : Json(flags.photo)},
            {"image_width", m.picture.width},
            {"image_height", m.picture.height},
            {"width", m.seen.width},
            {"height", m.seen.height},
            {"faces", m.faces},
            {"runs", m.network.milliseconds.size()},
            {"load_ms", rounded(m.load_ms)},
            {"first_ms", rounded(m.first_ms)}};
  for (const Stage* stage : {&m.decode, &m.resize, &m.network, &m.post, &m.total}) {
    const bool absent = stage == &m.decode && flags.photo.empty();
    json[std::string(stage->name) + "_ms"] = absent ? Json() : Json(rounded(stage->median()));
    json[std::string(stage->name) + "_min"] = absent ? Json() : Json(rounded(stage->min()));
  }
  json["peak_memory_mb"] = rounded(peak_memory_mb());
  return json;
}

std::string to_markdown(const BenchFlags& flags, const Measurement& m) {
  const ThreadLimit threads = thread_limit();
  std::string text = message(
      "retinaface ", version(), " (", build(), ", ", compiler(), "), ", cpu_name(), ", ",
      kernels().name, ", ", threads.count, threads.count == 1 ? " thread" : " threads", " (",
      threads.source, "); ", flags.photo.empty() ? "a synthetic image" : one_line(flags.photo),
      " of ", m.picture.width, "x", m.picture.height, ", seen as ", m.seen.width, "x",
      m.seen.height, "; ", m.network.milliseconds.size(), " runs\n\n");
  text += "| stage | median ms | min ms |\n|---|---:|---:|\n";
  for (const Stage* stage : {&m.decode, &m.resize, &m.network, &m.post, &m.total}) {
    if (stage == &m.decode && flags.photo.empty()) continue;
    text += message("| ", stage->name, " | ", fixed(stage->median(), 2), " | ",
                    fixed(stage->min(), 2), " |\n");
  }
  text += message("| first run | ", fixed(m.first_ms, 2), " | |\n| model load | ",
                  fixed(m.load_ms, 2), " | |\n");
  return text + message("\nPeak memory ", fixed(peak_memory_mb(), 1), " MB.\n");
}

int bench(const BenchFlags& flags) {
  require_model("bench", flags.model);
  (void)SizeRule::parse(flags.size);
  choose_execution(flags.threads, flags.isa);
  warn_if_slow();
  const Measurement m = measure(flags);
  print(flags.json ? to_json(flags, m).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                   : to_markdown(flags, m));
  return kExitDone;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand("bench", "Measure how long each stage takes on this machine");
  const auto flags = std::make_shared<BenchFlags>();
  verb->add_option("photo", flags->photo,
                   "An image file; without one a synthetic picture of --size is used")
      ->type_name("PHOTO");
  add_model_flag(*verb, flags->model, "As for detect. ");
  verb->add_option("--size", flags->size,
                   "As for detect. Default 640x480, the size that published timings use, so that "
                   "numbers compare")
      ->type_name("RULE");
  verb->add_option("--threads", flags->threads,
                   "As for detect. Default: all CPUs this process may use")
      ->type_name("N")
      ->check(number_between(1, 1024));
  verb->add_option("--isa", flags->isa, "As for detect. Default: the best this CPU runs")
      ->type_name("NAME");
  verb->add_option("--runs", flags->runs,
                   "Timed runs after one warm-up. Default: 20, and more until a second has passed; "
                   "the median then\n"
                   "hardly moves")
      ->type_name("N")
      ->check(number_between(1, 1e6));
  verb->add_flag("--json", flags->json,
                 "Print one JSON object; network_ms is the median of the network alone");
  verb->callback([flags, &exit_code] { exit_code = bench(*flags); });
}

}  // namespace rf::cli
