/* file.c - one file of the simulated disk. */
#include "file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../lib/format/block.h"

enum { SHARED_BYTES = 1 << 20, POOL = 16 };

static void *must(void *memory) {
    if (!memory) abort(); /* a test without memory has nothing to say */
    return memory;
}

/* ---- pages and blobs -------------------------------------------------------------------- */

static sim_page *page_hold(sim_page *page) {
    if (page) page->references++;
    return page;
}

static void page_drop(sim_page *page) {
    if (page && --page->references == 0) free(page);
}

static void page_set(sim_page **slot, sim_page *page) {
    (void)page_hold(page);
    page_drop(*slot);
    *slot = page;
}

/* The page of this slot, alone in its use. */
static uint8_t *page_own(sim_page **slot) {
    if (*slot && (*slot)->references == 1) {
        (*slot)->hash = 0;
        return (*slot)->bytes;
    }
    sim_page *page = must(malloc(sizeof *page));
    page->references = 1;
    page->hash = 0;
    if (*slot)
        memcpy(page->bytes, (*slot)->bytes, SIM_PAGE);
    else
        memset(page->bytes, 0, SIM_PAGE);
    page_drop(*slot);
    *slot = page;
    return page->bytes;
}

static const uint8_t *page_look(const sim_page *page) {
    static const uint8_t zeros[SIM_PAGE];
    return page ? page->bytes : zeros;
}

static bool is_zero(const uint8_t *at, size_t bytes) {
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static void blob_drop(sim_blob *blob) {
    if (blob && --blob->references == 0) free(blob);
}

/* ---- ranges of pages -------------------------------------------------------------------- */

static void put(sim_page **pages, uint64_t offset, const uint8_t *from, size_t bytes) {
    while (bytes) {
        size_t at = (size_t)(offset % SIM_PAGE), now = SIM_PAGE - at;
        if (now > bytes) now = bytes;
        sim_page **slot = &pages[offset / SIM_PAGE];
        if (from)
            memcpy(page_own(slot) + at, from, now);
        else if (*slot)
            memset(page_own(slot) + at, 0, now);
        if (from) from += now;
        offset += now;
        bytes -= now;
    }
}

static void provide(sim_file *f, uint64_t bytes) {
    size_t wanted = (size_t)((bytes + SIM_PAGE - 1) / SIM_PAGE);
    if (wanted <= f->pages) return;
    f->cached = must(realloc(f->cached, wanted * sizeof *f->cached));
    f->durable = must(realloc(f->durable, wanted * sizeof *f->durable));
    memset(f->cached + f->pages, 0, (wanted - f->pages) * sizeof *f->cached);
    memset(f->durable + f->pages, 0, (wanted - f->pages) * sizeof *f->durable);
    f->pages = wanted;
}

static void clear_behind(sim_page **pages, size_t count, uint64_t size) {
    size_t first = (size_t)((size + SIM_PAGE - 1) / SIM_PAGE);
    for (size_t i = first; i < count; i++)
        page_set(&pages[i], NULL);
    size_t within = (size_t)(size % SIM_PAGE);
    if (within && first <= count && pages[first - 1])
        memset(page_own(&pages[first - 1]) + within, 0, SIM_PAGE - within);
}

/* ---- the list of unsynced writes -------------------------------------------------------- */

static void remember(sim_file *f, uint64_t offset, size_t bytes, sim_blob *data, bool mapped) {
    if (f->write_count == f->write_capacity) {
        f->write_capacity = f->write_capacity * 2 + 8;
        f->writes = must(realloc(f->writes, f->write_capacity * sizeof *f->writes));
    }
    f->writes[f->write_count++] = (sim_write){offset, bytes, data, mapped};
}

static sim_blob *blob_of(const uint8_t *from, size_t bytes) {
    if (is_zero(from, bytes)) return NULL;
    sim_blob *blob = must(malloc(sizeof *blob + bytes));
    blob->references = 1;
    memcpy(blob->bytes, from, bytes);
    return blob;
}

static void forget_writes(sim_file *f) {
    for (size_t i = 0; i < f->write_count; i++)
        blob_drop(f->writes[i].data);
    f->write_count = 0;
}

/* ---- memory for maps: kept for the next file, since making it costs more than a crash ---- */

typedef struct memory {
    int file;
    uint8_t *at;
    size_t used;
} memory;

static memory pool[POOL];
static size_t pooled;

static memory memory_take(void) {
    if (pooled) {
        memory m = pool[--pooled];
        memset(m.at, 0, m.used);
        return m;
    }
    memory m = {memfd_create("simulated ring", MFD_CLOEXEC), NULL, 0};
    if (m.file < 0 || ftruncate(m.file, SHARED_BYTES) < 0) return (memory){-1, NULL, 0};
    void *at = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m.file, 0);
    m.at = at == MAP_FAILED ? NULL : at;
    return m;
}

static void memory_give(memory m) {
    if (pooled < POOL) {
        pool[pooled++] = m;
        return;
    }
    (void)munmap(m.at, SHARED_BYTES); /* ours, whole */
    (void)close(m.file);
}

bool sim_file_share(sim_file *f) {
    if (f->shared) return true;
    if (f->pages * SIM_PAGE > SHARED_BYTES) return false;
    memory m = memory_take();
    if (!m.at) return false;
    for (size_t i = 0; i < f->pages; i++)
        if (f->cached[i]) memcpy(m.at + i * SIM_PAGE, f->cached[i]->bytes, SIM_PAGE);
    f->memory = m.file;
    f->shared = m.at;
    forget_writes(f); /* what differs from the platter is unsynced, page by page */
    return true;
}

static bool page_differs(const sim_file *f, size_t page) {
    const uint8_t *at = f->shared + page * SIM_PAGE;
    return memcmp(at, page_look(f->durable[page]), SIM_PAGE) != 0;
}

/* ---- making ----------------------------------------------------------------------------- */

sim_file *sim_file_make(void) {
    sim_file *f = must(calloc(1, sizeof *f));
    f->memory = -1;
    return f;
}

static void clone_shared(sim_file *to, const sim_file *from) {
    for (size_t i = 0; i < from->pages; i++) {
        if (!page_differs(from, i)) {
            page_set(&to->cached[i], to->durable[i]);
            continue;
        }
        const uint8_t *at = from->shared + i * SIM_PAGE;
        put(to->cached, i * SIM_PAGE, at, SIM_PAGE);
        remember(to, i * SIM_PAGE, SIM_PAGE, blob_of(at, SIM_PAGE), true);
    }
}

sim_file *sim_file_clone(const sim_file *from) {
    sim_file *f = sim_file_make();
    provide(f, from->pages * SIM_PAGE);
    f->size = from->size;
    f->durable_size = from->durable_size;
    for (size_t i = 0; i < from->pages; i++)
        f->durable[i] = page_hold(from->durable[i]);
    if (from->shared) {
        clone_shared(f, from);
        return f;
    }
    for (size_t i = 0; i < from->pages; i++)
        f->cached[i] = page_hold(from->cached[i]);
    for (size_t i = 0; i < from->write_count; i++) {
        const sim_write *w = &from->writes[i];
        if (w->data) w->data->references++;
        remember(f, w->offset, w->bytes, w->data, w->mapped);
    }
    return f;
}

void sim_file_free(sim_file *f) {
    if (!f) return;
    for (size_t i = 0; i < f->pages; i++) {
        page_drop(f->cached[i]);
        page_drop(f->durable[i]);
    }
    forget_writes(f);
    if (f->shared) memory_give((memory){f->memory, f->shared, f->pages * SIM_PAGE});
    free(f->cached);
    free(f->durable);
    free(f->writes);
    free(f);
}

/* ---- comparing -------------------------------------------------------------------------- */

static uint64_t hash_bytes(const uint8_t *bytes) {
    return is_zero(bytes, SIM_PAGE) ? 1 : weir_hash(bytes, SIM_PAGE) | 2;
}

static uint64_t hash_page(sim_page *page) {
    if (!page) return 1;
    if (!page->hash) page->hash = hash_bytes(page->bytes);
    return page->hash;
}

uint64_t sim_file_hash(const sim_file *f) {
    uint64_t sum = f->size;
    for (size_t i = 0; i < f->pages; i++) {
        uint64_t hash = f->shared ? hash_bytes(f->shared + i * SIM_PAGE) : hash_page(f->cached[i]);
        if (hash != 1)
            sum += (hash ^ i) * (2 * i + 0x9E3779B97F4A7C15u); /* zeros count for nothing */
    }
    return sum;
}

/* ---- reading and writing ---------------------------------------------------------------- */

size_t sim_file_read(const sim_file *f, void *into, size_t bytes, uint64_t offset) {
    if (offset >= f->size) return 0;
    if (bytes > f->size - offset) bytes = (size_t)(f->size - offset);
    if (f->shared) {
        memcpy(into, f->shared + offset, bytes);
        return bytes;
    }
    uint8_t *to = into;
    for (size_t left = bytes; left;) {
        size_t at = (size_t)(offset % SIM_PAGE), now = SIM_PAGE - at;
        if (now > left) now = left;
        const sim_page *page = f->cached[offset / SIM_PAGE];
        if (page)
            memcpy(to, page->bytes + at, now);
        else
            memset(to, 0, now);
        to += now;
        offset += now;
        left -= now;
    }
    return bytes;
}

void sim_file_write(sim_file *f, const uint8_t *from, size_t bytes, uint64_t offset) {
    if (offset + bytes > f->size) sim_file_resize(f, offset + bytes);
    if (f->shared) {
        memcpy(f->shared + offset, from, bytes);
        return;
    }
    sim_blob *data = blob_of(from, bytes);
    put(f->cached, offset, data ? data->bytes : NULL, bytes);
    remember(f, offset, bytes, data, false);
}

void sim_file_resize(sim_file *f, uint64_t bytes) {
    provide(f, bytes);
    if (bytes < f->size && f->shared) memset(f->shared + bytes, 0, (size_t)(f->size - bytes));
    if (bytes < f->size) clear_behind(f->cached, f->pages, bytes);
    f->size = bytes;
}

/* ---- from the cache to the platter ------------------------------------------------------ */

static void settle_size(sim_file *f, uint64_t size) {
    f->durable_size = size;
    clear_behind(f->durable, f->pages, size);
}

/* Whole pages go down, as in life: what shares a page with a write goes with it. */
static void settle_pages(sim_file *f, uint64_t offset, size_t bytes) {
    if (bytes == 0) return;
    for (uint64_t i = offset / SIM_PAGE; i <= (offset + bytes - 1) / SIM_PAGE && i < f->pages; i++)
        page_set(&f->durable[i], f->cached[i]);
}

void sim_file_sync(sim_file *f) {
    for (size_t i = 0; f->shared && i < f->pages; i++)
        if (page_differs(f, i)) put(f->durable, i * SIM_PAGE, f->shared + i * SIM_PAGE, SIM_PAGE);
    for (size_t i = 0; i < f->write_count; i++)
        settle_pages(f, f->writes[i].offset, f->writes[i].bytes);
    forget_writes(f);
    settle_size(f, f->size);
}

void sim_file_lose(sim_file *f) { forget_writes(f); }

void sim_file_evict(sim_file *f) {
    if (f->shared) return;
    for (size_t i = 0; i < f->pages; i++)
        page_set(&f->cached[i], f->durable[i]);
    for (size_t i = 0; i < f->write_count; i++) {
        const sim_write *w = &f->writes[i];
        if (w->offset + w->bytes <= f->size)
            put(f->cached, w->offset, w->data ? w->data->bytes : NULL, w->bytes);
    }
    clear_behind(f->cached, f->pages, f->size);
}

bool sim_file_trickle(sim_file *f, const sim_choice *choice) {
    if (f->shared) {
        size_t i = f->pages ? (size_t)choice->random(choice->self, f->pages) : 0;
        if (f->pages == 0 || !page_differs(f, i)) return false;
        put(f->durable, i * SIM_PAGE, f->shared + i * SIM_PAGE, SIM_PAGE);
        return true;
    }
    if (f->write_count == 0) return false;
    const sim_write *w = &f->writes[choice->random(choice->self, f->write_count)];
    settle_pages(f, w->offset,
                 w->bytes); /* it may be lost, torn, kept again: that changes nothing */
    return true;
}

/* ---- the power is cut ------------------------------------------------------------------- */

size_t sim_file_units(const sim_file *f) { return f->write_count + (f->size != f->durable_size); }

/* Sector by sector, so that what it holds need not be a prefix. */
static void tear(sim_file *f, const sim_write *w, const sim_choice *choice) {
    uint64_t at = w->offset, end = w->offset + w->bytes;
    while (at < end) {
        uint64_t next = (at / SIM_SECTOR + 1) * SIM_SECTOR;
        if (next > end) next = end;
        if (choice->random(choice->self, 2))
            put(f->durable, at, w->data ? w->data->bytes + (at - w->offset) : NULL,
                (size_t)(next - at));
        at = next;
    }
}

static void scribble(sim_file *f, const sim_write *w, const sim_choice *choice) {
    uint8_t noise[SIM_SECTOR];
    if (w->bytes == 0) return;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)choice->random(choice->self, 256);
    size_t at = (size_t)choice->random(choice->self, w->bytes);
    at -= at % SIM_SECTOR;
    size_t bytes = w->bytes - at < sizeof noise ? w->bytes - at : sizeof noise;
    put(f->durable, w->offset, w->data ? w->data->bytes : NULL, w->bytes);
    put(f->durable, w->offset + at, noise, bytes);
}

/* A mapped page is written by the kernel as it stands: old, new, or torn between, never garbage. */
static void cut_write(sim_file *f, const sim_write *w, sim_fate fate, const sim_choice *choice) {
    if (w->mapped && fate == SIM_GARBAGE) fate = SIM_TORN;
    if (fate == SIM_KEPT) put(f->durable, w->offset, w->data ? w->data->bytes : NULL, w->bytes);
    if (fate == SIM_TORN) tear(f, w, choice);
    if (fate == SIM_GARBAGE) scribble(f, w, choice);
}

void sim_file_cut(sim_file *f, const sim_choice *choice, size_t *unit) {
    uint64_t size = f->durable_size;
    if (f->size != f->durable_size) {
        sim_fate fate = choice->fate(choice->self, (*unit)++);
        if (fate == SIM_KEPT || fate == SIM_GARBAGE) size = f->size;
    }
    for (size_t i = 0; i < f->write_count; i++) {
        const sim_write *w = &f->writes[i];
        if (w->offset + w->bytes > f->pages * SIM_PAGE)
            continue; /* cannot be: written is provided */
        cut_write(f, w, choice->fate(choice->self, (*unit)++), choice);
    }
    forget_writes(f);
    settle_size(f, size);
    f->size = size;
    for (size_t i = 0; i < f->pages; i++)
        page_set(&f->cached[i], f->durable[i]);
}
