#include "retinaface/training/distillation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "autograd/ops.hpp"
#include "engine/check.hpp"
#include "engine/world.hpp"

namespace rf {

namespace {

constexpr double kBelow = static_cast<double>(0.01F);

// [N, A, V] as [N A, V].
Var rows(const Var& output, Index values) {
  return ag::reshape(output, {output.value().numel() / values, values});
}

// Of each row of logits, f64 [rows].
Tensor face_probabilities(const Tensor& logits) {
  const std::vector<std::int64_t> face = {1};
  return gather(softmax(logits, 1), 1, Tensor::from({1}, std::span<const std::int64_t>(face)))
      .reshaped({logits.shape()[0]})
      .to(DType::f64);
}

Tensor labels(Index count, std::int64_t value) {
  const std::vector<std::int64_t> all(static_cast<std::size_t>(count), value);
  return Tensor::from({count}, std::span<const std::int64_t>(all));
}

}  // namespace

Var distillation_loss(const HeadOutputs& ours, const HeadOutputs& teacher,
                      const DistillationWeights& weights) {
  RF_CHECK_SHAPE(ours.cls.shape() == teacher.cls.shape() && ours.box.shape() == teacher.box.shape(),
                 "distillation_loss", "outputs are ", ours.cls.shape(), " and ", ours.box.shape(),
                 ", the teacher's are ", teacher.cls.shape(), " and ", teacher.box.shape());
  RF_CHECK_SHAPE(ours.landmark.shape() == teacher.landmark.shape(), "distillation_loss",
                 "landmarks are ", ours.landmark.shape(), ", the teacher's are ",
                 teacher.landmark.shape());
  const Var logits = rows(ours.cls, 2);
  const Tensor s = face_probabilities(logits.value()),
               t = face_probabilities(rows(teacher.cls, 2).value());

  std::vector<std::int64_t> chosen;
  std::vector<double> probability, focus;  // t, |t - s|
  double faces = 0;
  for (Index i = 0; i < t.numel(); ++i) {
    const double ti = std::as_const(t).data<double>()[i], si = std::as_const(s).data<double>()[i];
    if (ti < kBelow && si < kBelow) continue;  // not so where one is no number, which must show
    chosen.push_back(i);
    probability.push_back(ti);
    focus.push_back(std::abs(ti - si));
    faces += ti;
  }
  faces = world().sum_of(faces);
  const auto count = static_cast<Index>(chosen.size());
  const Tensor index = Tensor::from({count}, std::span<const std::int64_t>(chosen));
  const auto constant = [&](const std::vector<double>& values) {
    return Var(Tensor::from({count}, std::span<const double>(values)).to(logits.value().dtype()));
  };
  const Var wanted = constant(probability), weight = constant(focus);

  const Var picked = ag::gather(logits, 0, index);
  const Var face = ag::softmax_cross_entropy(picked, labels(count, 1));
  const Var background = ag::softmax_cross_entropy(picked, labels(count, 0));
  // t face + (1 - t) background
  const Var entropy = ag::add(background, ag::multiply(wanted, ag::subtract(face, background)));
  const auto regression = [&](const Var& output, const Var& target, Index values) {
    const Var here = ag::gather(rows(output, values), 0, index);
    const Var there(gather(rows(target, values).value(), 0, index));
    const Var distance = ag::sum(ag::smooth_l1(here, there, {.beta = 1}), {1});
    return ag::sum(ag::multiply(distance, wanted));
  };
  const Var total = ag::add(
      ag::sum(ag::multiply(weight, entropy)),
      ag::add(ag::scale(regression(ours.box, teacher.box, 4), weights.box),
              ag::scale(regression(ours.landmark, teacher.landmark, 10), weights.landmark)));
  return ag::scale(total, 1 / std::max(faces, 1.0));
}

Var feature_distance(const std::vector<Var>& ours, const std::vector<Var>& teacher) {
  RF_CHECK_SHAPE(ours.size() == teacher.size() && !ours.empty(), "feature_distance", ours.size(),
                 " maps, the teacher has ", teacher.size());
  std::vector<Var> terms;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Tensor& wanted = teacher[i].value();
    RF_CHECK_SHAPE(ours[i].shape() == wanted.shape(), "feature_distance", "map ", i, " is ",
                   ours[i].shape(), ", the teacher's is ", wanted.shape());
    const Var there(wanted), off = ag::subtract(ours[i], there);
    const Tensor length = ag::sum(ag::multiply(there, there)).value().to(DType::f64);
    const double squares = world().sum_of(*std::as_const(length).data<double>());
    const Var term = ag::scale(ag::sum(ag::multiply(off, off)), 1 / (squares > 0 ? squares : 1.0));
    terms.push_back(i == 0 ? term : ag::add(terms.back(), term));
  }
  return ag::scale(terms.back(), 1 / static_cast<double>(terms.size()));
}

}  // namespace rf
