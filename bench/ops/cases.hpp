// What bench_ops times: each kernel of the table on shapes that the networks have.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace rf::bench {

struct Case {
  std::string kernel, shape;
  double flops = 0;         // two for each multiply-add that the operation is defined by
  double kernel_flops = 0;  // two for each that the kernel does
  double bytes = 0;         // of inputs and outputs
  // Makes the inputs, for the kernels and threads in use; what it gives is timed.
  std::function<std::function<void()>()> prepare;
};

// MobileNet-0.25 and ResNet-50 with their pyramids, pictures of 640x480.
[[nodiscard]] std::vector<Case> convolution_cases();
[[nodiscard]] std::vector<Case> mesh_cases();   // one face of the dense branch, 1,728 vertices
[[nodiscard]] std::vector<Case> other_cases();  // with those of meshes

}  // namespace rf::bench
