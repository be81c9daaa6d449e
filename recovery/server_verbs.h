/* server_verbs.h - what verbs say of a server. */
#ifndef WEIR_SERVER_VERBS_H
#define WEIR_SERVER_VERBS_H

#include "remedy.h"
#include "server.h"

/* status --to. Returns the exit code. */
int weir_look_at_server(const weir_arguments *arguments, const weir_place *place);

/* What a position means that replay cannot go on from: of another history, ahead of the journal, or before
 * its first row. Into text, which is returned. */
const char *weir_server_words(const weir_inventory *inventory, char text[WEIR_REMEDY_TEXT]);

#endif
