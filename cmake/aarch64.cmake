# Cross-compiles for 64-bit ARM Linux with Debian's g++-aarch64-linux-gnu, to be given as CMAKE_TOOLCHAIN_FILE. Tests run
# under qemu-user. The libraries that we use are headers alone, those of the building system: docs/build.md.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)  # notes that GCC 10 changed how some arguments are passed
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
