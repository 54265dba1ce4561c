#include "retinaface/dense/face_code.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/concat.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/ops/permute.hpp"
#include "engine/ops/slice.hpp"
#include "retinaface/dense/symmetric_eigen.hpp"

namespace rf {

namespace {

Tensor transposed(const Tensor& a) { return permute(a, std::array{1, 0}); }

Tensor as_rows(const Tensor& modes) {
  return modes.reshaped({modes.shape()[0], modes.numel() / modes.shape()[0]}).to(DType::f64);
}

Tensor rows_of(const FaceParameters& p) {
  const std::array parts{p.identity, p.expression, p.albedo};
  return concat(parts, 1);
}

// <mode_i, mode_j> of all modes; places and colours have nothing in common.
Tensor gram_of(const FaceModel& model) {
  const std::array places{as_rows(model.identity), as_rows(model.expression)};
  const Tensor shape = concat(places, 0),
               colours = scale(as_rows(model.albedo_modes), kColourWeight);
  const Tensor a = matmul(shape, transposed(shape)), b = matmul(colours, transposed(colours));
  const Index n = a.shape()[0], m = b.shape()[0], all = n + m;
  Tensor gram = Tensor::zeros({all, all}, DType::f64);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) gram.data<double>()[i * all + j] = a.data<double>()[i * n + j];
  }
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < m; ++j)
      gram.data<double>()[(n + i) * all + n + j] = b.data<double>()[i * m + j];
  }
  return gram;
}

}  // namespace

FaceCodes make_face_codes(const FaceModel& model, Index size) {
  const Index identities = model.identity.shape()[0], expressions = model.expression.shape()[0];
  Tensor gram = gram_of(model);
  const Index all = gram.shape()[0];
  if (size < 1 || size > all)
    throw UsageError(message("face codes: ", size, " numbers; the model has ", all, " parameters"));
  FaceCodes codes{.mean = Tensor::zeros({all}),
                  .deviation = Tensor::empty({all}),
                  .directions = {},
                  .variance = {}};
  for (Index i = 0; i < all; ++i) {
    const bool expression = i >= identities && i < identities + expressions;
    if (expression) codes.mean.data<float>()[i] = static_cast<float>(expression_mean());
    codes.deviation.data<float>()[i] =
        expression ? static_cast<float>(expression_deviation()) : 1.0F;
  }
  const float* deviation = std::as_const(codes.deviation).data<float>();
  for (Index i = 0; i < all; ++i) {
    for (Index j = 0; j < all; ++j)
      gram.data<double>()[i * all + j] *=
          static_cast<double>(deviation[i]) * static_cast<double>(deviation[j]);
  }
  const SymmetricEigen eigen = symmetric_eigen(gram);
  codes.directions = slice(eigen.vectors, 0, 0, size).to(DType::f32);
  codes.variance = eigen.values;
  return codes;
}

Tensor encode(const FaceCodes& codes, const FaceParameters& parameters) {
  const Tensor standard = divide(subtract(rows_of(parameters), codes.mean), codes.deviation);
  return matmul(standard, transposed(codes.directions));
}

FaceParameters decode(const FaceCodes& codes, const FaceModel& model, const Tensor& code) {
  const Tensor rows = add(multiply(matmul(code, codes.directions), codes.deviation), codes.mean);
  const Index identities = model.identity.shape()[0],
              shapes = identities + model.expression.shape()[0];
  return {.identity = slice(rows, 1, 0, identities),
          .expression = slice(rows, 1, identities, shapes),
          .albedo = slice(rows, 1, shapes, rows.shape()[1])};
}

Tensor shape_share(const FaceCodes& codes, const FaceModel& model) {
  const Index size = codes.directions.shape()[0], all = codes.directions.shape()[1];
  const Index shapes = model.identity.shape()[0] + model.expression.shape()[0];
  Tensor share = Tensor::zeros({size});
  for (Index k = 0; k < size; ++k) {
    double sum = 0;
    for (Index i = 0; i < shapes; ++i)
      sum += std::pow(static_cast<double>(codes.directions.data<float>()[k * all + i]), 2);
    share.data<float>()[k] = static_cast<float>(std::min(sum, 1.0));
  }
  return share;
}

double mean_vertex_error(const Tensor& faces, const Tensor& wanted) {
  const Shape& s = faces.shape();
  RF_CHECK_SHAPE(s.rank() == 3 && s[2] == 6 && s == wanted.shape(), "mean_vertex_error", "faces ",
                 s, " and ", wanted.shape(), " must be [N, V, 6] both");
  double sum = 0;
  const Index vertices = s[0] * s[1];
  for (Index v = 0; v < vertices; ++v) {
    double square = 0;
    for (Index i = 0; i < 3; ++i)
      square += std::pow(static_cast<double>(faces.data<float>()[6 * v + i]) -
                             static_cast<double>(wanted.data<float>()[6 * v + i]),
                         2);
    sum += std::sqrt(square);
  }
  constexpr double kMillimetres = 10;  // of a centimetre
  return kMillimetres * sum / static_cast<double>(std::max<Index>(vertices, 1));
}

}  // namespace rf
