/* page_environment.c - what a bug report needs to know of the journal's options and the machine. */
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <weir/weir.h>

#include "../json.h"
#include "page.h"

enum { LINE_BYTES = 4096 };

/* ---- file system ----------------------------------------------------------------------- */

typedef struct mount_point { /* of /proc/self/mountinfo, the longest that holds a path */
    char type[64], options[256];
    size_t length;
} mount_point;

static bool mount_holds(const char *mount, const char *path) {
    size_t length = strlen(mount);
    bool root = length == 1 && mount[0] == '/';
    return root || (strncmp(mount, path, length) == 0 && (!path[length] || path[length] == '/'));
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue". Where it is
 * mounted from, and the options of the file system, may be private. */
static void take_mount(char *line, const char *path, mount_point *best) {
    char *rest = NULL, *field = strtok_r(line, " \n", &rest), *mount = NULL, *options = NULL;
    for (int i = 0; field && strcmp(field, "-") != 0; i++) {
        if (i == 4) mount = field;
        if (i == 5) options = field;
        field = strtok_r(NULL, " \n", &rest);
    }
    const char *type = field ? strtok_r(NULL, " \n", &rest) : NULL;
    if (!mount || !options || !type || !mount_holds(mount, path) || strlen(mount) < best->length)
        return;
    best->length = strlen(mount);
    (void)snprintf(best->type, sizeof best->type, "%s", type); /* a cut text is still a text */
    (void)snprintf(best->options, sizeof best->options, "%s", options);
}

static mount_point find_mount(const char *path) {
    mount_point best = {.type = "unknown"};
    char line[LINE_BYTES];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (!mounts) return best;
    while (fgets(line, sizeof line, mounts))
        take_mount(line, path, &best);
    (void)fclose(mounts); /* only read from */
    return best;
}

static void put_file_system(const weir_page *p, const char *name, const char *path) {
    struct statvfs space;
    char *real = path ? realpath(path, NULL) : NULL;
    char text[420], free_text[WEIR_SHOWN], all[WEIR_SHOWN];
    if (!real) return;
    mount_point at = find_mount(real);
    free(real);
    int length = snprintf(text, sizeof text, "%s (%s)", at.type, at.options);
    if (length > 0 && (size_t)length < sizeof text && statvfs(path, &space) == 0)
        (void)snprintf(text + length, sizeof text - (size_t)length, ", %s free of %s",
                       weir_shown_bytes((uint64_t)space.f_bavail * space.f_frsize, free_text),
                       weir_shown_bytes((uint64_t)space.f_blocks * space.f_frsize, all));
    weir_fact_text(p->out, name, text);
}

/* ---- the journal's files --------------------------------------------------------------- */

static void put_journal_facts(const weir_page *p) {
    const weir_inventory *i = &p->view->inventory;
    char text[64];
    fputs("<dt>Journal id</dt><dd><code>", p->out);
    weir_write_hex(p->out, i->journal, sizeof(weir_id));
    fputs("</code></dd>\n", p->out);
    weir_fact_count(p->out, "Openings", i->incarnation);
    weir_fact_count(p->out, "Segments", i->segment_count);
    weir_fact_bytes(p->out, "Their bytes", i->bytes);
    if (i->segment_count)
        weir_fact_bytes(p->out, "Size of the youngest",
                        i->segments[i->segment_count - 1].header.bytes);
    weir_fact_count(p->out, "Blocks", p->map->blocks);
    weir_fact_count(p->out, "Rows in them", p->map->rows);
    (void)snprintf(text, sizeof text, "%.2f : 1",
                   p->map->stored_bytes ? (double)p->map->raw_bytes / (double)p->map->stored_bytes
                                        : 1.0); /* fits */
    weir_fact_text(p->out, "Compression", text);
    weir_fact_text(p->out, "Durable mark by", i->durable.source ? i->durable.source : "nothing");
    weir_fact_text(p->out, "Closed in order", i->closed ? "yes" : "no");
    weir_fact_text(p->out, "Archive", p->place->archives ? "yes" : "no");
    if (i->torn_bytes) weir_fact_bytes(p->out, "Torn tail", i->torn_bytes);
    if (i->read_only) weir_fact_text(p->out, "Features", "a newer one: read only");
}

static void put_machine(const weir_page *p) {
    struct utsname name;
    char text[sizeof name.sysname + sizeof name.release + sizeof name.machine + 8];
    weir_fact_text(p->out, "weir", weir_version());
    weir_fact_text(p->out, "SQLite", sqlite3_libversion());
    if (uname(&name) == 0) { /* not its node name, which is the machine's */
        (void)snprintf(text, sizeof text, "%s %s, %s", name.sysname, name.release,
                       name.machine); /* fits */
        weir_fact_text(p->out, "Kernel", text);
    }
    weir_fact_text(p->out, "C library", gnu_get_libc_version());
    long processors = sysconf(_SC_NPROCESSORS_ONLN), page_bytes = sysconf(_SC_PAGESIZE);
    if (processors > 0) weir_fact_count(p->out, "Processors", (uint64_t)processors);
    if (page_bytes > 0) weir_fact_count(p->out, "Memory page, bytes", (uint64_t)page_bytes);
}

void weir_page_environment(const weir_page *p) {
    weir_section_begin(p->out, "environment", "Journal and machine");
    fputs("<dl class=\"facts\">\n", p->out);
    put_journal_facts(p);
    put_file_system(p, "File system of the journal", p->place->directory);
    if (p->place->database_is_there)
        put_file_system(p, "File system of the database", p->place->database);
    put_machine(p);
    fputs("</dl>\n", p->out);
    weir_section_end(p->out);
}
