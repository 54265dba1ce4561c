// A state that is made of the states of several things, under prefixes: "model/", "optimizer/".
#pragma once

#include <string>

#include "engine/state_dict.hpp"

namespace rf {

inline void add_part(StateDict& into, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, tensor] : part) into.emplace(prefix + name, tensor);
}

[[nodiscard]] inline StateDict state_part(const StateDict& all, const std::string& prefix) {
  StateDict part;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with(prefix)) part.emplace(name.substr(prefix.size()), tensor);
  }
  return part;
}

}  // namespace rf
