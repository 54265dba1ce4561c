// retinaface eval landmarks: how far the five points are from their labels (RetinaFace
// section 4.5).
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/image.hpp"
#include "retinaface/cli/eval_landmarks_report.hpp"
#include "retinaface/cli/eval_pictures.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/data/labels.hpp"
#include "retinaface/data/mtfl_attributes.hpp"

namespace rf::cli {

namespace {

struct LandmarkFlags : RunFlags {
  std::string data, svg;
  Index frame = 0, every = 1;
  double iou = 0.5;

  [[nodiscard]] std::string label_file() const {
    return (std::filesystem::path(data) / "label.txt").string();
  }
  [[nodiscard]] std::string image_path(const LabelledPicture& picture) const {
    return (std::filesystem::path(data) / "images" / picture.path).string();
  }
};

Labels load_labels(const LandmarkFlags& flags) {
  Labels labels = read_labels(flags.label_file(), "");
  if (!labels.problems.empty() && !flags.quiet) {
    const LabelProblem& first = labels.problems.front();
    say(message("note: ", labels.problems.size(), " lines cannot be right, the first is ",
                first.file, ":", first.line, ": ", first.text));
  }
  return labels;
}

std::map<std::string, std::size_t> load_poses(const LandmarkFlags& flags) {
  const std::string path = (std::filesystem::path(flags.data) / kMtflAttributesFile).string();
  if (!std::filesystem::exists(path)) return {};
  const std::vector<std::byte> bytes = read_file(path, Index{1} << 28);
  return parse_mtfl_poses({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

Index faces_with_landmarks(const std::vector<LabelledPicture>& pictures) {
  Index count = 0;
  for (const LabelledPicture& picture : pictures) {
    count += std::ranges::count_if(
        picture.labels.faces, [](const LabelledFace& face) { return face.landmarks.has_value(); });
  }
  return count;
}

// What the network's input turns into 0, as whole levels of red, green, blue.
std::array<std::uint8_t, 3> mean_colour(const InputConfig& input) {
  std::array<std::uint8_t, 3> colour{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double mean = input.mean[input.order == ChannelOrder::rgb ? i : 2 - i];
    colour[i] = static_cast<std::uint8_t>(std::clamp(std::round(mean), 0.0, 255.0));
  }
  return colour;
}

// The picture with `width` pixels of one colour on every side.
Image framed(const Image& image, Index width, const std::array<std::uint8_t, 3>& colour) {
  Image out{image.width + 2 * width, image.height + 2 * width, {}};
  out.rgb.resize(static_cast<std::size_t>(3 * out.width * out.height));
  for (std::size_t i = 0; i < out.rgb.size(); ++i) out.rgb[i] = colour[i % 3];
  for (Index row = 0; row < image.height; ++row) {
    const auto from = image.rgb.begin() + row * image.width * 3;
    std::copy(from, from + image.width * 3,
              out.rgb.begin() + ((row + width) * out.width + width) * 3);
  }
  return out;
}

// The faces of one picture, in its own pixels.
std::vector<Face> detect_framed(const Pipeline& pipeline, Image image, Index frame,
                                StageTimes& times) {
  if (frame > 0) image = framed(image, frame, mean_colour(pipeline.model().config.input));
  std::vector<Face> faces = pipeline.detect(image, &times);
  const float shift = static_cast<float>(frame);
  for (Face& face : faces) {
    for (float* value : {&face.x1, &face.y1, &face.x2, &face.y2}) *value -= shift;
    for (Point& point : face.landmarks) point = {point.x - shift, point.y - shift};
  }
  return faces;
}

void add_results(const LabelledPicture& picture, const std::vector<Face>& detections,
                 std::optional<std::size_t> pose, LandmarkReport& report) {
  const std::vector<LabelledFace>& faces = picture.labels.faces;
  const auto answers = match_detections(faces, detections, report.iou);
  for (std::size_t i = 0; i < faces.size(); ++i) {
    if (!faces[i].landmarks) {
      ++report.without_landmarks;
      continue;
    }
    report.poses.push_back(pose);
    report.results.emplace_back();
    if (answers[i]) {
      report.results.back() =
          point_errors(faces[i].box, *faces[i].landmarks, detections[*answers[i]].landmarks);
    }
  }
}

void run_detector(const LandmarkFlags& flags, const std::vector<LabelledPicture>& pictures,
                  LandmarkReport& report) {
  const std::map<std::string, std::size_t> poses = load_poses(flags);
  const Pipeline pipeline(chosen_model(flags.model), flags.detector);
  if (!flags.quiet) warn_if_slow();
  report.run = begin_run(pipeline, flags.detector);
  std::vector<std::string> paths;
  for (const LabelledPicture& picture : pictures) paths.push_back(flags.image_path(picture));
  const auto canvas = [&](ImageSize stored) {
    return pipeline.size_rule().canvas(
        {stored.width + 2 * flags.frame, stored.height + 2 * flags.frame});
  };
  const auto detect = [&](Image image, StageTimes& times) {
    return detect_framed(pipeline, std::move(image), flags.frame, times);
  };
  const auto collect = [&](std::size_t index, const std::optional<std::vector<Face>>& faces) {
    const auto pose = poses.find(pictures[index].path);
    add_results(pictures[index], faces.value_or(std::vector<Face>()),
                pose == poses.end() ? std::nullopt : std::optional(pose->second), report);
  };
  detect_pictures({.label = "eval landmarks",
                   .folder = flags.data + "/images",
                   .paths = paths,
                   .canvas = canvas,
                   .detect = detect,
                   .collect = collect},
                  flags, report.run);
}

int eval_landmarks(const LandmarkFlags& flags) {
  if (flags.data.empty())
    throw UsageError("eval landmarks: --data DIR (with label.txt and images/) is needed");
  require_model("eval landmarks", flags.model);
  (void)SizeRule::parse(flags.detector.size);
  choose_execution(flags.threads, flags.isa);
  const Labels labels = load_labels(flags);
  std::vector<LabelledPicture> pictures;
  for (std::size_t i = 0; i < labels.pictures.size(); i += static_cast<std::size_t>(flags.every))
    pictures.push_back(labels.pictures[i]);
  if (faces_with_landmarks(pictures) == 0)
    throw FormatError(flags.label_file() + ": no face with five landmarks to measure against");
  std::vector<std::string> paths;
  for (const LabelledPicture& picture : pictures) paths.push_back(flags.image_path(picture));
  require_files(paths, "");
  if (!flags.svg.empty()) require_writable(flags.svg, flags.overwrite);

  LandmarkReport report{.labels = flags.label_file(),
                        .pictures_in_labels = static_cast<Index>(labels.pictures.size()),
                        .every = flags.every,
                        .frame = flags.frame,
                        .iou = flags.iou,
                        .run = {},
                        .results = {},
                        .poses = {}};
  run_detector(flags, pictures, report);
  print(flags.json ? landmark_json(report) : landmark_table(report));
  if (!flags.svg.empty()) write_file(flags.svg, landmark_picture(report), flags.if_exists());
  if (!flags.quiet) say_speed(report.run);
  return report.run.failed > 0 ? kExitSomeFailed : kExitDone;
}

void add_data_flags(CLI::App& verb, LandmarkFlags& flags) {
  verb.add_option("--data", flags.data,
                  "Folder with label.txt (as train takes it) and images/. Faces without five "
                  "landmarks are not measured.\n"
                  "With an attributes file of MTFL in it, errors are also told per pose")
      ->type_name("DIR");
  add_model_flag(verb, flags.model, "Our .safetensors, or a public .pth or .params.\n");
  verb.add_option("--every", flags.every,
                  "Take the first picture and every N-th after it. Default 1: all")
      ->type_name("N")
      ->check(CLI::Range(Index{1}, Index{1'000'000}));
}

void add_detector_flags(CLI::App& verb, LandmarkFlags& flags) {
  verb.add_option("--frame", flags.frame,
                  "Put PX pixels of the model's mean colour around each picture: detectors expect "
                  "room around a face, and\n"
                  "data sets of cut-out faces leave none. Default 0: pictures as they are")
      ->type_name("PX")
      ->check(CLI::Range(Index{0}, Index{1000}));
  verb.add_option(
          "--size", flags.detector.size,
          "How large the network sees the framed picture: original, long:N, short:N[:MAX], "
          "scale:F or WxH.\n"
          "Default original. Errors are in pixels of the original picture, whatever the size")
      ->type_name("RULE");
  verb.add_option("--score", flags.detector.score,
                  "Detections above this probability. Default 0.5, as detect has it: a face that "
                  "detect would not report\n"
                  "is missed")
      ->type_name("P")
      ->check(number_between(0, 1));
  verb.add_option("--nms", flags.detector.nms,
                  "Of two boxes that overlap by more (intersection / union) only the better is "
                  "kept. Default: what the\n"
                  "model file says")
      ->type_name("IOU")
      ->check(number_between(0, 1));
  verb.add_option("--iou", flags.iou,
                  "A labelled face takes the detection of highest intersection / union, at least "
                  "this; else it is missed.\n"
                  "Default 0.5, as WIDER FACE has it")
      ->type_name("IOU")
      ->check(number_between(0.01, 1));
}

}  // namespace

void add_eval_landmarks(CLI::App& eval, int& exit_code) {
  CLI::App* verb = eval.add_subcommand("landmarks", "Normalised mean error of the five landmarks");
  const auto flags = std::make_shared<LandmarkFlags>();
  add_data_flags(*verb, *flags);
  add_detector_flags(*verb, *flags);
  verb->add_option("--svg", flags->svg, "Draw the cumulative error distribution into this file")
      ->type_name("FILE");
  add_run_flags(*verb, *flags, "retinaface-eval-landmarks/1");
  verb->footer(
      "Examples:\n"
      "  retinaface eval landmarks --data faces --model mobilenet0.25_Final.pth --svg errors.svg\n"
      "  retinaface eval landmarks --data aflw80 --model mobilenet0.25_Final.pth --frame 20 --size "
      "scale:2\n"
      "Exit codes: 0 done, 1 some images failed (and their faces count as missed), 2 usage, 3 "
      "nothing evaluated,\n"
      "4 model file, 70 a bug. docs/evaluation.md has the protocol.");
  verb->callback([flags, &exit_code] { exit_code = eval_landmarks(*flags); });
}

}  // namespace rf::cli
