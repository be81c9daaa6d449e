# The manual pages of the library: written by hand are weir(7) and those of the tools; those of the
# functions are made from the headers, where there is a Python 3.
install(FILES docs/weir.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
file(CREATE_LINK weir.1 ${CMAKE_CURRENT_BINARY_DIR}/weir-recover.1 SYMBOLIC)
install(FILES recovery/weir.1 ${CMAKE_CURRENT_BINARY_DIR}/weir-recover.1 logger/weir-log.1
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
if(WEIR_EXPORTER)
    install(FILES exporter/weir-exporter.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_Interpreter_FOUND)
    file(GLOB weir_headers CONFIGURE_DEPENDS include/weir/*.h)
    set(weir_man ${CMAKE_CURRENT_BINARY_DIR}/man)
    add_custom_command(OUTPUT ${weir_man}/made
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/scripts/man.py
            ${weir_man} ${CMAKE_CURRENT_SOURCE_DIR}
        COMMAND ${CMAKE_COMMAND} -E touch ${weir_man}/made
        DEPENDS scripts/man.py docs/weir.7 ${weir_headers} VERBATIM)
    add_custom_target(weir_man ALL DEPENDS ${weir_man}/made)
    install(DIRECTORY ${weir_man}/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
else()
    message(STATUS "No Python 3: the manual pages of the functions are not made")
endif()
