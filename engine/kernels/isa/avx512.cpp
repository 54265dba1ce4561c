// The SIMD kernels for avx512; CMakeLists.txt gives this file, and no other, the flags that allow
// it.
#define ISA_ARCH xsimd::avx512bw
#define ISA_NAME "avx512"
#define ISA_TABLE avx512
#include "engine/kernels/simd/all_kernels.inl"
