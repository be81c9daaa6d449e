# Build for AArch64 on another machine: Debian's cross compiler, libraries in a folder of their own,
# tests under qemu. WEIR_SYSROOT is that folder; `./dev arm64` fills it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

set(WEIR_SYSROOT "" CACHE PATH "Where the libraries for AArch64 are")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WEIR_SYSROOT)
set(CMAKE_SYSROOT ${WEIR_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} ${WEIR_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${WEIR_SYSROOT})

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;${WEIR_SYSROOT})
