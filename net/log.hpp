// The log: spdlog, asynchronous, so that a slow disk or terminal never holds the loop.
#pragma once

#include <spdlog/logger.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/config.hpp"

namespace net {

/// Standard error or a file, as [log] says. When the queue is full the oldest lines are dropped.
std::expected<std::shared_ptr<spdlog::logger>, std::string> make_log(const core::Config::Log& config);
/// A client's text for one line of the log: control characters as \xNN, so that no name can forge a line.
std::string log_text(std::string_view text);
/// Writes what is queued and ends the log's thread.
void flush_log();

}  // namespace net
