// log_log4cplus.cc - a peer of log.c: log4cplus into a file, in the caller or by a thread of its
// own. The file is flushed when its buffer is full, as the other peers do it.
#include <ios>
#include <memory>

#include <log4cplus/asyncappender.h>
#include <log4cplus/fileappender.h>
#include <log4cplus/initializer.h>
#include <log4cplus/layout.h>
#include <log4cplus/logger.h>
#include <log4cplus/loggingmacros.h>

#include "log_peer.h"

int main(int argc, char **argv) {
    log_peer peer;
    if (!peer.read_arguments(argc, argv)) return 16;
    log4cplus::Initializer initializer;
    log4cplus::Logger log = log4cplus::Logger::getInstance("bench");
    log4cplus::SharedAppenderPtr appender(
        new log4cplus::FileAppender(peer.file, std::ios_base::trunc, false));
    appender->setLayout(std::unique_ptr<log4cplus::Layout>(
        new log4cplus::PatternLayout("%D{%Y-%m-%d %H:%M:%S.%q} %p %t %b:%L %m%n")));
    if (peer.asynchronous)
        appender = log4cplus::SharedAppenderPtr(new log4cplus::AsyncAppender(appender, 65536));
    log.setAdditivity(false);
    log.setLogLevel(log4cplus::INFO_LOG_LEVEL);
    log.addAppender(appender);
    bool measured = peer.measure([&](const order &o) {
        LOG4CPLUS_INFO_FMT(log, ORDER_FORMAT, o.id, o.symbol, o.price, o.left);
    });
    log.removeAllAppenders();
    appender->close();
    appender = log4cplus::SharedAppenderPtr();
    return peer.finish(measured);
}
