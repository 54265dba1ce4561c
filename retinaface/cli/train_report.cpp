#include "retinaface/cli/train_report.hpp"

#include <algorithm>
#include <filesystem>

#include "engine/check.hpp"

namespace rf::cli {

namespace {

constexpr std::size_t kSamples = 6, kMisses = 12;
constexpr float kShown = 0.5F;  // score from which a detection is drawn, and finds a face

}  // namespace

void TrainReport::take(const TrainingData& data, const Validation& validation) {
  samples_.clear();
  misses_.clear();
  const std::size_t every = std::max<std::size_t>(1, validation.pictures.size() / kSamples);
  for (std::size_t i = 0; i < validation.pictures.size(); ++i) {
    const ValidatedPicture& from = validation.pictures[i];
    ReportPicture picture;
    picture.caption = std::filesystem::path(from.path).filename().string();
    try {
      picture.image = read_image(from.path, {.apply_exif = false});
    } catch (const Error&) {
      continue;  // validation has said so
    }
    std::copy_if(from.found.begin(), from.found.end(), std::back_inserter(picture.found),
                 [](const Face& face) { return face.score > kShown; });
    picture.labelled = data.validation[i].labels.faces;
    keep_worst_misses(misses_, picture, kMisses);
    if (i % every == every / 2 && samples_.size() < kSamples)
      samples_.push_back(std::move(picture));
  }
}

void TrainReport::write(const std::string& status, const std::vector<std::string>& notes) const {
  ReportInput input{.title = "Training of " + options_.backbone,
                    .status = status,
                    .settings = described(options_),
                    .metrics = read_metrics(folder_ + "/metrics.csv"),
                    .validation = read_validation(folder_ + "/validation.csv"),
                    .samples = samples_,
                    .misses = misses_,
                    .notes = notes};
  write_file(folder_ + "/report.html", training_report(input), IfExists::replace);
}

}  // namespace rf::cli
