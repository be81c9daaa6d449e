/* findings.h - the verdict of an inventory in words: what, where, which rows, what to do. */
#ifndef WEIR_FINDINGS_H
#define WEIR_FINDINGS_H

#include "inventory.h"

/* Fill detail from verdict and everything else. */
void weir_findings_describe(const weir_inventory_input *input, weir_inventory *inventory);

#endif
