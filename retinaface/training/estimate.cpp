#include "retinaface/training/estimate.hpp"

#include <algorithm>
#include <chrono>

#include "engine/parallel.hpp"
#include "engine/storage.hpp"
#include "retinaface/training/learner.hpp"

namespace rf {

namespace {

// Grey noise with faces of three sizes: the values do not matter for time, but anchors must match.
Batch made_up_batch(const ModelConfig& config, const TrainingOptions& options, Index count,
                    Index size) {
  Batch batch;
  batch.image = Tensor::empty({count, 3, size, size});
  Random random(options.seed, RandomPurpose::test);
  for (float& value : batch.image.span<float>()) value = random.uniform(-100, 100);
  PictureLabels labels;
  for (const float side : {16.0F, 32.0F, 100.0F})
    labels.faces.push_back({{side, side, 2 * side, 2 * side}, {}});
  batch.labels.assign(static_cast<std::size_t>(count), labels);
  batch.targets = make_targets(AnchorGrid(config.anchors, size, size), batch.labels, config.coding,
                               batch_options(options).matching);
  return batch;
}

// The faster of two steps: the first one also maps memory.
double seconds_per_step(Learner& learner, const Batch& batch) {
  double least = 0;
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)learner.step(batch, 0);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    least = i == 0 ? passed.count() : std::min(least, passed.count());
  }
  return least;
}

}  // namespace

TrainingEstimate estimate_training(const TrainingOptions& options, const RunOptions& run) {
  check(options);
  const TrainingData data = read_training_data(options);
  Learner learner(options, run.recompute);
  TrainingEstimate estimate;
  estimate.steps = step_count(options, data.train);
  estimate.pictures = data.train.pictures();
  estimate.parameters = learner.parameter_count();

  std::vector<Index> sizes = options.sizes;
  std::sort(sizes.rbegin(), sizes.rend());
  const Index few = std::min<Index>(options.batch, std::max(2, thread_count()));
  const auto seconds_of = [&](Index count, Index size) {
    return seconds_per_step(learner, made_up_batch(learner.config(), options, count, size));
  };
  // The most used so far only rises, hence the largest size first, and of it one picture.
  // (Of a map of one pixel batch norm needs two.)
  const Index coarsest = learner.config().anchors.back().stride;
  (void)seconds_of(sizes.front() > coarsest ? 1 : few, sizes.front());
  const std::size_t of_one = most_storage_used();
  std::size_t of_few = of_one;
  for (const Index size : sizes) {
    estimate.seconds_per_picture += seconds_of(few, size) / static_cast<double>(few);
    if (size == sizes.front()) of_few = most_storage_used();
  }
  estimate.seconds_per_picture /= static_cast<double>(sizes.size());
  const double per_picture =
      few > 1 ? static_cast<double>(of_few - of_one) / static_cast<double>(few - 1) : 0;
  estimate.network_bytes = static_cast<Index>(static_cast<double>(of_one) +
                                              per_picture * static_cast<double>(options.batch - 1));
  // Per anchor a label, four and ten numbers, and whether there are landmarks.
  constexpr Index kTargetBytes = 8 + 4 * 4 + 10 * 4 + 8;
  const Index size = sizes.front();
  const Index anchors = AnchorGrid(learner.config().anchors, size, size).count();
  estimate.batch_bytes =
      run.loader.ahead * options.batch * (3 * size * size * 4 + anchors * kTargetBytes);
  estimate.cache_bytes = run.loader.cached_bytes;
  return estimate;
}

}  // namespace rf
