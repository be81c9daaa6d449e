/* image_vfs.c - an image as a file that SQLite can ATTACH, read-only. */
#include "image_vfs.h"

typedef struct open_file {
    sqlite3_file base; /* first: SQLite sees only this */
    weir_image_vfs *file;
} open_file;

static const uint8_t *page_at(sqlite3_file *base, sqlite3_int64 offset) {
    const weir_image *image = ((const open_file *)base)->file->image;
    return weir_image_page(image, (uint32_t)(offset / WEIR_IMAGE_PAGE) + 1);
}

static int close_image(sqlite3_file *base) {
    (void)base; /* it holds nothing */
    return SQLITE_OK;
}

/* Within one page: SQLite reads whole pages, and parts of the first. */
static int read_file(sqlite3_file *base, void *into, int bytes, sqlite3_int64 offset) {
    const uint8_t *page = page_at(base, offset);
    size_t length = (size_t)bytes, within = (size_t)(offset % WEIR_IMAGE_PAGE);
    if (!page || length > WEIR_IMAGE_PAGE - within) {
        memset(into, 0, length); /* as SQLite requires of a read past the end */
        return SQLITE_IOERR_SHORT_READ;
    }
    memcpy(into, page + within, length);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out) {
    (void)base; /* images are all of one size */
    *out = (sqlite3_int64)WEIR_IMAGE_PAGES * WEIR_IMAGE_PAGE;
    return SQLITE_OK;
}

static int refuse_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset) {
    (void)base, (void)bytes, (void)length, (void)offset;
    return SQLITE_READONLY;
}

static int refuse_truncate(sqlite3_file *base, sqlite3_int64 size) {
    (void)base, (void)size;
    return SQLITE_READONLY;
}

static int refuse_sync(sqlite3_file *base, int flags) {
    (void)base, (void)flags;
    return SQLITE_READONLY;
}

/* Only one connection reads it, and the same thread writes it: no locks are needed. */
static int lock_image(sqlite3_file *base, int level) {
    (void)base, (void)level;
    return SQLITE_OK;
}

static int reserved_lock(sqlite3_file *base, int *out) {
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument) {
    (void)base, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *base) {
    (void)base;
    return 4096;
}

static int characteristics(sqlite3_file *base) {
    (void)base;
    return 0;
}

/* SQLite asks for whole pages only. NULL where nothing refers to the page: then SQLite reads it. */
static int fetch_page(sqlite3_file *base, sqlite3_int64 offset, int bytes, void **out) {
    const uint8_t *page = page_at(base, offset);
    (void)bytes;
    memcpy(out, &page, sizeof page); /* drops const: SQLite does not write to a read-only file */
    ((const open_file *)base)->file->in_place |= page != NULL;
    return SQLITE_OK;
}

static int let_go_page(sqlite3_file *base, sqlite3_int64 offset, void *page) {
    (void)base, (void)offset, (void)page; /* it stays until the image is cleared */
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 3, /* without shared memory, which is for -wal files */
    .xClose = close_image,
    .xRead = read_file,
    .xWrite = refuse_write,
    .xTruncate = refuse_truncate,
    .xSync = refuse_sync,
    .xFileSize = file_size,
    .xLock = lock_image,
    .xUnlock = lock_image,
    .xCheckReservedLock = reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xFetch = fetch_page,
    .xUnfetch = let_go_page,
};

static int open_image(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                      int *out_flags) {
    (void)path;
    base->pMethods = NULL; /* nothing to close when this fails */
    if (!(flags & SQLITE_OPEN_MAIN_DB)) return SQLITE_CANTOPEN;
    ((open_file *)base)->file = (weir_image_vfs *)vfs;
    base->pMethods = &methods;
    if (out_flags) *out_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
    return SQLITE_OK;
}

/* It has no rollback journal and no -wal. */
static int access_none(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    (void)vfs, (void)path, (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int full_path(sqlite3_vfs *vfs, const char *path, int size, char *out) {
    (void)vfs;
    (void)sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
}

static int delete_none(sqlite3_vfs *vfs, const char *path, int sync_directory) {
    (void)vfs, (void)path, (void)sync_directory;
    return SQLITE_OK;
}

/* Methods that have nothing to do with files are those of the default VFS. */
static int fill_methods(weir_image_vfs *file, const weir_image *image) {
    const sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
    if (!usual) return SQLITE_ERROR;
    (void)sqlite3_snprintf(sizeof file->name, file->name, "weir-image-%p", (const void *)file);
    file->image = image;
    file->in_place = false;
    file->vfs = *usual;
    file->vfs.pNext = NULL;
    file->vfs.iVersion = 1;
    file->vfs.szOsFile = sizeof(open_file);
    file->vfs.mxPathname = 512;
    file->vfs.zName = file->name;
    file->vfs.xOpen = open_image;
    file->vfs.xDelete = delete_none;
    file->vfs.xAccess = access_none;
    file->vfs.xFullPathname = full_path;
    return SQLITE_OK;
}

static int run_on_image(sqlite3 *db, char *sql) {
    int code = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

int weir_image_vfs_attach(weir_image_vfs *file, const weir_image *image, sqlite3 *db,
                          const char *schema) {
    int code = fill_methods(file, image);
    if (code == SQLITE_OK) code = sqlite3_vfs_register(&file->vfs, 0);
    if (code != SQLITE_OK) return code;
    /* If SQLite does not take this as a URI, it is a path in a directory that does not exist, so no
     * file is created. */
    code = run_on_image(db, sqlite3_mprintf("ATTACH 'file:/weir-image/rows?mode=ro&vfs=%s' AS %s",
                                            file->name, schema));
    if (code == SQLITE_OK) /* if this fails, pages are read as copies */
        (void)run_on_image(db, sqlite3_mprintf("PRAGMA %s.mmap_size=%d", schema,
                                               WEIR_IMAGE_PAGES * WEIR_IMAGE_PAGE));
    /* Files that are open keep the VFS; nobody else is to find it. It was registered, so this
     * succeeds. */
    (void)sqlite3_vfs_unregister(&file->vfs);
    return code;
}
