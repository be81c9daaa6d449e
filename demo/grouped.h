/* grouped.h - numbers for people. */
#ifndef WEIR_DEMO_GROUPED_H
#define WEIR_DEMO_GROUPED_H

const char *grouped(int number); /* "24,000"; in one of 8 buffers that are used in turn */

#endif
