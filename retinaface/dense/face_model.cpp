#include "retinaface/dense/face_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/check.hpp"
#include "engine/ops/arithmetic.hpp"
#include "engine/ops/concat.hpp"
#include "engine/ops/gather.hpp"
#include "engine/ops/matmul.hpp"
#include "engine/random.hpp"
#include "layers/mesh_graph.hpp"
#include "weights/npy.hpp"

namespace rf {

namespace {

constexpr int kLevels = 4;  // L1, the finest, to L4
constexpr float kDarkest = 0.02F, kExpressions = 0.075F;

class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  // An array of this type and these sizes; -1: any.
  [[nodiscard]] Tensor array(const std::string& name, DType dtype,
                             std::initializer_list<Index> sizes) const {
    const std::string file = path_ + "/" + name + ".npy";
    Tensor array = read_npy(file);
    bool fits = array.dtype() == dtype && array.shape().rank() == static_cast<int>(sizes.size());
    std::string needed;
    int axis = 0;
    for (const Index size : sizes) {
      fits = fits && (size < 0 || array.shape()[axis] == size);
      needed += (axis++ ? ", " : "") + (size < 0 ? std::string("..") : std::to_string(size));
    }
    if (!fits)
      throw FormatError(message(file, ": ", to_string(array.dtype()), " ", array.shape(),
                                ", must be ", to_string(dtype), " [", needed, "]"));
    if (dtype == DType::f32) {
      for (const float value : std::as_const(array).span<float>()) {
        if (!std::isfinite(value)) throw FormatError(message(file, ": holds the number ", value));
      }
    }
    return array;
  }

  // The same for i32 rows of something that has `limit` of them.
  [[nodiscard]] std::vector<Index> rows(const std::string& name, std::initializer_list<Index> sizes,
                                        Index limit) const {
    const Tensor array = this->array(name, DType::i32, sizes);
    std::vector<Index> rows;
    for (const std::int32_t row : array.span<std::int32_t>()) {
      if (row < 0 || row >= limit)
        throw FormatError(message(path_, "/", name, ".npy: row ", row, " of ", limit));
      rows.push_back(row);
    }
    return rows;
  }

 private:
  std::string path_;
};

Tensor picked(const Tensor& x, int axis, const std::vector<Index>& rows) {
  return gather(x, axis,
                Tensor::from({static_cast<Index>(rows.size())}, std::span<const Index>(rows)));
}

std::string name_of(int level, const char* what) {
  return message("hierarchy_1728/L", level, "_", what);
}

CsrMatrix up_sampling(const Folder& folder, int level, Index fine, Index coarse) {
  const std::vector<Index> ids = folder.rows(name_of(level, "up_ids"), {fine, 3}, coarse);
  const Tensor weights = folder.array(name_of(level, "up_w"), DType::f32, {fine, 3});
  std::vector<CsrMatrix::Triplet> entries;
  for (Index i = 0; i < 3 * fine; ++i)
    entries.push_back(
        {i / 3, ids[static_cast<std::size_t>(i)], static_cast<double>(weights.data<float>()[i])});
  return CsrMatrix::from_triplets(fine, coarse, entries);
}

std::vector<FaceLevel> read_levels(const Folder& folder) {
  std::vector<FaceLevel> levels;
  Index before = 0;
  for (int k = kLevels; k >= 1; --k) {
    const Index vertices = folder.array(name_of(k, "keep"), DType::i32, {-1}).numel();
    FaceLevel level{.vertices = vertices,
                    .triangles = {},
                    .up = k == kLevels ? CsrMatrix::from_triplets(vertices, 0, {})
                                       : up_sampling(folder, k + 1, vertices, before)};
    const std::vector<Index> corners = folder.rows(name_of(k, "triangles"), {-1, 3}, vertices);
    for (std::size_t i = 0; i < corners.size(); i += 3)
      level.triangles.push_back({corners[i], corners[i + 1], corners[i + 2]});
    levels.push_back(std::move(level));
    before = vertices;
  }
  return levels;
}

}  // namespace

FaceModel read_face_model(const std::string& path) {
  const Folder folder(path);
  std::vector<FaceLevel> levels = read_levels(folder);
  const Index fine = levels.back().vertices;
  const Tensor neutral = folder.array("neutral", DType::f32, {-1, 3});
  const Index all = neutral.shape()[0];
  const std::vector<Index> kept = folder.rows(name_of(1, "glob"), {fine}, all);
  const auto modes = [&](const char* name) {
    return picked(folder.array(name, DType::f32, {-1, all, 3}), 1, kept);
  };
  return {.levels = std::move(levels),
          .neutral = picked(neutral, 0, kept),
          .identity = modes("identity_modes"),
          .expression = modes("expression_modes"),
          .albedo = picked(folder.array("albedo_mean", DType::f32, {all, 3}), 0, kept),
          .albedo_modes = modes("albedo_modes"),
          .landmarks5 = folder.rows(name_of(1, "landmarks5"), {5}, fine),
          .landmarks68 = folder.rows(name_of(1, "landmarks68_jawline"), {68}, fine)};
}

std::vector<DecoderLevel> decoder_levels(const std::vector<FaceLevel>& levels) {
  std::vector<DecoderLevel> made;
  for (const FaceLevel& level : levels)
    made.push_back(
        {.laplacian = CsrPair(scaled_laplacian(mesh_adjacency(level.vertices, level.triangles))),
         .up = CsrPair(level.up)});
  return made;
}

FaceParameters random_faces(const FaceModel& model, Index count, std::uint64_t seed,
                            std::uint64_t first) {
  const Index identities = model.identity.shape()[0], expressions = model.expression.shape()[0],
              skins = model.albedo_modes.shape()[0];
  FaceParameters p{.identity = Tensor::empty({count, identities}),
                   .expression = Tensor::empty({count, expressions}),
                   .albedo = Tensor::empty({count, skins})};
  for (Index n = 0; n < count; ++n) {
    const std::uint64_t face = first + static_cast<std::uint64_t>(n);
    Random random(seed, RandomPurpose::face, static_cast<std::uint32_t>(face >> 32),
                  static_cast<std::uint32_t>(face));
    for (Index i = 0; i < identities; ++i)
      p.identity.data<float>()[n * identities + i] = random.normal();
    for (Index i = 0; i < expressions; ++i) {
      const bool shown = random.uniform() < kExpressions;
      p.expression.data<float>()[n * expressions + i] = shown ? random.uniform() : 0.0F;
    }
    for (Index i = 0; i < skins; ++i) p.albedo.data<float>()[n * skins + i] = random.normal();
  }
  return p;
}

double expression_mean() { return static_cast<double>(kExpressions) / 2; }

double expression_deviation() {
  const double square = static_cast<double>(kExpressions) / 3;  // of a uniform number, if shown
  return std::sqrt(square - expression_mean() * expression_mean());
}

Tensor make_faces(const FaceModel& model, const FaceParameters& p) {
  const Index count = p.identity.shape()[0], vertices = model.neutral.shape()[0];
  const auto mixed = [&](const Tensor& amounts, const Tensor& modes) {
    return matmul(amounts, modes.reshaped({modes.shape()[0], vertices * 3}))
        .reshaped({count, vertices, 3});
  };
  const Tensor places = add(add(model.neutral, mixed(p.identity, model.identity)),
                            mixed(p.expression, model.expression));
  Tensor colours = add(model.albedo, mixed(p.albedo, model.albedo_modes));
  for (float& value : colours.span<float>()) value = std::clamp(value, kDarkest, 1.0F);
  const std::array parts{places, colours};
  return concat(parts, 2);
}

}  // namespace rf
