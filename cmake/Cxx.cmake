# The library is C, and is built without a C++ compiler. Tests and examples of <weir/weir.hpp> are
# built where there is one (WEIR_CXX) of the make that C's is: another cannot link what a sanitizer
# or coverage has put into the library.
set(WEIR_CXX OFF)
if((WEIR_TESTS OR WEIR_EXAMPLES) AND NOT CMAKE_CROSSCOMPILING)
    include(CheckLanguage)
    check_language(CXX)
    if(CMAKE_CXX_COMPILER)
        enable_language(CXX)
    endif()
    if(CMAKE_CXX_COMPILER AND CMAKE_CXX_COMPILER_ID STREQUAL CMAKE_C_COMPILER_ID)
        set(WEIR_CXX ON)
    else()
        message(STATUS "No C++ compiler that fits: tests and examples of weir.hpp are left out")
    endif()
endif()

# A program that uses weir.hpp is compiled in the strict way, and with fmt for its logger if that
# is there. standard: 17 or 20.
function(weir_cxx target standard)
    set_target_properties(${target} PROPERTIES
        CXX_STANDARD ${standard} CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE
        $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -pedantic>)
    target_link_libraries(${target} PRIVATE weir_warnings)
    find_package(fmt QUIET)
    if(fmt_FOUND)
        target_link_libraries(${target} PRIVATE fmt::fmt)
    else()
        target_compile_definitions(${target} PRIVATE WEIR_NO_FMT)
    endif()
endfunction()
