// A table of caps, a round robin over the lanes, and in each lane a queue in the order of turns.
#include "io/lanes.hpp"

#include <algorithm>
#include <cassert>

namespace io {
namespace {

// An op behind k others of the same share waits as if it had come so many times k ops later: who has one waiting is
// served before who has many, and nobody waits for ever.
constexpr std::uint64_t turns_apart = 16;

constexpr std::size_t index(Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

Lanes::Lanes(unsigned threads, std::size_t passwords_waiting) : others_most_(std::max(threads, 2U) - 1) {
  queues_[index(Lane::files)].running_most = std::max(threads, 1U);
  queues_[index(Lane::passwords)].running_most = std::max(threads / 2, 1U);
  queues_[index(Lane::passwords)].waiting_most = std::max<std::size_t>(passwords_waiting, 1);
  queues_[index(Lane::pieces)].running_most = others_most_;
}

Op* Lanes::push(Op& op) {
  Queue& queue = of(op);
  op.turn = queue.taken;
  Op* before = nullptr;
  if (op.share != 0) {
    for (const Op* other = queue.ops.front(); other != nullptr; other = other->next)
      if (other->share == op.share) op.turn += turns_apart;
    for (Op* last = queue.ops.back(); last != nullptr && last->turn > op.turn; last = last->previous) before = last;
  }
  Op* displaced = nullptr;
  if (queue.waiting >= queue.waiting_most) {
    if (before == nullptr) return &op;
    displaced = queue.ops.back();
    if (before == displaced) before = nullptr;
    remove(*displaced);
  }
  queue.ops.insert(before, op);
  ++queue.waiting;
  return displaced;
}

bool Lanes::remove(Op& op) {
  Queue& queue = of(op);
  if (queue.ops.front() != &op && op.previous == nullptr) return false;
  queue.ops.remove(op);
  --queue.waiting;
  return true;
}

bool Lanes::may_take_from(std::size_t lane) const {
  const Queue& queue = queues_[lane];
  const bool may_have_thread = lane == index(Lane::files) || others_running_ < others_most_;
  return !queue.ops.empty() && queue.running < queue.running_most && may_have_thread;
}

bool Lanes::may_take() const {
  for (std::size_t lane = 0; lane < lane_count; ++lane)
    if (may_take_from(lane)) return true;
  return false;
}

Op& Lanes::take() {
  do last_ = (last_ + 1) % lane_count;
  while (!may_take_from(last_));
  Queue& queue = queues_[last_];
  Op& op = *queue.ops.pop_front();
  --queue.waiting;
  ++queue.running;
  ++queue.taken;
  if (last_ != index(Lane::files)) ++others_running_;
  return op;
}

void Lanes::ended(const Op& op) {
  --of(op).running;
  if (op.lane != Lane::files) --others_running_;
}

}  // namespace io
