// The SIMD kernels for neon, which every aarch64 CPU has; they need no flags.
#define ISA_ARCH xsimd::neon64
#define ISA_NAME "neon"
#define ISA_TABLE neon
#include "engine/kernels/simd/all_kernels.inl"
