#include "retinaface/cli/eval_dense_parts.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "engine/check.hpp"
#include "engine/image.hpp"
#include "retinaface/cli/picture_file.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "retinaface/cli/terminal.hpp"
#include "retinaface/data/source.hpp"
#include "retinaface/dense/recognised.hpp"
#include "retinaface/training/decoder_learner.hpp"

namespace rf::cli {

namespace {

namespace fs = std::filesystem;

constexpr DecodeOptions kAsStored{.apply_exif = false};

constexpr Index kSyntheticSide = 320;  // as training has it by default

// Pictures, several of them side by side.
struct Pass {
  std::string label;  // of the progress bar
  const std::vector<std::string>& paths;
  // On several threads. What it finds it keeps under the index.
  std::function<void(std::size_t index, const Image& picture, StageTimes& times)> work;
};

struct Passed {
  int jobs = 1;
  Index failed = 0;    // could not be decoded
  double network = 0;  // milliseconds
};

struct Item {
  Index bytes = 0;
  std::size_t index = 0;
  PictureFile file;
  StageTimes times;
  std::string error;
};

// Throws FormatError when no picture can be decoded, and what `work` throws.
Passed run_pass(const Pass& pass, const DenseMeasurement& how) {
  const auto count = static_cast<Index>(pass.paths.size());
  const int jobs = job_count(how.flags.jobs, count);
  Passed passed{.jobs = jobs};
  Progress progress(pass.label, count, !how.flags.quiet);
  const auto next = [&, index = std::size_t{0}]() mutable -> std::unique_ptr<Item> {
    if (index == pass.paths.size()) return nullptr;
    auto item = std::make_unique<Item>();
    item->index = index++;
    try {
      item->file = open_picture(pass.paths[item->index], kAsStored);
      item->bytes =
          picture_memory(item->file, how.detector.size_rule().canvas(item->file.stored_size()));
    } catch (const FormatError& error) {
      item->error = error.what();
    }
    return item;
  };
  const auto work = [&](Item& item) {
    if (!item.error.empty()) return;
    try {
      const Image picture = item.file.decode(kAsStored);
      item.file = {};
      pass.work(item.index, picture, item.times);
    } catch (const FormatError& error) {
      item.error = error.what();
    }
    item.bytes = 0;
  };
  const auto collect = [&](Item& item) {
    if (!item.error.empty()) {
      say(item.error);
      ++passed.failed;
    }
    passed.network += item.times.network;
    progress.step(static_cast<Index>(item.index + 1));
  };
  SideBySide<Item>(jobs, jobs * kMemoryPerJob, next,
                   {{.in_order = false, .run = work}, {.in_order = true, .run = collect}})
      .run();
  if (passed.failed == count)
    throw FormatError(message(pass.label, ": not one of ", count, " images could be decoded"));
  return passed;
}

void note(const Passed& passed, std::size_t pictures, DetectorRun& run, double& network) {
  run.images += static_cast<Index>(pictures);
  run.failed += passed.failed;
  run.jobs = std::max(run.jobs, passed.jobs);
  network += passed.network;
}

FaceColumns detect(const Pipeline& detector, const Image& picture, StageTimes& times) {
  FaceColumns found = detector.detect_columns(picture, &times);
  require_finite(found.faces);
  return found;
}

void note_problems(const Labels& labels, bool quiet) {
  if (labels.problems.empty() || quiet) return;
  const LabelProblem& first = labels.problems.front();
  say(message("note: ", labels.problems.size(), " lines cannot be right, the first is ", first.file,
              ":", first.line, ": ", first.text));
}

// Of each picture, the faces whose numbers (counted over all pictures) are `kept`.
std::vector<FaceColumns> kept_faces(const std::vector<FaceColumns>& found,
                                    const std::vector<Index>& kept) {
  std::vector<FaceColumns> faces;
  std::size_t next = 0;
  Index number = 0;
  for (const FaceColumns& picture : found) {
    std::vector<Index> rows;
    for (Index row = 0; row < static_cast<Index>(picture.faces.size()); ++row, ++number) {
      if (next == kept.size() || kept[next] != number) continue;
      rows.push_back(row);
      ++next;
    }
    faces.push_back(rows.empty() ? FaceColumns{} : chosen(picture, rows));
  }
  return faces;
}

}  // namespace

DenseLabels read_dense_labels(const DenseFlags& flags) {
  DenseLabels labels;
  if (!flags.landmarks.empty()) {
    labels.landmark_file = (fs::path(flags.landmarks) / "landmarks68_3d.txt").string();
    labels.landmarks = read_landmarks68(labels.landmark_file);
    for (const Landmarks68& face : labels.landmarks)
      labels.landmark_paths.push_back((fs::path(flags.landmarks) / face.path).string());
    require_files(labels.landmark_paths, "");
  }
  if (!flags.pixels.empty()) {
    const DataSource source = find_data(flags.pixels);
    Labels read = read_labels(source.label_file, source.ignore_file);
    note_problems(read, flags.quiet);
    labels.pixel_file = source.label_file;
    labels.pictures = std::move(read.pictures);
    for (const LabelledPicture& picture : labels.pictures)
      labels.picture_paths.push_back((fs::path(source.picture_folder) / picture.path).string());
    require_files(labels.picture_paths, "");
  }
  return labels;
}

void measure_landmarks(const DenseMeasurement& how, DenseReport& report, double& network) {
  const std::vector<Landmarks68>& faces = how.labels.landmarks;
  DenseLandmarkPart& part = report.landmarks.emplace();
  part.labels = how.labels.landmark_file;
  for (const Landmarks68& face : faces) part.results.push_back({.yaw = face.yaw, .errors = {}});
  const auto work = [&](std::size_t index, const Image& picture, StageTimes& times) {
    part.results[index].errors =
        landmark_errors(how.branch, picture, detect(how.detector, picture, times), faces[index]);
  };
  const Passed passed = run_pass(
      {.label = "eval dense: landmarks", .paths = how.labels.landmark_paths, .work = work}, how);
  note(passed, faces.size(), report.run, network);
}

void measure_pixels(const DenseMeasurement& how, DenseReport& report, double& network) {
  const std::vector<std::string>& paths = how.labels.picture_paths;
  DensePixelPart& part = report.pixels.emplace();
  part.labels = how.labels.pixel_file;
  part.options = how.flags.pixel_options;
  part.pictures = static_cast<Index>(paths.size());
  std::vector<FaceColumns> found(paths.size());
  const auto find = [&](std::size_t index, const Image& picture, StageTimes& times) {
    const FaceColumns all = detect(how.detector, picture, times);
    const std::vector<Index> rows =
        measured_faces(all, how.labels.pictures[index].labels.faces, part.options.smallest);
    if (!rows.empty()) found[index] = chosen(all, rows);
  };
  const Passed passed =
      run_pass({.label = "eval dense: find faces", .paths = paths, .work = find}, how);
  note(passed, paths.size(), report.run, network);
  for (const FaceColumns& picture : found) part.faces += static_cast<Index>(picture.faces.size());
  if (part.faces == 0) {
    throw FormatError(message(part.labels, ": no labelled face of ", part.options.smallest,
                              " pixels was found in ", paths.size(), " pictures"));
  }

  // Each picture is decoded a second time, so that memory does not grow with the faces.
  const std::vector<FaceColumns> kept =
      kept_faces(found, spread_evenly(part.faces, how.flags.most));
  std::vector<std::string> with_faces;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i].faces.empty()) continue;
    with_faces.push_back(paths[i]);
    which.push_back(i);
  }
  const DensePixels pixels(how.branch, part.options);
  std::vector<std::vector<std::optional<DensePixelErrors>>> errors(which.size());
  const auto fit = [&](std::size_t index, const Image& picture, StageTimes&) {
    errors[index] = pixels(picture, kept[which[index]]);
  };
  (void)run_pass({.label = "eval dense: fit", .paths = with_faces, .work = fit}, how);
  for (const auto& picture : errors) {
    for (const auto& face : picture) {
      if (face) part.results.push_back(*face);
    }
  }
}

void measure_synthetic(const DenseMeasurement& how, DenseReport& report) {
  const DenseFlags& flags = how.flags;
  const FaceModel faces = face_model_of(flags.face_model);
  const DenseModel& model = how.branch.model();
  if (!may_have_learned(model, faces)) {
    throw UsageError(message(flags.dense,
                             ": did not learn this face model; --face-model names the folder of "
                             "the one that it learned, without it a procedural head is meant"));
  }
  const SyntheticPictures pictures(faces, backgrounds_of(flags.backgrounds),
                                   held_out_options(kSyntheticSide));
  DenseSyntheticPart& part = report.synthetic.emplace();
  part.face_model = flags.face_model.empty() ? "procedural head" : flags.face_model;
  part.backgrounds = flags.backgrounds.empty() ? "patterns" : flags.backgrounds;
  part.pictures = flags.synthetic;
  part.recovery =
      measure_recovery(how.branch, how.detector, pictures, kFirstHeldOut, flags.synthetic);
  report.run.images += flags.synthetic;
}

}  // namespace rf::cli
