#include "retinaface/plan_cache.hpp"

#include <algorithm>
#include <list>
#include <mutex>
#include <utility>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "autograd/trace.hpp"
#include "engine/check.hpp"
#include "engine/kernels/table.hpp"

namespace rf {

namespace {

struct Entry {
  Shape image;
  const KernelTable* table;
  std::shared_ptr<const Plan> plan;
};

Graph trace(const RetinaFace& network, const Shape& image, PlanOutputs wanted,
            const std::vector<FeatureMap>& maps) {
  const ShapesOnlyScope shapes_only;
  const ag::NoGradScope no_grad;
  const Var input(Tensor::empty(image));
  const ag::TraceScope scope({input});
  const RetinaFace::Stages stages = network.forward_stages(input);
  const HeadOutputs& heads = stages.heads;
  std::vector<Var> outputs{ag::softmax(heads.cls, 2), heads.box, heads.landmark};
  if (wanted == PlanOutputs::heads_and_context)
    outputs.insert(outputs.end(), stages.context.begin(), stages.context.end());
  for (const FeatureMap& map : maps) outputs.push_back(map_of(stages, map));
  return scope.graph(outputs);
}

}  // namespace

// A workspace, the plan that it fits, and what its last run gave.
struct PlanCache::Desk {
  std::shared_ptr<const Plan> plan;
  Plan::Workspace workspace;
  std::vector<Tensor> outputs = {};
};

struct PlanCache::State {
  std::mutex mutex;
  std::list<Entry> entries;    // the last used first
  std::unique_ptr<Desk> idle;  // one at most: that of a large picture is large

  // The plan, the last used from now on; null if there is none. Called with the lock held.
  std::shared_ptr<const Plan> find(const Shape& image, const KernelTable& table) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
      return entry.image == image && entry.table == &table;
    });
    if (found == entries.end()) return nullptr;
    entries.splice(entries.begin(), entries, found);
    return found->plan;
  }
};

PlanCache::PlanCache(const RetinaFace& network, PlanOutputs outputs, std::vector<FeatureMap> maps)
    : network_(network),
      outputs_(outputs),
      maps_(std::move(maps)),
      state_(std::make_shared<State>()) {}

std::shared_ptr<const Plan> PlanCache::plan(const Shape& image) {
  RF_CHECK_SHAPE(image.rank() == 4 && image[0] == 1 && image[1] == 3, "network",
                 "one picture [1, 3, H, W] at a time, got ", image);
  const KernelTable& table = kernels();
  {
    const std::lock_guard lock(state_->mutex);
    if (std::shared_ptr<const Plan> plan = state_->find(image, table)) return plan;
  }
  // Without the lock: it takes as long as half a picture, and others have plans to follow.
  auto made = std::make_shared<const Plan>(trace(network_, image, outputs_, maps_));
  const std::lock_guard lock(state_->mutex);
  if (std::shared_ptr<const Plan> plan = state_->find(image, table)) return plan;
  state_->entries.push_front({image, &table, made});
  if (state_->entries.size() > kPlans) state_->entries.pop_back();
  return made;
}

NetworkOutputs PlanCache::run(const Tensor& image) {
  std::unique_ptr<Desk> desk = this->desk(image.shape());
  desk->plan->run({image}, desk->workspace, desk->outputs);
  return leased(std::move(desk));
}

NetworkOutputs PlanCache::run(const PictureInput& picture, const Shape& image) {
  std::unique_ptr<Desk> desk = this->desk(image);
  desk->plan->run(picture, desk->workspace, desk->outputs);
  return leased(std::move(desk));
}

// One for this shape, the idle one if it fits.
std::unique_ptr<PlanCache::Desk> PlanCache::desk(const Shape& image) {
  const std::shared_ptr<const Plan> plan = this->plan(image);
  std::unique_ptr<Desk> desk;
  {
    const std::lock_guard lock(state_->mutex);
    const bool fits = state_->idle && state_->idle->plan == plan &&
                      state_->idle->workspace.threads() >= thread_count();
    desk = std::move(state_->idle);
    if (!fits) desk.reset();
  }
  if (!desk) desk = std::make_unique<Desk>(Desk{plan, Plan::Workspace(*plan)});
  return desk;
}

// Its outputs; the desk is idle again when nobody needs them.
NetworkOutputs PlanCache::leased(std::unique_ptr<Desk> desk) const {
  const std::vector<Tensor>& outputs = desk->outputs;
  const auto rows = [](const Tensor& t) { return t.reshaped({t.shape()[1], t.shape()[2]}); };
  NetworkOutputs result{.score = rows(outputs[0]),
                        .box = rows(outputs[1]),
                        .landmark = rows(outputs[2]),
                        .context = {},
                        .maps = {},
                        .lease = nullptr};
  const std::size_t first_map = outputs.size() - maps_.size();
  for (std::size_t i = 3; i < outputs.size(); ++i) {
    const Shape& s = outputs[i].shape();
    (i < first_map ? result.context : result.maps)
        .push_back(outputs[i].reshaped({s[1], s[2], s[3]}));
  }
  result.lease = std::shared_ptr<void>(desk.release(), [state = state_](Desk* returned) {
    std::unique_ptr<Desk> owned(returned);
    const std::lock_guard lock(state->mutex);
    owned.swap(state->idle);
  });
  return result;
}

}  // namespace rf
