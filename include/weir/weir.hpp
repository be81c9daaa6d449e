/* weir.hpp - weir for C++17 and later. Header only; link weir.
 *
 *     #include <weir/weir.hpp>
 *
 *     struct price { std::int64_t tick; double value; std::optional<std::string_view> note; };
 *     WEIR_FIELDS(price, tick, value, note)
 *
 *     weir::database db("run.db");                              // recovers first, if it must
 *     weir::table log = db.declare("trades", {{"id", WEIR_INTEGER}, {"price", WEIR_REAL}});
 *     log.append(1, 2.5);                                       // tens of nanoseconds
 *     weir::typed_table<price> prices(db, "prices");            // columns from the struct
 *     prices.append({1, 9.5, std::nullopt});
 *     db.sync(WEIR_APPLIED);                                    // now they can be SELECTed
 *
 * What a call does, which threads may call it and which errors it has is told at the C function of
 * its name, in <weir/weir.h>, <weir/sqlite.h> and <weir/log.h>: this header adds types. A tour is
 * docs/CPP.md.
 *
 * THE NAME. weir is a namespace here, and the C handle is ::weir_handle. So this header includes
 * all of the C headers, and stands before them where a file includes both.
 *
 * ERRORS. Each call has two forms. One throws weir::error, whose what() is weir_last_error(). The
 * other begins with try_, throws nothing, and answers a weir::status or weir::result. Under
 * -fno-exceptions the second form alone is declared. WEIR_PENDING is no failure: it is never
 * thrown.
 *
 * VALUES. bool; integers of up to 64 bits; float, double; const char *, std::string,
 * std::string_view and what converts to it (TEXT); std::vector, std::array, std::span and arrays
 * of std::byte or unsigned char (BLOB); enums, as their underlying type; weir::key; weir_value; and
 * std::optional of these. std::nullopt, nullptr, an empty optional and a null char pointer are
 * NULL. An unsigned number above 2^63 - 1 is WEIR_MISUSE, since SQLite has none. Anything else
 * does not compile: char is a letter or a number, and long double has digits that would be lost.
 *
 * An append allocates nothing: the values are on the stack, and are copied into the ring. */
#ifndef WEIR_WEIR_HPP
#define WEIR_WEIR_HPP

#if __cplusplus < 201703L
#error "<weir/weir.hpp> needs C++17 or later: -std=c++17"
#endif
#ifdef WEIR_WEIR_H
#error "include <weir/weir.hpp> before the C headers of weir: with it weir is a namespace"
#endif
#define weir weir_handle
#if defined(__GNUC__) && !defined(__clang__) /* weir_stats is a struct and a function, as in C */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <weir/crash.h>
#include <weir/log.h>
#include <weir/sqlite.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#undef weir

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#if __cplusplus >= 202002L
#include <version>
#endif
#ifdef __cpp_lib_format
#include <format>
#define WEIR_HAS_FORMAT /* db.log_info("{}", …) can be used: see there */
#elif !defined(WEIR_NO_FMT) && defined(__has_include)
#if __has_include(<fmt/core.h>)
#include <fmt/core.h>
#define WEIR_HAS_FORMAT
#define WEIR_FMT_
#endif
#endif

namespace weir {

using value = ::weir_value;
using column = ::weir_column;
using ticket = ::weir_ticket;
using statistics = struct ::weir_stats;

namespace detail {
template <class Struct> struct zeroed : Struct {
    constexpr zeroed() noexcept : Struct{} {}
};
} // namespace detail

/* Those of C, with zeros in every field: weir::options o; o.linger_ms = 5; */
struct options : detail::zeroed<::weir_options> {};
struct log_options : detail::zeroed<::weir_log_options> {};

struct keep_limits : detail::zeroed<::weir_keep_limits> {
    /* The age that a row may have; time: the column with the time of a row (weir/sqlite.h). */
    constexpr keep_limits &age(std::chrono::nanoseconds limit, const char *time) noexcept {
        age_ns = limit.count() > 0 ? static_cast<std::uint64_t>(limit.count()) : 0;
        time_column = time;
        return *this;
    }
};

/* ---- errors ----------------------------------------------------------------------------- */

/* What a call answered. */
class [[nodiscard]] status {
  public:
    constexpr status(int code) noexcept : code_(code) {}

    constexpr bool ok() const noexcept { return code_ == WEIR_OK; }
    constexpr bool pending() const noexcept { return code_ == WEIR_PENDING; }
    constexpr bool failed() const noexcept { return code_ < 0; }
    constexpr int code() const noexcept { return code_; }
    const char *name() const noexcept { return weir_status_name(code_); } /* "WEIR_FULL" */
    const char *text() const noexcept { return weir_status_text(code_); } /* one sentence */

    friend constexpr bool operator==(status a, status b) noexcept { return a.code_ == b.code_; }
    friend constexpr bool operator!=(status a, status b) noexcept { return a.code_ != b.code_; }

  private:
    int code_;
};

#ifdef __cpp_exceptions
class error : public std::runtime_error {
  public:
    explicit error(int code) : error(code, weir_last_error()) {}
    error(int code, const std::string &text) : std::runtime_error(text), code_(code) {}

    ::weir::status status() const noexcept { return code_; }

  private:
    int code_;
};
#endif

/* A T, or why there is none. */
template <class T> class [[nodiscard]] result {
  public:
    result(T from, int code = WEIR_OK) noexcept : value_(std::move(from)), code_(code) {}
    result(::weir::status failed) noexcept : code_(failed.code()) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    ::weir::status status() const noexcept { return code_; }
    T &operator*() noexcept { return *value_; }
    const T &operator*() const noexcept { return *value_; }
    T *operator->() noexcept { return &*value_; }
    const T *operator->() const noexcept { return &*value_; }
#ifdef __cpp_exceptions
    T value() && {
        if (!value_) throw error(code_);
        return *std::move(value_);
    }
#endif

  private:
    std::optional<T> value_;
    int code_;
};

/* ---- values ----------------------------------------------------------------------------- */

/* The value of a WEIR_KEY column: a number, or by default the next key. */
class key {
  public:
    constexpr key() noexcept = default;
    constexpr key(std::int64_t number) noexcept : number_(number) {}
    constexpr const std::optional<std::int64_t> &number() const noexcept { return number_; }

  private:
    std::optional<std::int64_t> number_;
};

/* Bytes as a value, from a pointer that has no type which says so. They are not copied here. */
inline value blob(const void *bytes, std::size_t length_bytes) noexcept {
    return weir_blob(bytes, length_bytes);
}

namespace detail {

enum class kind {
    none,
    value,
    null,
    key,
    optional,
    enumeration,
    integer,
    real,
    chars,
    text,
    bytes
};

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

template <class T, class... Others>
inline constexpr bool is_one_of = (std::is_same_v<T, Others> || ...);

#ifdef __cpp_char8_t
template <class T> inline constexpr bool is_char8 = std::is_same_v<T, char8_t>;
template <class T>
inline constexpr bool is_text = std::is_convertible_v<const T &, std::string_view> ||
                                std::is_convertible_v<const T &, std::u8string_view>;
#else
template <class T> inline constexpr bool is_char8 = false;
template <class T>
inline constexpr bool is_text = std::is_convertible_v<const T &, std::string_view>;
#endif

template <class T>
inline constexpr bool is_char = is_one_of<T, char, wchar_t, char16_t, char32_t> || is_char8<T>;

template <class T, class = void> inline constexpr bool is_bytes = false;
template <class T>
inline constexpr bool is_bytes<T, std::void_t<decltype(std::data(std::declval<const T &>())),
                                              decltype(std::size(std::declval<const T &>()))>> =
    is_one_of<std::decay_t<decltype(*std::data(std::declval<const T &>()))>, std::byte,
              unsigned char>;

template <class T> constexpr kind kind_of() noexcept {
    using pointed = std::remove_cv_t<std::remove_pointer_t<std::decay_t<T>>>;
    if constexpr (std::is_same_v<T, value>)
        return kind::value;
    else if constexpr (is_one_of<T, std::nullptr_t, std::nullopt_t, std::monostate>)
        return kind::null;
    else if constexpr (std::is_same_v<T, key>)
        return kind::key;
    else if constexpr (is_optional<T>)
        return kind::optional;
    else if constexpr (std::is_enum_v<T>)
        return kind::enumeration;
    else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8 && !is_char<T>)
        return kind::integer;
    else if constexpr (is_one_of<T, float, double>)
        return kind::real;
    else if constexpr (std::is_pointer_v<std::decay_t<T>> &&
                       (std::is_same_v<pointed, char> || is_char8<pointed>))
        return kind::chars;
    else if constexpr (is_text<T>)
        return kind::text;
    else if constexpr (is_bytes<T>)
        return kind::bytes;
    else
        return kind::none;
}

template <class Integer> value make_integer(Integer number) noexcept {
    value v = weir_int(static_cast<std::int64_t>(number));
    if constexpr (std::is_unsigned_v<Integer> && sizeof(Integer) == 8)
        if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            v.type = WEIR_UNSIGNED_ABOVE_; /* the append refuses it; as.integer has its bits */
    return v;
}

template <class T> value make_text(const T &from) noexcept {
    if constexpr (std::is_convertible_v<const T &, std::string_view>) {
        const std::string_view text = from;
        return weir_text_n(text.data(), text.size());
    } else {
#ifdef __cpp_char8_t
        const std::u8string_view text = from;
        return weir_text_n(reinterpret_cast<const char *>(text.data()), text.size());
#endif
    }
}

template <class T> value make_value(const T &from) noexcept {
    constexpr kind k = kind_of<T>();
    static_assert(
        k != kind::none,
        "weir: this is no value of a row. Pass a bool, an integer (not a char), a float or "
        "double, text (const char *, std::string, std::string_view), bytes (a vector, "
        "array or span of std::byte or unsigned char; weir::blob), an enum, nullptr, "
        "weir::key, or std::optional of one of these");
    if constexpr (k == kind::value)
        return from;
    else if constexpr (k == kind::key)
        return make_value(from.number());
    else if constexpr (k == kind::optional)
        return from ? make_value(*from) : weir_null();
    else if constexpr (k == kind::enumeration)
        return make_integer(static_cast<std::underlying_type_t<T>>(from));
    else if constexpr (k == kind::integer)
        return make_integer(from);
    else if constexpr (k == kind::real)
        return weir_real(static_cast<double>(from));
    else if constexpr (k == kind::chars)
        return weir_text(reinterpret_cast<const char *>(+from));
    else if constexpr (k == kind::text)
        return make_text(from);
    else if constexpr (k == kind::bytes)
        return weir_blob(std::data(from), std::size(from));
    else
        return weir_null();
}

template <class T> constexpr ::weir_type column_type() noexcept {
    constexpr kind k = kind_of<T>();
    static_assert(
        k != kind::none && k != kind::value && k != kind::null,
        "weir: a member of this type is no column: it must be a bool, an integer, a float or "
        "double, text, bytes, an enum, weir::key, or std::optional of one of these");
    if constexpr (k == kind::optional)
        return column_type<typename T::value_type>();
    else if constexpr (k == kind::key)
        return WEIR_KEY;
    else if constexpr (k == kind::real)
        return WEIR_REAL;
    else if constexpr (k == kind::chars || k == kind::text)
        return WEIR_TEXT;
    else if constexpr (k == kind::bytes)
        return WEIR_BLOB;
    else
        return WEIR_INTEGER;
}

/* Rounded up, so that no wait ends too soon; only UINT32_MAX is for ever. */
template <class Rep, class Period>
std::uint32_t milliseconds(std::chrono::duration<Rep, Period> time) noexcept {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    if (!(ms > 0)) return 0;
    if (ms >= static_cast<double>(UINT32_MAX - 1)) return UINT32_MAX - 1;
    const auto whole = static_cast<std::uint32_t>(ms);
    return whole + (static_cast<double>(whole) < ms);
}

#ifdef __cpp_exceptions
[[noreturn]] [[gnu::noinline, gnu::cold]] inline void fail(int code) { throw error(code); }

[[noreturn]] [[gnu::noinline, gnu::cold]] inline void fail_row(int code, const value *values,
                                                               std::size_t count) {
    for (std::size_t i = 0; i < count; i++)
        if (values[i].type == WEIR_UNSIGNED_ABOVE_)
            throw error(code, "value " + std::to_string(i + 1) + " is " +
                                  std::to_string(static_cast<std::uint64_t>(values[i].as.integer)) +
                                  ": SQLite's integers end at 9223372036854775807");
    throw error(code);
}

/* False: pending. */
inline bool check(status s) {
    if (s.failed()) fail(s.code());
    return s.ok();
}
#endif

} // namespace detail

/* ---- tables ----------------------------------------------------------------------------- */

/* What became of a row of insert_now. */
struct inserted {
    std::int64_t key;
    ::weir_ticket ticket;
    bool applied; /* false: the time was over; the row is published and will be applied */
};

/* A declared table: as cheap to copy as a pointer. Not to be used once its database is closed. */
class table {
  public:
    constexpr table() noexcept = default; /* no table: every call answers WEIR_MISUSE */
    constexpr explicit table(::weir_table *t) noexcept : table_(t) {}
    constexpr ::weir_table *get() const noexcept { return table_; }

    /* Append one row: values in the order of the declared columns, as many as there are. */
    template <class... Values> status try_append(const Values &...values) const noexcept {
        return put(nullptr, row<Values...>(values...));
    }
    template <class... Values>
    result<ticket> try_append_ticket(const Values &...values) const noexcept {
        ticket t;
        const int code = put(&t, row<Values...>(values...));
        return code == WEIR_OK ? result<ticket>(t) : result<ticket>(status(code));
    }
    /* rows rows of columns values each, one after the other: all are published, or none. */
    status try_append_values(const value *values, std::size_t columns,
                             std::size_t rows = 1) const noexcept {
        return weir_append_rows(table_, values, columns, rows, nullptr);
    }
    /* Append one row and wait until it is applied (weir_insert_now). */
    template <class Rep, class Period, class... Values>
    result<inserted> try_insert_now(std::chrono::duration<Rep, Period> time,
                                    const Values &...values) const noexcept {
        return insert(detail::milliseconds(time), row<Values...>(values...));
    }
    status try_keep(const ::weir_keep_limits &limits) const noexcept {
        return weir_keep(table_, &limits);
    }

#ifdef __cpp_exceptions
    template <class... Values> void append(const Values &...values) const {
        put_or_throw(nullptr, row<Values...>(values...));
    }
    template <class... Values> ticket append_ticket(const Values &...values) const {
        ticket t;
        put_or_throw(&t, row<Values...>(values...));
        return t;
    }
    void append_values(const value *values, std::size_t columns, std::size_t rows = 1) const {
        const status s = try_append_values(values, columns, rows);
        if (s.failed()) detail::fail(s.code());
    }
    template <class Rep, class Period, class... Values>
    inserted insert_now(std::chrono::duration<Rep, Period> time, const Values &...values) const {
        return try_insert_now(time, values...).value();
    }
    void keep(const ::weir_keep_limits &limits) const { detail::check(try_keep(limits)); }
#endif

  private:
    template <class> friend class typed_table;
    friend class batch;

    template <class... Values>
    static std::array<value, sizeof...(Values)> row(const Values &...values) noexcept {
        static_assert(sizeof...(Values) > 0, "weir: a row has at least one value");
        return {{detail::make_value(values)...}};
    }
    template <std::size_t Count>
    int put(ticket *t, const std::array<value, Count> &values) const noexcept {
        return weir_append_row(table_, values.data(), Count, t);
    }
    template <std::size_t Count>
    result<inserted> insert(std::uint32_t ms,
                            const std::array<value, Count> &values) const noexcept {
        inserted i{};
        const int code = weir_insert_now(table_, values.data(), Count, ms, &i.key, &i.ticket);
        i.applied = code == WEIR_OK;
        return code < 0 ? result<inserted>(status(code)) : result<inserted>(i, code);
    }
#ifdef __cpp_exceptions
    template <std::size_t Count>
    void put_or_throw(ticket *t, const std::array<value, Count> &values) const {
        const int code = put(t, values);
        if (__builtin_expect(code != WEIR_OK, 0)) detail::fail_row(code, values.data(), Count);
    }
#endif

    ::weir_table *table_ = nullptr;
};

/* ---- structs as rows -------------------------------------------------------------------- */

/* WEIR_FIELDS(type, member, …): these members are the columns of a table of this type, in this
 * order, under their own names; members that are not named are not stored. To be written in the
 * namespace of the type, after it; 1 … 64 members. */
#define WEIR_FIELDS(type, ...)                                                                     \
    [[maybe_unused]] constexpr auto weir_fields_of(const type *) noexcept {                        \
        using weir_row = type;                                                                     \
        return ::weir::detail::fields(                                                             \
            ::std::array{WEIR_EACH_(WEIR_NAME_OF_, WEIR_NAME_OF_, __VA_ARGS__)},                   \
            ::std::tuple{WEIR_EACH_(WEIR_MEMBER_, WEIR_MEMBER_, __VA_ARGS__)});                    \
    }
#define WEIR_NAME_OF_(member) #member
#define WEIR_MEMBER_(member) &weir_row::member

namespace detail {

template <std::size_t Count, class Members> struct fields {
    std::array<const char *, Count> names;
    Members members;

    constexpr fields(std::array<const char *, Count> n, Members m) noexcept : names(n), members(m) {
        static_assert(Count == std::tuple_size_v<Members>);
    }
};

template <class Row, class = void> inline constexpr bool has_fields = false;
template <class Row>
inline constexpr bool
    has_fields<Row, std::void_t<decltype(weir_fields_of(static_cast<const Row *>(nullptr)))>> =
        true;

template <class> struct member;
template <class Row, class T> struct member<T Row::*> { using type = std::remove_cv_t<T>; };

template <class Row> struct row_of {
    static_assert(has_fields<Row>,
                  "weir: say which members are columns: WEIR_FIELDS(type, member, …) "
                  "after the type, in its namespace");
    static constexpr auto fields = weir_fields_of(static_cast<const Row *>(nullptr));
    static constexpr std::size_t count = fields.names.size();

    static constexpr std::array<column, count> columns() noexcept {
        return columns(std::make_index_sequence<count>());
    }
    static std::array<value, count> values(const Row &row) noexcept {
        return std::apply(
            [&row](auto... member) {
                return std::array<value, count>{{make_value(row.*member)...}};
            },
            fields.members);
    }

  private:
    template <std::size_t... I>
    static constexpr std::array<column, count> columns(std::index_sequence<I...>) noexcept {
        using members = decltype(row_of::fields.members);
        return {{{fields.names[I],
                  column_type<typename member<std::tuple_element_t<I, members>>::type>()}...}};
    }
};

} // namespace detail

/* A table whose columns are the members of Row. Calls are those of table, with a Row instead of
 * values. */
template <class Row> class typed_table {
  public:
    constexpr typed_table() noexcept = default;
    constexpr explicit typed_table(table t) noexcept
        : table_(t) {} /* declared with these columns */
    constexpr const table &untyped() const noexcept { return table_; }

    status try_append(const Row &row) const noexcept { return table_.put(nullptr, values(row)); }
    result<ticket> try_append_ticket(const Row &row) const noexcept {
        ticket t;
        const int code = table_.put(&t, values(row));
        return code == WEIR_OK ? result<ticket>(t) : result<ticket>(status(code));
    }
    /* All rows are published by one store, or none; together they may take half a lane. rows: a
     * vector, array or span of Row. Allocates 16 bytes a value for the time of the call. */
    template <class Rows> status try_append_rows(const Rows &rows) const noexcept {
        constexpr std::size_t columns = detail::row_of<Row>::count;
        const Row *from = std::data(rows);
        const std::size_t count = std::size(rows);
        if (count == 0) return WEIR_OK;
        if (count > SIZE_MAX / sizeof(value) / columns) return WEIR_TOO_BIG;
        const std::unique_ptr<value[]> all(new (std::nothrow) value[count * columns]);
        if (!all) return WEIR_NO_MEMORY;
        for (std::size_t i = 0; i < count; i++) {
            const auto one = values(from[i]);
            for (std::size_t c = 0; c < columns; c++)
                all[i * columns + c] = one[c];
        }
        return table_.try_append_values(all.get(), columns, count);
    }
    template <class Rep, class Period>
    result<inserted> try_insert_now(std::chrono::duration<Rep, Period> time,
                                    const Row &row) const noexcept {
        return table_.insert(detail::milliseconds(time), values(row));
    }

#ifdef __cpp_exceptions
    template <class Database>
    typed_table(Database &db, const std::string &name)
        : typed_table(db.template declare<Row>(name)) {}

    void append(const Row &row) const { table_.put_or_throw(nullptr, values(row)); }
    ticket append_ticket(const Row &row) const {
        ticket t;
        table_.put_or_throw(&t, values(row));
        return t;
    }
    template <class Rows> void append_rows(const Rows &rows) const {
        detail::check(try_append_rows(rows));
    }
    template <class Rep, class Period>
    inserted insert_now(std::chrono::duration<Rep, Period> time, const Row &row) const {
        return try_insert_now(time, row).value();
    }
#endif

  private:
    friend class batch;

    static auto values(const Row &row) noexcept { return detail::row_of<Row>::values(row); }

    table table_;
};

/* ---- the logger's formats --------------------------------------------------------------- */

namespace detail {

#if defined(__cpp_lib_format)
namespace formats = std;
template <class... A> using format_string = std::format_string<A...>;
#elif defined(WEIR_FMT_)
namespace formats = fmt;
template <class... A> using format_string = fmt::format_string<A...>;
#else
template <class... A> struct format_string {
    template <class Text> constexpr format_string(const Text &) noexcept {
        static_assert(sizeof(Text) == 0,
                      "weir: formats with {} need <format> of C++20 or fmt (<fmt/core.h>); without "
                      "either there are db.log_text() and weir_log_info(db.get(), \"%d\", …)");
    }
};
namespace formats {
template <class... A> std::string format(format_string<A...>, A &&...) { return {}; }
} // namespace formats
#endif

#if defined(WEIR_FMT_) && defined(__clang__) && __clang_major__ < 15 && __cplusplus >= 202002L
#define WEIR_CONSTEVAL_ constexpr /* it takes no consteval inside consteval */
#define WEIR_FORMAT_(text) fmt::runtime(text)
#elif defined(__cpp_consteval)
#define WEIR_CONSTEVAL_ consteval
#define WEIR_FORMAT_(text) text
#else
#define WEIR_CONSTEVAL_ constexpr
#define WEIR_FORMAT_(text) text
#endif

/* A format, and the place in the source where it stands. */
template <class... A> struct message {
    format_string<A...> format;
    const char *file;
    int line;

    template <class Text>
    WEIR_CONSTEVAL_ message(const Text &text, const char *from = __builtin_FILE(),
                            int at = __builtin_LINE())
        : format(WEIR_FORMAT_(text)), file(from), line(at) {}
};
#undef WEIR_CONSTEVAL_
#undef WEIR_FORMAT_

template <class T> struct identity { using type = T; };
template <class... A> using message_of = message<typename identity<A>::type...>;

/* Not by weir_log_write(), which asks neither the level nor the flight recorder. Of a text that is
 * longer than a message so much is passed on that weir_log_at() sees it, and marks the end. */
inline void log_text(::weir_handle *w, ::weir_log_level level, std::string_view text,
                     const char *file, int line) noexcept {
    ::weir_log_site site{};
    site.file = file;
    site.line = line;
    const std::size_t length = text.size() < WEIR_LOG_BYTES ? text.size() : WEIR_LOG_BYTES;
    (void)weir_log_at(w, level, &site, "%.*s", static_cast<int>(length), text.data());
}

template <class... A>
void log(::weir_handle *w, ::weir_log_level level, const message_of<A...> &m,
         A &&...arguments) noexcept {
#ifdef __cpp_exceptions
    try {
        log_text(w, level, formats::format(m.format, std::forward<A>(arguments)...), m.file,
                 m.line);
    } catch (const std::exception &e) {
        char text[256];
        (void)std::snprintf(text, sizeof text, "[cannot be formatted] %s", e.what());
        log_text(w, level, text, m.file, m.line);
    } catch (...) {
        log_text(w, level, "[cannot be formatted]", m.file, m.line);
    }
#else
    log_text(w, level, formats::format(m.format, std::forward<A>(arguments)...), m.file, m.line);
#endif
}

} // namespace detail

/* ---- a database ------------------------------------------------------------------------- */

/* Rows of several tables that become visible in one transaction, or not at all (weir_begin).
 * Destroyed before it is committed, it is rolled back. One thread at a time. */
class batch {
  public:
    batch() noexcept = default;
    explicit batch(::weir_batch *b) noexcept : batch_(b) {}
    batch(batch &&other) noexcept : batch_(std::exchange(other.batch_, nullptr)) {}
    batch &operator=(batch &&other) noexcept {
        if (this != &other) {
            rollback();
            batch_ = std::exchange(other.batch_, nullptr);
        }
        return *this;
    }
    ~batch() { rollback(); }

    ::weir_batch *get() const noexcept { return batch_; }

    template <class... Values> status try_append(const table &t, const Values &...values) noexcept {
        return put(t, table::row<Values...>(values...));
    }
    template <class Row> status try_append(const typed_table<Row> &t, const Row &row) noexcept {
        return put(t.table_, typed_table<Row>::values(row));
    }
    /* After a failure the batch is as it was. */
    result<ticket> try_commit() noexcept {
        ticket t;
        const int code = weir_commit(batch_, &t);
        if (code != WEIR_OK) return status(code);
        batch_ = nullptr;
        return t;
    }
    void rollback() noexcept { weir_rollback(std::exchange(batch_, nullptr)); }

#ifdef __cpp_exceptions
    template <class... Values> void append(const table &t, const Values &...values) {
        put_or_throw(t, table::row<Values...>(values...));
    }
    template <class Row> void append(const typed_table<Row> &t, const Row &row) {
        put_or_throw(t.table_, typed_table<Row>::values(row));
    }
    ticket commit() { return try_commit().value(); }
#endif

  private:
    template <std::size_t Count>
    int put(const table &t, const std::array<value, Count> &values) noexcept {
        return weir_batch_row(batch_, t.get(), values.data(), Count);
    }
#ifdef __cpp_exceptions
    template <std::size_t Count>
    void put_or_throw(const table &t, const std::array<value, Count> &values) {
        const int code = put(t, values);
        if (code != WEIR_OK) detail::fail_row(code, values.data(), Count);
    }
#endif

    ::weir_batch *batch_ = nullptr;
};

/* An open database with its journal. Moved, not copied. Any thread may call a const function;
 * opening, moving and closing are one thread's, when no other uses the object. */
class database {
  public:
    database() noexcept = default;                          /* not open */
    explicit database(::weir_handle *w) noexcept : w_(w) {} /* which is closed here from now on */
    database(database &&other) noexcept : w_(std::exchange(other.w_, nullptr)) {}
    database &operator=(database &&other) noexcept {
        if (this != &other) {
            end();
            w_ = std::exchange(other.w_, nullptr);
        }
        return *this;
    }
    /* Closes. A failure is said in a line on stderr, since a destructor cannot answer: call close()
     * to be told. WEIR_PENDING is none; nor is WEIR_FORKED, in a child whose parent has the
     * handle. */
    ~database() { end(); }

    static result<database> try_open(const std::string &path,
                                     const ::weir_options &options = weir::options()) noexcept {
        ::weir_handle *w = nullptr;
        const int code = weir_open_sqlite(path.c_str(), &options, &w);
        return code < 0 ? result<database>(status(code)) : result<database>(database(w), code);
    }
    /* Whatever the answer, the object is not open any more. */
    status try_close() noexcept {
        return w_ ? weir_close(std::exchange(w_, nullptr)) : static_cast<int>(WEIR_OK);
    }

    bool is_open() const noexcept { return w_ != nullptr; }
    ::weir_handle *get() const noexcept { return w_; } /* for the functions of C; stays ours */

    result<table> try_declare(const std::string &name, const column *columns,
                              std::size_t count) const noexcept {
        ::weir_table *t = nullptr;
        const int code = weir_declare(w_, name.c_str(), columns, count, &t);
        return code < 0 ? result<table>(status(code)) : result<table>(table(t), code);
    }
    result<table> try_declare(const std::string &name,
                              std::initializer_list<column> columns) const noexcept {
        return try_declare(name, columns.begin(), columns.size());
    }
    /* With the columns that WEIR_FIELDS names. */
    template <class Row>
    result<typed_table<Row>> try_declare(const std::string &name) const noexcept {
        constexpr auto columns = detail::row_of<Row>::columns();
        const result<table> t = try_declare(name, columns.data(), columns.size());
        return t ? result<typed_table<Row>>(typed_table<Row>(*t), t.status().code())
                 : result<typed_table<Row>>(t.status());
    }

    /* Wait until every append before this has reached level, or answer WEIR_PENDING. */
    template <class Rep, class Period>
    status try_sync(::weir_level level, std::chrono::duration<Rep, Period> time) const noexcept {
        return weir_sync(w_, level, detail::milliseconds(time));
    }
    template <class Rep, class Period>
    status try_wait(ticket t, ::weir_level level,
                    std::chrono::duration<Rep, Period> time) const noexcept {
        return weir_wait(w_, t, level, detail::milliseconds(time));
    }
    result<statistics> try_stats() const noexcept {
        statistics s;
        const int code = weir_stats(w_, &s);
        return code < 0 ? result<statistics>(status(code)) : result<statistics>(s);
    }
    result<batch> try_begin() const noexcept {
        ::weir_batch *b = nullptr;
        const int code = weir_begin(w_, &b);
        return code < 0 ? result<batch>(status(code)) : result<batch>(batch(b));
    }
    /* Readable when more rows have reached level; belongs to the handle (weir_descriptor). */
    result<int> try_descriptor(::weir_level level) const noexcept {
        int fd = -1;
        const int code = weir_descriptor(w_, level, &fd);
        return code < 0 ? result<int>(status(code)) : result<int>(fd, code);
    }
    status try_request(::weir_level level) const noexcept { return weir_request(w_, level); }
    status try_configure_log(const ::weir_log_options &options) const noexcept {
        return weir_log_configure(w_, &options);
    }
    result<table> try_log_table() const noexcept {
        ::weir_table *t = nullptr;
        const int code = weir_log_table(w_, &t);
        return code < 0 ? result<table>(status(code)) : result<table>(table(t), code);
    }

#ifdef __cpp_exceptions
    explicit database(const std::string &path, const ::weir_options &options = weir::options())
        : database(try_open(path, options).value()) {}
    /* False: WEIR_PENDING. Rows that are not applied wait in the journal for the next opening. */
    bool close() { return detail::check(try_close()); }

    table declare(const std::string &name, const column *columns, std::size_t count) const {
        return try_declare(name, columns, count).value();
    }
    table declare(const std::string &name, std::initializer_list<column> columns) const {
        return try_declare(name, columns).value();
    }
    template <class Row> typed_table<Row> declare(const std::string &name) const {
        return try_declare<Row>(name).value();
    }

    void sync(::weir_level level) const { detail::check(weir_sync(w_, level, UINT32_MAX)); }
    void wait(ticket t, ::weir_level level) const {
        detail::check(weir_wait(w_, t, level, UINT32_MAX));
    }
    /* False: the time is over. */
    template <class Rep, class Period>
    [[nodiscard]] bool sync(::weir_level level, std::chrono::duration<Rep, Period> time) const {
        return detail::check(try_sync(level, time));
    }
    template <class Rep, class Period>
    [[nodiscard]] bool wait(ticket t, ::weir_level level,
                            std::chrono::duration<Rep, Period> time) const {
        return detail::check(try_wait(t, level, time));
    }
    statistics stats() const { return try_stats().value(); }
    batch begin() const { return try_begin().value(); }
    int descriptor(::weir_level level) const { return try_descriptor(level).value(); }
    void request(::weir_level level) const { detail::check(try_request(level)); }
    void configure_log(const ::weir_log_options &options) const {
        detail::check(try_configure_log(options));
    }
    table log_table() const { return try_log_table().value(); }
#endif

    /* Log one message: db.log_info("filled {} at {}", id, price). The format is that of std::format
     * where the library has it, else of fmt: link fmt, or define FMT_HEADER_ONLY; WEIR_NO_FMT
     * leaves fmt out. It is checked at compile time in C++20 (clang: from 15 on), and in C++17
     * where it is FMT_STRING("…"); one that is wrong at run time makes the message say so.
     *
     * The text is made in the caller. Stored as its arguments, and made later, is
     * weir_log_info(db.get(), "%d", …), with printf's formats. Nothing is thrown or answered, as in
     * C. A message below the level costs the evaluation of its arguments. Text ends at a NUL. */
    template <class... A>
    void log(::weir_log_level level, detail::message_of<A...> m, A &&...arguments) const noexcept {
        if (weir_log_passes(level)) detail::log<A...>(w_, level, m, std::forward<A>(arguments)...);
    }
#define WEIR_LOG_AT_(name, level)                                                                  \
    template <class... A> void name(detail::message_of<A...> m, A &&...arguments) const noexcept { \
        if (weir_log_passes(level))                                                                \
            detail::log<A...>(w_, level, m, std::forward<A>(arguments)...);                        \
    }
    WEIR_LOG_AT_(log_trace, WEIR_TRACE)
    WEIR_LOG_AT_(log_debug, WEIR_DEBUG)
    WEIR_LOG_AT_(log_info, WEIR_INFO)
    WEIR_LOG_AT_(log_warn, WEIR_WARN)
    WEIR_LOG_AT_(log_error, WEIR_ERROR)
    WEIR_LOG_AT_(log_fatal, WEIR_FATAL)
#undef WEIR_LOG_AT_

    /* Any text, as it is: no format, so that braces and percent signs mean nothing. */
    void log_text(::weir_log_level level, std::string_view text,
                  const char *file = __builtin_FILE(), int line = __builtin_LINE()) const noexcept {
        if (weir_log_passes(level)) detail::log_text(w_, level, text, file, line);
    }

  private:
    void end() noexcept {
        const status s = try_close();
        if (s.failed() && s != WEIR_FORKED)
            std::fprintf(stderr, "weir: closing a database: %s: %s\n", s.name(), weir_last_error());
    }

    ::weir_handle *w_ = nullptr;
};

} // namespace weir

#endif
