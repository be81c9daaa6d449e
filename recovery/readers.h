/* readers.h - what status says of named readers. */
#ifndef WEIR_TOOL_READERS_H
#define WEIR_TOOL_READERS_H

#include "../lib/verify/readers.h"
#include "json.h"
#include "view.h"

/* As the member "readers", an array; or as a line of words for each. */
void weir_json_readers(weir_json *json, const weir_place *place, const weir_inventory *inventory);
void weir_word_readers(const weir_place *place, const weir_inventory *inventory);

#endif
