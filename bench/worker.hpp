// A thread of the load generator: its own backend, reactor, users and statistics. What it shares with the others is
// the moment of the start, and for the live line a copy of its statistics twice a second.
// Knows threads and phases; must not know FTP.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/group.hpp"

namespace bench {

/// All threads begin at the same moment, once the users of all of them are logged in.
struct Gate {
  std::atomic<unsigned> not_ready{0};
  std::atomic<io::Time> begin{io::never};  ///< monotonic
  std::atomic<bool> interrupted{false};    ///< end early
  std::atomic<bool> may_leave{false};  ///< the server's cost has been read: its processes may end with their sessions
};

/// What a worker has of one load.
struct Part {
  std::size_t load = 0;
  Share share;
};

class Worker {
 public:
  Worker(const Options& options, const io::Address& server, Gate& gate, std::vector<Part> parts);

  void start();
  void join();
  /// The copy for the live line, by load; twice a second at most.
  std::vector<Statistics> look();

  // ---- After join(). ----
  const std::string& failure() const { return failure_; }  ///< why it could not run; else empty
  const std::vector<Part>& parts() const { return parts_; }
  const Statistics& result(std::size_t part) const { return results_[part]; }
  double measured_s() const { return measured_s_; }  ///< of the longest group
  double busy() const { return busy_; }              ///< CPU share of this thread while it measured
  bool done() const { return done_.load(); }

 private:
  void run();
  void run_groups(io::Reactor& reactor);
  void wait_for_gate(io::Reactor& reactor);
  void measure(io::Reactor& reactor);
  void say_goodbye(io::Reactor& reactor);
  void publish(io::Time now);

  const Options& options_;
  io::Address server_;
  Gate& gate_;
  std::vector<Part> parts_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Statistics> results_;
  double measured_s_ = 0, busy_ = 0;
  std::string failure_;
  std::atomic<bool> done_{false};
  io::Time published_ = 0;
  std::mutex mutex_;
  std::vector<Statistics> published_copies_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace bench
