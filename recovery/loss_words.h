/* loss_words.h - what status says of rows that were lost earlier. */
#ifndef WEIR_LOSS_WORDS_H
#define WEIR_LOSS_WORDS_H

#include "arguments.h"
#include "loss.h"

/* A line or an object for each. */
void weir_report_losses(const weir_arguments *arguments, const weir_losses *losses);

#endif
