// Which op the offload threads run next. Each lane has a queue of its own, a cap on how many threads it may have and a
// bound on how many ops wait, so that no kind of work holds up another for long. Knows queues and counts; must not
// know threads or what an op does. Not locked: Offload holds its mutex.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/op.hpp"

namespace io {

class Lanes {
 public:
  /// For `threads` threads. `passwords_waiting`: the bound of that lane.
  Lanes(unsigned threads, std::size_t passwords_waiting);

  /// Queues an op. Returns the op for which there is no place: none, or this one, or one that waits and would have
  /// been run later than this one.
  Op* push(Op& op);
  /// Takes an op out of its queue. False: it does not wait.
  bool remove(Op& op);
  /// True when take() would give an op.
  bool may_take() const;
  /// The op to be run now, which counts as running until ended(). Only when may_take().
  Op& take();
  void ended(const Op& op);

 private:
  struct Queue {
    OpList ops;
    std::size_t waiting = 0;
    std::size_t waiting_most = SIZE_MAX;
    unsigned running = 0;
    unsigned running_most = 1;
    std::uint64_t taken = 0;  ///< ops since the start
  };

  Queue& of(const Op& op) { return queues_[static_cast<std::size_t>(op.lane)]; }
  bool may_take_from(std::size_t lane) const;

  std::array<Queue, lane_count> queues_;
  std::size_t last_ = 0;         ///< the lane that was taken from last
  unsigned others_running_ = 0;  ///< of all lanes but Lane::files
  unsigned others_most_;         ///< all but one thread, so that one is always left to Lane::files
};

}  // namespace io
