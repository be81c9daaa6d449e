include(CMakePackageConfigHelpers)

install(TARGETS weir weir_static EXPORT weirTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS weir-tool weir-log RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/recovery/weir-recover # a symbolic link
    DESTINATION ${CMAKE_INSTALL_BINDIR})
# Where the shells look, each for a name of its own. zsh looks in site-functions; Debian's packages
# put theirs elsewhere.
set(WEIR_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Where zsh looks for completions, below the prefix")
install(FILES recovery/completion/weir.bash RENAME weir
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES recovery/completion/weir.bash RENAME weir-recover
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES recovery/completion/weir.zsh RENAME _weir
    DESTINATION ${WEIR_ZSH_DIR})
install(FILES recovery/completion/weir.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES recovery/completion/weir.fish RENAME weir-recover.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
set(weir_left_out) # the header of a part that is not built
if(NOT WEIR_POSTGRES)
    set(weir_left_out PATTERN postgres.h EXCLUDE)
endif()
install(DIRECTORY include/weir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp" ${weir_left_out})
install(FILES share/lnav/weir.json DESTINATION ${CMAKE_INSTALL_DATADIR}/weir/lnav)

file(RELATIVE_PATH weir_pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/weir.pc.in ${CMAKE_CURRENT_BINARY_DIR}/weir.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(weir_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weir)
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${weir_cmake_dir})
configure_package_config_file(cmake/weirConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/weirConfig.cmake
    INSTALL_DESTINATION ${weir_cmake_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/weirConfigVersion.cmake
    COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weirConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/weirConfigVersion.cmake
    DESTINATION ${weir_cmake_dir})
