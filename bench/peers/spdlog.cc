// spdlog.cc - a peer of append.c: the same bursts through spdlog's asynchronous logger into a
// file. Prints p50, p99, p99.9 and the worst, in nanoseconds per call.
//
//     weir-bench-spdlog FILE BURSTS PAUSE_NS
#include <cstdio>

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include "../bursts.h"

namespace {

void log_burst(void *context, std::size_t number) {
    auto &log = *static_cast<spdlog::logger *>(context);
    for (unsigned k = 0; k < BURST; k++)
        log.info("{} {} {}", number, k, static_cast<double>(number) / 3);
}

} // namespace

int main(int argc, char **argv) {
    pace p;
    double figures[PARTS];
    if (argc != 4 || !read_pace(argv[2], argv[3], &p)) {
        std::fprintf(stderr, "usage: weir-bench-spdlog FILE BURSTS PAUSE_NS\n");
        return 16;
    }
    spdlog::init_thread_pool(65536, 1);
    auto log = spdlog::basic_logger_mt<spdlog::async_factory>("bench", argv[1], true);
    bool measured = measure_bursts(&p, log_burst, log.get(), figures);
    log.reset();
    spdlog::shutdown();
    std::remove(argv[1]);
    if (!measured) return 1;
    print_parts(figures);
}
