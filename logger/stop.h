/* stop.h - SIGTERM, SIGINT and SIGHUP, noticed where the tool waits and nowhere else. */
#ifndef WEIR_LOGGER_STOP_H
#define WEIR_LOGGER_STOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* Before any other thread is started. A signal that is ignored, as under nohup(1), stays so. */
void weir_log_stop_watch(void);
bool weir_log_stop_wanted(void); /* has such a signal come? */
/* poll(2); 0 also when a signal ends it. timeout_ns: UINT64_MAX waits for ever. */
int weir_log_stop_poll(struct pollfd *files, nfds_t count, uint64_t timeout_ns);

#endif
