// retinaface eval wider: average precision by the protocol of WIDER FACE.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "retinaface/cli/eval_pictures.hpp"
#include "retinaface/cli/eval_wider_report.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/test_time.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

struct WiderFlags : RunFlags {
  WiderFlags() { detector.score = 0.02F; }

  std::string data, ground_truth, list;
  std::string detections;
  std::string save, svg;
  bool flip = false, any_size = false;
  std::string scales;
  std::optional<double> vote;

  // Nothing if each picture is looked at once and boxes do not vote.
  [[nodiscard]] std::optional<TestTimeOptions> test_time() const {
    if (!flip && scales.empty() && !vote) return std::nullopt;
    TestTimeOptions options{.sizes = {}, .flip = flip, .vote = vote, .any_size = any_size};
    if (!scales.empty()) options.sizes = parse_sizes(scales);
    return options;
  }
};

std::string image_path(const WiderFlags& flags, const WiderImage& image) {
  return flags.data + "/images/" + image.name + ".jpg";
}

void check_flags(const WiderFlags& flags) {
  if (!flags.detections.empty() && !flags.model.empty()) {
    throw UsageError(
        "eval wider: --detections DIR (files that exist) and --model FILE (detects now) exclude "
        "each other");
  }
  if (flags.data.empty() && flags.ground_truth.empty()) {
    throw UsageError(
        "eval wider: --data DIR (with images/ and ground_truth/) or --ground-truth PATH is needed");
  }
  if (flags.detections.empty()) {
    if (flags.data.empty()) {
      throw UsageError(
          "eval wider: --data DIR, whose images/ are to be searched, or --detections DIR is "
          "needed");
    }
    require_model("eval wider", flags.model);
  } else if (!flags.save.empty()) {
    throw UsageError("eval wider: --save writes what is detected; --detections are files already");
  }
  (void)SizeRule::parse(flags.detector.size);
  const bool test_time = flags.test_time().has_value();
  if (test_time && !flags.detections.empty())
    throw UsageError(
        "eval wider: --flip, --scales and --vote are ways to detect; --detections are "
        "files already");
}

// The images to evaluate. A list.txt beside the images says which there are; it is named in the
// protocol line.
WiderGroundTruth load_ground_truth(WiderFlags& flags) {
  if (flags.ground_truth.empty()) flags.ground_truth = flags.data + "/ground_truth";
  WiderGroundTruth truth = read_wider_ground_truth(flags.ground_truth);
  if (flags.list.empty() && !flags.data.empty() && fs::exists(flags.data + "/list.txt"))
    flags.list = flags.data + "/list.txt";
  if (flags.list.empty()) return truth;
  return keep_listed(truth, read_wider_list(flags.list), flags.list);
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw FileError(message(path, ": cannot make the folder: ", error.message()));
}

std::string curve_path(const WiderFlags& flags, const std::string& subset) {
  return flags.svg + "/" + curve_file_name(subset);
}

std::string save_path(const WiderFlags& flags, const WiderImage& image) {
  return flags.save + "/" + image.name + ".txt";
}

// Before an hour of detection, not after it.
void prepare_outputs(const WiderFlags& flags, const WiderGroundTruth& truth) {
  if (!flags.svg.empty()) {
    make_folder(flags.svg);
    if (!flags.overwrite) {
      refuse_existing(curve_path(flags, ""));
      for (const WiderSubset& subset : truth.subsets)
        refuse_existing(curve_path(flags, subset.name));
    }
  }
  if (flags.save.empty()) return;
  for (const WiderImage& image : truth.images) {
    make_folder(fs::path(save_path(flags, image)).parent_path().string());
    if (!flags.overwrite) refuse_existing(save_path(flags, image));
  }
}

// The largest that the network sees of a picture.
ImageSize largest_canvas(const Pipeline& pipeline, const std::optional<TestTimeOptions>& test_time,
                         ImageSize picture) {
  if (!test_time || test_time->sizes.empty()) return pipeline.size_rule().canvas(picture);
  ImageSize largest;
  for (const SizeRule& rule : test_time->sizes) {
    const ImageSize canvas = pass_size(rule, picture, test_time->max_pixels).canvas;
    if (canvas.width * canvas.height > largest.width * largest.height) largest = canvas;
  }
  return largest;
}

DetectorRun run_detector(const WiderFlags& flags, const WiderGroundTruth& truth,
                         WiderDetections& found) {
  std::vector<std::string> paths;
  for (const WiderImage& image : truth.images) paths.push_back(image_path(flags, image));
  require_files(paths, "; --list FILE restricts the evaluation to those that are there");
  const Pipeline pipeline(chosen_model(flags.model), flags.detector);
  if (!flags.quiet) warn_if_slow();
  DetectorRun run = begin_run(pipeline, flags.detector);
  run.test_time = flags.test_time();
  const auto detect = [&](const Image& image, StageTimes& times) {
    return run.test_time ? detect_test_time(pipeline, image, *run.test_time, &times)
                         : pipeline.detect(image, &times);
  };
  // As a detection file has them: what --save writes evaluates to the same numbers.
  const auto collect = [&](std::size_t index, const std::optional<std::vector<Face>>& faces) {
    found.images.emplace_back();
    if (!faces) return;
    const WiderImage& image = truth.images[index];
    const std::string text = wider_text(fs::path(image.name).filename().string(), *faces);
    found.images.back() = parse_wider_detections(text, paths[index]);
    if (!flags.save.empty()) write_file(save_path(flags, image), text, flags.if_exists());
  };
  detect_pictures(
      {.label = "eval wider",
       .folder = flags.data + "/images",
       .paths = paths,
       .canvas = [&](ImageSize size) { return largest_canvas(pipeline, run.test_time, size); },
       .detect = detect,
       .collect = collect},
      flags, run);
  return run;
}

void report_files(const WiderFlags& flags, const WiderDetections& found) {
  if (flags.quiet) return;
  if (!found.missing.empty()) {
    say(message("note: ", found.missing.size(), " images have no file in ", flags.detections,
                " and count as images without detections, the first is ", found.missing.front()));
  }
  if (!found.others.empty()) {
    say(message("note: ", found.others.size(), " files in ", flags.detections,
                " are for images that are not evaluated, the first is ", found.others.front(),
                ".txt"));
  }
}

void write_curves(const WiderFlags& flags, const WiderReport& report) {
  write_file(curve_path(flags, ""), curve_picture(report, ""), flags.if_exists());
  for (const WiderSubset& subset : report.truth.subsets) {
    write_file(curve_path(flags, subset.name), curve_picture(report, subset.name),
               flags.if_exists());
  }
}

int eval_wider(WiderFlags& flags) {
  check_flags(flags);
  choose_execution(flags.threads, flags.isa);
  WiderReport report;
  report.truth = load_ground_truth(flags);
  report.list = flags.list;
  report.detections = flags.detections;
  prepare_outputs(flags, report.truth);

  if (flags.detections.empty()) {
    report.run = run_detector(flags, report.truth, report.found);
  } else {
    report.found = read_wider_detections(flags.detections, report.truth.images);
    report_files(flags, report.found);
  }
  report.ious = coco_iou_thresholds();
  report.results = evaluate_wider(report.truth, report.found.images, {.iou = report.ious});

  print(flags.json ? wider_json(report) : wider_table(report));
  if (!flags.svg.empty()) write_curves(flags, report);
  if (report.run && !flags.quiet) say_speed(*report.run);
  return report.run && report.run->failed > 0 ? kExitSomeFailed : kExitDone;
}

void add_source_flags(CLI::App& verb, WiderFlags& flags) {
  verb.add_option("--data", flags.data,
                  "Folder with images/<event>/<name>.jpg and ground_truth/. If it has a list.txt, "
                  "only the images in\n"
                  "there are evaluated, and the protocol line says so")
      ->type_name("DIR");
  verb.add_option("--ground-truth", flags.ground_truth,
                  "Folder with the official wider_face_val.mat and "
                  "wider_{easy,medium,hard}_val.mat, or the text file\n"
                  "wider_face_val_bbx_gt.txt, which knows no difficulty: AP over all valid faces. "
                  "Default: ground_truth\n"
                  "in --data")
      ->type_name("PATH");
  verb.add_option("--list", flags.list,
                  "Evaluate only these images: one <event>/<name>.jpg a line. Scores are "
                  "normalised over them")
      ->type_name("FILE");
  verb.add_option("--detections", flags.detections,
                  "Evaluate detection files that exist: DIR/<event>/<name>.txt, as detect --wider "
                  "and --save write them")
      ->type_name("DIR");
  add_model_flag(verb, flags.model,
                 "Without --detections: detect with this model, our .safetensors, or a public .pth "
                 "or .params.\n");
}

void add_detector_flags(CLI::App& verb, WiderFlags& flags) {
  verb.add_option("--score", flags.detector.score,
                  "Keep detections above this probability. Default 0.02, as "
                  "published results do:\n"
                  "weak detections raise the recall at the end of the curve")
      ->type_name("P")
      ->check(number_between(0, 1));
  verb.add_option("--nms", flags.detector.nms,
                  "Of two boxes that overlap by more (intersection / union) only the "
                  "better is kept.\n"
                  "Default: what the model file says")
      ->type_name("IOU")
      ->check(number_between(0, 1));
  CLI::Option* size =
      verb.add_option("--size", flags.detector.size,
                      "How large the network sees the picture: original, long:N, "
                      "short:N[:MAX], "
                      "scale:F or WxH. Default\n"
                      "original: many faces are smaller than 16 pixels, and shrinking loses them")
          ->type_name("RULE");
  verb.add_option("--scales", flags.scales,
                  "Look at each picture in each of these sizes, a number for the "
                  "shorter side or a rule as for\n"
                  "--size, and unite what is found: 500,800,1100,1400,1700 in the paper. Default: "
                  "once, at --size")
      ->type_name("LIST")
      ->excludes(size);
  verb.add_flag("--any-size", flags.any_size,
                "With --scales: take faces of any size from each. Default: a face is taken where "
                "the network sees it with\n"
                "a side between its smallest anchor and half of its largest, if anywhere");
  verb.add_flag("--flip", flags.flip, "Look at each picture mirrored, too. Default: no");
  verb.add_option("--vote", flags.vote,
                  "A box that stays becomes the mean, weighted by score, of all that "
                  "overlap it by at least\n"
                  "this; 0.4 in the paper. Default: no")
      ->type_name("IOU")
      ->check(number_between(0.01, 1));
}

void add_output_flags(CLI::App& verb, WiderFlags& flags) {
  verb.add_option("--save", flags.save, "Write the detections as DIR/<event>/<name>.txt")
      ->type_name("DIR");
  verb.add_option("--svg", flags.svg,
                  "Write precision-recall curves: DIR/precision-recall.svg at IoU 0.5, and one "
                  "picture per subset with\n"
                  "every IoU")
      ->type_name("DIR");
  add_run_flags(verb, flags, "retinaface-eval-wider/1");
}

}  // namespace

void add_eval_wider(CLI::App& eval, int& exit_code) {
  CLI::App* wider =
      eval.add_subcommand("wider", "WIDER FACE: average precision on easy, medium and hard faces");
  const auto flags = std::make_shared<WiderFlags>();
  add_source_flags(*wider, *flags);
  add_detector_flags(*wider, *flags);
  add_output_flags(*wider, *flags);
  wider->footer(
      "Examples:\n"
      "  retinaface eval wider --data wider/val --detections detections/ --svg curves/\n"
      "  retinaface eval wider --data wider/val --model mobilenet0.25_Final.pth --save "
      "detections/\n"
      "Exit codes: 0 done, 1 some images failed (and count as without detections), 2 usage, 3 "
      "nothing evaluated,\n"
      "4 model file, 70 a bug. docs/evaluation.md has the protocol.");
  wider->callback([flags, &exit_code] { exit_code = eval_wider(*flags); });
}

}  // namespace rf::cli
