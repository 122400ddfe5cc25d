// Timers as values embedded in their owners: a wheel of lists, so that arming, disarming and moving
// one costs a few pointers however many thousand sessions have an idle timeout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/op.hpp"

namespace io {

/// A deadline and whom to tell. Embedded in its owner; disarmed when destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    callback_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }
  bool armed() const { return wheel_ != nullptr; }
  Time deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  class TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::size_t slot_ = 0;
  Time deadline_ = 0;
  void* owner_ = nullptr;
  void (*callback_)(void*) = nullptr;
};

/// Timers fire up to one tick late and never early.
class TimerWheel {
 public:
  static constexpr Time tick = 10 * millisecond;

  explicit TimerWheel(Time now);
  /// Arms or moves a timer.
  void arm(Timer& timer, Time deadline);
  /// Does nothing to a timer that is not armed.
  void disarm(Timer& timer);
  /// Runs the callbacks of all that are due. They may arm and disarm any timer, themselves included.
  void advance(Time now);
  /// The moment to wake up for; at most one turn of a wheel early, `never` when nothing is armed.
  Time next_deadline() const;
  std::size_t armed_count() const { return armed_count_; }

 private:
  // The layout is private to timer_wheel.cpp's needs: hierarchical slots of intrusive lists.
  static constexpr std::size_t slots_a_level = 64;
  static constexpr std::size_t levels = 5;  // 64^5 ticks of 10 ms: 124 days; later ones wait in the last slot
  void place(Timer& timer, std::uint64_t earliest);
  void unlink(Timer& timer);
  std::uint64_t next_tick() const;
  void cascade();

  std::array<Timer*, slots_a_level * levels> slots_{};
  std::array<std::uint64_t, levels> occupied_{};
  std::uint64_t current_tick_ = 0;
  std::size_t armed_count_ = 0;
};

}  // namespace io
