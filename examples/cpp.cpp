// The C++ face: rows from structs and from plain values, a key at once, the log, a clean end.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

#include <weir/weir.hpp>

namespace {

enum class side { buy, sell };

struct trade {
    std::int64_t run;
    side direction;
    double price;
    std::optional<std::string_view> note;
};
WEIR_FIELDS(trade, run, direction, price, note)

void work() {
    using namespace std::chrono_literals;
    weir::database db("run.db"); // recovers first, if there is anything to

    const weir::table runs = db.declare("runs", {{"id", WEIR_KEY}, {"name", WEIR_TEXT}});
    const std::int64_t run =
        runs.insert_now(5s, weir::key(), "first").key; // other rows refer to it

    const weir::typed_table<trade> trades(db, "trades"); // its columns are the struct's members
    for (int i = 0; i < 1000; i++)
        trades.append({run, i % 2 ? side::sell : side::buy, 100 + i / 8.0, std::nullopt});
    const trade last{run, side::buy, 225, "the last one"};
    const weir::ticket ticket = trades.append_ticket(last);
    db.wait(ticket, WEIR_DURABLE); // a power cut cannot take it any more

#ifdef WEIR_HAS_FORMAT                           // of std::format or fmt
    db.log_info("run {}: {} trades", run, 1001); // a row of the table log
#else
    weir_log_info(db.get(), "run %lld: %d trades", static_cast<long long>(run), 1001);
#endif
    if (!db.close()) std::puts("some rows are applied by the next opening");
}

} // namespace

int main() {
    try {
        work();
    } catch (const weir::error &e) {
        std::fprintf(stderr, "%s: %s\n", e.status().name(), e.what());
        return 1;
    }
}
