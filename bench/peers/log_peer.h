// log_peer.h - what the peers of log.c share: the arguments, the bursts, and a look whether all
// messages are in the file.
//
//     weir-bench-log-NAME sync|async FILE BURSTS PAUSE_NS
#ifndef WEIR_BENCH_LOG_PEER_H
#define WEIR_BENCH_LOG_PEER_H

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "../bursts.h"
#include "../orders.h"

class log_peer {
  public:
    bool asynchronous = false;
    const char *file = nullptr;

    bool read_arguments(int argc, char **argv) {
        asynchronous = argc == 5 && std::strcmp(argv[1], "async") == 0;
        if (argc == 5 && (asynchronous || std::strcmp(argv[1], "sync") == 0) &&
            read_pace(argv[3], argv[4], &pace_)) {
            file = argv[2];
            return true;
        }
        std::fprintf(stderr, "usage: %s sync|async FILE BURSTS PAUSE_NS\n", argv[0]);
        return false;
    }

    // log: called with an order, logs its message.
    template <class Log> bool measure(Log log) {
        return measure_bursts(&pace_, burst_of<Log>, &log, figures_);
    }

    // When the logger is closed. The exit code of main.
    int finish(bool measured) const {
        std::ifstream written(file);
        auto lines = std::count(std::istreambuf_iterator<char>(written), {}, '\n');
        std::remove(file);
        if (!measured || static_cast<std::size_t>(lines) != calls_of(&pace_)) {
            std::fprintf(stderr, "%zu messages, %zu lines\n", calls_of(&pace_),
                         static_cast<std::size_t>(lines));
            return 1;
        }
        print_parts(figures_);
        return 0;
    }

  private:
    pace pace_ = {};
    double figures_[PARTS] = {};

    template <class Log> static void burst_of(void *context, std::size_t number) {
        Log &log = *static_cast<Log *>(context);
        for (unsigned i = 0; i < BURST; i++)
            log(order_of(number * BURST + i));
    }
};

#endif
