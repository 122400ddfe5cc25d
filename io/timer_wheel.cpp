// A hierarchical timer wheel: level 0 has a slot a tick, each further level slots 64 times as long.
// Knows ticks and lists; must not know clocks: time comes in as an argument.
#include "io/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace io {

namespace {

constexpr unsigned level_bits = 6;  // log2 of the slots a level
constexpr std::uint64_t slot_mask = 63;

/// The first tick at which a deadline has passed.
std::uint64_t tick_after(Time deadline) {
  const Time whole = deadline / TimerWheel::tick;
  return static_cast<std::uint64_t>(std::max<Time>(0, whole + (deadline % TimerWheel::tick > 0 ? 1 : 0)));
}

}  // namespace

Timer::~Timer() {
  if (wheel_ != nullptr) wheel_->disarm(*this);
}

TimerWheel::TimerWheel(Time now) : current_tick_(static_cast<std::uint64_t>(now / tick)) {
  static_assert(std::size_t{1} << level_bits == slots_a_level);
}

void TimerWheel::arm(Timer& timer, Time deadline) {
  if (timer.armed()) timer.wheel_->disarm(timer);
  timer.deadline_ = deadline;
  timer.wheel_ = this;
  ++armed_count_;
  place(timer, current_tick_ + 1);  // the current tick has been run
}

void TimerWheel::disarm(Timer& timer) {
  if (!timer.armed()) return;
  assert(timer.wheel_ == this);
  unlink(timer);
  timer.wheel_ = nullptr;
  --armed_count_;
}

void TimerWheel::place(Timer& timer, std::uint64_t earliest) {
  constexpr std::uint64_t farthest = (std::uint64_t{1} << (level_bits * levels)) - 1;
  const std::uint64_t due = std::max(tick_after(timer.deadline_), earliest);
  const std::uint64_t distance = std::min(due - current_tick_, farthest);
  const std::size_t level = static_cast<std::size_t>(std::bit_width(distance | 1) - 1) / level_bits;
  const std::size_t slot = ((current_tick_ + distance) >> (level_bits * level)) & slot_mask;

  timer.slot_ = level * slots_a_level + slot;
  occupied_[level] |= std::uint64_t{1} << slot;
  Timer*& head = slots_[timer.slot_];
  if (head == nullptr) {
    head = timer.next_ = timer.previous_ = &timer;
    return;
  }
  timer.next_ = head;  // a ring: in front of the head is behind the tail
  timer.previous_ = head->previous_;
  head->previous_->next_ = &timer;
  head->previous_ = &timer;
}

void TimerWheel::unlink(Timer& timer) {
  Timer*& head = slots_[timer.slot_];
  if (timer.next_ == &timer) {
    head = nullptr;
    occupied_[timer.slot_ / slots_a_level] &= ~(std::uint64_t{1} << (timer.slot_ % slots_a_level));
  } else {
    if (head == &timer) head = timer.next_;
    timer.next_->previous_ = timer.previous_;
    timer.previous_->next_ = timer.next_;
  }
  timer.next_ = timer.previous_ = nullptr;
}

// The next tick at which a slot of some level begins that holds timers.
std::uint64_t TimerWheel::next_tick() const {
  std::uint64_t nearest = UINT64_MAX;
  for (std::size_t level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const std::uint64_t position = current_tick_ >> (level_bits * level);
    // Bit 0 becomes the slot after the current one; the current one itself is a whole turn away.
    const std::uint64_t ahead = std::rotr(occupied_[level], static_cast<int>((position + 1) & slot_mask));
    const std::uint64_t steps = static_cast<std::uint64_t>(std::countr_zero(ahead)) + 1;
    nearest = std::min(nearest, (position + steps) << (level_bits * level));
  }
  return nearest;
}

// Timers of the slots that begin with the current tick move to finer slots, coarse levels first;
// none can land in the slot it came from, because that is less than one such slot away.
void TimerWheel::cascade() {
  for (std::size_t level = levels - 1; level > 0; --level) {
    if ((current_tick_ & ((std::uint64_t{1} << (level_bits * level)) - 1)) != 0) continue;
    const std::size_t slot = level * slots_a_level + ((current_tick_ >> (level_bits * level)) & slot_mask);
    while (slots_[slot] != nullptr) {
      Timer& timer = *slots_[slot];
      unlink(timer);
      place(timer, current_tick_);
    }
  }
}

void TimerWheel::advance(Time now) {
  const auto target = static_cast<std::uint64_t>(now / tick);
  for (std::uint64_t at = next_tick(); at <= target; at = next_tick()) {
    current_tick_ = at;
    cascade();
    // One at a time from the head: a callback may disarm the next one.
    while (Timer* timer = slots_[at & slot_mask]) {
      disarm(*timer);
      timer->callback_(timer->owner_);
    }
  }
  current_tick_ = std::max(current_tick_, target);
}

Time TimerWheel::next_deadline() const {
  const std::uint64_t nearest = next_tick();
  if (nearest > static_cast<std::uint64_t>(never / tick)) return never;
  return static_cast<Time>(nearest) * tick;
}

}  // namespace io
