// One turn of the loop: wait, run what is ready, run what is due.
// Knows ops and timers; must not know descriptors' meaning nor which backend waits.
#include "io/reactor.hpp"

#include <algorithm>
#include <cassert>

namespace io {

/// The op behind Reactor::close. A base class, so that the callback's Op& leads back to it.
struct Reactor::Closing : Op {};

Reactor::Reactor(Backend& backend) : backend_(backend), now_(backend.now()), timers_(now_) {}

Reactor::~Reactor() { assert(in_flight_ == 0); }

void Reactor::submit(Op& op) {
  assert(op.idle());
  ++in_flight_;
  backend_.submit(op);
}

void Reactor::cancel(Op& op) {
  if (op.idle()) return;
  op.cancelled = true;  // also when it is done and only waits for its callback
  if (op.state == Op::State::in_flight) backend_.cancel(op);
}

void Reactor::close(int fd) {
  if (fd < 0) return;
  if (closings_free_.empty()) {
    closings_.push_back(std::make_unique<Closing>());
    closings_free_.push_back(closings_.back().get());
  }
  Closing& closing = *closings_free_.back();
  closings_free_.pop_back();
  closing.bind<&Reactor::on_close_done>(*this);
  static_cast<Op&>(closing).close(fd);
  submit(closing);
}

void Reactor::on_close_done(Op& op) { closings_free_.push_back(&static_cast<Closing&>(op)); }

// Waiting comes first, so that after a turn nothing is left to be told: whoever turns until something
// holds, or until nothing is in flight, never waits once it does.
void Reactor::turn(Time latest) {
  OpList batch;  // what callbacks submit and is done at once belongs to the next turn: no starvation
  backend_.wait(std::min(timers_.next_deadline(), latest), batch);
  now_ = backend_.now();
  while (Op* op = batch.pop_front()) {
    op->state = Op::State::idle;
    --in_flight_;
    op->complete();
  }
  timers_.advance(now_);
}

void Reactor::run() {
  while (!stopped_) turn();
  stopped_ = false;
}

void Reactor::join() {
  while (in_flight_ > 0) turn();
}

}  // namespace io
