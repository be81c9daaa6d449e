# WEIR_SANITIZE=address,undefined or thread; WEIR_COVERAGE=ON. Both go to everything that is built.
set(WEIR_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")
option(WEIR_COVERAGE "Build with coverage counters" OFF)

if(WEIR_SANITIZE)
    add_compile_options(
        -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${WEIR_SANITIZE})
    if(WEIR_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # gcc says that it does not model atomic_thread_fence; the code does not rely on TSan for
        # it.
        add_compile_options(-Wno-tsan)
    endif()
endif()
if(WEIR_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic) # threads share the counters
    add_link_options(--coverage)
endif()
