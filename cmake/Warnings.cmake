# weir_warnings: link it (PRIVATE) to compile our own code the strict way.
option(WEIR_WERROR "Treat warnings as errors" OFF)

add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE -Wall -Wextra -Wshadow -Wformat=2 -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wconversion -Wstrict-prototypes -Wmissing-prototypes>
    $<$<BOOL:${WEIR_WERROR}>:-Werror>)
