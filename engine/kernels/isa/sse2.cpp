// The SIMD kernels for sse2; CMakeLists.txt gives this file, and no other, the flags that allow it.
#define ISA_ARCH xsimd::sse2
#define ISA_NAME "sse2"
#define ISA_TABLE sse2
#include "engine/kernels/simd/all_kernels.inl"
