// A sink of spdlog: its messages become rows of the table log, which survive the program whatever
// kills it. Time and thread are those of the message, also behind an asynchronous logger.
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string_view>

#include <weir/weir.hpp>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace {

// db outlives the sink. flush() makes the messages durable: a power cut cannot take them either.
class weir_sink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit weir_sink(const weir::database &db) : db_(db), log_(db.log_table()) {}

  private:
    // The columns of <weir/log.h>: time_ns, level, thread, file, line, message. What is thrown
    // reaches spdlog's error handler.
    void sink_it_(const spdlog::details::log_msg &m) override {
        using std::chrono::nanoseconds;
        const auto time = std::chrono::duration_cast<nanoseconds>(m.time.time_since_epoch());
        log_.append(time.count(), level_of(m.level), m.thread_id, m.source.filename, m.source.line,
                    std::string_view(m.payload.data(), m.payload.size()));
    }
    void flush_() override { db_.sync(WEIR_DURABLE); }

    static const char *level_of(spdlog::level::level_enum level) {
        static constexpr weir_log_level levels[] = {WEIR_TRACE, WEIR_DEBUG, WEIR_INFO,
                                                    WEIR_WARN,  WEIR_ERROR, WEIR_FATAL};
        return weir_log_level_name(levels[level]); // off is no message's level
    }

    const weir::database &db_;
    weir::table log_;
};

} // namespace

int main() {
    try {
        weir::database db("run.db");
        spdlog::logger log("trading", std::make_shared<weir_sink>(db));
        SPDLOG_LOGGER_WARN(&log, "order {} of {} filled at {:.2f}", 7, "ACME", 9.5);
        log.flush();
        return db.close() ? 0 : 1;
    } catch (const weir::error &e) {
        std::fprintf(stderr, "%s: %s\n", e.status().name(), e.what());
        return 1;
    }
}
