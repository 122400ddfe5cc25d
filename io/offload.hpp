// A few threads that make one blocking call each: hands, not minds.
// They know an op while they run it and own no state; what it means is decided on the loop's thread.
// Pieces of longer works (Op::piece) have a queue of their own, for they would fill one that all share: a thousand
// transfers that compress have a thousand of them waiting at all times. They never have all threads at once, unless
// there is but one; and where both queues wait they are taken from in turns, so that neither stands still.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "io/fd.hpp"
#include "io/op.hpp"

namespace io {

class Offload {
 public:
  /// What a thread does with an op: makes its call and returns its result, a negative errno on errors.
  /// `scratch` is the thread's own memory, to throw away afterwards.
  using Work = std::int32_t (*)(Op& op, std::span<char> scratch);

  /// Starts `threads` threads, at least one, with `scratch_size` octets each and all signals blocked. May throw
  /// std::system_error.
  Offload(unsigned threads, std::size_t scratch_size, Work work);
  /// Waits for the calls that run; those not begun are never run.
  ~Offload() = default;
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  /// Readable while finished ops wait in collect(). -1 when the kernel refused to make it.
  int event_fd() const { return event_.get(); }

  /// Queues an op. From now on it belongs to the threads, until collect() or cancel() gives it back.
  void start(Op& op);
  /// True: the call had not begun, and the op is the caller's again. False: it will come out of collect().
  bool cancel(Op& op);
  /// What has finished since the last call, with `result` written. Valid until the next call.
  std::span<Op* const> collect();

 private:
  void run(const std::stop_token& stop);
  // With mutex_ held.
  OpList& queue_of(const Op& op) { return op.piece ? pieces_ : queue_; }
  bool may_take_piece() const { return !pieces_.empty() && pieces_running_ < pieces_most_; }
  bool may_take() const { return !queue_.empty() || may_take_piece(); }
  Op& take();

  Work work_;
  std::size_t scratch_size_;
  Fd event_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  OpList queue_, pieces_;        // guarded by mutex_, as are the links of the ops in them
  bool took_piece_ = false;      // guarded by mutex_: what was taken last
  unsigned pieces_running_ = 0;  // guarded by mutex_
  unsigned pieces_most_;
  std::vector<Op*> finished_;  // guarded by mutex_; a vector, so that only queued ops are linked
  std::vector<Op*> collected_;
  std::vector<std::jthread> threads_;  // last: stopped and joined before the rest goes
};

}  // namespace io
