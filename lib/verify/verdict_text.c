/* verdict_text.c - the verdict of an inventory in words. */
#include "verdict_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

#include "../base/shell_word.h"
#include "../ring/ring.h"

typedef unsigned long long number;

static void say(weir_inventory *inv, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(weir_inventory *inv, const char *format, ...) {
    size_t length = strlen(inv->detail);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(inv->detail + length, sizeof inv->detail - length, format,
                    arguments); /* a cut text is still a text */
    va_end(arguments);
}

/* What follows is what to do; the tool has words of its own for that, by the verb one is in. */
static void say_remedy(weir_inventory *inv, const char *text) {
    inv->remedy = strlen(inv->detail);
    say(inv, "; %s", text);
}

/* A file of another journal than the newest's, or one under a wrong name. */
static const char *stray_path(const weir_inventory_input *input, const weir_inventory *inv) {
    for (size_t i = 0; i < inv->segment_count; i++) {
        const weir_segment_header *h = &inv->segments[i].header;
        bool other = !weir_id_equal(h->journal, inv->journal);
        if (h->segment && (other || h->segment != inv->segments[i].number))
            return inv->segments[i].path;
    }
    return input->directory;
}

static void put_range(char *text, size_t size, uint64_t first, uint64_t last) {
    if (first == last)
        (void)snprintf(text, size, "row %llu", (number)first); /* numbers fit */
    else
        (void)snprintf(text, size, "rows %llu to %llu", (number)first, (number)last);
}

/* What the database has applied is safe there, if it is the same history. */
static uint64_t first_lost(const weir_inventory *inv, const weir_damage *d) {
    bool safe = inv->found.position != WEIR_POSITION_DIFFERS && inv->position.row >= d->first_row;
    return safe ? inv->position.row + 1 : d->first_row;
}

uint64_t weir_findings_lost(const weir_inventory *inv, const weir_damage *d) {
    uint64_t first = first_lost(inv, d);
    return d->first_row && d->last_row >= first ? d->last_row - first + 1 : 0;
}

const char *weir_findings_rows(const weir_inventory *inv, const weir_damage *d,
                               char text[WEIR_ROWS_TEXT]) {
    char range[64];
    uint64_t lost = weir_findings_lost(inv, d);
    put_range(range, sizeof range, d->first_row, d->last_row);
    if (d->first_row == 0)
        (void)snprintf(text, WEIR_ROWS_TEXT, "%s",
                       d->rows_unknown ? "it is unknown which rows are lost" : "no row is lost");
    else if (lost == 0)
        (void)snprintf(text, WEIR_ROWS_TEXT, "%s cannot be read, but the database has %s", range,
                       d->first_row == d->last_row ? "it" : "them");
    else if (lost <= d->last_row - d->first_row)
        (void)snprintf(text, WEIR_ROWS_TEXT, "%s cannot be read, and those from %llu on are lost",
                       range, (number)first_lost(inv, d)); /* all of these texts fit */
    else
        (void)snprintf(text, WEIR_ROWS_TEXT, "%s %s lost", range,
                       d->first_row == d->last_row ? "is" : "are");
    return text;
}

static bool loses_nothing(const weir_inventory *inv) {
    for (size_t i = 0; i < inv->damage_count; i++)
        if (inv->damages[i].rows_unknown || weir_findings_lost(inv, &inv->damages[i])) return false;
    return true;
}

/* The database as a command takes it. */
static const char *name_of_database(const weir_inventory_input *input) {
    return input->database ? input->database : "DATABASE";
}

static const char *name_in(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Beside its database, by the name that every command looks for. */
static bool is_at_its_place(const weir_inventory_input *input) {
    const char *database = name_in(name_of_database(input)), *journal = name_in(input->directory);
    size_t length = strlen(database);
    return strncmp(journal, database, length) == 0 && strcmp(journal + length, "-weir") == 0;
}

/* "(weir VERB DATABASE)": a command that can be typed as it stands. A server's journal has no database that
 * a verb could be told; what can be read of it goes there. */
static void say_command(const weir_inventory_input *input, weir_inventory *inv, const char *verb) {
    if (input->database_is_server)
        say(inv, " (weir replay --skip-damage --into SERVER %s, then move it away)",
            weir_shell_quote(input->directory, 130).text);
    else if (input->database && !is_at_its_place(input))
        say(inv, " (%s --journal %s %s)", verb, weir_shell_quote(input->directory, 130).text,
            weir_shell_quote(input->database, 130).text);
    else
        say(inv, " (%s %s)", verb, weir_shell_quote(name_of_database(input), 130).text);
}

/* Are there rows that only the journal has, so that it must be said that they may stay behind? What
 * a ring has is counted later: it may have some. */
static const char *forget_command(const weir_inventory *inv) {
    uint64_t next = inv->extent_count ? inv->extents[inv->extent_count - 1].next_row : 1;
    bool leaves = inv->verdict == WEIR_VERDICT_DIVERGED || next > inv->position.row + 1 ||
                  weir_ring_is_ours(inv->found.ring);
    return leaves ? "weir forget --yes" : "weir forget";
}

static bool is_missing(const weir_inventory *inv) {
    for (size_t i = 0; i < inv->damage_count; i++)
        if (!inv->damages[i].missing) return false;
    return true;
}

static void say_damage(const weir_inventory_input *input, weir_inventory *inv) {
    if (inv->damage_count == 0) return;
    const weir_damage *d = &inv->damages[0];
    if (d->path)
        say(inv, "%.120s at byte %llu: ", d->path, (number)d->offset);
    else
        say(inv, "%.100s: segment %llu: ", input->directory, (number)d->segment);
    char rows[WEIR_ROWS_TEXT];
    say(inv, "%s; %s", d->why, weir_findings_rows(inv, d, rows));
    if (inv->damage_count > 1) say(inv, " (and %zu more places)", inv->damage_count - 1);
    if (loses_nothing(inv))
        say_remedy(inv, "go on, which loses no row");
    else if (is_missing(inv))
        say_remedy(inv, "put the missing files back, if there is a copy; or go on without them");
    else
        say_remedy(inv, "put a sound copy back, if there is one; or go on without them");
    say_command(input, inv, "weir salvage");
}

static void say_behind(const weir_inventory_input *input, weir_inventory *inv) {
    const weir_position *p = &inv->position;
    size_t n = inv->extent_count; /* next_row itself counts the rows that the database has */
    uint64_t next = n ? inv->extents[n - 1].next_row : 1;
    say(inv,
        "%.120s: the journal ends at row %llu, but the database has applied row %llu; put the "
        "journal's newest files back; or keep the database and begin a new journal",
        input->directory, (number)(next - 1), (number)p->row);
    say_command(input, inv, forget_command(inv));
}

static uint64_t first_kept_row(const weir_inventory *inv) {
    return inv->extent_count ? inv->extents[0].first_row : inv->next_row;
}

/* Rows that a damage names, or of which it says that nobody knows their numbers, have not left. */
static uint64_t first_row_missed(const weir_inventory *inv) {
    uint64_t first = first_kept_row(inv);
    for (size_t i = 0; i < inv->damage_count; i++) {
        const weir_damage *d = &inv->damages[i];
        if (d->rows_unknown) return 1;
        if (d->first_row && d->first_row < first) first = d->first_row;
    }
    return first;
}

void weir_findings_gone(const weir_inventory *inv, uint64_t *first, uint64_t *last) {
    weir_found_position position = inv->found.position;
    bool unknown = position == WEIR_POSITION_NONE || position == WEIR_POSITION_OTHER;
    bool damaged = weir_verdict_status(inv->verdict) == WEIR_DAMAGED;
    bool behind =
        inv->verdict == WEIR_VERDICT_DATABASE_BEHIND ||
        (damaged && (position == WEIR_POSITION_BEFORE || (unknown && inv->found.recycled)));
    *first = behind ? inv->position.row + 1 : 1;
    *last = behind ? first_row_missed(inv) - 1 : 0;
}

/* The rows between the position and the first block that is kept. */
static void say_gone(const weir_inventory_input *input, weir_inventory *inv) {
    uint64_t first, last;
    char range[64];
    weir_findings_gone(inv, &first, &last);
    put_range(range, sizeof range, first, last);
    say(inv, "%.100s: ", input->directory);
    if (last >= first)
        say(inv, "%s %s left the journal, which keeps a row until a database has it; ", range,
            first == last ? "has" : "have");
    if (inv->found.position == WEIR_POSITION_BEFORE)
        say(inv, "this one has applied up to row %llu; ", (number)inv->position.row);
    else if (input->database_missing)
        say(inv, "the database is not there; ");
    else
        say(inv, "this one has nothing of it; ");
    say(inv, "put the newest database back; or go on without those rows");
    say_command(input, inv, "weir-recover --accept-gap");
    say(inv, "; or begin a new journal");
    say_command(input, inv, forget_command(inv));
}

static void say_missing(const weir_inventory_input *input, weir_inventory *inv) {
    say(inv, "%.100s: %s; put %.80s back; or make it anew from them", input->directory,
        weir_verdict_text(inv->verdict), name_of_database(input));
    say_command(input, inv, "weir-recover");
    say(inv, "; or begin without them");
    say_command(input, inv, forget_command(inv));
}

static void say_end(const weir_inventory_input *input, weir_inventory *inv) {
    say(inv, "%.120s: %s; the journal ends at row %llu", input->directory,
        weir_verdict_text(inv->verdict), (number)(inv->next_row ? inv->next_row - 1 : 0));
}

static void say_spent(const weir_inventory_input *input, weir_inventory *inv) {
    say(inv, "%.160s: %s", input->directory, weir_verdict_text(inv->verdict));
    say_remedy(inv, "begin a new journal");
    say_command(input, inv, forget_command(inv));
}

static void say_newer(const weir_inventory_input *input, weir_inventory *inv) {
    bool ring = !inv->newer_path;
    const weir_newer *newer = ring ? &input->ring_newer : &inv->newer;
    uint32_t known = ring ? WEIR_RING_VERSION : WEIR_FORMAT_VERSION;
    say(inv, "%.150s%s: %s: ", ring ? input->directory : inv->newer_path, ring ? "/ring" : "",
        weir_verdict_text(inv->verdict));
    if (newer->version > known)
        say(inv, "its format is version %u, and weir %s knows %u; ", newer->version, weir_version(),
            known);
    else
        say(inv, "it uses the features 0x%x of the format, which weir %s does not know; ",
            newer->features, weir_version());
    say(inv, "nothing was changed: use a newer weir");
}

void weir_findings_describe(const weir_inventory_input *input, weir_inventory *inv) {
    const char *directory = input->directory, *text = weir_verdict_text(inv->verdict);
    inv->detail[0] = 0;
    inv->remedy = 0;
    switch (inv->verdict) {
    case WEIR_VERDICT_BROKEN_DATABASE:
        say(inv, "%.100s: %s (%.80s)", directory, text, input->database_broken);
        if (input->database_shut) break; /* what is wrong is said, and no copy mends it */
        say_remedy(inv, "put a copy of it back, or fill a new one with all that can be read of it "
                        "and of the journal");
        say_command(input, inv, "weir salvage --to NEW");
        break;
    case WEIR_VERDICT_NEWER: say_newer(input, inv); break;
    case WEIR_VERDICT_MIXED:
        say(inv, "%.200s: %s, or one file twice; move this one away if it is the stranger",
            stray_path(input, inv), text);
        break;
    case WEIR_VERDICT_RING_WITHOUT_JOURNAL:
        say(inv, "%.200s: %s", directory, text);
        say_remedy(inv, "put the segment files back, or begin a new journal with the ring's rows");
        say_command(input, inv, "weir salvage");
        break;
    case WEIR_VERDICT_FOREIGN_RING:
        say(inv, "%.200s/ring: %s", directory, text);
        say_remedy(inv, "put the right one back, or move this one to the journal that it belongs "
                        "to");
        break;
    case WEIR_VERDICT_DAMAGED_RING:
        say(inv, "%.200s/ring: %s", directory, text);
        say_remedy(inv, "put a sound copy back, or go on without its rows");
        say_command(input, inv, "weir salvage");
        break;
    case WEIR_VERDICT_CUT_RING:
        say(inv, "%.200s/ring: %s (it is unknown how many)", directory, text);
        say_remedy(inv, "put the whole file back, or go on without them");
        say_command(input, inv, "weir salvage");
        break;
    case WEIR_VERDICT_ROT: say_damage(input, inv); break;
    case WEIR_VERDICT_DIVERGED:
        say(inv,
            "%.120s: %s: block %llu (row %llu) is another one there; put back the journal that "
            "belongs to the database, or the database to the journal; or keep the database and "
            "begin a new journal",
            directory, text, (number)inv->position.block, (number)inv->position.row);
        say_command(input, inv, forget_command(inv));
        break;
    case WEIR_VERDICT_JOURNAL_BEHIND: say_behind(input, inv); break;
    case WEIR_VERDICT_DATABASE_BEHIND: say_gone(input, inv); break;
    case WEIR_VERDICT_DATABASE_MISSING: say_missing(input, inv); break;
    case WEIR_VERDICT_SPENT:
        if (inv->last_segment >= UINT64_MAX - 1)
            say(inv,
                "%.200s: segment %llu has the highest number there is, so none can follow it; move "
                "that file away",
                directory, (number)inv->last_segment);
        else
            say_spent(input, inv);
        break;
    case WEIR_VERDICT_FRESH: say(inv, "%.200s: %s", directory, text); break;
    default: say_end(input, inv); break;
    }
}
