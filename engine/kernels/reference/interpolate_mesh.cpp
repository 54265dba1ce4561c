#include <type_traits>

#include "engine/kernels/reference.hpp"

namespace rf::reference {

namespace {

// Calls f(channels), the number of colours as a constant.
template <class F>
void with_channels(Index channels, F&& f) {
  if (channels == 3)
    f(std::integral_constant<Index, 3>{});
  else
    f(channels);
}

}  // namespace

template <class T>
void interpolate_mesh(const InterpolateMeshArgs<T>& a, Index begin, Index end) noexcept {
  with_channels(a.channels, [&](auto channels) {
    for (Index q = begin; q < end; ++q) {
      T* y = a.y + q * channels;
      if (a.id[q] < 0) {
        for (Index c = 0; c < channels; ++c) y[c] = 0;
        continue;
      }
      const Index *corner = a.triangle + 3 * a.id[q], first_vertex = q / a.pixels * a.vertices;
      const T *b = a.barycentric + 3 * q,
              *a0 = a.attributes + (first_vertex + corner[0]) * channels,
              *a1 = a.attributes + (first_vertex + corner[1]) * channels,
              *a2 = a.attributes + (first_vertex + corner[2]) * channels;
      for (Index c = 0; c < channels; ++c) y[c] = b[0] * a0[c] + b[1] * a1[c] + b[2] * a2[c];
    }
  });
}

template <class T>
void interpolate_mesh_grad_barycentric(const InterpolateMeshGradBarycentricArgs<T>& a, Index begin,
                                       Index end) noexcept {
  with_channels(a.channels, [&](auto channels) {
    for (Index q = begin; q < end; ++q) {
      T* gb = a.gb + 3 * q;
      if (a.id[q] < 0) {
        for (int k = 0; k < 3; ++k) gb[k] = 0;
        continue;
      }
      const Index *corner = a.triangle + 3 * a.id[q], first_vertex = q / a.pixels * a.vertices;
      const T* gy = a.gy + q * channels;
      for (int k = 0; k < 3; ++k) {
        const T* values = a.attributes + (first_vertex + corner[k]) * channels;
        double sum = 0;
        for (Index c = 0; c < channels; ++c)
          sum += static_cast<double>(gy[c]) * static_cast<double>(values[c]);
        gb[k] = static_cast<T>(sum);
      }
    }
  });
}

template <class T>
void interpolate_mesh_grad_attributes(const InterpolateMeshGradAttributesArgs<T>& a, Index image,
                                      double* sums) noexcept {
  with_channels(a.channels, [&](auto channels) {
    const Index size = a.vertices * channels;
    for (Index s = 0; s < size; ++s) sums[s] = 0;
    for (Index q = image * a.pixels; q < (image + 1) * a.pixels; ++q) {
      if (a.id[q] < 0) continue;
      const T* gy = a.gy + q * channels;
      for (int k = 0; k < 3; ++k) {
        const double b = static_cast<double>(a.barycentric[3 * q + k]);
        double* sum = sums + a.triangle[3 * a.id[q] + k] * channels;
        for (Index c = 0; c < channels; ++c) sum[c] += b * static_cast<double>(gy[c]);
      }
    }
    for (Index s = 0; s < size; ++s) a.ga[image * size + s] = static_cast<T>(sums[s]);
  });
}

#define RF_INSTANTIATE(T)                                                                       \
  template void interpolate_mesh(const InterpolateMeshArgs<T>&, Index, Index) noexcept;         \
  template void interpolate_mesh_grad_barycentric(const InterpolateMeshGradBarycentricArgs<T>&, \
                                                  Index, Index) noexcept;                       \
  template void interpolate_mesh_grad_attributes(const InterpolateMeshGradAttributesArgs<T>&,   \
                                                 Index, double*) noexcept;
RF_INSTANTIATE(float)
RF_INSTANTIATE(double)
#undef RF_INSTANTIATE

}  // namespace rf::reference
