# libweir, shared and static, from the objects of lib/ and writer/. The shared one exports only the
# names in weir.map; the static one shows the tests and the tool what is inside.
set(weir_objects $<TARGET_OBJECTS:weir_lib> $<TARGET_OBJECTS:weir_writer>)
# A program that links what is installed has no imported targets of pkg-config's: it gets plain
# names.
foreach(library SQLITE ZSTD XXHASH)
    list(APPEND weir_libraries
        $<BUILD_INTERFACE:PkgConfig::${library}>$<INSTALL_INTERFACE:${${library}_LIBRARIES}>)
endforeach()
set(weir_map ${CMAKE_CURRENT_SOURCE_DIR}/cmake/weir.map)

add_library(weir SHARED ${weir_objects})
set_target_properties(weir PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    LINKER_LANGUAGE C
    LINK_DEPENDS ${weir_map})
target_link_options(weir PRIVATE -Wl,--version-script=${weir_map} -Wl,--as-needed
    # Binding a symbol at its first call takes more stack than a handler may have; and threads end
    # in the library's code when it is closed.
    -Wl,-z,now -Wl,-z,nodelete)
if(NOT WEIR_SANITIZE) # a sanitizer's runtime is linked to the program, not to the library
    target_link_options(weir PRIVATE -Wl,--no-undefined)
endif()

add_library(weir_static STATIC ${weir_objects})
set_target_properties(weir_static PROPERTIES OUTPUT_NAME weir LINKER_LANGUAGE C)

foreach(target weir weir_static)
    target_link_libraries(${target} PRIVATE ${weir_libraries} Threads::Threads ${CMAKE_DL_LIBS} m)
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
add_library(weir::weir ALIAS weir)
add_library(weir::weir_static ALIAS weir_static)
