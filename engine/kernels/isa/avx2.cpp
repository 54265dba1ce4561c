// The SIMD kernels for avx2; CMakeLists.txt gives this file, and no other, the flags that allow it.
#define ISA_ARCH xsimd::fma3<xsimd::avx2>
#define ISA_NAME "avx2"
#define ISA_TABLE avx2
#include "engine/kernels/simd/all_kernels.inl"
