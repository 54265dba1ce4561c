#include "retinaface/cli/eval_pictures.hpp"

#include <memory>
#include <utility>

#include "engine/check.hpp"
#include "retinaface/cli/picture_file.hpp"
#include "retinaface/cli/progress.hpp"
#include "retinaface/cli/results.hpp"
#include "retinaface/cli/side_by_side.hpp"
#include "retinaface/cli/stopwatch.hpp"
#include "retinaface/cli/terminal.hpp"

namespace rf::cli {

namespace {

constexpr DecodeOptions kAsStored{.apply_exif = false};

struct Picture {
  Index bytes = 0;
  std::size_t index = 0;
  PictureFile file;
  std::optional<std::vector<Face>> faces;
  StageTimes times;
  std::string error;  // not empty: it cannot be decoded
};

}  // namespace

void detect_pictures(const EvalPictures& pictures, const RunFlags& flags, DetectorRun& run) {
  run.images = static_cast<Index>(pictures.paths.size());
  run.jobs = job_count(flags.jobs, run.images);
  const Stopwatch watch;
  double network = 0;
  Progress progress(pictures.label, run.images, !flags.quiet);
  const auto next = [&, index = std::size_t{0}]() mutable -> std::unique_ptr<Picture> {
    if (index == pictures.paths.size()) return nullptr;
    auto picture = std::make_unique<Picture>();
    picture->index = index++;
    try {
      picture->file = open_picture(pictures.paths[picture->index], kAsStored);
      picture->bytes = picture_memory(picture->file, pictures.canvas(picture->file.stored_size()));
    } catch (const FormatError& error) {
      picture->error = error.what();
    }
    return picture;
  };
  const auto detect = [&](Picture& picture) {
    if (!picture.error.empty()) return;
    try {
      Image image = picture.file.decode(kAsStored);
      picture.file = {};
      picture.faces = pictures.detect(std::move(image), picture.times);
      require_finite(*picture.faces);
    } catch (const FormatError& error) {
      picture.error = error.what();
    }
    picture.bytes = 0;
  };
  const auto collect = [&](Picture& picture) {
    if (!picture.error.empty()) {
      say(picture.error);
      ++run.failed;
    }
    network += picture.times.network;
    pictures.collect(picture.index, picture.faces);
    progress.step(static_cast<Index>(picture.index + 1));
  };
  SideBySide<Picture>(run.jobs, run.jobs * kMemoryPerJob, next,
                      {{.in_order = false, .run = detect}, {.in_order = true, .run = collect}})
      .run();
  if (run.failed == run.images) {
    throw FormatError(
        message(pictures.folder, ": not one of ", run.failed, " images could be decoded"));
  }
  end_run(run, watch.milliseconds(), network);
}

}  // namespace rf::cli
