/* sink_words.h - what status says of a journal's sinks. */
#ifndef WEIR_SINK_WORDS_H
#define WEIR_SINK_WORDS_H

#include "json.h"
#include "sink_view.h"

/* As the member "sinks", an array; or as a line of words for each. */
void weir_json_sinks(weir_json *json, const weir_sink_views *views);
void weir_word_sinks(const weir_sink_views *views);

#endif
