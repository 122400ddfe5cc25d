// A process for a worker, seen from the one that started it: begun, heard, waited for. Each worker has as many
// descriptors as one process may have. Knows fork and a pipe; must not know what is told through it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "bench/worker.hpp"

namespace bench {

class WorkerProcess {
 public:
  /// Forks: no thread may run, and the gate must be in shared memory.
  WorkerProcess(const Options& options, const io::Address& server, Gate& gate, std::vector<Part> parts, bool watched);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();

  pid_t pid() const { return pid_; }
  const std::vector<Part>& parts() const { return parts_; }
  /// Takes what was told since the last call; never waits.
  void hear();
  /// The last that was told. Final once it has measured, or could not.
  const Outcome& outcome() const { return outcome_; }
  /// Waits for the process to end: after the final outcome, and with Gate::may_leave.
  void join();

 private:
  void fail(std::string why);

  std::vector<Part> parts_;
  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string heard_;  ///< no whole outcome yet
  Outcome outcome_;
};

}  // namespace bench
