/* readers.h - what status says of named readers. */
#ifndef WEIR_TOOL_READERS_H
#define WEIR_TOOL_READERS_H

#include "../lib/verify/readers.h"
#include "view.h"

/* Each as a line of words, or as an object of type "reader". What cannot be listed is a note. */
void weir_report_readers(const weir_arguments *arguments, const weir_place *place,
                         const weir_inventory *inventory);

#endif
