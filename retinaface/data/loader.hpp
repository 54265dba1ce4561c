// Reads, decodes and augments the pictures of coming training steps in background threads, so that
// the network need not wait for them.
//
// What a batch holds depends on (seed, step) and the data alone, never on the threads, on timing,
// or on where a training was interrupted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retinaface/data/augment.hpp"
#include "retinaface/data/dataset.hpp"

namespace rf {

struct BatchOptions {
  std::uint64_t seed = 0;
  Index batch = 32;  // pictures per step
  // Of several processes, each makes its part of every batch, as many pictures.
  Index part = 0, parts = 1;
  std::vector<Index> sizes{640};  // of the network's picture; each step draws one
  // Probability that a sample is a mosaic: four augmented pictures of half the size, rounded up,
  // two by two, the other three drawn from all pictures alike.
  double mosaic = 0;
  AugmentOptions augment = {};
  MatchingOptions matching = {};
};

struct Batch {
  Tensor image;  // [batch / parts, 3, S, S], as the network wants it
  AnchorTargets targets;
  std::vector<PictureLabels> labels;
};

// How much memory and how many threads to spend; the batches do not depend on it.
struct LoaderOptions {
  int threads = 1;                      // at least 1; fewer are used where the system has no more
  Index ahead = 3;                      // batches prepared in advance, at least 1
  Index cached_bytes = Index{1} << 30;  // of decoded pictures, kept in memory
};

class Loader {
 public:
  // Begins at once with the batch of `first_step`. `data` must outlive the loader. Throws
  // UsageError: options without sense, a model without anchors, a system without threads.
  Loader(const Dataset& data, const ModelConfig& model, const BatchOptions& batches,
         const LoaderOptions& options, Index first_step);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader();

  // The batch of the next step; waits for it. Pictures that cannot be read are replaced by the next
  // of their source that can. Throws FileError when a whole source cannot be read; what went wrong
  // in a background thread (memory) is thrown here.
  [[nodiscard]] Batch next();

  // Seconds that next() has waited so far.
  [[nodiscard]] double waited() const;

  // Pictures that could not be read, and why.
  [[nodiscard]] std::map<std::string, std::string> unreadable() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sample i of step t is number t * batch + i of the endless sequence of epochs.
struct SamplePosition {
  Index epoch, index;  // index into epoch_order(epoch)
};
[[nodiscard]] SamplePosition sample_position(const Dataset& data, Index batch, Index step, Index i);

// Throws UsageError, naming the option, unless each makes sense. Loader does so too.
void check(const BatchOptions& options);

// The size that a step draws.
[[nodiscard]] Index step_size(const BatchOptions& options, Index step);

}  // namespace rf
