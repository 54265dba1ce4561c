// Plan: a network made ready to run many times on inputs of one shape: batch norm and activations
// folded into convolutions, convolutions merged and chained, weights transformed, every value's
// place in one block of memory known. Running allocates nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/graph.hpp"
#include "engine/kernels/args.hpp"
#include "engine/parallel.hpp"
#include "engine/tensor.hpp"

namespace rf {

// What one run works in: a block for the values, scratch for the threads.
struct PlanRun {
  std::vector<float*> values;  // by the graph's index
  Scratch scratch;
  const PictureInput* picture = nullptr;  // what the first convolution reads, if not the input
};

struct PlanStep {
  std::string op;      // of the graph
  std::string kernel;  // "winograd 4x4", "depthwise 3x3", ...
  std::vector<Shape> inputs;
  Shape output;
  double flops = 0;         // two for each multiply-add that the operation is defined by
  double kernel_flops = 0;  // two for each that the kernel does: Winograd's transforms not counted
  double bytes = 0;         // read and written if nothing stayed in a cache
  std::size_t scratch_bytes = 0;
  std::function<void(const PlanRun&)> run;
};

class Plan {
 public:
  // Of a traced network, float, with the kernels in use now. Throws UsageError: an operation that
  // plans do not know, named.
  explicit Plan(const Graph& graph);

  // For one caller at a time. At most as many threads work as the limit is now.
  class Workspace {
   public:
    explicit Workspace(const Plan& plan);
    [[nodiscard]] int threads() const { return run_.scratch.threads; }

   private:
    friend class Plan;
    Tensor memory_;
    Tensor picture_;  // as a tensor, where the first step wants one
    PlanRun run_;
  };

  // `inputs` in the order of the graph, of its shapes (ShapeError). The outputs lie in the
  // workspace: the next run overwrites them.
  [[nodiscard]] std::vector<Tensor> run(const std::vector<Tensor>& inputs,
                                        Workspace& workspace) const;
  // The same, outputs into `outputs`, which has been filled by a run on the same workspace or is
  // empty; allocates nothing then.
  void run(const std::vector<Tensor>& inputs, Workspace& workspace,
           std::vector<Tensor>& outputs) const;

  // The same for a picture that stands for the one input, [1, 3, H, W] of at least its size. Where
  // what reads the input is a convolution whose kernel reads pictures, no tensor is made of it.
  // Throws ShapeError.
  void run(const PictureInput& picture, Workspace& workspace, std::vector<Tensor>& outputs) const;

  // The median time of each step over `runs` runs (at least 1), milliseconds.
  [[nodiscard]] std::vector<double> measure(const std::vector<Tensor>& inputs, Workspace& workspace,
                                            Index runs) const;

  [[nodiscard]] const std::vector<PlanStep>& steps() const { return steps_; }
  // Of a workspace's block of values.
  [[nodiscard]] Index memory_bytes() const { return memory_bytes_; }

 private:
  // Where a value lies: in the block, or as another tensor.
  struct Place {
    Index root = -1;   // the value whose place it shares, perhaps itself
    Index offset = 0;  // floats from there
  };
  void find_places();
  void place_values();
  void run_steps(Workspace& workspace, std::vector<Tensor>& outputs) const;

  Graph graph_;
  std::vector<Place> places_;   // by value
  std::vector<Index> offsets_;  // floats into the block, by root; -1: not in the block
  std::vector<PlanStep> steps_;
  Index memory_bytes_ = 0;
  std::size_t scratch_bytes_ = 0;
  bool reads_picture_ = false;  // what reads the input can
};

}  // namespace rf
