// The first process of several workers: takes the ports, forks the workers, starts those again that die, passes
// signals on. It has one thread and no reactor, so that it can fork at any time. Knows processes and signals; must
// not know sessions.
#pragma once

#include <spdlog/logger.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "io/fd.hpp"
#include "net/shared_counts.hpp"
#include "net/tls_context.hpp"

namespace net {

/// How long a worker that ended unasked waits for its return: not at all, then 1 s, doubling to 30 s. Who lived for
/// 30 s begins anew.
class RestartDelay {
 public:
  std::chrono::seconds after(std::chrono::steady_clock::duration lived) {
    const std::chrono::seconds delay = lived >= longest ? std::chrono::seconds(0) : next_;
    next_ = std::clamp(2 * delay, std::chrono::seconds(1), longest);
    return delay;
  }

 private:
  static constexpr std::chrono::seconds longest{30};
  std::chrono::seconds next_{0};
};

class Supervisor {
 public:
  /// `parsed` was read from `file`, server.workers being above 1; `counts` are for as many.
  Supervisor(std::string file, core::ParsedConfig parsed, SharedCounts& counts, const TicketKeys& ticket_keys);

  /// From the start until all workers have ended; returns the exit code: 0, or 1 when they could not start or one did
  /// not end in good order. The workers' processes never return from here.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Worker {
    std::size_t number;         ///< from 0; log lines count from 1
    pid_t pid = -1;             ///< -1: not running
    Clock::time_point since{};  ///< running, or to be started again
    RestartDelay delay{};
  };

  bool take_ports();
  bool start_all();
  io::Fd start(Worker& worker);
  int serve(const Worker& worker, pid_t supervisor, const io::Fd& told);
  void restart_due();
  void plan_return(Worker& worker);

  int next_signal() const;
  void handle(int signal);
  void tell_all(int signal) const;
  void reload();
  void stop();
  void reap();
  void on_end(Worker& worker, int status);
  bool all_ended() const;

  std::string file_;
  core::ParsedConfig parsed_;  ///< what a worker is started with: reloads included
  SharedCounts& counts_;
  TicketKeys ticket_keys_;
  std::shared_ptr<spdlog::logger> log_;
  sigset_t signals_{};
  std::vector<io::Fd> ports_;  ///< keep other servers out
  std::vector<Worker> workers_;
  bool stopping_ = false;
  bool in_good_order_ = true;
};

}  // namespace net
