// The loop: one thread, one ready queue, one timer wheel, on whichever backend was chosen.
// Callbacks run only from here, one at a time, never inside submit(): no recursion, and a readable trace.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "io/backend.hpp"
#include "io/timer_wheel.hpp"

namespace io {

/// Something to do before the loop waits next. Embedded in its owner; forgotten when destroyed.
class Late {
 public:
  Late() = default;
  Late(const Late&) = delete;
  Late& operator=(const Late&) = delete;
  ~Late() { forget(); }

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    callback_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }
  void forget();

 private:
  friend class Reactor;
  Late* next_ = nullptr;
  Late* previous_ = nullptr;
  class Reactor* reactor_ = nullptr;  ///< whose list this stands in; nullptr: none
  void* owner_ = nullptr;
  void (*callback_)(void*) = nullptr;
};

class Reactor {
  friend class Late;

 public:
  /// The backend must outlive the reactor.
  explicit Reactor(Backend& backend);
  ~Reactor();

  Backend& backend() { return backend_; }
  /// Monotonic time as of this turn's end of waiting; cheap.
  Time now() const { return now_; }

  void submit(Op& op);
  void cancel(Op& op);
  void arm(Timer& timer, Time deadline) { timers_.arm(timer, deadline); }
  void disarm(Timer& timer) { timers_.disarm(timer); }

  // ---- For layers: see io::Layer. ----

  /// Ends an op that was handed to a layer: its callback runs in the next turn.
  void finish(Op& op, std::int32_t result);
  /// Hands it on to the backend, which ends it; cancel_passed() is then the way to cancel it.
  void pass_on(Op& op);
  void cancel_passed(Op& op) { backend_.cancel(op); }

  /// Calls back once everything that can be done at once is done, before the loop waits; soon in any case. First
  /// come, first called; does nothing to what waits for its call already.
  void later(Late& late);

  /// Closes a descriptor as Op::close does; nobody is told. -1 does nothing.
  void close(int fd, bool at_once = false);

  /// One turn: wait for something, at most until `latest`, then run what is ready and due. What is done
  /// before the turn begins, or by its callbacks, is run in this turn and the next without waiting.
  void turn(Time latest = never);
  /// Turns until stop() was called. May be called again afterwards.
  void run();
  void stop() { stopped_ = true; }
  /// Turns until no op is in flight: before the reactor, or what ops point to, may go.
  void join();

  /// Ops submitted and not yet called back, closes included. Zero means that all is joined.
  std::size_t in_flight() const { return in_flight_; }

 private:
  struct Closing;
  void on_close_done(Op& op);
  void run_late();

  Backend& backend_;
  Time now_;
  TimerWheel timers_;
  Late* first_late_ = nullptr;
  Late* last_late_ = nullptr;
  OpList finished_;      // by layers
  Time looked_ = 0;      // when the kernel was last asked what is done
  unsigned rounds_ = 0;  // of collecting since then
  std::size_t in_flight_ = 0;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Closing>> closings_;  // every close op ever needed at once
  std::vector<Closing*> closings_free_;
};

}  // namespace io
