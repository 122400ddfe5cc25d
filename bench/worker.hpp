// A worker of the load generator: a process with its own backend, reactor, users and statistics. What it shares with
// the others is the moment of the start. Knows phases; must not know FTP, or how its process begins and ends.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/group.hpp"

namespace bench {

/// In memory that all processes share. All workers begin at the same moment, once the users of all are logged in.
struct Gate {
  std::atomic<unsigned> not_ready{0};      ///< workers
  std::atomic<io::Time> begin{io::never};  ///< monotonic
  std::atomic<bool> interrupted{false};    ///< end early
  std::atomic<bool> may_leave{false};  ///< the server's cost has been read: its processes may end with their sessions
};
static_assert(std::atomic<io::Time>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

/// What a worker has of one load.
struct Part {
  std::size_t load = 0;
  Share share;
};

/// What a worker tells: now and then how far it is, and in the end all.
struct Outcome {
  std::vector<Statistics> parts;  ///< in the order of its parts
  double measured_s = 0;          ///< of the longest group
  double busy = 0;                ///< CPU share of its thread while it measured
  TlsCounts tls;                  ///< from the beginning
  std::string failure;            ///< why it could not run; else empty
  bool is_final = false;

  template <typename Self, typename Archive>
  static void pass(Self& self, Archive& archive) {
    archive(self.parts, self.measured_s, self.busy, self.tls, self.failure, self.is_final);
  }
};

class Worker {
 public:
  using Tell = std::function<void(const Outcome&)>;
  /// `watched`: tell() is wanted while it runs too, twice a second.
  Worker(const Options& options, const io::Address& server, Gate& gate, const std::vector<Part>& parts, Tell tell,
         bool watched);

  /// Returns when all sessions have ended; the final outcome is told before these end.
  void run();

 private:
  void run_groups(io::Reactor& reactor);
  void wait_for_gate(io::Reactor& reactor);
  void measure(io::Reactor& reactor);
  void say_goodbye(io::Reactor& reactor);
  void tell_progress(io::Time now);
  void tell_all();

  const Options& options_;
  io::Address server_;
  Gate& gate_;
  const std::vector<Part>& parts_;
  Tell tell_;
  bool watched_;
  std::vector<std::unique_ptr<Group>> groups_;
  Outcome outcome_;
  io::Time told_ = 0;
};

}  // namespace bench
