// The log: spdlog, asynchronous, so that a slow disk or terminal never holds the loop.
#pragma once

#include <spdlog/logger.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
/// Opens the log file anew, on whatever thread writes it: one that was renamed meanwhile (logrotate) is let go. It is
/// made with the permissions of the first. Where it cannot be opened, that is said in the one which is open, and lines
/// go there.
void reopen_log(spdlog::logger& log);
/// Whether a line of that level comes out on standard error.
bool shows_on_stderr(const spdlog::logger& log, spdlog::level::level_enum level);
/// Why a reload failed: each mistake with its line, key and cure, and what holds now.
void log_mistakes(spdlog::logger& log, const std::string& file, const std::vector<core::ConfigError>& mistakes);
void log_warnings(spdlog::logger& log, const core::ParsedConfig& parsed);
/// A client's text for one line of the log, cut behind `most` octets: control characters (those of ISO 6429's C1 too,
/// U+0080 to U+009F), and what is no UTF-8, as \xNN, so that no name can forge a line or speak to a terminal.
std::string log_text(std::string_view text, std::size_t most = std::string_view::npos);
/// Writes what is queued and ends the log's thread.
void flush_log();

}  // namespace net
