// A few threads that make one blocking call each: hands, not minds.
// They know an op while they run it and own no state; what it means is decided on the loop's thread, and which comes
// next by the lanes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "io/fd.hpp"
#include "io/lanes.hpp"
#include "io/op.hpp"

namespace io {

class Offload {
 public:
  /// What a thread does with an op: makes its call and returns its result, a negative errno on errors.
  /// `scratch` is the thread's own memory, to throw away afterwards.
  using Work = std::int32_t (*)(Op& op, std::span<char> scratch);

  /// Starts `threads` threads, at least one, with `scratch_size` octets each and all signals blocked. So many passwords
  /// may wait. May throw std::system_error.
  Offload(unsigned threads, std::size_t scratch_size, Work work, std::size_t passwords_waiting = 1000);
  /// Waits for the calls that run; those not begun are never run.
  ~Offload() = default;
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  /// Readable while finished ops wait in collect(). -1 when the kernel refused to make it.
  int event_fd() const { return event_.get(); }

  /// Queues an op. From now on it belongs to the threads, until collect() or cancel() gives it back. Returns the op
  /// that finds no place in its lane, this one or another, which is the caller's again; nullptr: none.
  [[nodiscard]] Op* start(Op& op);
  /// True: the call had not begun, and the op is the caller's again. False: it will come out of collect().
  bool cancel(Op& op);
  /// What has finished since the last call, with `result` written. Valid until the next call.
  std::span<Op* const> collect();

 private:
  void run(const std::stop_token& stop);

  Work work_;
  std::size_t scratch_size_;
  Fd event_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  Lanes lanes_;                // guarded by mutex_, as are the links of the ops in them
  std::vector<Op*> finished_;  // guarded by mutex_; a vector, so that only queued ops are linked
  std::vector<Op*> collected_;
  std::vector<std::jthread> threads_;  // last: stopped and joined before the rest goes
};

}  // namespace io
