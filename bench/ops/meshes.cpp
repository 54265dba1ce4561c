// The dense branch's way from a code to a picture, and back.
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <utility>

#include "autograd/ops.hpp"
#include "autograd/scope.hpp"
#include "bench/ops/cases.hpp"
#include "engine/check.hpp"
#include "engine/random.hpp"
#include "layers/init.hpp"
#include "layers/mesh_camera.hpp"
#include "layers/mesh_decoder.hpp"
#include "layers/mesh_graph.hpp"
#include "layers/mesh_renderer.hpp"

namespace rf::bench {

namespace {

using ag::Var;

constexpr Index kSize = 64;  // pixels a side
constexpr Index kRows = 36, kColumns = 48, kVertices = kRows * kColumns;

Tensor random_values(const Shape& shape, std::uint32_t item) {
  Tensor t = Tensor::empty(shape);
  Random random(1, RandomPurpose::sample, 1, item);
  for (float& v : t.span<float>()) v = random.uniform();
  return t;
}

// Rings of vertices, one above the other.
std::vector<std::array<Index, 3>> tube(Index rows, Index columns) {
  std::vector<std::array<Index, 3>> triangles;
  for (Index i = 0; i + 1 < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      const Index a = i * columns + j, b = i * columns + (j + 1) % columns;
      triangles.push_back({a, b, a + columns});
      triangles.push_back({a + columns, b, b + columns});
    }
  }
  return triangles;
}

// A sphere of radius 1 with colours, [1, vertices, 6], without its poles.
Tensor sphere() {
  Tensor mesh = random_values({1, kVertices, 6}, 0);
  float* v = mesh.data<float>();
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = 0; j < kColumns; ++j, v += 6) {
      const double down = std::numbers::pi * (static_cast<double>(i) + 0.5) / kRows,
                   around = 2 * std::numbers::pi * static_cast<double>(j) / kColumns;
      v[0] = static_cast<float>(std::sin(down) * std::sin(around));
      v[1] = static_cast<float>(std::cos(down));
      v[2] = static_cast<float>(std::sin(down) * std::cos(around));
    }
  }
  return mesh;
}

Tensor numbers(std::initializer_list<float> values) {
  return Tensor::from({1, static_cast<Index>(values.size())}, std::span<const float>(values));
}

// The sphere fills the picture from edge to edge.
Tensor camera() { return numbers({0, 0, 10, 0.1F, 0.2F, 0, 4.9F}); }
Tensor light() { return numbers({2, 3, 6, 0.7F, 0.7F, 0.7F, 0.3F, 0.3F, 0.3F}); }

Var leaf(const Tensor& value) {
  Var var(value);
  var.set_requires_grad(true);
  return var;
}

std::string meshes_shape() {
  return message(kVertices, " vertices, ", tube(kRows, kColumns).size(), " triangles, ", kSize, "x",
                 kSize);
}

void add_render(std::vector<Case>& cases) {
  const auto renderer = std::make_shared<MeshRenderer>(kVertices, tube(kRows, kColumns));
  const Tensor mesh = sphere(), seed = random_values({1, kSize, kSize, 3}, 1);
  cases.push_back({.kernel = "rasterize + shade",
                   .shape = meshes_shape(),
                   .prepare = [=]() -> std::function<void()> {
                     return
                         [=] { (void)(*renderer)(Var(mesh), Var(camera()), Var(light()), kSize); };
                   }});
  cases.push_back(
      {.kernel = "rasterize + shade and gradient",
       .shape = meshes_shape(),
       .prepare = [=]() -> std::function<void()> {
         return [=] {
           (*renderer)(leaf(mesh), leaf(camera()), leaf(light()), kSize).colour.backward(seed);
         };
       }});
}

void add_soft(std::vector<Case>& cases) {
  const std::vector<std::array<Index, 3>> list = tube(kRows, kColumns);
  const Tensor mesh = sphere(), seed = random_values({1, kSize, kSize, 3}, 2),
               triangles = MeshRenderer(kVertices, list).triangles(),
               attributes = slice(mesh, 2, 3, 6),
               clip = project(Var(slice(mesh, 2, 0, 3)), Var(camera()), kSize).value();
  const SoftRasterizeParams params{.height = kSize, .width = kSize, .near = 8, .far = 12};
  cases.push_back({.kernel = "soft_rasterize",
                   .shape = meshes_shape(),
                   .prepare = [=]() -> std::function<void()> {
                     return [=] { (void)soft_rasterize(clip, triangles, attributes, params); };
                   }});
  cases.push_back({.kernel = "soft_rasterize and gradient",
                   .shape = meshes_shape(),
                   .prepare = [=]() -> std::function<void()> {
                     return [=] {
                       ag::soft_rasterize(leaf(clip), triangles, leaf(attributes), params)
                           .colour.backward(seed);
                     };
                   }});
}

// Twice as many rows and columns as the level before, from which each vertex takes its own place
// and two neighbours of it. (Of the coarsest this is not used.)
DecoderLevel level(Index rows, Index columns) {
  const Index vertices = rows * columns, coarse_rows = rows / 2, coarse_columns = columns / 2;
  std::vector<CsrMatrix::Triplet> up;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      const Index row = i / 2 % coarse_rows, column = j / 2 % coarse_columns,
                  below = row + 1 < coarse_rows ? row + 1 : row,
                  right = (column + 1) % coarse_columns;
      up.push_back({i * columns + j, row * coarse_columns + column, 0.5});
      up.push_back({i * columns + j, row * coarse_columns + right, 0.25});
      up.push_back({i * columns + j, below * coarse_columns + column, 0.25});
    }
  }
  return {CsrPair(scaled_laplacian(mesh_adjacency(vertices, tube(rows, columns)))),
          CsrPair(CsrMatrix::from_triplets(vertices, coarse_rows * coarse_columns, up))};
}

Case decoder_case() {
  return {.kernel = "mesh decoder + project",
          .shape = "one face, 27-108-432-1728 vertices",
          .prepare = []() -> std::function<void()> {
            std::vector<DecoderLevel> levels;
            for (const Index scale : {1, 2, 4, 8}) levels.push_back(level(3 * scale, 9 * scale));
            const auto decoder = std::make_shared<MeshDecoder>(levels);
            initialize(*decoder, {.scheme = InitScheme::xavier_uniform}, 1);
            const Tensor code = random_values({1, 128}, 3);
            return [=] {
              const ag::NoGradScope no_grad;
              const Var places = ag::slice(decoder->forward(Var(code)), 2, 0, 3);
              (void)project(places, Var(camera()), kSize);
            };
          }};
}

}  // namespace

std::vector<Case> mesh_cases() {
  std::vector<Case> cases;
  cases.push_back(decoder_case());
  add_render(cases);
  add_soft(cases);
  return cases;
}

}  // namespace rf::bench
