#include "retinaface/data/loader.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "engine/check.hpp"
#include "engine/parallel.hpp"
#include "retinaface/data/picture_cache.hpp"

namespace rf {

namespace {

// One batch in preparation: threads take its samples one by one.
struct Slot {
  Index step = 0, size = 0, taken = 0, done = 0;
  bool complete = false;
  Batch batch;
};

void need(bool good, const auto&... text) {
  if (!good) throw UsageError(message(text...));
}

void check(const LoaderOptions& options, Index first_step) {
  need(options.threads >= 1 && options.threads <= 1024, "loader: ", options.threads,
       " threads: a number from 1 to 1024 is needed");
  need(options.ahead >= 1 && options.ahead <= 1024, "loader: ", options.ahead,
       " batches ahead: a number from 1 to 1024 is needed");
  need(options.cached_bytes >= 0, "loader: a cache of ", options.cached_bytes, " bytes");
  need(first_step >= 0, "loader: step ", first_step, ": a number from 0 is needed");
}

}  // namespace

void check(const BatchOptions& options) {
  need(options.batch >= 1 && options.batch <= 4096, "batch ", options.batch,
       ": a number from 1 to 4096 is needed");
  need(options.parts >= 1 && options.part >= 0 && options.part < options.parts, "part ",
       options.part, " of ", options.parts, " of a batch: there is none");
  need(options.batch % options.parts == 0, "batch ", options.batch, ": ", options.parts,
       " processes cannot share it: a multiple of their number is needed");
  need(!options.sizes.empty(), "size: none given");
  for (const Index size : options.sizes)
    need(size >= 32 && size <= 4096, "size ", size, ": a number from 32 to 4096 is needed");
  const AugmentOptions& a = options.augment;
  need(a.crop_min > 0 && a.crop_min <= a.crop_max && a.crop_max <= 8, "crop ", a.crop_min, " to ",
       a.crop_max, ": 0 < smallest <= largest <= 8 is needed");
  need(a.mirror >= 0 && a.mirror <= 1, "mirror ", a.mirror, ": a probability is needed");
  need(options.mosaic >= 0 && options.mosaic <= 1, "mosaic ", options.mosaic,
       ": a probability is needed");
  need(a.min_face >= 0 && a.min_face <= 4096, "min-face ", a.min_face, ": 0 to 4096 is needed");
}

SamplePosition sample_position(const Dataset& data, Index batch, Index step, Index i) {
  const Index number = step * batch + i;
  return {number / data.epoch_size(), number % data.epoch_size()};
}

Index step_size(const BatchOptions& options, Index step) {
  // Not an augmentation of any item: item 2^32 - 2 of the step, which no source has (dataset.cpp).
  Random random(options.seed, RandomPurpose::sample, static_cast<std::uint32_t>(step), 0xFFFFFFFE);
  return options.sizes[random.below(static_cast<std::uint32_t>(options.sizes.size()))];
}

struct Loader::State {
  State(const Dataset& d, const ModelConfig& m, const BatchOptions& b, const LoaderOptions& o)
      : data(d),
        model(m),
        batches(b),
        options(o),
        own(b.batch / b.parts),
        cache(d, o.cached_bytes) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  const Dataset& data;
  const ModelConfig model;
  const BatchOptions batches;
  const LoaderOptions options;
  const Index own;  // pictures of a batch that are made here
  PictureCache cache;

  mutable std::mutex mutex;
  std::condition_variable work, ready;
  std::deque<std::shared_ptr<Slot>> slots;     // batches from the next one on, begun or finished
  Index next_step = 0;                         // the first that has no slot yet
  std::map<Index, std::vector<Index>> orders;  // of the epochs that slots need
  std::exception_ptr failure;
  bool stopping = false;
  double waited = 0;
  std::vector<std::thread> threads;

  // The picture of a place in an epoch. Called with the lock held.
  Index picture_at(const SamplePosition& at) {
    auto found = orders.find(at.epoch);
    if (found == orders.end()) {
      while (orders.size() > 2) orders.erase(orders.begin());
      found = orders.emplace(at.epoch, data.epoch_order(batches.seed, at.epoch)).first;
    }
    return found->second[static_cast<std::size_t>(at.index)];
  }

  // The picture, or the next of its source that can be read.
  std::pair<Index, std::shared_ptr<const Image>> readable(Index picture) {
    for (Index at = picture;;) {
      try {
        return {at, cache.get(at)};
      } catch (const Error& error) {
        at = data.next_in_source(at);
        if (at == picture)
          throw FileError(
              message("no picture of a whole source can be read; the last: ", error.what()));
      }
    }
  }

  PictureLabels one_picture(Index picture, Index size, Random& random, const Planes& out) {
    const auto [readable_picture, image] = readable(picture);
    return augment(*image, data[readable_picture].labels, size, batches.augment, model.input,
                   random, out);
  }

  void make_sample(Slot& slot, Index i, const SamplePosition& at, Index picture) {
    Random random(batches.seed, RandomPurpose::augment, static_cast<std::uint32_t>(at.epoch),
                  static_cast<std::uint32_t>(at.index));
    const Index size = slot.size;
    const Planes planes{slot.batch.image.data<float>() + i * 3 * size * size, size, size * size};
    PictureLabels& labels = slot.batch.labels[static_cast<std::size_t>(i)];
    if (batches.augment.whole || static_cast<double>(random.uniform()) >= batches.mosaic) {
      labels = one_picture(picture, size, random, planes);
      return;
    }
    // Of an odd size the middle row and column belong to two tiles; the later one paints them.
    const Index half = size / 2, side = size - half;
    for (Index tile = 0; tile < 4; ++tile) {
      const Index x = tile % 2 * half, y = tile / 2 * half;
      const Planes part{planes.data + y * size + x, size, size * size};
      const Index shown =
          tile == 0 ? picture
                    : static_cast<Index>(random.below(static_cast<std::uint32_t>(data.pictures())));
      const PictureLabels found = one_picture(shown, side, random, part);
      const auto dx = static_cast<float>(x), dy = static_cast<float>(y);
      for (LabelledFace face : found.faces) {
        face.box = {face.box.x1 + dx, face.box.y1 + dy, face.box.x2 + dx, face.box.y2 + dy};
        if (face.landmarks) {
          for (Point& point : *face.landmarks) point = {point.x + dx, point.y + dy};
        }
        labels.faces.push_back(face);
      }
      for (const Box& box : found.ignored)
        labels.ignored.push_back({box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy});
    }
  }

  // A slot with a sample that nobody has taken, if there may be one. Called with the lock held.
  std::shared_ptr<Slot> slot_with_work() {
    for (const auto& slot : slots) {
      if (slot->taken < own) return slot;
    }
    if (static_cast<Index>(slots.size()) >= options.ahead) return nullptr;
    auto slot = std::make_shared<Slot>();
    slot->step = next_step++;
    slot->size = step_size(batches, slot->step);
    slot->batch.image = Tensor::empty({own, 3, slot->size, slot->size});
    slot->batch.labels.resize(static_cast<std::size_t>(own));
    slots.push_back(slot);
    return slot;
  }

  void serve() {
    const SerialScope serial;
    std::unique_lock lock(mutex);
    try {
      for (;;) {
        std::shared_ptr<Slot> slot;
        work.wait(lock, [&] { return stopping || (slot = slot_with_work()); });
        if (stopping) return;
        const Index i = slot->taken++;
        const SamplePosition at =
            sample_position(data, batches.batch, slot->step, batches.part * own + i);
        const Index picture = picture_at(at);
        lock.unlock();
        make_sample(*slot, i, at, picture);
        lock.lock();
        if (++slot->done < own) continue;
        lock.unlock();
        slot->batch.targets = make_targets(AnchorGrid(model.anchors, slot->size, slot->size),
                                           slot->batch.labels, model.coding, batches.matching);
        lock.lock();
        slot->complete = true;
        ready.notify_all();
      }
    } catch (...) {
      if (!lock.owns_lock()) lock.lock();
      if (!failure) failure = std::current_exception();
      stopping = true;
      work.notify_all();
      ready.notify_all();
    }
  }
};

Loader::Loader(const Dataset& data, const ModelConfig& model, const BatchOptions& batches,
               const LoaderOptions& options, Index first_step) {
  check(batches);
  if (model.anchors.empty()) throw UsageError("loader: the model has no anchors");
  check(options, first_step);
  state_ = std::make_unique<State>(data, model, batches, options);
  state_->next_step = first_step;
  std::vector<std::thread>& threads = state_->threads;
  threads.reserve(static_cast<std::size_t>(options.threads));
  try {
    while (static_cast<int>(threads.size()) < options.threads)
      threads.emplace_back([state = state_.get()] { state->serve(); });
  } catch (const std::system_error&) {
    // The system has no more threads for us: those that we have do the work.
    need(!threads.empty(), "loader: the system has no thread to prepare pictures with");
  }
}

Loader::~Loader() = default;

Batch Loader::next() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(state_->mutex);
  state_->ready.wait(lock, [&] {
    return state_->failure || (!state_->slots.empty() && state_->slots.front()->complete);
  });
  if (state_->failure) std::rethrow_exception(state_->failure);
  Batch batch = std::move(state_->slots.front()->batch);
  state_->slots.pop_front();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  state_->waited += passed.count();
  lock.unlock();
  state_->work.notify_all();
  return batch;
}

double Loader::waited() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waited;
}

std::map<std::string, std::string> Loader::unreadable() const { return state_->cache.errors(); }

}  // namespace rf
