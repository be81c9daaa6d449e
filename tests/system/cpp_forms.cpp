/* cpp_forms.cpp - each call of <weir/weir.hpp> in each of its forms. It is compiled by every
 * compiler that is there, in each version of C++, with and without exceptions, and never run
 * (test_cpp_compiles.sh). */
#include <weir/weir.hpp>

#include <filesystem>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace shop {
enum class side : char { buy = 'B', sell = 'S' };
struct price {
    weir::key id;
    std::int64_t tick;
    double value;
    std::optional<std::string_view> note;
    side direction;
    std::vector<std::byte> raw;
    std::string text;
    bool open;
    const char *source;
};
WEIR_FIELDS(price, id, tick, value, note, direction, raw, text, open, source)

/* Of as many members as a table of a struct can have. */
struct wide {
    int a1, a2, a3, a4, a5, a6, a7, a8, b1, b2, b3, b4, b5, b6, b7, b8, c1, c2, c3, c4, c5, c6, c7,
        c8, d1, d2, d3, d4, d5, d6, d7, d8, e1, e2, e3, e4, e5, e6, e7, e8, f1, f2, f3, f4, f5, f6,
        f7, f8, g1, g2, g3, g4, g5, g6, g7, g8, h1, h2, h3, h4, h5, h6, h7, h8;
};
WEIR_FIELDS(wide, a1, a2, a3, a4, a5, a6, a7, a8, b1, b2, b3, b4, b5, b6, b7, b8, c1, c2, c3, c4,
            c5, c6, c7, c8, d1, d2, d3, d4, d5, d6, d7, d8, e1, e2, e3, e4, e5, e6, e7, e8, f1, f2,
            f3, f4, f5, f6, f7, f8, g1, g2, g3, g4, g5, g6, g7, g8, h1, h2, h3, h4, h5, h6, h7, h8)
static_assert(weir::detail::row_of<wide>::count == 64);
static_assert(weir::detail::row_of<price>::columns()[0].type == WEIR_KEY);
static_assert(weir::detail::row_of<price>::columns()[4].type == WEIR_INTEGER);
} // namespace shop

using namespace std::chrono_literals;

weir::status without_exceptions(weir::database &db) noexcept {
    weir::result<weir::table> t =
        db.try_declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_KEY}, {"c", WEIR_BLOB}});
    if (!t) return t.status();
    const std::vector<std::uint8_t> bytes(3);
    weir::status s = t->try_append(1, 2.5f, bytes);
    s = t->try_append(7ull, std::nullopt, shop::side::buy);
    s = t->try_append(true, nullptr, std::string("x"));
#if __cplusplus >= 202002L
    s = t->try_append(1, nullptr, std::span<const std::byte>());
    s = t->try_append(1, nullptr, u8"Größe");
    s = db.try_sync(WEIR_DURABLE, 0ms);
#endif
    if (auto other = weir::database::try_open("b.db", weir_options{})) s = other->try_close();
    if (const auto ticket = t->try_append_ticket(1, 2, 3))
        s = db.try_wait(*ticket, WEIR_APPLIED, 1500us);
    const weir::value values[] = {weir_int(1), weir_null(), weir::blob("x", 1)};
    s = t->try_append_values(values, 3);
    if (const auto i = t->try_insert_now(5s, 1, weir::key(5), "x")) s = i->applied ? 0 : i->key < 0;
    const auto prices = db.try_declare<shop::price>("prices");
    if (prices) {
        s = prices->try_append({{}, 1, 2.0, "x", shop::side::buy, {}, "s", true, "c"});
        s = prices->try_append_rows(std::vector<shop::price>(3));
        s = prices->try_insert_now(1h, shop::price{}).status();
        s = prices->try_append_ticket(shop::price{}).status();
    }
    s = t->try_keep(weir::keep_limits().age(24h, "time_ns"));
    s = db.try_configure_log(weir::log_options());
    s = db.try_log_table().status();
    s = db.try_stats().status();
    if (auto batch = db.try_begin()) {
        s = batch->try_append(*t, 1, 2, 3);
        s = batch->try_append(*prices, shop::price{});
        s = batch->try_commit().status();
        batch->rollback();
    }
    s = db.try_descriptor(WEIR_APPLIED).status();
    s = db.try_request(WEIR_DURABLE);
    db.log_text(WEIR_INFO, "{}%s");
    weir_log_info(db.get(), "x %d", 5);
    weir_log_kv(db.get(), WEIR_INFO, "filled", "id", weir_int(7), "price", weir_real(9.5));
    return s == WEIR_OK ? db.try_close() : s;
}

#ifdef WEIR_HAS_FORMAT
void logging(const weir::database &db) {
    const int id = 7;
    double price = 2;
    db.log_trace("nothing");
    db.log_debug("{}", id);
    db.log_info("filled {} at {}", id, price);
    db.log_warn("{:>8.3f}", price);
    db.log_error("{}", std::string("moved"));
    db.log_fatal("{{}}");
    db.log(WEIR_WARN, "x {}", 5);
}
#endif

#ifdef __cpp_exceptions
void with_exceptions() {
    weir::options o;
    o.linger_ms = 5;
    const std::filesystem::path path("a.db");
    weir::database db(path, o);
    db = weir::database("b.db");
    const weir::typed_table<shop::price> prices(db, "prices");
    prices.append({{}, 1, 2.0, "x", shop::side::buy, {}, "s", true, "c"});
    prices.append_rows(std::vector<shop::price>(3));
    const weir::ticket ticket = prices.append_ticket({});
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_KEY}});
    if (!t.insert_now(5s, 1, weir::key()).applied || prices.insert_now(1min, {}).key == 1) return;
    t.append(weir_int(1), 2);
    if (!db.sync(WEIR_APPLIED, 1500us) || !db.wait(ticket, WEIR_APPLIED, 1s)) return;
    db.sync(WEIR_DURABLE);
    db.wait(t.append_ticket(1, weir::key()), WEIR_APPLIED);
    t.keep(weir::keep_limits().age(24h, "time_ns"));
    db.configure_log(weir::log_options());
    db.log_table().append(0, "INFO", db.stats().lanes, "file", 1, "message");
    weir::batch batch = db.begin();
    batch.append(t, 1, nullptr);
    batch.append(prices, shop::price{});
    db.wait(batch.commit(), WEIR_DURABLE);
    if (db.descriptor(WEIR_APPLIED) >= 0) db.request(WEIR_DURABLE);
    if (!db.close()) return;
}
#endif
