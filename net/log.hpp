// The log: spdlog, asynchronous, so that a slow disk or terminal never holds the loop.
#pragma once

#include <spdlog/logger.h>

#include <expected>
#include <memory>
#include <string>

#include "core/config.hpp"

namespace net {

/// Standard error or a file, as [log] says. When the queue is full the oldest lines are dropped.
std::expected<std::shared_ptr<spdlog::logger>, std::string> make_log(const core::Config::Log& config);
/// Writes what is queued and ends the log's thread.
void flush_log();

}  // namespace net
