/* Logs and dies. The message stands in run.db after the next start, or after: weir-recover run.db */
#include <stdio.h>
#include <stdlib.h>

#include <weir/log.h>
#include <weir/sqlite.h>

int main(int argc, char **argv) {
    weir *w;
    if (weir_open_sqlite("run.db", NULL, &w) < 0) {
        fprintf(stderr, "%s\n", weir_last_error());
        return 1;
    }
    weir_log_info(w, "started with %d arguments", argc - 1);
    weir_log(w, WEIR_FATAL, "the last words of %s", argv[0]);
    abort();
}
