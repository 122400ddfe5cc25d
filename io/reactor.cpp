// One turn of the loop: wait, run what is ready, run what is due.
// Knows ops and timers; must not know descriptors' meaning nor which backend waits.
#include "io/reactor.hpp"

#include <algorithm>
#include <cassert>

namespace io {

namespace {

// What can be done at once may follow itself for so long before the kernel is asked what else has happened.
constexpr Time unasked_longest = 100 * microsecond;
constexpr unsigned unasked_rounds_most = 64;

}  // namespace

void Late::forget() {
  if (reactor_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : reactor_->first_late_) = next_;
  (next_ != nullptr ? next_->previous_ : reactor_->last_late_) = previous_;
  next_ = previous_ = nullptr;
  reactor_ = nullptr;
}

/// The op behind Reactor::close. A base class, so that the callback's Op& leads back to it.
struct Reactor::Closing : Op {};

Reactor::Reactor(Backend& backend) : backend_(backend), now_(backend.now()), timers_(now_) {}

Reactor::~Reactor() { assert(in_flight_ == 0); }

void Reactor::submit(Op& op) {
  assert(op.idle());
  ++in_flight_;
  if (op.via == nullptr || !on_stream(op.kind)) return backend_.submit(op);
  op.state = Op::State::in_flight;
  op.cancelled = false;
  op.via->submit(op);
}

void Reactor::finish(Op& op, std::int32_t result) {
  assert(op.state == Op::State::in_flight);
  op.result = result;
  op.state = Op::State::ready;
  finished_.push_back(op);
}

void Reactor::pass_on(Op& op) {
  op.state = Op::State::idle;
  backend_.submit(op);
}

void Reactor::cancel(Op& op) {
  if (op.idle()) return;
  op.cancelled = true;  // also when it is done and only waits for its callback
  if (op.state != Op::State::in_flight) return;
  if (op.via == nullptr || !on_stream(op.kind)) return backend_.cancel(op);
  op.via->cancel(op);
}

void Reactor::close(int fd, bool at_once) {
  if (fd < 0) return;
  if (closings_free_.empty()) {
    closings_.push_back(std::make_unique<Closing>());
    closings_free_.push_back(closings_.back().get());
  }
  Closing& closing = *closings_free_.back();
  closings_free_.pop_back();
  closing.bind<&Reactor::on_close_done>(*this);
  static_cast<Op&>(closing).close(fd, at_once);
  submit(closing);
}

void Reactor::on_close_done(Op& op) { closings_free_.push_back(&static_cast<Closing&>(op)); }

void Reactor::later(Late& late) {
  if (late.reactor_ != nullptr) return;
  late.reactor_ = this;
  late.previous_ = last_late_;
  (last_late_ != nullptr ? last_late_->next_ : first_late_) = &late;
  last_late_ = &late;
}

void Reactor::run_late() {
  while (Late* late = first_late_) {
    late->forget();
    late->callback_(late->owner_);
  }
}

// Waiting comes first, so that after a turn nothing is left to be told: whoever turns until something
// holds, or until nothing is in flight, never waits once it does.
void Reactor::turn(Time latest) {
  OpList batch;  // what callbacks submit and is done at once belongs to the next turn: no starvation
  if (rounds_ < unasked_rounds_most && now_ - looked_ < unasked_longest) {
    backend_.collect(batch);
    batch.splice(finished_);
  }
  ++rounds_;
  if (batch.empty()) {
    run_late();
    backend_.wait(finished_.empty() ? std::min(timers_.next_deadline(), latest) : now_, batch);
    batch.splice(finished_);
    rounds_ = 0;
  }
  now_ = backend_.now();
  if (rounds_ == 0) looked_ = now_;
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
