// The heap of events behind the simulated clock.
// Knows only moments; two events of one moment run in the order in which they were planned,
// because anything else would make a seed mean different things on different machines.
#include "tests/sim/timeline.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sim {

void Timeline::at(io::Time when, std::function<void()> event) {
  events_.push_back({when, order_++, std::move(event)});
  std::push_heap(events_.begin(), events_.end(), later);
}

void Timeline::run_next() {
  assert(!events_.empty());
  std::pop_heap(events_.begin(), events_.end(), later);
  Event event = std::move(events_.back());
  events_.pop_back();
  advance_to(event.when);
  event.run();
}

}  // namespace sim
