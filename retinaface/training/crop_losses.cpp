#include "retinaface/training/crop_losses.hpp"

#include <algorithm>
#include <array>

#include "autograd/ops.hpp"
#include "retinaface/dense/five_point_pose.hpp"
#include "retinaface/dense/pixel_loss.hpp"

namespace rf {

namespace {

constexpr double kPoseStep = 0.3, kFocalStep = 0.3 * kUsualFocal;

Var mean_square(const Var& x) {
  return ag::scale(ag::sum(ag::multiply(x, x)),
                   1 / static_cast<double>(std::max<Index>(x.value().numel(), 1)));
}

// How far columns of the camera were corrected, in steps.
Var correction(const DenseRows& rows, const DenseOutputs& numbers, Index begin, Index end,
               double step) {
  return ag::scale(ag::subtract(ag::slice(numbers.camera, 1, begin, end),
                                ag::slice(Var(rows.inputs.camera), 1, begin, end)),
                   1 / step);
}

}  // namespace

CropRenderer::CropRenderer(const DenseModel& model, Index size)
    : decoder_(make_decoder(model)),
      renderer_(decoder_->vertices(), model.levels.back().triangles),
      landmarks5_(Tensor::from({5}, std::span<const Index>(model.landmarks5))),
      size_(size) {}

CropLosses CropRenderer::losses(const DenseRows& rows, const DenseOutputs& numbers,
                                const CropTargets& targets) const {
  const Var mesh = decoder_->forward(numbers.code);
  const RenderedMeshes rendered = renderer_(mesh, numbers.camera, numbers.light, size_);
  const Var clip = ag::gather(rendered.clip, 1, landmarks5_);
  const Var points = ag::scale(ag::divide(ag::slice(clip, 2, 0, 2), ag::slice(clip, 2, 3, 4)),
                               1 / static_cast<double>(size_));
  const auto count = static_cast<double>(std::max<Index>(targets.points.shape()[0], 1));
  const Var light = ag::divide(ag::subtract(numbers.light, Var(DenseHead::usual_light())),
                               Var(DenseHead::light_step()));
  return {.pixel = pixel_loss(rendered, targets.rgb, targets.inside),
          .landmark = ag::scale(ag::sum(ag::l1(points, Var(targets.points))), 1 / (5 * count)),
          .prior = ag::add(ag::add(mean_square(numbers.code), mean_square(light)),
                           ag::add(mean_square(correction(rows, numbers, 3, 6, kPoseStep)),
                                   mean_square(correction(rows, numbers, 6, 7, kFocalStep))))};
}

}  // namespace rf
