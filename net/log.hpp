// The log: spdlog, asynchronous, so that a slow disk or terminal never holds the loop.
#pragma once

#include <spdlog/logger.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/config.hpp"

namespace net {

/// Who writes a log.
struct LogWriter {
  std::size_t worker = 0;  ///< its number stands in each line; 0: none does
  bool threaded = true;    ///< lines are written by a thread of their own, and the writer never waits
};

/// Standard error or a file, as [log] says; several processes may write to one. The file is made, where it is not
/// there, with what the umask leaves. When the thread's queue is full the oldest lines are dropped.
std::expected<std::shared_ptr<spdlog::logger>, std::string> make_log(const core::Config::Log& config,
                                                                     const LogWriter& writer);
/// A client's text for one line of the log: control characters as \xNN, so that no name can forge a line.
std::string log_text(std::string_view text);
/// Writes what is queued and ends the log's thread.
void flush_log();

}  // namespace net
