// Two queues in, a list out, an eventfd to wake the loop, and the threads between.
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

Offload::Offload(unsigned threads, std::size_t scratch_size, Work work)
    : work_(work),
      scratch_size_(scratch_size),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pieces_most_(std::max(threads, 2U) - 1) {
  const BlockedSignals blocked;
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

void Offload::start(Op& op) {
  {
    const std::lock_guard lock(mutex_);
    queue_of(op).push_back(op);
  }
  wake_.notify_one();
}

bool Offload::cancel(Op& op) {
  const std::lock_guard lock(mutex_);
  OpList& queue = queue_of(op);
  const bool queued = queue.front() == &op || op.previous != nullptr;
  if (queued) queue.remove(op);
  return queued;
}

std::span<Op* const> Offload::collect() {
  collected_.clear();
  std::uint64_t count;
  [[maybe_unused]] const auto drained = ::read(event_.get(), &count, sizeof count);
  const std::lock_guard lock(mutex_);
  std::swap(collected_, finished_);
  return collected_;
}

Op& Offload::take() {
  took_piece_ = may_take_piece() && (queue_.empty() || !took_piece_);
  if (took_piece_) ++pieces_running_;
  return *(took_piece_ ? pieces_ : queue_).pop_front();
}

// Who ends a piece looks itself for the next one: nobody else has to be woken for it.
void Offload::run(const std::stop_token& stop) {
  const auto scratch = std::make_unique_for_overwrite<char[]>(scratch_size_);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, stop, [this] { return may_take(); });
    if (stop.stop_requested()) return;
    Op& op = take();
    lock.unlock();
    op.result = work_(op, {scratch.get(), scratch_size_});
    lock.lock();
    if (op.piece) --pieces_running_;
    finished_.push_back(&op);
    if (finished_.size() > 1) continue;  // the loop has been woken and has not looked yet
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto woken = ::write(event_.get(), &one, sizeof one);
  }
}

}  // namespace io
