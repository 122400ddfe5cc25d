// The simulated clock and everything that is going to happen on it, in order of time.
// Knows moments and functions; must not know what the functions do. Nothing here ever sleeps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "io/op.hpp"

namespace sim {

class Timeline {
 public:
  /// Reading the clock costs this much, as it does in reality, so that a loop that waits for it ends.
  static constexpr io::Time reading_cost = 50;
  /// 2026-01-01T00:00:00Z, the time of day at moment 0.
  static constexpr std::int64_t epoch = 1'767'225'600 * io::second;

  /// The time, for the simulator itself: looking does not advance it.
  io::Time now() const { return now_; }
  /// The time, for the simulated program.
  io::Time read_clock() { return now_ += reading_cost; }
  std::int64_t wall_clock() const { return epoch + now_; }

  /// Runs `event` at `when`, or as soon as possible if that has passed. Equal moments keep their order.
  void at(io::Time when, std::function<void()> event);
  void after(io::Time delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

  /// The moment of the next event, `never` when there is none.
  io::Time next_moment() const { return events_.empty() ? io::never : events_.front().when; }
  /// Jumps to the next event and runs it. There must be one.
  void run_next();
  /// Moves the clock forward; events on the way stay due.
  void advance_to(io::Time moment) {
    if (moment > now_) now_ = moment;
  }

 private:
  struct Event {
    io::Time when;
    std::uint64_t order;
    std::function<void()> run;
  };
  static bool later(const Event& left, const Event& right) {
    return left.when != right.when ? left.when > right.when : left.order > right.order;
  }

  io::Time now_ = 1'000 * io::second;
  std::uint64_t order_ = 0;
  std::vector<Event> events_;  // a heap, the earliest first
};

}  // namespace sim
