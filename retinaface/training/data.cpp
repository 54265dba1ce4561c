#include "retinaface/training/data.hpp"

#include <iterator>
#include <utility>

#include "engine/check.hpp"
#include "engine/file.hpp"
#include "retinaface/data/source.hpp"
#include "weights/sha256.hpp"

namespace rf {

namespace {

constexpr Index kMaxLabelBytes = Index{1} << 30;

using Pictures = std::vector<TrainingPicture>;

class Reader {
 public:
  Pictures read(const DataSource& source) {
    const std::string labels_text = text(source.label_file);
    const std::string ignored_text = source.ignore_file.empty() ? "" : text(source.ignore_file);
    const Labels labels =
        parse_labels({source.label_file, labels_text}, {source.ignore_file, ignored_text});
    problems.insert(problems.end(), labels.problems.begin(), labels.problems.end());
    Pictures pictures;
    for (const LabelledPicture& picture : labels.pictures)
      pictures.push_back({source.picture_folder + "/" + picture.path, picture.labels});
    return pictures;
  }
  std::string sha256() { return sha_.hex(); }

  std::vector<LabelProblem> problems;

 private:
  // The content of a file, which goes into the hash.
  std::string text(const std::string& path) {
    const std::vector<std::byte> bytes = read_file(path, kMaxLabelBytes);
    sha_.update(bytes);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  Sha256 sha_;
};

// Takes `count` pictures out, spread evenly.
Pictures take_evenly(Pictures& pictures, Index count) {
  const auto all = static_cast<Index>(pictures.size());
  Pictures taken, rest;
  Index next = 0;
  for (Index i = 0; i < all; ++i) {
    const bool chosen = next < count && i == (2 * next + 1) * all / (2 * count);
    next += chosen;
    (chosen ? taken : rest).push_back(std::move(pictures[static_cast<std::size_t>(i)]));
  }
  pictures = std::move(rest);
  return taken;
}

}  // namespace

TrainingData read_training_data(const TrainingOptions& options) {
  Reader reader;
  std::vector<PictureSource> sources;
  for (const std::string& flag : options.data) {
    const DataSource source = parse_data_flag(flag);
    sources.push_back({reader.read(source), source.weight});
  }
  RF_ASSERT(!sources.empty());
  Pictures& first = sources.front().pictures;
  Pictures validation;
  if (options.overfit > 0) {
    std::erase_if(first, [](const TrainingPicture& p) { return p.labels.faces.empty(); });
    if (options.overfit > static_cast<Index>(first.size()))
      throw UsageError(message("--overfit ", options.overfit, ": ", options.data.front(), " has ",
                               first.size(), " pictures with faces"));
    validation = take_evenly(first, options.overfit);
    sources = {{validation, 1}};
  } else if (!options.validation.empty()) {
    validation = reader.read(find_data(options.validation));
  } else if (options.holdout > 0) {
    if (options.holdout >= static_cast<Index>(first.size()))
      throw UsageError(message("--holdout ", options.holdout, ": ", options.data.front(), " has ",
                               first.size(), " pictures, and some must be left to learn from"));
    validation = take_evenly(first, options.holdout);
  }
  std::string sha256 = reader.sha256();
  return {Dataset(std::move(sources)), std::move(validation), std::move(reader.problems),
          std::move(sha256)};
}

LabelledPictures read_labelled_pictures(const std::vector<std::string>& folders) {
  Reader reader;
  LabelledPictures all;
  for (const std::string& flag : folders) {
    Pictures pictures = reader.read(parse_data_flag(flag));
    all.pictures.insert(all.pictures.end(), std::make_move_iterator(pictures.begin()),
                        std::make_move_iterator(pictures.end()));
  }
  all.sha256 = reader.sha256();
  return all;
}

}  // namespace rf
