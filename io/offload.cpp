// Lanes in, a list out, an eventfd to wake the loop, and the threads between.
// Knows when a call has begun; must not know what it does.
#include "io/offload.hpp"

#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

namespace io {

namespace {

/// Threads inherit the mask: signals are for the loop's thread only.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Offload::Offload(unsigned threads, std::size_t scratch_size, Work work, std::size_t passwords_waiting)
    : work_(work),
      scratch_size_(scratch_size),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      lanes_(threads, passwords_waiting) {
  const BlockedSignals blocked;
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Op* Offload::start(Op& op) {
  Op* refused;
  {
    const std::lock_guard lock(mutex_);
    refused = lanes_.push(op);
  }
  wake_.notify_one();
  return refused;
}

bool Offload::cancel(Op& op) {
  const std::lock_guard lock(mutex_);
  return lanes_.remove(op);
}

std::span<Op* const> Offload::collect() {
  collected_.clear();
  std::uint64_t count;
  [[maybe_unused]] const auto drained = ::read(event_.get(), &count, sizeof count);
  const std::lock_guard lock(mutex_);
  std::swap(collected_, finished_);
  return collected_;
}

// A thread that ends an op of a lane which is at its cap looks itself for the next one: nobody else has to be woken.
void Offload::run(const std::stop_token& stop) {
  const auto scratch = std::make_unique_for_overwrite<char[]>(scratch_size_);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, stop, [this] { return lanes_.may_take(); });
    if (stop.stop_requested()) return;
    Op& op = lanes_.take();
    lock.unlock();
    op.result = work_(op, {scratch.get(), scratch_size_});
    lock.lock();
    lanes_.ended(op);
    finished_.push_back(&op);
    if (finished_.size() > 1) continue;  // the loop has been woken and has not looked yet
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto woken = ::write(event_.get(), &one, sizeof one);
  }
}

}  // namespace io
