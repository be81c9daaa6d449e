/* test_cpp.cpp - <weir/weir.hpp>: what its calls answer and throw, and what then stands in the
 * database. Built for C++17 and for C++20. */
#include <weir/weir.hpp>

#include <csetjmp>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include "support.h"
}

using namespace std::chrono_literals;

/* ---- no allocation, and a close that fails --------------------------------------------------- */

static thread_local unsigned long allocations;

void *operator new(std::size_t bytes) {
    allocations++;
    if (void *made = std::malloc(bytes ? bytes : 1)) return made;
    throw std::bad_alloc();
}
void *operator new(std::size_t bytes, const std::nothrow_t &) noexcept {
    allocations++;
    return std::malloc(bytes ? bytes : 1);
}
void operator delete(void *made) noexcept { std::free(made); }
void operator delete(void *made, std::size_t) noexcept { std::free(made); }

static int close_answers; /* not 0: what closing answers, though it has closed */

extern "C" int __real_weir_close(weir_handle *w);
extern "C" int __wrap_weir_close(weir_handle *w);

/* ---- the fixture: a failing check unwinds, so that what is open is closed -------------------- */

namespace {

struct place {
    char directory[96], database[128];
};

struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            throw failure(std::string(__FILE__ ":") + std::to_string(__LINE__) + ": " #condition); \
    } while (0)

template <class Function> int code_thrown_by(Function function) {
    try {
        function();
    } catch (const weir::error &e) {
        CHECK(*e.what());
        return e.status().code();
    }
    return WEIR_OK;
}

int set_up(void **state) {
    auto *p = static_cast<place *>(std::calloc(1, sizeof(place)));
    std::snprintf(p->directory, sizeof p->directory, "%s", weir_temp_make());
    std::snprintf(p->database, sizeof p->database, "%s/run.db", p->directory);
    close_answers = 0;
    *state = p;
    return 0;
}

int tear_down(void **state) {
    auto *p = static_cast<place *>(*state);
    weir_temp_remove(p->directory);
    std::free(p);
    return 0;
}

template <void (*Test)(const place &)> void guarded(void **state) {
    char text[512] = "";
    try {
        Test(*static_cast<const place *>(*state));
    } catch (const std::exception &e) {
        std::snprintf(text, sizeof text, "%s", e.what());
    }
    if (*text) fail_msg("%s", text);
}
#define TEST(name)                                                                                 \
    { #name, guarded < name>, set_up, tear_down, nullptr }

std::int64_t number(const place &p, const char *sql) { return weir_sql_int(p.database, sql); }

/* Another connection that holds the write lock until it ends. */
class lock {
  public:
    explicit lock(const place &p) {
        CHECK(sqlite3_open(p.database, &db_) == SQLITE_OK);
        sqlite3_busy_timeout(db_, 5000);
        CHECK(sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    }
    ~lock() { sqlite3_close(db_); }
    lock(const lock &) = delete;
    lock &operator=(const lock &) = delete;

  private:
    sqlite3 *db_ = nullptr;
};

/* ---- values ---------------------------------------------------------------------------------- */

enum class side : std::int8_t { buy = -1, sell = 1 };
enum plain { three = 3 };

void every_type_of_value_arrives(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"n", WEIR_INTEGER}, {"v", WEIR_BLOB}});
    const char *none = nullptr;
    const std::string text = "Größe";
    const std::vector<std::byte> bytes{std::byte{1}, std::byte{0}, std::byte{255}};
    const unsigned char raw[] = {7, 8};
    int n = 0;
    t.append(n++, true);
    t.append(n++, std::numeric_limits<std::int64_t>::min());
    t.append(n++, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    t.append(n++, static_cast<unsigned char>(200));
    t.append(n++, static_cast<short>(-5));
    t.append(n++, 2.5f);
    t.append(n++, -0.1);
    t.append(n++, "literal");
    t.append(n++, text);
    t.append(n++, std::string_view(text).substr(0, 2));
    t.append(n++, std::string_view("a\0b", 3));
    t.append(n++, std::string_view());
    t.append(n++, bytes);
    t.append(n++, raw);
    t.append(n++, std::array<std::uint8_t, 2>{{9, 10}});
    t.append(n++, std::vector<std::byte>());
    t.append(n++, weir::blob("xyz", 2));
    t.append(n++, side::buy);
    t.append(n++, three);
    t.append(n++, std::byte{250});
    t.append(n++, std::optional<std::string_view>("there"));
    t.append(n++, std::optional<side>(side::sell));
    t.append(n++, weir_text("C's own"));
    const int first_null = n;
    t.append(n++, std::nullopt);
    t.append(n++, nullptr);
    t.append(n++, none);
    t.append(n++, std::optional<double>());
    t.append(n++, std::optional<std::optional<int>>(std::in_place));
    t.append(n++, std::monostate());
    db.sync(WEIR_APPLIED);

    CHECK(number(p, "SELECT count(*) FROM t") == n);
    CHECK(number(p,
                 "SELECT count(*) FROM t WHERE (n, v) IN (VALUES (0, 1), "
                 "(1, -9223372036854775807 - 1), (2, 9223372036854775807), (3, 200), (4, -5), "
                 "(5, 2.5), (6, -0.1), (7, 'literal'), (8, 'Größe'), (9, 'Gr'), (11, ''), "
                 "(12, x'0100ff'), (13, x'0708'), (14, x'090a'), (15, x''), (16, x'7879'), "
                 "(17, -1), (18, 3), (19, 250), (20, 'there'), (21, 1), (22, 'C''s own'))") == 22);
    CHECK(number(p, "SELECT hex(v) = '610062' AND typeof(v) = 'text' FROM t WHERE n = 10") == 1);
    CHECK(number(p, "SELECT min(n) FROM t WHERE v IS NULL") == first_null);
    CHECK(number(p, "SELECT count(*) FROM t WHERE v IS NULL") == n - first_null);
}

#ifdef __cpp_char8_t
void texts_of_char8_arrive(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_TEXT}, {"b", WEIR_TEXT}});
    t.append(u8"Größe", std::u8string_view(u8"Größe"));
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT a = 'Größe' AND b = 'Größe' AND typeof(b) = 'text' FROM t") == 1);
}
#endif

void an_unsigned_number_that_sqlite_has_not_is_refused(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}});
    const std::uint64_t large = std::uint64_t{1} << 63;
    CHECK(t.try_append(1, large) == WEIR_MISUSE);
    CHECK(t.try_append(std::optional<std::uint64_t>(large), 1) == WEIR_MISUSE);
    std::string said;
    try {
        t.append(1, large);
    } catch (const weir::error &e) {
        said = e.what();
    }
    CHECK(said.find("value 2 is 9223372036854775808") != std::string::npos);
    t.append(1, large - 1);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM t") == 1);
}

void another_number_of_values_than_columns_is_refused(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}});
    CHECK(t.try_append(1) == WEIR_MISUSE);
    CHECK(code_thrown_by([&] { t.append(1, 2, 3); }) == WEIR_MISUSE);
    CHECK(code_thrown_by([&] { (void)t.append_ticket(1); }) == WEIR_MISUSE);
    CHECK(!t.try_append_ticket(1));
    CHECK(code_thrown_by([] { weir::table().append(1); }) == WEIR_MISUSE);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM t") == 0);
}

void values_made_by_hand_are_rows(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}});
    const weir::value values[] = {weir_int(1), weir_text("x"), weir_int(2), weir_text("y")};
    t.append_values(values, 2, 2);
    CHECK(t.try_append_values(values, 2).ok());
    CHECK(t.try_append_values(values, 1, 2) == WEIR_MISUSE);
    CHECK(code_thrown_by([&] { t.append_values(values, 4); }) == WEIR_MISUSE);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT sum(a) FROM t") == 4);
}

void a_batch_is_whole_or_absent(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}});
    const auto u = db.declare("u", {{"a", WEIR_INTEGER}});
    {
        weir::batch left = db.begin(); /* rolled back by its destructor */
        left.append(t, 1, "no");
    }
    weir::batch batch = db.begin();
    batch.append(t, 2, "two");
    batch.append(u, 3);
    CHECK(batch.try_append(u, 3, 4) == WEIR_MISUSE);
    weir::batch moved = std::move(batch);
    CHECK(batch.get() ==
          nullptr); /* NOLINT(bugprone-use-after-move): that it has nothing is told */
    CHECK(db.wait(moved.commit(), WEIR_APPLIED, 20s));
    CHECK(moved.get() == nullptr);
    CHECK(code_thrown_by([&] { (void)moved.commit(); }) == WEIR_MISUSE);
    CHECK(number(p, "SELECT (SELECT sum(a) FROM t) * 10 + (SELECT sum(a) FROM u)") == 23);
}

void a_descriptor_is_readable_when_rows_are_durable(const place &p) {
    weir::options o;
    o.linger_ms = 3600000;
    weir::database db(p.database, o);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}});
    const int fd = db.descriptor(WEIR_DURABLE);
    const weir::ticket ticket = t.append_ticket(1);
    db.request(WEIR_DURABLE);
    while (!db.wait(ticket, WEIR_DURABLE, 0s)) {
        pollfd news = {fd, POLLIN, 0};
        CHECK(poll(&news, 1, 20000) == 1);
        std::uint64_t count;
        CHECK(read(fd, &count, sizeof count) == sizeof count);
    }
    CHECK(code_thrown_by([&] { (void)db.descriptor(WEIR_PUBLISHED); }) == WEIR_MISUSE);
}

void an_append_allocates_nothing(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_BLOB}});
    const std::string text(1000, 'x');
    const std::vector<std::byte> bytes(1000);
    t.append(0, text, bytes); /* the thread's first: it gets a lane */
    const unsigned long before = allocations;
    for (int i = 1; i < 100; i++) {
        t.append(i, text, bytes);
        CHECK(t.try_append(i, std::string_view(text), std::optional<int>(i)).ok());
        (void)t.append_ticket(i, "literal", nullptr);
    }
    CHECK(allocations == before);
}

/* ---- opening and closing --------------------------------------------------------------------- */

void a_database_that_cannot_be_opened_says_why(const place &p) {
    const std::string path = std::string(p.directory) + "/none/run.db";
    std::string said;
    try {
        weir::database db(path);
    } catch (const weir::error &e) {
        said = e.what();
    }
    CHECK(said == weir_last_error() && said.find("none") != std::string::npos);
    const auto opened = weir::database::try_open(path);
    CHECK(!opened && opened.status().failed() && !opened.status().pending());
    CHECK(std::strncmp(opened.status().name(), "WEIR_", 5) == 0 && *opened.status().text());
    CHECK(code_thrown_by([&] { (void)weir::database::try_open(path).value(); }) ==
          opened.status().code());

    weir::options o;
    o.must_exist = 1;
    CHECK(weir::database::try_open(p.database, o).status() == WEIR_DATABASE);
    CHECK(code_thrown_by([&] { weir::database db(p.database, o); }) == WEIR_DATABASE);
}

void a_database_is_moved_and_closed_once(const place &p) {
    weir::database a(p.database);
    const auto t = a.declare("t", {{"a", WEIR_INTEGER}});
    weir::database b(std::move(a));
    CHECK(!a.is_open() && a.try_close().ok() && b.is_open());
    t.append(1); /* the table is of the handle, wherever that is */
    a = std::move(b);
    CHECK(a.is_open() && !b.is_open());
    CHECK(weir::database::try_open(p.database).status() == WEIR_LOCKED);
    a = weir::database(); /* closes */
    CHECK(number(p, "SELECT count(*) FROM t") == 1);
    CHECK(t.try_append(2) == WEIR_CLOSED);
    auto again = weir::database::try_open(p.database);
    CHECK(again && again->is_open());
    const weir::database taken = std::move(*again);
    CHECK(taken.is_open());
}

void closing_answers(const place &p) {
    weir::database db(p.database);
    CHECK(db.close());
    CHECK(db.close()); /* there is nothing left to do */
    close_answers = WEIR_IO;
    weir::database other(p.database);
    CHECK(code_thrown_by([&] { (void)other.close(); }) == WEIR_IO);
    CHECK(!other.is_open());
}

void rows_that_are_not_applied_are_pending_and_no_failure(const place &p) {
    weir::options o;
    o.open_timeout_ms = 200;
    weir::database db(p.database, o);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}});
    db.sync(WEIR_APPLIED); /* the table is there */
    {
        const lock held(p);
        t.append(1);
        CHECK(db.try_sync(WEIR_APPLIED, 20ms).pending());
        CHECK(!db.sync(WEIR_APPLIED, 0s));
        CHECK(db.sync(WEIR_DURABLE, 10s));
        CHECK(!db.close());
    }
    weir::database again(p.database);
    again.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM t") == 1);
}

/* What a process says on stderr that destroys a database whose closing answers this. */
std::string said_by_the_destructor(const place &p, int answer) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        {
            weir::database db(p.database);
            close_answers = answer;
        }
        _exit(0);
    }
    close(ends[1]);
    char text[512];
    std::string said;
    for (ssize_t got; (got = read(ends[0], text, sizeof text)) > 0;)
        said.append(text, static_cast<std::size_t>(got));
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return said;
}

void a_destructor_says_that_closing_failed(const place &p) {
    const std::string said = said_by_the_destructor(p, WEIR_IO);
    CHECK(said.find("weir: closing a database: WEIR_IO: ") == 0 && said.back() == '\n');
    CHECK(said_by_the_destructor(p, WEIR_PENDING).empty());
    CHECK(said_by_the_destructor(p, WEIR_FORKED).empty());
    CHECK(said_by_the_destructor(p, 0).empty());
}

/* ---- structs --------------------------------------------------------------------------------- */

} // namespace

namespace market {
struct price {
    weir::key id;
    std::int64_t tick;
    double value;
    std::optional<std::string_view> note;
    side direction;
    std::vector<std::byte> raw;
    bool open;
    const char *source;
    int not_stored;
};
WEIR_FIELDS(price, id, tick, value, note, direction, raw, open, source)

struct one {
    int a;
};
WEIR_FIELDS(one, a)
} // namespace market

namespace {

market::price some_price(std::int64_t tick) {
    return {{}, tick, 2.5, std::nullopt, side::sell, {std::byte{7}}, true, "here", 99};
}

void a_struct_is_a_table(const place &p) {
    weir::database db(p.database);
    const weir::typed_table<market::price> prices(db, "prices");
    auto noted = some_price(2);
    noted.note = "noted";
    prices.append(some_price(1));
    CHECK(prices.try_append(noted).ok());
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM pragma_table_info('prices') WHERE (name, type, pk) IN "
                    "(VALUES ('id', 'INTEGER', 1), ('tick', 'INTEGER', 0), ('value', 'REAL', 0), "
                    "('note', 'TEXT', 0), ('direction', 'INTEGER', 0), ('raw', 'BLOB', 0), "
                    "('open', 'INTEGER', 0), ('source', 'TEXT', 0))") == 8);
    CHECK(number(p, "SELECT count(*) FROM pragma_table_info('prices')") == 8);
    CHECK(number(p, "SELECT count(*) FROM prices WHERE value = 2.5 AND direction = 1 AND "
                    "raw = x'07' AND open = 1 AND source = 'here' AND (id, tick, note) IS "
                    "(id, id, iif(id = 2, 'noted', NULL))") == 2);
}

void structs_are_appended_at_once_or_not_at_all(const place &p) {
    weir::database db(p.database);
    const auto ones = db.declare<market::one>("ones");
    std::vector<market::one> rows;
    ones.append_rows(rows);
    CHECK(ones.try_append_rows(rows).ok());
    for (int i = 0; i < 1000; i++)
        rows.push_back({i});
    ones.append_rows(rows);
    const market::one pair[] = {{1000}, {1001}};
#if __cplusplus >= 202002L
    ones.append_rows(std::span<const market::one>(pair));
#else
    ones.append_rows(pair);
#endif
    const weir::ticket t = ones.append_ticket({1002});
    CHECK(ones.try_append_ticket({1003}));
    db.wait(t, WEIR_APPLIED);
    rows.resize(1 << 19); /* of more than half a lane */
    CHECK(ones.try_append_rows(rows) == WEIR_TOO_BIG);
    CHECK(code_thrown_by([&] { ones.append_rows(rows); }) == WEIR_TOO_BIG);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM ones") == 1004);
    CHECK(number(p, "SELECT count(DISTINCT a) FROM ones") == 1004);
}

void a_table_that_does_not_fit_the_struct_is_refused(const place &p) {
    weir_sql_run(p.database, "CREATE TABLE ones(b INTEGER NOT NULL)");
    weir::database db(p.database);
    CHECK(db.try_declare<market::one>("ones").status() == WEIR_SCHEMA);
    CHECK(code_thrown_by([&] { weir::typed_table<market::one>(db, "ones"); }) == WEIR_SCHEMA);
    CHECK(code_thrown_by([&] { (void)db.declare("ones", {{"a", WEIR_INTEGER}}); }) == WEIR_SCHEMA);
}

void a_typed_append_allocates_nothing(const place &p) {
    weir::database db(p.database);
    const auto prices = db.declare<market::price>("prices");
    const auto row = some_price(1);
    prices.append(row);
    const unsigned long before = allocations;
    for (int i = 0; i < 100; i++)
        prices.append(row);
    CHECK(allocations == before);
}

/* ---- keys ------------------------------------------------------------------------------------ */

void a_key_is_known_at_once(const place &p) {
    weir::options o;
    o.open_timeout_ms = 200;
    weir::database db(p.database, o);
    const auto runs = db.declare("runs", {{"id", WEIR_KEY}, {"name", WEIR_TEXT}});
    const auto first = runs.insert_now(10s, weir::key(), "first");
    CHECK(first.applied && first.key == 1);
    CHECK(runs.insert_now(10s, weir::key(7), "seventh").key == 7);
    const auto taken = runs.try_insert_now(10s, 7, "again");
    CHECK(!taken && taken.status() == WEIR_REJECTED);
    CHECK(code_thrown_by([&] { (void)runs.insert_now(10s, 7, "again"); }) == WEIR_REJECTED);
    {
        const lock held(p);
        const auto late = runs.try_insert_now(1ms, std::nullopt, "late");
        CHECK(late && late.status().pending() && !late->applied && late->key == 8);
    }
    const weir::typed_table<market::price> prices(db, "prices");
    CHECK(prices.insert_now(10s, some_price(1)).key == 1);
    CHECK(prices.try_insert_now(10s, some_price(2))->key == 2);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT sum(id) FROM runs") == 1 + 7 + 8);
    CHECK(weir::key(5).number() == 5 && !weir::key().number());
}

/* ---- waiting, looking, keeping --------------------------------------------------------------- */

void durations_become_milliseconds(const place &) {
    using weir::detail::milliseconds;
    CHECK(milliseconds(0s) == 0 && milliseconds(-5s) == 0);
    CHECK(milliseconds(1ns) == 1 && milliseconds(1ms) == 1 && milliseconds(1001us) == 2);
    CHECK(milliseconds(2h) == 7200000);
    CHECK(milliseconds(std::chrono::duration<float>(0.25f)) == 250);
    CHECK(milliseconds(std::chrono::hours::max()) == UINT32_MAX - 1);
    CHECK(milliseconds(std::chrono::milliseconds(UINT32_MAX)) == UINT32_MAX - 1);
    CHECK(milliseconds(std::chrono::milliseconds(UINT32_MAX) - 1us) == UINT32_MAX - 1);
}

void rows_are_waited_for_and_counted(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}});
    const weir::ticket ticket = t.append_ticket(1);
    CHECK(db.wait(ticket, WEIR_DURABLE, 10s));
    CHECK(db.try_wait(ticket, WEIR_APPLIED, 10s).ok());
    CHECK(db.stats().rows_applied == 1 && db.try_stats()->rows_published == 1);
    const weir::database closed;
    CHECK(closed.try_sync(WEIR_APPLIED, 1s) == WEIR_MISUSE);
    CHECK(code_thrown_by([&] { (void)closed.stats(); }) == WEIR_MISUSE);
    CHECK(code_thrown_by([&] { closed.wait(ticket, WEIR_DURABLE); }) == WEIR_MISUSE);
}

void a_table_is_kept_within_limits(const place &p) {
    weir::database db(p.database);
    const auto t = db.declare("t", {{"a", WEIR_INTEGER}});
    db.sync(WEIR_APPLIED);
    weir::keep_limits limits;
    limits.rows = 10;
    t.keep(limits);
    CHECK(t.try_keep(limits.age(24h, "none")) == WEIR_NOT_FOUND);
    CHECK(limits.age_ns == 86400000000000u && limits.rows == 10);
    CHECK(code_thrown_by([&] { t.keep(limits); }) == WEIR_NOT_FOUND);
    for (int i = 0; i < 100; i++)
        t.append(i);
    for (int i = 0; i < 300 && db.stats().rows_deleted < 90; i++)
        std::this_thread::sleep_for(100ms); /* a table is looked at once a second */
    CHECK(number(p, "SELECT count(*) FROM t") == 10);
}

/* ---- the logger ------------------------------------------------------------------------------ */

void any_text_is_logged_as_it_is(const place &p) {
    weir::database db(p.database);
    const std::string text = "100 %s %n {} \\";
    const int line = __LINE__ + 1;
    db.log_text(WEIR_WARN, text);
    db.log_text(WEIR_DEBUG, "below the level");
    db.log_text(WEIR_ERROR, std::string(5000, 'x'));
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT line FROM log WHERE message = '100 %s %n {} \\' AND level = 'WARN' "
                    "AND file LIKE '%test_cpp.cpp'") == line);
    CHECK(number(p, "SELECT count(*) FROM log") == 2);
    CHECK(number(p, "SELECT length(CAST(message AS BLOB)) = 4095 AND message LIKE 'xxxx%… [cut]' "
                    "FROM log WHERE level = 'ERROR'") == 1);
    CHECK(db.log_table().get() == db.try_log_table()->get());
}

void the_macros_of_c_log_too(const place &p) {
    weir::database db(p.database);
    weir_log_info(db.get(), "%d of %s", 7, "ten");
    weir_log_kv(db.get(), WEIR_INFO, "filled", "id", weir_int(7));
    db.sync(WEIR_APPLIED);
    CHECK(
        number(p, "SELECT count(*) FROM log WHERE message = '7 of ten' OR fields = '{\"id\":7}'") ==
        2);
}

#ifdef WEIR_HAS_FORMAT
void formats_with_braces_are_logged(const place &p) {
    weir::database db(p.database);
    const double price = 9.5;
    std::string symbol = "ACME %d";
    const int line = __LINE__ + 1;
    db.log_info("order {} of {} filled at {:.2f}", 7, symbol, price);
    db.log(WEIR_ERROR, "no argument, {{}}");
    db.log_debug("{} below the level", 1);
    db.log_trace("t"), db.log_warn("w {}", std::string(5000, 'y')), db.log_fatal("f");
    db.log_error("{}", std::string(4095, 'z'));
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT line FROM log WHERE message = 'order 7 of ACME %d filled at 9.50' AND "
                    "level = 'INFO' AND file LIKE '%test_cpp.cpp' AND thread > 0") == line);
    CHECK(number(p, "SELECT count(*) FROM log WHERE message = 'no argument, {}' AND "
                    "level = 'ERROR'") == 1);
    CHECK(number(p, "SELECT count(*) FROM log") == 5);
    CHECK(number(p, "SELECT message LIKE 'w yyyy%… [cut]' FROM log WHERE level = 'WARN'") == 1);
    CHECK(number(p, "SELECT length(message) FROM log WHERE message LIKE 'zzz%z'") == 4095);
}

void a_message_that_is_recorded_is_not_logged(const place &p) {
    weir::database db(p.database);
    weir::log_options o;
    o.record_bytes = 1 << 16;
    db.configure_log(o);
    CHECK(db.try_configure_log(o).ok());
    o.record_bytes = 1;
    CHECK(code_thrown_by([&] { db.configure_log(o); }) == WEIR_MISUSE);
    db.log_debug("{} recorded", 1);
    db.log_info("logged");
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM log WHERE level = 'DEBUG'") == 0);
    CHECK(weir_log_flush_recorder(db.get()) == WEIR_OK);
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM log WHERE message = '1 recorded'") == 1);
}

struct thrower {};
#endif

} // namespace

#ifdef WEIR_HAS_FORMAT
#ifdef __cpp_lib_format
namespace format_library = std;
#else
namespace format_library = fmt;
#endif
template <> struct format_library::formatter<thrower> {
    constexpr auto parse(format_library::format_parse_context &c) { return c.begin(); }
    template <class Context> auto format(const thrower &, Context &c) const -> decltype(c.out()) {
        throw std::runtime_error("not today");
    }
};

namespace {
void a_format_that_fails_says_so_and_throws_nothing(const place &p) {
    weir::database db(p.database);
    db.log_info("{}", thrower());
    db.sync(WEIR_APPLIED);
    CHECK(number(p, "SELECT count(*) FROM log WHERE message = '[cannot be formatted] not today'") ==
          1);
}
} // namespace
#endif

extern "C" int __wrap_weir_close(weir_handle *w) {
    const int answer = __real_weir_close(w);
    return close_answers ? close_answers : answer;
}

int main() {
    const CMUnitTest tests[] = {
        TEST(every_type_of_value_arrives),
#ifdef __cpp_char8_t
        TEST(texts_of_char8_arrive),
#endif
        TEST(an_unsigned_number_that_sqlite_has_not_is_refused),
        TEST(another_number_of_values_than_columns_is_refused),
        TEST(values_made_by_hand_are_rows),
        TEST(a_batch_is_whole_or_absent),
        TEST(a_descriptor_is_readable_when_rows_are_durable),
        TEST(an_append_allocates_nothing),
        TEST(a_database_that_cannot_be_opened_says_why),
        TEST(a_database_is_moved_and_closed_once),
        TEST(closing_answers),
        TEST(rows_that_are_not_applied_are_pending_and_no_failure),
        TEST(a_destructor_says_that_closing_failed),
        TEST(a_struct_is_a_table),
        TEST(structs_are_appended_at_once_or_not_at_all),
        TEST(a_table_that_does_not_fit_the_struct_is_refused),
        TEST(a_typed_append_allocates_nothing),
        TEST(a_key_is_known_at_once),
        TEST(durations_become_milliseconds),
        TEST(rows_are_waited_for_and_counted),
        TEST(a_table_is_kept_within_limits),
        TEST(any_text_is_logged_as_it_is),
        TEST(the_macros_of_c_log_too),
#ifdef WEIR_HAS_FORMAT
        TEST(formats_with_braces_are_logged),
        TEST(a_message_that_is_recorded_is_not_logged),
        TEST(a_format_that_fails_says_so_and_throws_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
