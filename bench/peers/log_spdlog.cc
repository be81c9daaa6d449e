// log_spdlog.cc - a peer of log.c: spdlog into a file, in the caller or by a thread of its own.
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include "log_peer.h"

int main(int argc, char **argv) {
    log_peer peer;
    if (!peer.read_arguments(argc, argv)) return 16;
    spdlog::init_thread_pool(65536, 1);
    auto log = peer.asynchronous
                   ? spdlog::basic_logger_mt<spdlog::async_factory>("bench", peer.file, true)
                   : spdlog::basic_logger_mt("bench", peer.file, true);
    log->set_pattern("%Y-%m-%d %H:%M:%S.%F %l %t %s:%# %v");
    bool measured = peer.measure([&](const order &o) {
        SPDLOG_LOGGER_INFO(log, "order {} of {} filled at {:.2f}, {} left", o.id, o.symbol, o.price,
                           o.left);
    });
    log.reset();
    spdlog::shutdown();
    return peer.finish(measured);
}
