// retinaface eval dense: how good the meshes of the dense branch are, beside the mean face.
#include <memory>
#include <string>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/eval_dense_parts.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

void check(const DenseFlags& flags) {
  if (flags.landmarks.empty() && flags.pixels.empty() && flags.synthetic == 0) {
    throw UsageError(
        "eval dense: --landmarks DIR, --pixels DIR or --synthetic N is needed, or several");
  }
  if (flags.dense.empty())
    throw UsageError(
        "eval dense: --dense FILE is needed: what `train head` or `train crops` wrote");
  require_model("eval dense", flags.model);
  (void)SizeRule::parse(flags.detector.size);
  if (!flags.ced.empty()) require_writable(flags.ced, flags.overwrite);
}

int eval_dense(const DenseFlags& flags) {
  check(flags);
  choose_execution(flags.threads, flags.isa);
  const DenseLabels labels = read_dense_labels(flags);
  DenseModel model = read_dense_model(flags.dense);
  if (!model.head)
    throw ModelError(flags.dense + ": holds a decoder alone; `train head` makes a head for it");
  const DenseBranch branch(std::move(model));
  Pipeline detector(chosen_model(flags.model), flags.detector);
  read_points(branch.model(), detector);
  if (!flags.quiet) warn_if_slow();

  const Stopwatch watch;
  DenseReport report;
  report.dense_sha256 = branch.model().sha256;
  report.run = begin_run(detector, flags.detector);
  double network = 0;
  const DenseMeasurement how{flags, labels, detector, branch};
  if (!flags.landmarks.empty()) measure_landmarks(how, report, network);
  if (!flags.pixels.empty()) measure_pixels(how, report, network);
  if (flags.synthetic > 0) measure_synthetic(how, report);
  end_run(report.run, watch.milliseconds(), network);

  print(flags.json ? dense_json(report) : dense_table(report));
  if (!flags.ced.empty()) write_file(flags.ced, dense_picture(report), flags.if_exists());
  if (!flags.quiet) say_speed(report.run);
  return report.run.failed > 0 ? kExitSomeFailed : kExitDone;
}

void add_landmark_flags(CLI::App& verb, DenseFlags& flags) {
  CLI::Option* landmarks =
      verb.add_option("--landmarks", flags.landmarks,
                      "Measure 68 landmarks: folder with landmarks68_3d.txt (docs/evaluation.md) "
                      "and the pictures it names")
          ->type_name("DIR");
  verb.add_option("--ced", flags.ced,
                  "Draw the cumulative distribution of their errors into this SVG file")
      ->type_name("FILE")
      ->needs(landmarks);
}

void add_pixel_flags(CLI::App& verb, DenseFlags& flags) {
  CLI::Option* pixels =
      verb.add_option("--pixels", flags.pixels,
                      "Measure pixels of labelled faces: folder with label.txt and images/")
          ->type_name("DIR");
  verb.add_option("--smallest", flags.pixel_options.smallest,
                  "Faces whose detected box has a longer side below are left out. Default 64")
      ->type_name("PX")
      ->check(number_between(1, 1e6))
      ->needs(pixels);
  verb.add_option("--most", flags.most,
                  "So many faces, spread evenly over all. Default 0: all. Each takes a second or "
                  "less")
      ->type_name("N")
      ->check(CLI::Range(Index{0}, Index{1'000'000'000}))
      ->needs(pixels);
  verb.add_option("--steps", flags.pixel_options.fit.steps,
                  "Steps of the fit of camera and light. Default 60")
      ->type_name("N")
      ->check(CLI::Range(Index{0}, Index{100'000}))
      ->needs(pixels);
  verb.add_flag("--fit-code", flags.pixel_options.fit_code,
                "Fit the face's code too, from the head's and from 0: what any head could reach")
      ->needs(pixels);
}

void add_synthetic_flags(CLI::App& verb, DenseFlags& flags) {
  CLI::Option* synthetic =
      verb.add_option("--synthetic", flags.synthetic,
                      "Measure the recovery of faces that are known: so many synthetic pictures "
                      "that no training sees")
          ->type_name("N")
          ->check(CLI::Range(Index{1}, Index{100'000'000}));
  verb.add_option("--face-model", flags.face_model,
                  "Folder of the face model that the branch learned. Default: the procedural head")
      ->type_name("DIR")
      ->needs(synthetic);
  verb.add_option("--backgrounds", flags.backgrounds,
                  "Folder with label.txt whose pictures stand behind the faces. Default: patterns")
      ->type_name("DIR")
      ->needs(synthetic);
}

void add_detector_flags(CLI::App& verb, DenseFlags& flags) {
  verb.add_option("--dense", flags.dense, "File of the dense branch, with a head")
      ->type_name("FILE");
  add_model_flag(verb, flags.model, "The detector whose features the head reads.\n");
  verb.add_option("--size", flags.detector.size,
                  "How large the network sees pictures: original, long:N, short:N[:MAX], scale:F "
                  "or WxH. Default original")
      ->type_name("RULE");
  verb.add_option("--score", flags.detector.score,
                  "Detections above this probability. Default 0.5, as detect has it")
      ->type_name("P")
      ->check(number_between(0, 1));
  verb.add_option("--nms", flags.detector.nms,
                  "Of two boxes that overlap by more (intersection / union) only the better is "
                  "kept. Default: what the\n"
                  "model file says")
      ->type_name("IOU")
      ->check(number_between(0, 1));
}

}  // namespace

void add_eval_dense(CLI::App& eval, int& exit_code) {
  CLI::App* verb = eval.add_subcommand(
      "dense", "Meshes of the dense branch: landmarks, pixels, synthetic faces, and the mean face");
  const auto flags = std::make_shared<DenseFlags>();
  add_landmark_flags(*verb, *flags);
  add_pixel_flags(*verb, *flags);
  add_synthetic_flags(*verb, *flags);
  add_detector_flags(*verb, *flags);
  add_run_flags(*verb, *flags, "retinaface-eval-dense/1");
  verb->footer(
      "Examples:\n"
      "  retinaface eval dense --dense face.safetensors --landmarks aflw2000 --ced errors.svg\n"
      "  retinaface eval dense --dense face.safetensors --pixels wider/val --most 200\n"
      "  retinaface eval dense --dense face.safetensors --synthetic 500 --face-model ict\n"
      "Exit codes: 0 done, 1 some images failed (landmarks: their faces count as missed), 2 usage, "
      "3 nothing\n"
      "evaluated, 4 model file, 70 a bug. docs/evaluation.md has the protocol.");
  verb->callback([flags, &exit_code] { exit_code = eval_dense(*flags); });
}

}  // namespace rf::cli
