// spdlog.cc - a peer of append.c: the same bursts through spdlog's asynchronous logger into a
// file. Prints p50, p99, p99.9 and the worst, in nanoseconds per call.
//
//     weir-bench-spdlog FILE BURSTS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

namespace {

constexpr int burst = 20, pause_ns = 50000;

long long now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

void measure(spdlog::logger &log, std::vector<double> &each) {
    for (std::size_t i = 0; i < each.size(); i++) {
        long long start = now_ns();
        for (int k = 0; k < burst; k++)
            log.info("{} {} {}", i, k, static_cast<double>(i) / 3);
        long long end = now_ns();
        each[i] = static_cast<double>(end - start) / burst;
        while (now_ns() - end < pause_ns) {
        }
    }
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3 || std::atoi(argv[2]) <= 0) {
        std::fprintf(stderr, "usage: weir-bench-spdlog FILE BURSTS\n");
        return 16;
    }
    std::size_t bursts = static_cast<std::size_t>(std::atoi(argv[2]));
    spdlog::init_thread_pool(65536, 1);
    auto log = spdlog::basic_logger_mt<spdlog::async_factory>("bench", argv[1], true);
    std::vector<double> warm(bursts / 10), each(bursts);
    measure(*log, warm);
    measure(*log, each);
    log.reset();
    spdlog::shutdown();
    std::remove(argv[1]);

    std::sort(each.begin(), each.end());
    auto at = [&](double part) {
        return each[static_cast<std::size_t>(static_cast<double>(bursts - 1) * part)];
    };
    std::printf("%.1f %.1f %.1f %.1f\n", at(0.5), at(0.99), at(0.999), at(1));
}
