// log_boost.cc - a peer of log.c: Boost.Log into a file, in the caller or by a thread of its own
// (its queue has no bound).
#include <iomanip>

#include <boost/log/attributes.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/severity_logger.hpp>
#include <boost/log/support/date_time.hpp>
#include <boost/log/trivial.hpp>
#include <boost/log/utility/manipulators/add_value.hpp>
#include <boost/log/utility/setup/common_attributes.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include "log_peer.h"

namespace logging = boost::log;
namespace sinks = logging::sinks;
namespace expr = logging::expressions;
using severity = logging::trivial::severity_level;

namespace {

template <class Sink> boost::shared_ptr<Sink> add_sink(const char *file) {
    using thread_id = logging::attributes::current_thread_id::value_type;
    auto backend = boost::make_shared<sinks::text_file_backend>();
    backend->set_file_name_pattern(file);
    auto sink = boost::make_shared<Sink>(backend);
    sink->set_formatter(expr::stream << expr::format_date_time<boost::posix_time::ptime>(
                                            "TimeStamp", "%Y-%m-%d %H:%M:%S.%f")
                                     << ' ' << expr::attr<severity>("Severity") << ' '
                                     << expr::attr<thread_id>("ThreadID") << ' '
                                     << expr::attr<const char *>("File") << ':'
                                     << expr::attr<int>("Line") << ' ' << expr::smessage);
    logging::core::get()->add_sink(sink);
    return sink;
}

bool measure(log_peer &peer) {
    logging::sources::severity_logger_mt<severity> log;
    return peer.measure([&](const order &o) {
        BOOST_LOG_SEV(log, severity::info)
            << logging::add_value("File", static_cast<const char *>(__FILE__))
            << logging::add_value("Line", __LINE__) << "order " << o.id << " of " << o.symbol
            << " filled at " << std::fixed << std::setprecision(2) << o.price << ", " << o.left
            << " left";
    });
}

} // namespace

int main(int argc, char **argv) {
    log_peer peer;
    if (!peer.read_arguments(argc, argv)) return 16;
    logging::add_common_attributes();
    bool measured;
    if (peer.asynchronous) {
        auto sink = add_sink<sinks::asynchronous_sink<sinks::text_file_backend>>(peer.file);
        measured = measure(peer);
        sink->stop();
        sink->flush();
    } else {
        auto sink = add_sink<sinks::synchronous_sink<sinks::text_file_backend>>(peer.file);
        measured = measure(peer);
        sink->flush();
    }
    logging::core::get()->remove_all_sinks();
    return peer.finish(measured);
}
