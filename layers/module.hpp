// Module: a layer or a network that owns parameters and buffers under names.
//
// A name is a path: "fpn.lateral.0.conv.weight" is the parameter `weight` of the child `conv` of
// ... A module announces what it owns in its constructor, in the order of the computation.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/var.hpp"
#include "engine/state_dict.hpp"

namespace rf {

using ag::Var;

class Module {
 public:
  using NamedVars = std::vector<std::pair<std::string, Var>>;

  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // What training changes, and what it keeps beside (running statistics), in the order of
  // construction. The Vars are the module's own.
  [[nodiscard]] NamedVars named_parameters() const { return collect(Kind::parameter); }
  [[nodiscard]] NamedVars named_buffers() const { return collect(Kind::buffer); }

  // Whether this module and its children learn: in training parameters want gradients and batch
  // norm uses, and keeps track of, the statistics of the batch. A new module does not, so that a
  // network that only infers records nothing.
  void train() { set_training(true); }
  void eval() { set_training(false); }

  // Takes this module and its children out of training, whatever train() says: running statistics
  // without updates, no gradients; and no backward pass either where nothing before them learns.
  void freeze();

  // Parameters and buffers; the tensors share storage with the module's.
  [[nodiscard]] StateDict state_dict() const;

  // Replaces every parameter and buffer. Throws ShapeError, and changes nothing, unless `state` has
  // exactly this module's names and shapes with elements f32 or all f64; the message names the
  // first ones that differ.
  void load_state_dict(const StateDict& state);

 protected:
  // A parameter, zero until it is initialised or loaded.
  [[nodiscard]] Var parameter(const std::string& name, const Shape& shape);
  // A buffer with a value to begin with.
  [[nodiscard]] Var buffer(const std::string& name, const Tensor& value);
  // Requires: `module` lives as long as this one.
  void child(const std::string& name, Module& module) { children_.emplace_back(name, &module); }
  [[nodiscard]] bool training() const { return training_; }

 private:
  enum class Kind { parameter, buffer };
  struct Own {
    std::string name;
    Var var;
    Kind kind;
  };
  void set_training(bool on);
  [[nodiscard]] NamedVars collect(Kind kind) const;
  void visit(const std::string& prefix, Kind kind, NamedVars& into) const;

  std::vector<Own> own_;
  std::vector<std::pair<std::string, Module*>> children_;
  bool training_ = false, frozen_ = false;
};

}  // namespace rf
