// retinaface detect: from the files a user names to faces.
#include <unistd.h>

#include <istream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/image.hpp"
#include "engine/kernels/table.hpp"
#include "engine/parallel.hpp"
#include "retinaface/cli/detect_pictures.hpp"
#include "retinaface/cli/flags.hpp"
#include "retinaface/cli/inputs.hpp"
#include "retinaface/cli/mesh_outputs.hpp"
#include "retinaface/cli/model_flag.hpp"
#include "retinaface/cli/outputs.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/system.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/cli/verbs.hpp"
#include "retinaface/pipeline.hpp"

namespace rf::cli {

namespace {

struct DetectFlags {
  std::vector<std::string> inputs;
  std::string model;
  DetectorOptions detector;
  int threads = 0, jobs = 0;
  std::string isa;
  bool json = false, jsonl = false, csv = false;
  OutputOptions outputs;
  bool overwrite = false;
  DecodeOptions decode;
  bool no_exif = false;
};

ResultFormat result_format(const DetectFlags& flags) {
  if (flags.json) return ResultFormat::json;
  if (flags.jsonl) return ResultFormat::jsonl;
  if (flags.csv) return ResultFormat::csv;
  return flags.outputs.quiet && flags.outputs.any() ? ResultFormat::none : ResultFormat::table;
}

ResultContext context_of(const DetectFlags& flags, const LoadedModel& model) {
  const ThreadLimit threads = thread_limit();
  return {.model_name = model.config.name,
          .model_sha256 = model.sha256,
          .model_licence = model.config.licence,
          .score = flags.detector.score,
          .nms = flags.detector.nms.value_or(static_cast<float>(model.config.nms.iou)),
          .size = flags.detector.size,
          .exif = flags.decode.apply_exif,
          .version = version(),
          .isa = kernels().name,
          .threads_source = threads.source,
          .threads = threads.count};
}

int detect(DetectFlags& flags, MeshOutputs* meshes) {
  if (flags.inputs.empty())
    throw UsageError("detect: no image is named; give files, folders, patterns or -");
  require_model("detect", flags.model);
  flags.decode.apply_exif = !flags.no_exif;
  flags.outputs.if_exists = flags.overwrite ? IfExists::replace : IfExists::refuse;
  // Before the model is read: a wrong flag is never answered with a complaint about the model.
  (void)SizeRule::parse(flags.detector.size);
  if (meshes && !meshes->wanted()) meshes = nullptr;
  choose_execution(flags.threads, flags.isa);

  InterruptibleInput standard_input(STDIN_FILENO);
  std::istream list(&standard_input);
  InputQueue inputs(flags.inputs, list);
  const std::optional<Index> total = inputs.total();
  OutputFiles files(flags.outputs, total == 1);
  for (const Input& input : inputs.known()) files.protect(input.path);
  files.check_mesh_json();
  Pipeline pipeline(chosen_model(flags.model), flags.detector);
  const bool quiet = flags.outputs.quiet;
  if (!quiet) warn_if_slow();

  const ResultContext context = context_of(flags, pipeline.model());
  if (meshes) meshes->open(pipeline, context);
  const ResultFormat format = result_format(flags);
  const std::unique_ptr<ResultWriter> writer = make_result_writer(format, context);
  const bool table_shows_progress = format == ResultFormat::table && stdout_is_terminal();
  Progress progress("detect", total.value_or(0),
                    !quiet && total.value_or(0) > 1 && !table_shows_progress);

  const int jobs = job_count(flags.jobs, total);
  const Stopwatch watch;
  const auto [succeeded, failed] =
      detect_pictures({.pipeline = pipeline,
                       .decode = flags.decode,
                       .inputs = inputs,
                       .files = files,
                       .results = *writer,
                       .progress = progress,
                       .meshes = meshes,
                       .interrupt = [&] { standard_input.interrupt(); }},
                      jobs);
  if (meshes) {
    files.check_mesh_json();  // inputs that a list named meanwhile
    meshes->finish();
  }
  if (!quiet && succeeded + failed > 1)
    say(speed_text(succeeded + failed, watch.milliseconds() / 1000, jobs));
  if (succeeded + failed == 0) say("standard input: names no image");
  if (succeeded == 0) return kExitInput;
  return failed == 0 ? kExitDone : kExitSomeFailed;
}

void add_input_flags(CLI::App& verb, DetectFlags& flags) {
  verb.add_option("inputs", flags.inputs,
                  "Image files (JPEG, PNG, BMP, PPM), folders (searched with their subfolders), "
                  "patterns in quotes\n"
                  "('x/*.png'), or - for a list of paths on standard input, one per line")
      ->type_name("PATH");
  add_model_flag(verb, flags.model,
                 "The network's weights: our .safetensors, or a public file that holds this "
                 "network (.pth, .params).\n");
  verb.add_option("--max-pixels", flags.decode.max_pixels,
                  "Images of more pixels are refused before they are decoded. Default 100000000: "
                  "larger than any\n"
                  "camera's picture, and small enough that a forged header cannot fill the memory")
      ->type_name("N")
      ->check(number_between(1, 1e12));
  verb.add_flag(
      "--no-exif", flags.no_exif,
      "Leave the picture as it is stored. By default a JPEG is turned upright by its EXIF "
      "orientation, and\n"
      "coordinates are those of the upright picture: faces that lie on their side are not found");
}

void add_detector_flags(CLI::App& verb, DetectFlags& flags) {
  verb.add_option("--score", flags.detector.score,
                  "Report faces above this probability. Default 0.5: more likely a face than not. "
                  "For a precision-\n"
                  "recall curve take 0.02")
      ->type_name("P")
      ->check(number_between(0, 1));
  verb.add_option("--nms", flags.detector.nms,
                  "Of two boxes that overlap by more (intersection / union) only the better is "
                  "kept. Default: what the\n"
                  "model file says, 0.4 in the public ones and the paper: faces in a crowd overlap "
                  "less, two boxes of\n"
                  "one face more")
      ->type_name("IOU")
      ->check(number_between(0, 1));
  verb.add_option(
          "--size", flags.detector.size,
          "How large the network sees the picture: original, long:N, short:N[:MAX], scale:F or "
          "WxH. Default original:\n"
          "shrinking loses small faces. long:640 is faster on large pictures and finds "
          "very large faces;\n"
          "`retinaface info MODEL --size RULE --image WxH` tells which face sizes remain")
      ->type_name("RULE");
  verb.add_option("--threads", flags.threads,
                  "Default: the CPUs this process may use (affinity and container quota), or "
                  "RF_THREADS. Results are\n"
                  "the same for any number")
      ->type_name("N")
      ->check(number_between(1, 1024));
  verb.add_option("--jobs", flags.jobs,
                  "Images at a time, each on one thread. Default: as many as --threads; with one "
                  "image, or 1 here, all\n"
                  "threads work on one image. Fewer need less memory; results are the same for any "
                  "number")
      ->type_name("N")
      ->check(number_between(1, 1024));
  verb.add_option("--isa", flags.isa,
                  "Instruction set: scalar, sse2, avx2, avx512, neon. Default: the best this CPU "
                  "runs, or RF_ISA. Others\n"
                  "are for comparison; results agree to about 1e-4")
      ->type_name("NAME");
}

void add_output_flags(CLI::App& verb, DetectFlags& flags) {
  CLI::Option* json =
      verb.add_flag("--json", flags.json, "Print one JSON object on stdout instead of the table");
  CLI::Option* jsonl =
      verb.add_flag("--jsonl", flags.jsonl, "Print one JSON object per image and line, at once");
  CLI::Option* csv = verb.add_flag("--csv", flags.csv, "Print CSV, one row per face");
  json->excludes(jsonl, csv);
  jsonl->excludes(csv);
  verb.add_option("--wider", flags.outputs.wider,
                  "Write DIR/<parent folder>/<name>.txt for each image, the format of the WIDER "
                  "FACE evaluation")
      ->type_name("DIR");
  verb.add_option("--draw", flags.outputs.draw,
                  "Draw the faces: into PATH if it ends in .png, .jpg, .bmp or .ppm (one input), "
                  "else into the folder\n"
                  "PATH as <name>.png, lossless so that thin lines stay sharp")
      ->type_name("PATH");
  CLI::Option* crops =
      verb.add_option("--crops", flags.outputs.crops,
                      "Cut out each face, with a quarter of its size around it, as\n"
                      "DIR/<name>_<number>.png; 1 is the best score")
          ->type_name("DIR");
  verb.add_option("--align", flags.outputs.align,
                  "With --crops: turn and scale each face so that its landmarks lie where face "
                  "recognition expects\n"
                  "them, in a square of N pixels (112 is what public recognition networks take)")
      ->type_name("N")
      ->check(number_between(16, 2048))
      ->needs(crops);
  verb.add_flag(
      "--overwrite", flags.overwrite,
      "Replace files that exist. By default they are kept, and the input counts as failed");
  verb.add_flag("-q,--quiet", flags.outputs.quiet,
                "Errors only on stderr: no progress, no notes, no paths written; no table beside "
                "--draw, --crops,\n"
                "--wider or meshes");
}

}  // namespace

void add_detect(CLI::App& app, int& exit_code, std::shared_ptr<MeshOutputs> meshes) {
  CLI::App* verb = app.add_subcommand("detect", "Find faces and their five landmarks in images");
  const auto flags = std::make_shared<DetectFlags>();
  add_input_flags(*verb, *flags);
  add_detector_flags(*verb, *flags);
  add_output_flags(*verb, *flags);
  if (meshes) meshes->add_flags(*verb, flags->outputs);
  verb->footer(
      "Examples:\n"
      "  retinaface detect photo.jpg --draw faces.png\n"
      "  retinaface detect photos/ --model mobilenet0.25_Final.pth --json > faces.json\n"
      "  find . -name '*.jpg' | retinaface detect - --jsonl\n"
      "Exit codes: 0 done, 1 some inputs failed, 2 usage, 3 no input succeeded, 4 model file, 70 a "
      "bug.");
  verb->callback([flags, meshes = std::move(meshes), &exit_code] {
    exit_code = detect(*flags, meshes.get());
  });
}

}  // namespace rf::cli
