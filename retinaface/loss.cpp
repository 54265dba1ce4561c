#include "retinaface/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"

namespace rf {

namespace {

constexpr Index kNegativesPerPositive = 3, kNegativesWithoutPositives = 32;

// The labels that take part: faces, each image's hardest background; -1 for all others.
// `loss` is the cross-entropy of each anchor, f32 or f64.
Tensor mined_labels(const Tensor& label, const Tensor& loss) {
  const Index images = label.shape()[0], anchors = label.shape()[1];
  Tensor hardness = loss.to(DType::f64);
  for (double& value : hardness.span<double>()) {
    if (std::isnan(value)) value = std::numeric_limits<double>::infinity();  // must not get lost
  }
  Tensor mined = label.clone();
  std::vector<Index> negatives;
  for (Index n = 0; n < images; ++n) {
    const double* value = std::as_const(hardness).data<double>() + n * anchors;
    std::int64_t* row = mined.data<std::int64_t>() + n * anchors;
    negatives.clear();
    Index positives = 0;
    for (Index a = 0; a < anchors; ++a) {
      positives += row[a] == 1;
      if (row[a] == 0) negatives.push_back(a);
    }
    const Index wanted =
        positives > 0 ? kNegativesPerPositive * positives : kNegativesWithoutPositives;
    if (wanted >= static_cast<Index>(negatives.size())) continue;
    std::nth_element(
        negatives.begin(), negatives.begin() + wanted, negatives.end(),
        [&](Index a, Index b) { return value[a] != value[b] ? value[a] > value[b] : a < b; });
    std::for_each(negatives.begin() + wanted, negatives.end(), [&](Index a) { row[a] = -1; });
  }
  return mined;
}

// i64: the positions of 1 in `flags`.
Tensor positions_of_ones(const Tensor& flags) {
  std::vector<std::int64_t> found;
  for (Index i = 0; i < flags.numel(); ++i) {
    if (flags.data<std::int64_t>()[i] == 1) found.push_back(i);
  }
  return Tensor::from({static_cast<Index>(found.size())}, std::span<const std::int64_t>(found));
}

Tensor as_rows(const Tensor& t) {
  const Shape& shape = t.shape();
  return t.reshaped({shape[0] * shape[1], shape[2]});
}

// Sum of smooth-L1 over the rows at `index`, over max(count, 1).
Var regression_loss(const Var& output, const Tensor& target, const Tensor& index) {
  const Var rows = ag::reshape(output, as_rows(output.value()).shape());
  const Tensor wanted = gather(as_rows(target), 0, index);
  const double count = std::max(world().sum_of(static_cast<double>(index.numel())), 1.0);
  return ag::scale(ag::sum(ag::smooth_l1(ag::gather(rows, 0, index), Var(wanted), {.beta = 1})),
                   1 / count);
}

void check(const HeadOutputs& outputs, const AnchorTargets& targets) {
  const Shape& label = targets.label.shape();
  RF_CHECK_SHAPE(targets.label.dtype() == DType::i64 && targets.has_landmark.dtype() == DType::i64,
                 "loss", "labels are ", targets.label.dtype(), " and ",
                 targets.has_landmark.dtype(), ", needed is i64");
  RF_CHECK_SHAPE(label.rank() == 2 && targets.has_landmark.shape() == label, "loss", "labels ",
                 label, " and ", targets.has_landmark.shape(), " must both be [images, anchors]");
  const auto check_rows = [&](const char* name, const Shape& output, const Shape& target) {
    RF_CHECK_SHAPE(
        output == target && output.rank() == 3 && output[0] == label[0] && output[1] == label[1],
        "loss", name, " output ", output, " and target ", target, " do not fit labels ", label);
  };
  check_rows("box", outputs.box.shape(), targets.box.shape());
  check_rows("landmark", outputs.landmark.shape(), targets.landmark.shape());
  RF_CHECK_SHAPE(outputs.cls.value().numel() == 2 * label.numel(), "loss", "class output ",
                 outputs.cls.shape(), " does not fit labels ", label);
}

}  // namespace

Losses multi_task_loss(const HeadOutputs& outputs, const AnchorTargets& targets,
                       const LossWeights& weights) {
  check(outputs, targets);
  const Var logits = ag::reshape(outputs.cls, {targets.label.numel(), 2});
  const Tensor labels = targets.label.reshaped({targets.label.numel()});
  const Tensor hardness = softmax_cross_entropy(logits.value(), labels);
  const Tensor mined = mined_labels(targets.label, hardness).reshaped(labels.shape());
  const Tensor faces = positions_of_ones(labels),
               with_landmarks = positions_of_ones(targets.has_landmark);
  const double count = std::max(world().sum_of(static_cast<double>(faces.numel())), 1.0);
  Losses losses;
  losses.cls = ag::scale(ag::sum(ag::softmax_cross_entropy(logits, mined)), 1 / count);
  losses.box = regression_loss(outputs.box, targets.box, faces);
  losses.landmark = regression_loss(outputs.landmark, targets.landmark, with_landmarks);
  losses.total = ag::add(losses.cls, ag::add(ag::scale(losses.box, weights.box),
                                             ag::scale(losses.landmark, weights.landmark)));
  return losses;
}

}  // namespace rf
