// What learns: the network, its optimiser, the average of its weights, and the teacher if there is
// one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "autograd/ema.hpp"
#include "autograd/sgd.hpp"
#include "retinaface/model.hpp"
#include "retinaface/training/joint_dense.hpp"
#include "retinaface/training/options.hpp"
#include "weights/model_file.hpp"

namespace rf {

// Of one step. `teacher` and the terms of equation (1) are without their weights; `teacher` is its
// outputs' term plus its features'.
struct StepLosses {
  double total = 0, cls = 0, box = 0, landmark = 0, teacher = 0, dense = 0, grad_norm = 0;
  bool taken = true;  // false: something was not finite, and the step was left out
};

class Learner {
 public:
  // With the weights that training begins with. New layers are drawn by Xavier's rule. Throws
  // UsageError: options that contradict each other, a teacher with other anchors, coding or input;
  // ModelError: a file.
  explicit Learner(const TrainingOptions& options, bool recompute = false);

  // Forward, backward, one step of SGD. Throws TrainingError when the loss or a gradient is not
  // finite and the options say to stop.
  StepLosses step(const Batch& batch, double learning_rate);

  // All that later steps depend on: "model/...", "optimizer/...", "ema/...",
  // "dense/...". Later steps do not
  // change the tensors.
  [[nodiscard]] StateDict state() const;

  // Goes on from there, bit for bit. Throws ShapeError: of another network.
  void load_state(const StateDict& state);

  // The detector as it is now: averaged weights if there are any.
  [[nodiscard]] StateDict weights() const;
  [[nodiscard]] const ModelConfig& config() const { return config_; }

  // SHA-256 of the teacher's tensors; empty without one.
  [[nodiscard]] const std::string& teacher_sha256() const { return teacher_sha256_; }

  // The dense branch that learns along, or null.
  [[nodiscard]] const JointDense* dense() const { return dense_.get(); }

  // Numbers that are learned.
  [[nodiscard]] Index parameter_count() const;

 private:
  void add_up(StepLosses& losses);
  void load_init();
  void load_teacher();

  TrainingOptions options_;
  ModelConfig config_;
  RetinaFace network_;
  std::vector<ag::Parameter> parameters_;  // of the network, frozen ones too
  std::unique_ptr<ag::Sgd> optimizer_;
  std::unique_ptr<ag::Ema> ema_;         // or none
  std::unique_ptr<RetinaFace> teacher_;  // or none
  std::string init_sha256_, teacher_sha256_;
  std::unique_ptr<JointDense> dense_;  // or none
};

}  // namespace rf
