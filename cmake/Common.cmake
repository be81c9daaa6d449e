# What all of our own code is compiled and linked with. The libraries are imported targets, so that
# each folder names those whose headers it may see: lib never names PkgConfig::SQLITE. They are
# global for a project that takes this one in with add_subdirectory and links weir_static.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET GLOBAL sqlite3>=3.40)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET GLOBAL libzstd>=1.4)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET GLOBAL libxxhash>=0.8)

# weir_common: link it (PRIVATE) to compile our own code, with the warnings. What stands for a
# user's program, as the examples do, links weir_warnings alone.
add_library(weir_common INTERFACE)
target_compile_definitions(weir_common INTERFACE _GNU_SOURCE)
target_link_libraries(weir_common INTERFACE weir_warnings Threads::Threads)
