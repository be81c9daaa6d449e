/* page.h - the page of the verb report, section by section: what a person sees of a journal, and
 * what goes with a bug report.
 *
 * Values of rows, and texts that hold them, are on it only with --values. Names of files, tables
 * and columns are on it always. There is no script on it and nothing that a browser would fetch,
 * and it says so to the browser too, so that a name that got through as markup could do nothing. */
#ifndef WEIR_PAGE_H
#define WEIR_PAGE_H

#include "../arguments.h"
#include "../place.h"
#include "../view.h"
#include "block_map.h"
#include "markup.h"

enum { WEIR_PAGE_LINES_MAX = 100 }; /* of a table; what is left out is counted */

typedef struct weir_page {
    FILE *out;
    const weir_os *os;
    const weir_arguments *arguments;
    const weir_place *place;
    const weir_view *view;
    const weir_block_map *map;
    int64_t now_ns;
} weir_page;

void weir_page_write(const weir_page *page);

/* Each of these is one section. */
void weir_page_verdict(const weir_page *page);
void weir_page_lost(const weir_page *page);
void weir_page_segments(const weir_page *page);
void weir_page_time_line(const weir_page *page);
void weir_page_ring(const weir_page *page);
void weir_page_database(const weir_page *page); /* with the rejects */
void weir_page_tables(const weir_page *page);   /* with --values, rows around the damage too */
void weir_page_kept(const weir_page *page);     /* files that stay, and readers they stay for */
void weir_page_environment(const weir_page *page);

extern const char weir_page_style[]; /* the style sheet */

/* "… and 12 more": for what a table leaves out of count lines. */
void weir_page_more(const weir_page *page, uint64_t count);

#endif
