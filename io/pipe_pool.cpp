// Makes, lends and replaces pipes. Belongs to the loop's thread alone.
// Knows the kernel's limits on pipes; must not know what flows through them.
#include "io/pipe_pool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace io {

namespace {

std::unique_ptr<Pipe> make_pipe(std::size_t capacity) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return nullptr;
  auto pipe = std::make_unique<Pipe>(Fd(ends[0]), Fd(ends[1]), std::size_t{0});
  int size = ::fcntl(pipe->in.get(), F_SETPIPE_SZ, static_cast<int>(capacity));
  if (size < 0) size = ::fcntl(pipe->in.get(), F_GETPIPE_SZ);
  if (size <= 0) return nullptr;
  pipe->capacity = static_cast<std::size_t>(size);
  return pipe;
}

}  // namespace

Pipe* PipePool::borrow() {
  if (all_lent()) return nullptr;
  if (free_.empty()) {
    auto made = make_pipe(capacity_);
    if (made == nullptr) return nullptr;
    free_.push_back(made.get());
    all_.push_back(std::move(made));
  }
  Pipe* pipe = free_.back();
  free_.pop_back();
  ++lent_;
  return pipe;
}

void PipePool::give_back(Pipe* pipe) {
  assert(lent_ > 0);
  --lent_;
  free_.push_back(pipe);
}

void PipePool::discard(Pipe* pipe) {
  assert(lent_ > 0);
  --lent_;
  const auto same = [pipe](const std::unique_ptr<Pipe>& one) { return one.get() == pipe; };
  all_.erase(std::ranges::find_if(all_, same));
}

}  // namespace io
