/* complaints.h - what the options of a verb contradict, or lack, in words; NULL: they are in order. */
#ifndef WEIR_COMPLAINTS_H
#define WEIR_COMPLAINTS_H

#include "arguments.h"

const char *weir_complain_of_dump(const weir_arguments *a);
const char *weir_complain_of_integrity(const weir_arguments *a);
const char *weir_complain_of_replay(const weir_arguments *a);
const char *weir_complain_of_recovery(const weir_arguments *a);
const char *weir_complain_of_salvage(const weir_arguments *a);
const char *weir_complain_of_drop(const weir_arguments *a);
const char *weir_complain_of_report(const weir_arguments *a);
const char *weir_complain_of_metrics(const weir_arguments *a);
const char *weir_complain_of_status(const weir_arguments *a);
const char *weir_complain_of_check(const weir_arguments *a);
const char *weir_complain_of_detach(const weir_arguments *a);
const char *weir_complain_of_prune(const weir_arguments *a);
const char *weir_complain_of_restore(const weir_arguments *a);

#endif
