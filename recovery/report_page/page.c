/* page.c - the page as a whole: its head, the order of its sections, and its foot. */
#include "page.h"

#include <weir/weir.h>

void weir_page_more(const weir_page *p, uint64_t count) {
    char shown[WEIR_SHOWN];
    if (count > WEIR_PAGE_LINES_MAX)
        fprintf(p->out, "<p class=\"soft\">… and %s more.</p>\n",
                weir_shown_count(count - WEIR_PAGE_LINES_MAX, shown));
}

/* The policy lets a browser fetch nothing and run nothing. */
static void put_head(const weir_page *p) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
          "'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>weir: ",
          p->out);
    weir_html_text(p->out, weir_verdict_name(p->view->inventory.verdict));
    fputs(", ", p->out);
    weir_html_text(p->out, p->place->database ? p->place->database : p->place->directory);
    fprintf(p->out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", weir_page_style);
}

static void put_header(const weir_page *p) {
    char shown[WEIR_SHOWN];
    fputs("<header>\n<h1>", p->out);
    weir_html_text(p->out, p->place->database ? p->place->database : p->place->directory);
    fprintf(p->out, "</h1>\n<p>weir %s, looked at on %s UTC; journal ", weir_version(),
            weir_shown_time(p->now_ns, shown));
    weir_html_text(p->out, p->place->directory);
    fputs("</p>\n</header>\n<main>\n", p->out);
}

static void put_footer(const weir_page *p) {
    fprintf(p->out,
            "</main>\n<footer><p>%s Names of files, tables and columns are on it. It was made "
            "without a lock and without a change to any file; of a program that was running it "
            "shows one moment after the other. Times are UTC, by the clock of the machine that "
            "wrote the blocks.</p></footer>\n</body>\n</html>\n",
            p->arguments->values
                ? "This page was made with --values: values of some rows are on it."
                : "Values of rows are not on this page.");
}

void weir_page_write(const weir_page *p) {
    put_head(p);
    put_header(p);
    weir_page_verdict(p);
    weir_page_lost(p);
    weir_page_segments(p);
    weir_page_time_line(p);
    weir_page_ring(p);
    weir_page_database(p);
    weir_page_tables(p);
    weir_page_kept(p);
    weir_page_environment(p);
    put_footer(p);
}
