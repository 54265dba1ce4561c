#include "engine/ops/rasterize.hpp"

#include <algorithm>

#include "engine/kernels/reference.hpp"
#include "engine/ops/run.hpp"

namespace rf {

namespace {

constexpr Index kLine = 64;  // bytes that scratch memory is a multiple of

std::size_t scratch_bytes(Index doubles) {
  return static_cast<std::size_t>(
      ceil_div(checked_mul(std::max<Index>(doubles, 1), size_of(DType::f64)), kLine) * kLine);
}

// Rows that one chunk draws, about 16 thousand pixels: a whole small picture, since each chunk
// looks at every triangle, and depths that stay in a second-level cache.
Index band_rows(Index width) {
  constexpr Index kPixels = 16384;
  return std::max<Index>(1, kPixels / std::max<Index>(width, 1));
}

template <class T>
void draw(const Tensor& clip, const Tensor& triangles, const RasterizeParams& p, Raster& raster) {
  const Index images = clip.shape()[0], vertices = clip.shape()[1];
  Tensor screen = Tensor::empty({images, vertices, 2}, DType::f64);
  const ProjectVerticesArgs<T> project{.clip = clip.data<T>(), .screen = screen.data<double>()};
  for_ranges(images * vertices, 4,
             [&](Index begin, Index end) { reference::project_vertices(project, begin, end); });

  const RasterizeArgs<T> args{.clip = clip.data<T>(),
                              .screen = screen.data<double>(),
                              .triangle = triangles.data<Index>(),
                              .id = raster.triangle.data<Index>(),
                              .barycentric = raster.barycentric.data<T>(),
                              .vertices = vertices,
                              .triangles = triangles.shape()[0],
                              .height = p.height,
                              .width = p.width};
  const Index rows = std::min(p.height, band_rows(p.width)), bands = ceil_div(p.height, rows);
  parallel_for(images * bands, scratch_bytes(checked_mul(rows, p.width)),
               [&](Index chunk, std::byte* scratch) {
                 const Index begin = chunk % bands * rows;
                 reference::rasterize(args, chunk / bands, begin, std::min(begin + rows, p.height),
                                      reinterpret_cast<double*>(scratch));
               });
}

template <class T>
void draw_grad(const Tensor& gb, const Tensor& clip, const Tensor& triangles, const Raster& raster,
               Tensor& gclip) {
  const Shape& shape = gb.shape();
  const RasterizeGradArgs<T> args{.gb = gb.data<T>(),
                                  .clip = clip.data<T>(),
                                  .triangle = triangles.data<Index>(),
                                  .id = raster.triangle.data<Index>(),
                                  .barycentric = raster.barycentric.data<T>(),
                                  .gclip = gclip.data<T>(),
                                  .vertices = clip.shape()[1],
                                  .height = shape[1],
                                  .width = shape[2]};
  // Pixels of one image meet at its vertices: an image is one chunk.
  parallel_for(shape[0], scratch_bytes(checked_mul(args.vertices, 3)),
               [&](Index image, std::byte* scratch) {
                 reference::rasterize_grad(args, image, reinterpret_cast<double*>(scratch));
               });
}

}  // namespace

void check_triangles(const char* op, const Tensor& triangles, Index vertices) {
  const Shape& shape = triangles.shape();
  RF_CHECK_SHAPE(triangles.dtype() == DType::i64 && shape.rank() == 2 && shape[1] == 3, op,
                 "triangles are ", triangles.dtype(), " ", shape, ", must be i64 [T, 3]");
  const auto list = triangles.span<Index>();
  const auto bad =
      std::find_if(list.begin(), list.end(), [&](Index v) { return v < 0 || v >= vertices; });
  RF_CHECK_SHAPE(bad == list.end(), op, "triangle ", (bad - list.begin()) / 3, " has vertex ", *bad,
                 ", must be at least 0 and less than ", vertices);
}

void check_triangle_ids(const char* op, const Tensor& ids, const Shape& shape, Index triangles) {
  RF_CHECK_SHAPE(ids.dtype() == DType::i64 && ids.shape() == shape, op, "triangle ids are ",
                 ids.dtype(), " ", ids.shape(), ", must be i64 ", shape);
  // Made by an operation: not to be read where operations only give shapes.
  Index place = -1;
  parallel_for(1, [&](Index) {
    const auto list = ids.span<Index>();
    const auto bad =
        std::find_if(list.begin(), list.end(), [&](Index t) { return t < -1 || t >= triangles; });
    if (bad != list.end()) place = bad - list.begin();
  });
  RF_CHECK_SHAPE(place < 0, op, "triangle id ", ids.data<Index>()[std::max<Index>(place, 0)],
                 " of pixel ", place, " must be at least -1 and less than ", triangles);
}

Shape rasterize_out_shape(const Shape& clip, const Shape& triangles,
                          const RasterizeParams& params) {
  RF_CHECK_SHAPE(clip.rank() == 3 && clip[2] == 4, "rasterize", "vertices ", clip,
                 " must be [N, V, 4]");
  RF_CHECK_SHAPE(triangles.rank() == 2 && triangles[1] == 3, "rasterize", "triangles ", triangles,
                 " must be [T, 3]");
  RF_CHECK_SHAPE(params.height >= 0 && params.width >= 0, "rasterize", "a picture of ",
                 params.height, " x ", params.width, " pixels: neither may be negative");
  return {clip[0], params.height, params.width, 3};
}

Raster rasterize(const Tensor& clip, const Tensor& triangles, const RasterizeParams& params) {
  check_same_dtype("rasterize", {&clip});
  const Shape shape = rasterize_out_shape(clip.shape(), triangles.shape(), params);
  check_triangles("rasterize", triangles, clip.shape()[1]);
  Raster raster{.triangle = Tensor::empty({shape[0], shape[1], shape[2]}, DType::i64),
                .barycentric = Tensor::empty(shape, clip.dtype())};
  if (raster.triangle.numel() == 0) return raster;
  with_float_type(clip, [&]<class T>(T) { draw<T>(clip, triangles, params, raster); });
  return raster;
}

Tensor rasterize_grad(const Tensor& gb, const Tensor& clip, const Tensor& triangles,
                      const Raster& raster) {
  constexpr const char* kOp = "rasterize gradient";
  check_same_dtype(kOp, {&gb, &clip, &raster.barycentric});
  const Shape& shape = raster.barycentric.shape();
  RF_CHECK_SHAPE(clip.shape().rank() == 3 && clip.shape()[2] == 4 && shape.rank() == 4 &&
                     shape[0] == clip.shape()[0] && shape[3] == 3,
                 kOp, "barycentrics ", shape, " of vertices ", clip.shape(),
                 " must be [N, H, W, 3] of [N, V, 4]");
  RF_CHECK_SHAPE(gb.shape() == shape, kOp, "dL/d barycentric is ", gb.shape(),
                 ", the barycentrics were ", shape);
  check_triangles(kOp, triangles, clip.shape()[1]);
  check_triangle_ids(kOp, raster.triangle, {shape[0], shape[1], shape[2]}, triangles.shape()[0]);
  Tensor gclip = Tensor::empty(clip.shape(), clip.dtype());
  if (gclip.numel() == 0) return gclip;
  with_float_type(clip, [&]<class T>(T) { draw_grad<T>(gb, clip, triangles, raster, gclip); });
  return gclip;
}

}  // namespace rf
