// SIGTERM, SIGINT, SIGHUP, SIGUSR1 and the supervisor's own as ordinary events of the loop.
#pragma once

#include <sys/signalfd.h>

#include <csignal>
#include <functional>

#include "io/fd.hpp"
#include "io/reactor.hpp"

namespace net {

/// Some signals only say what a system call says too (EPIPE, EFBIG): a peer or a client must not end the process.
void ignore_signals_of_calls();

/// By which a supervisor has its workers open the log file anew; SIGHUP from outside does as well, and reloads.
inline int reopen_log_signal() { return SIGRTMIN; }

class Signals {
 public:
  /// Blocks the signals in this thread (and those it starts later) and reads them by signalfd.
  /// Make it before any thread is started.
  Signals();

  /// `told` is called with each signal's number, from the reactor.
  void start(io::Reactor& reactor, std::function<void(int)> told);
  /// No more; the op is joined by the time the reactor has no op in flight.
  void stop();

 private:
  void next();
  void on_poll_done(io::Op& op);

  io::Fd fd_;
  io::Reactor* reactor_ = nullptr;
  std::function<void(int)> told_;
  io::Op op_;
  bool stopped_ = false;
};

}  // namespace net
