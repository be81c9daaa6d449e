/* driver.c - a harness as a program that any compiler builds.
 *
 *   fuzz_NAME FILE|DIRECTORY …                        run each file, and each file in each directory
 *   fuzz_NAME --mutate COUNT SEED FILE|DIRECTORY …    then COUNT inputs made of them by the mutator
 *
 * A finding is a crash. Before an input of --mutate runs it is written to the file that WEIR_FUZZ_LAST
 * names, if set: what is there after a crash is the finding. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"

enum { INPUT_MAX = 1 << 20, INPUTS_MAX = 1 << 16 };

typedef struct input {
    uint8_t *bytes;
    size_t size;
} input;

static input inputs[INPUTS_MAX];
static size_t input_count;
static FILE *messages; /* a harness may send stderr away */

/* Harnesses without one get these. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    return 0;
}
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity,
                                                     unsigned seed) {
    (void)seed; /* LLVMFuzzerMutate goes on with its own numbers */
    return LLVMFuzzerMutate(data, size, capacity);
}

/* ---- running files ----------------------------------------------------------------------- */

static void keep(uint8_t *bytes, size_t size) {
    if (input_count < INPUTS_MAX)
        inputs[input_count++] = (input){bytes, size};
    else
        free(bytes);
}

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *buffer = malloc(INPUT_MAX);
    if (!file || !buffer) {
        fprintf(messages, "%s: cannot be read\n", path);
        exit(2);
    }
    size_t size = fread(buffer, 1, INPUT_MAX, file);
    (void)fclose(file);                       /* it was only read */
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too many is seen */
    if (!exact) exit(2);
    memcpy(exact, buffer, size);
    free(buffer);
    fprintf(messages, "%s\n", path); /* the last line before a crash names the file */
    (void)LLVMFuzzerTestOneInput(exact, size);
    keep(exact, size);
}

static void run_path(const char *path) {
    struct stat st;
    struct dirent **names;
    int count =
        stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? scandir(path, &names, NULL, alphasort) : -1;
    if (count < 0) {
        run_file(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') run_path(name);
        free(names[i]);
    }
    free(names);
}

/* ---- mutating ---------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t next_number(void) { /* splitmix64 */
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void change_bytes(uint8_t *data, size_t size) {
    static const uint64_t special[] = {
        0, 1, 127, 128, 255, 256, 4095, 4096, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    size_t width = (size_t)1 << next_number() % 4, at = next_number() % size;
    uint64_t number = special[next_number() % (sizeof special / sizeof special[0])];
    if (width > size - at) width = size - at;
    switch (next_number() % 3) {
    case 0: data[at] ^= (uint8_t)(1u << next_number() % 8); break;
    case 1: data[at] = (uint8_t)next_number(); break;
    default: memcpy(data + at, &number, width); break;
    }
}

/* A plain one, in the place of libFuzzer's. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity) {
    unsigned changes = (unsigned)(next_number() % 4) + 1;
    for (unsigned i = 0; size && i < changes; i++)
        change_bytes(data, size);
    size_t other = next_number() % 64;
    if (next_number() % 8 == 0 && size > other) size -= other;
    if (next_number() % 8 == 0 && capacity - size > other) {
        for (size_t i = 0; i < other; i++)
            data[size + i] = (uint8_t)next_number();
        size += other;
    }
    return size;
}

static void note_last(const uint8_t *data, size_t size) {
    const char *path = getenv("WEIR_FUZZ_LAST");
    FILE *file = path ? fopen(path, "wb") : NULL;
    if (!file) return;
    (void)fwrite(data, 1, size, file); /* it helps people; the run does not depend on it */
    (void)fclose(file);
}

static void mutate(unsigned long count, uint64_t seed) {
    static uint8_t buffer[INPUT_MAX];
    state = seed;
    for (unsigned long i = 0; i < count && input_count; i++) {
        const input *from = &inputs[next_number() % input_count];
        memcpy(buffer, from->bytes, from->size);
        size_t size = from->size;
        for (unsigned turns = (unsigned)(next_number() % 3) + 1; turns > 0; turns--)
            size = LLVMFuzzerCustomMutator(buffer, size, INPUT_MAX, (unsigned)next_number());
        uint8_t *exact = malloc(size ? size : 1);
        if (!exact) exit(2);
        memcpy(exact, buffer, size);
        note_last(exact, size);
        (void)LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
}

int main(int argc, char **argv) {
    messages = stderr;
    unsigned long count = 0;
    uint64_t seed = 0;
    int first = 1;
    if (argc > 3 && strcmp(argv[1], "--mutate") == 0) {
        count = strtoul(argv[2], NULL, 10);
        seed = strtoull(argv[3], NULL, 10);
        first = 4;
    }
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = first; i < argc; i++)
        run_path(argv[i]);
    size_t files = input_count;
    mutate(count, seed);
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].bytes);
    fprintf(messages, "%zu files and %lu changed inputs: no finding\n", files, count);
    return files ? 0 : 2; /* a corpus that is not there must not look like a success */
}
