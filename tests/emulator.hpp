// Programs of another architecture than the building machine's run under an emulator, which takes
// memory of its own and does not keep every limit.
#pragma once

#ifndef RF_EMULATOR  // the command that starts such a program: tests/CMakeLists.txt
#define RF_EMULATOR ""
#endif

namespace rf::test {

inline constexpr bool kEmulated = sizeof(RF_EMULATOR) > 1;

}  // namespace rf::test
