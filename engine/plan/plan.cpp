#include "engine/plan/plan.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "engine/check.hpp"
#include "engine/kernels/args.hpp"
#include "engine/picture_tensor.hpp"
#include "engine/plan/conv_chain.hpp"
#include "engine/plan/conv_layer.hpp"
#include "engine/plan/conv_parts.hpp"
#include "engine/plan/conv_steps.hpp"
#include "engine/plan/memory.hpp"
#include "engine/plan/passes.hpp"
#include "engine/plan/steps.hpp"

namespace rf {

namespace {

constexpr Index kFloat = static_cast<Index>(sizeof(float));

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool is_convolution(const Graph::Node& node) {
  return node.op == "conv2d" || node.op == "conv2d_parts" || node.op == "conv2d_chain" ||
         node.op == "deform_conv2d";
}

// Of a concatenation: how many rows each part is cut into.
Index outer_rows(const Shape& shape, int axis) {
  Index rows = 1;
  for (int i = 0; i < axis; ++i) rows *= shape[i];
  return rows;
}

// The input, one of the node's, in whose memory its step may make the output: of which it reads
// each element before it writes there, and none again. -1: none.
Index overwritable_input(const Graph::Node& node) {
  if (node.op == "conv2d" && node.inputs.size() == 4) return node.inputs[3];  // the residual
  if (node.op == "add_upsampled") return node.inputs[0];
  return -1;
}

}  // namespace

Plan::Plan(const Graph& graph)
    : graph_(drop_unused(chain_convolutions(add_channels_last(merge_convolutions(fuse_upsampling(
          fuse_activation(fuse_residual(fold_batch_norm(drop_unused(graph)))))))))) {
  for (const Graph::Node& node : graph_.nodes) {
    const DType dtype = graph_.values[at(node.output)].dtype;
    if (dtype != DType::f32)
      throw UsageError(message("plan: ", node.op, " in ", dtype, "; plans compute in f32"));
  }
  reads_picture_ = reads_picture(graph_);
  find_places();
  place_values();
  for (const PlanStep& step : steps_) scratch_bytes_ = std::max(scratch_bytes_, step.scratch_bytes);
}

// Parts of a concatenation that lie one after the other are made where they belong, a reshape is
// another name, and a sum is made in the term that nobody reads after it: from the last node back,
// so that the whole has its place before its parts.
void Plan::find_places() {
  places_.resize(graph_.values.size());
  std::vector<bool> made(graph_.values.size(), false), of_others(graph_.values.size(), false);
  for (const Graph::Node& node : graph_.nodes) {
    made[at(node.output)] = true;
    of_others[at(node.output)] = node.op == "concat" || node.op == "reshape";
  }
  for (const Index output : graph_.outputs) {
    if (!made[at(output)])
      throw UsageError("plan: an output that is an input or a constant, which no step makes");
  }
  const auto put = [&](Index value, Index whole, Index offset) {
    if (!made[at(value)] || places_[at(value)].root >= 0) return false;
    const Place& place = places_[at(whole)];
    places_[at(value)] = {place.root, place.offset + offset};
    return true;
  };
  std::vector<Index> readers(graph_.values.size(), 0);
  std::vector<std::size_t> last_reader(graph_.values.size(), 0);
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    for (const Index input : graph_.nodes[n].inputs) {
      ++readers[at(input)];
      last_reader[at(input)] = n;
    }
  }
  for (const Index output : graph_.outputs) last_reader[at(output)] = graph_.nodes.size();
  const auto add_step = [&](std::vector<PlanStep>& to, const Graph::Node& node) {
    to.push_back(make_step(graph_, node));
    // Steps of convolutions have the weights that they read, transformed as a kernel wants them.
    if (!is_convolution(node)) return;
    for (std::size_t i = weight_input(node); i < node.inputs.size(); ++i) {
      if (--readers[at(node.inputs[i])] == 0) graph_.values[at(node.inputs[i])].constant = Tensor();
    }
  };
  std::vector<std::vector<PlanStep>> steps(graph_.nodes.size());
  for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
    const Graph::Node& node = graph_.nodes[n];
    if (node.op == "conv2d_parts") {  // made part by part
      add_step(steps[n], node);
      continue;
    }
    Place& place = places_[at(node.output)];
    if (place.root < 0) place.root = node.output;
    if (node.op == "part") continue;
    const bool concat = node.op == "concat";
    if (!concat && node.op != "reshape") {
      const Index term = overwritable_input(node);
      const auto numel = [&](Index value) { return graph_.values[at(value)].shape.numel(); };
      // Not where the term is made of others, which may be read later under their own names.
      if (term >= 0 && !of_others[at(term)] && last_reader[at(term)] == n &&
          numel(place.root) == numel(node.output) &&
          std::count(node.inputs.begin(), node.inputs.end(), term) == 1) {
        put(term, node.output, 0);
      }
      add_step(steps[n], node);
      continue;
    }
    const Index outer = concat ? outer_rows(graph_.values[at(node.output)].shape,
                                            static_cast<int>(node.attributes.at("axis")))
                               : 1;
    Index offset = 0;
    for (const Index part : node.inputs) {
      const Index count = graph_.values[at(part)].shape.numel();
      if (outer != 1 || !put(part, node.output, offset))
        steps[n].push_back(copy_step(graph_, node, part, outer, offset));
      offset += outer > 0 ? count / outer : 0;
    }
  }
  for (std::vector<PlanStep>& of_node : steps) {
    for (PlanStep& step : of_node) steps_.push_back(std::move(step));
  }
}

void Plan::place_values() {
  const auto end = static_cast<Index>(graph_.nodes.size());
  std::vector<Lifetime> lifetimes(graph_.values.size(), {.bytes = 0, .first = end, .last = -1});
  const auto alive = [&](Index value, Index step) {
    const Index root = places_[at(value)].root;
    if (root < 0) return;  // an input or a constant
    Lifetime& life = lifetimes[at(root)];
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  };
  for (Index n = 0; n < end; ++n) {
    const Graph::Node& node = graph_.nodes[at(n)];
    alive(node.output, n);
    for (const auto& [part, channels] : part_outputs(graph_, node)) alive(part, n);
    for (const Index input : node.inputs) alive(input, n);
  }
  for (const Index output : graph_.outputs) alive(output, end);

  std::vector<Lifetime> placed;
  std::vector<Index> roots;
  for (Index v = 0; v < static_cast<Index>(graph_.values.size()); ++v) {
    if (places_[at(v)].root != v) continue;
    lifetimes[at(v)].bytes =
        checked_mul(checked_add(graph_.values[at(v)].shape.numel(), kReadAfter), kFloat);
    placed.push_back(lifetimes[at(v)]);
    roots.push_back(v);
  }
  const Placement placement = place(placed);
  offsets_.assign(graph_.values.size(), -1);
  for (std::size_t i = 0; i < roots.size(); ++i)
    offsets_[at(roots[i])] = placement.offset[i] / kFloat;
  memory_bytes_ = placement.bytes;
}

Plan::Workspace::Workspace(const Plan& plan) {
  const int threads = thread_count();
  const auto stride = static_cast<Index>(scratch_stride(plan.scratch_bytes_));
  memory_ = Tensor::empty({checked_add(plan.memory_bytes_, checked_mul(stride, threads)) / kFloat});
  auto* block = memory_.data<float>();
  run_.scratch = {.memory = reinterpret_cast<std::byte*>(block + plan.memory_bytes_ / kFloat),
                  .stride = static_cast<std::size_t>(stride),
                  .threads = threads};
  run_.values.resize(plan.graph_.values.size(), nullptr);
  for (std::size_t v = 0; v < run_.values.size(); ++v) {
    const Place& place = plan.places_[v];
    if (place.root >= 0)
      run_.values[v] = block + plan.offsets_[at(place.root)] + place.offset;
    else if (const Tensor& constant = plan.graph_.values[v].constant; constant.numel() > 0)
      run_.values[v] = const_cast<float*>(constant.data<float>());  // steps read their inputs only
  }
}

void Plan::run(const std::vector<Tensor>& inputs, Workspace& workspace,
               std::vector<Tensor>& outputs) const {
  RF_CHECK_SHAPE(inputs.size() == graph_.inputs.size(), "plan", "got ", inputs.size(),
                 " inputs, has ", graph_.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Graph::Value& value = graph_.values[at(graph_.inputs[i])];
    RF_CHECK_SHAPE(inputs[i].shape() == value.shape && inputs[i].dtype() == value.dtype, "plan",
                   "input ", i, " is ", inputs[i].shape(), ", the plan is for ", value.shape);
    workspace.run_.values[at(graph_.inputs[i])] = const_cast<float*>(inputs[i].data<float>());
  }
  workspace.run_.picture = nullptr;
  run_steps(workspace, outputs);
}

void Plan::run(const PictureInput& picture, Workspace& workspace,
               std::vector<Tensor>& outputs) const {
  RF_CHECK_SHAPE(graph_.inputs.size() == 1, "plan", "a picture stands for one input, not for ",
                 graph_.inputs.size());
  const Shape& shape = graph_.values[at(graph_.inputs[0])].shape;
  RF_CHECK_SHAPE(shape.rank() == 4 && shape[0] == 1 && shape[1] == 3 &&
                     picture.height <= shape[2] && picture.width <= shape[3],
                 "plan", "a picture of ", picture.width, "x", picture.height, " does not fit ",
                 shape);
  constexpr std::array<int, 3> kSamples{0, 1, 2};
  RF_CHECK_SHAPE(std::is_permutation(kSamples.begin(), kSamples.end(), picture.sample), "plan",
                 "a picture whose channels are its samples ", picture.sample[0], ", ",
                 picture.sample[1], " and ", picture.sample[2], ", not 0, 1 and 2 in some order");
  PlanRun& run = workspace.run_;
  run.picture = nullptr;
  if (reads_picture_) {
    run.picture = &picture;
  } else {
    if (workspace.picture_.shape() != shape) workspace.picture_ = Tensor::empty(shape);
    fill_picture_tensor(picture, workspace.picture_);
    run.values[at(graph_.inputs[0])] = workspace.picture_.data<float>();
  }
  run_steps(workspace, outputs);
}

void Plan::run_steps(Workspace& workspace, std::vector<Tensor>& outputs) const {
  for (const PlanStep& step : steps_) step.run(workspace.run_);
  if (outputs.size() == graph_.outputs.size()) return;
  outputs.clear();
  for (const Index output : graph_.outputs) {
    const Place& place = places_[at(output)];
    const Shape& shape = graph_.values[at(output)].shape;
    const Index begin = offsets_[at(place.root)] + place.offset;
    outputs.push_back(workspace.memory_.rows(begin, begin + shape.numel()).reshaped(shape));
  }
}

std::vector<Tensor> Plan::run(const std::vector<Tensor>& inputs, Workspace& workspace) const {
  std::vector<Tensor> outputs;
  run(inputs, workspace, outputs);
  return outputs;
}

std::vector<double> Plan::measure(const std::vector<Tensor>& inputs, Workspace& workspace,
                                  Index runs) const {
  (void)run(inputs, workspace);
  std::vector<std::vector<double>> times(steps_.size());
  for (Index i = 0; i < std::max<Index>(runs, 1); ++i) {
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      const auto start = std::chrono::steady_clock::now();
      steps_[s].run(workspace.run_);
      const std::chrono::duration<double, std::milli> passed =
          std::chrono::steady_clock::now() - start;
      times[s].push_back(passed.count());
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& of_step : times) {
    const auto middle = of_step.begin() + static_cast<std::ptrdiff_t>(of_step.size() / 2);
    std::nth_element(of_step.begin(), middle, of_step.end());
    medians.push_back(*middle);
  }
  return medians;
}

}  // namespace rf
