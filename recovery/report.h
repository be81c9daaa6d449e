/* report.h - what was found, as words or as JSON objects. */
#ifndef WEIR_REPORT_H
#define WEIR_REPORT_H

#include "arguments.h"
#include "view.h"

/* An error that ends the program: one line on stderr, with --json an object on stdout too. Returns
 * the exit code. */
int weir_report_error(const weir_arguments *arguments, const weir_error *error);

/* What the library tells of recovery, as a note, and with --json as an object too. Any thread. */
void weir_report_event(const weir_arguments *arguments, weir_event event, const char *text);

/* A note for the person at the terminal: one line on stderr. */
void weir_report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What status and verify print. Returns the exit code for the verdict. */
int weir_report_view(const weir_arguments *arguments, const weir_place *place,
                     const weir_view *view);

/* One line or object for each damaged range. */
void weir_report_damages(const weir_arguments *arguments, const weir_inventory *inventory);

/* For a verdict that does not allow to go on: print the damages, then the verdict. Returns the exit
 * code. */
int weir_report_refusal(const weir_arguments *arguments, const weir_inventory *inventory);

uint64_t weir_lost_rows(const weir_inventory *inventory); /* in all damages, and not applied */

int weir_exit_of_verdict(weir_verdict verdict);

#endif
