/* salvage_os.h - what recovery/ gets in fuzz_salvage in place of what its calls are named after: a
 * rename, and the database. */
#ifndef WEIR_FUZZ_SALVAGE_OS_H
#define WEIR_FUZZ_SALVAGE_OS_H

#include "../lib/handle/handle.h"
#include "../recovery/apply.h"
#include "../recovery/loss.h"
#include "../recovery/report.h"
#include "../recovery/verbs.h"
#include "../writer/sqlite/sqlite_sink.h"

int fuzz_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int fuzz_sink_open(const weir_sqlite_config *config, weir_sink *out, char **real_path,
                   weir_error *error);
int fuzz_positions(weir_sink *sink, weir_position **out, size_t *count, weir_error *error);
int fuzz_losses_keep(const weir_place *place, const uint8_t journal[16], const weir_losses *losses,
                     uint32_t wait_s, weir_error *error);
int fuzz_database_look(const char *path, weir_database_view *out);
int fuzz_handle_open(const weir_handle_config *config, weir **out, weir_error *error);
int fuzz_report_error(const weir_arguments *arguments, const weir_error *error);
int fuzz_report_refusal(const weir_arguments *arguments, const weir_inventory *inventory);
void fuzz_report_rehearsal(const weir_arguments *arguments, const char *database,
                           const weir_applied *applied, uint64_t lost, bool lost_unknown);
int fuzz_recover(const weir_arguments *arguments, const weir_place *place);

#endif
