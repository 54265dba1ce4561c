// How one convolution in float is run: by which kernel, cut into which chunks. The operation and
// the steps of a plan share it.
#pragma once

#include "engine/kernels/table.hpp"
#include "engine/tensor.hpp"

namespace rf {

class Conv2dSchedule {
 public:
  // For the kernels in use and the number of threads now; on any other number it gives the same
  // bits.
  Conv2dSchedule(const Conv2dGeometry& geometry, Index batch);

  // Outputs of a tile, along one axis, of Winograd's kernel; 0: the direct kernel.
  [[nodiscard]] Index winograd() const { return winograd_ ? winograd_->outputs : 0; }
  // The weights as its kernel wants them (WinogradKernel::weights); without elements for the direct
  // kernel.
  [[nodiscard]] Tensor transformed(const Conv2dGeometry& geometry, const float* w) const;

  // Two for each multiply-add of the kernel; those of Winograd's transforms are not counted.
  [[nodiscard]] double flops(const Conv2dGeometry& geometry) const;

  [[nodiscard]] Index chunks() const { return chunks_; }
  [[nodiscard]] std::size_t scratch_bytes() const { return scratch_bytes_; }
  // Requires args.geometry to be the schedule's; `u` from transformed().
  void run(const Conv2dArgs<float>& args, const float* u, Index chunk,
           std::byte* scratch) const noexcept;

 private:
  void balance(const Conv2dGeometry& geometry, Index threads);

  const KernelTable* table_;
  const WinogradKernel* winograd_;  // nullptr: the direct kernel
  Index batch_, groups_, units_;    // output pixels, or tiles, of one plane
  Index grain_;                     // units that are not parted
  Index blocks_;                    // of output channels
  Index parts_ = 1, splits_ = 1;    // of a plane's units and of its output channels
  Index together_ = 1;              // planes of a chunk
  Index chunks_ = 0;
  std::size_t scratch_bytes_ = 0;
};

// Output pixels of one chunk of the direct kernel.
[[nodiscard]] Index conv2d_pixels_per_chunk(const Conv2dGeometry& geometry);

}  // namespace rf
