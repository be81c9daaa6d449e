/* resident.c - keep the library's code in memory. */
#include "resident.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

void weir_resident_stay(void) {
    static const char inside;
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&inside, &info, (void **)&map, RTLD_DL_LINKMAP)) return;
    if (!map || !*map->l_name) return; /* the program itself, which is never unloaded */
    void *library = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (library) (void)dlclose(library); /* it stays all the same */
}
