// The reference kernels as a table: the same code an auditor reads, in float.
#include "engine/kernels/reference.hpp"
#include "engine/kernels/table.hpp"

namespace rf::isa {

const KernelTable scalar = {
    .name = "scalar",
    .conv2d_scratch_bytes = [](const Conv2dArgs<float>&, Index) noexcept -> std::size_t {
      return 0;
    },
    .conv2d = reference::conv2d<float>,
    .batch_norm = reference::batch_norm<float>,
    .relu = reference::relu<float>,
    .leaky_relu = reference::leaky_relu<float>,
    .add = reference::add<float>,
    .max_pool2d = reference::max_pool2d<float>,
    .softmax = reference::softmax<float>,
    .linear = reference::linear<float>,
    .resize_bilinear = reference::resize_bilinear<float>,
};

}  // namespace rf::isa
