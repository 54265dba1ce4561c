// Graph: the operations of one forward pass for one input shape, in the order they ran. What
// inference plans are made from (autograd/trace.hpp writes one).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/tensor.hpp"

namespace rf {

struct Graph {
  struct Value {
    Shape shape;
    DType dtype;
    Tensor constant;  // the elements of a weight; none for inputs and for results
  };
  struct Node {
    std::string op;                            // as in autograd/ops.hpp: "conv2d"
    std::map<std::string, double> attributes;  // its parameters: stride, pad, ...
    std::vector<Index> inputs;                 // indices into values
    Index output;
  };
  std::vector<Value> values;
  std::vector<Node> nodes;  // each after those that make its inputs
  std::vector<Index> inputs, outputs;
};

}  // namespace rf
