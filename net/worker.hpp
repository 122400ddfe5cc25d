// One worker: log, backend, server and loop of one process, from start to drained. The only worker and one of
// several do the same. Knows signals and the configuration file; must not know who supervises it.
#pragma once

#include <spdlog/logger.h>

#include <cstddef>
#include <functional>
#include <string>

#include "core/config.hpp"
#include "net/shared_counts.hpp"
#include "net/tls_context.hpp"

namespace net {

/// Serves as worker `worker`, from 0, of server.workers until SIGTERM or SIGINT, and returns the exit code. `parsed` is
/// the whole configuration, read from `file`; SIGHUP reads it again. `on_accepting` is called once all listeners
/// accept. `ticket_keys` are the same for all workers. When it cannot start, the mistake is printed.
int run_worker(const std::string& file, const core::ParsedConfig& parsed, SharedCounts& counts,
               const TicketKeys& ticket_keys, std::size_t worker,
               const std::function<void(spdlog::logger&)>& on_accepting);

/// Says that everything accepts: the line `ready`, and sd_notify.
void announce_ready(spdlog::logger& log);

}  // namespace net
