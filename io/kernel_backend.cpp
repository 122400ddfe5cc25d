// The way of an op through attempts, readiness and offload threads, the same on epoll and io_uring.
// Knows which step follows which; must not know how readiness is learnt.
#include "io/kernel_backend.hpp"

#include <cassert>
#include <utility>

#include "io/file_moves.hpp"
#include "io/syscalls.hpp"

namespace io {

namespace {

// Each stands for one file half in the threads' queue: more would only lengthen the queue.
constexpr std::size_t pipes_most = 32;
constexpr std::size_t buffers_most = 8;
constexpr std::size_t buffer_size = 1024 * 1024;

// A write that took so long waited for the disk, and the next would.
constexpr Time slow_write = 2 * millisecond;
constexpr Time slow_writes_rest = second;

// In Op::flags of a recv_file: the kernel has said that the socket is readable.
constexpr int told_readable = 1;

}  // namespace

KernelBackend::KernelBackend(const BackendOptions& options)
    : offload_(options.offload_threads, &KernelBackend::work),
      scratch_(std::make_unique_for_overwrite<char[]>(Offload::scratch_size)),
      pipes_(pipes_most),
      buffers_(buffer_size, buffers_most) {}

// Runs on an offload thread.
std::int32_t KernelBackend::work(Op& op, std::span<char> scratch) {
  if (op.kind == OpKind::send_file) return warm_window(op, scratch);
  if (op.kind == OpKind::recv_file) return unload(op, scratch);
  return perform(op);
}

void KernelBackend::begin(Op& op) {
  assert(op.idle());
  op.state = Op::State::in_flight;
  op.cancelled = false;
  set_place(op, Place::nowhere);
}

void KernelBackend::finish(Op& op, std::int32_t result) {
  assert(op.state == Op::State::in_flight);
  op.result = result;
  op.state = Op::State::ready;
  set_place(op, Place::nowhere);
  done_.push_back(op);
}

bool KernelBackend::finish_at_once(Op& op) {
  const std::int32_t result = op.kind == OpKind::send ? attempt(op) : attempt_on_file(op);
  if (result == -EAGAIN) return false;
  finish(op, result);
  return true;
}

void KernelBackend::advance(Op& op) {
  if (op.kind == OpKind::recv_file) return receive_window(op);
  if (op.kind == OpKind::send_file) return send_window(op);
  if (is_blocking(op.kind)) return hand_over(op);
  settle(op, attempt(op));
}

void KernelBackend::send_window(Op& op) {
  if (op.size <= small_window) {
    const std::int32_t result = send_small(op, {scratch_.get(), small_window});
    return result == -ENODATA ? hand_over(op) : settle(op, result);
  }
  if (!is_hot(op)) return hand_over(op);
  settle(op, io::send_window(op));
}

void KernelBackend::settle(Op& op, std::int32_t result) {
  if (result != -EAGAIN) return finish(op, result);
  if (op.cancelled) return finish(op, -ECANCELED);
  if (op.kind == OpKind::recv_file) op.flags = told_readable;  // when it comes back
  set_place(op, Place::parked);
  park(op);
}

void KernelBackend::hand_over(Op& op) {
  set_place(op, Place::offloaded);
  offload_.start(op);
}

void KernelBackend::cancel(Op& op) {
  if (op.idle()) return;
  op.cancelled = true;
  if (op.state != Op::State::in_flight) return;
  // A cancelled close would leak the descriptor; octets that left the socket must reach the file.
  if (op.kind == OpKind::close || (op.kind == OpKind::recv_file && place_of(op) == Place::offloaded)) return;
  switch (place_of(op)) {
    case Place::nowhere: break;
    case Place::parked:
    case Place::ring:
      if (stop(op)) finish(op, -ECANCELED);
      break;
    case Place::offloaded:
      if (offload_.cancel(op)) finish(op, -ECANCELED);
      break;
    case Place::starved:
      starved_.remove(op);
      finish(op, -ECANCELED);
      break;
  }
}

void KernelBackend::collect_offloaded() {
  for (Op* op : offload_.collect()) on_offload_done(*op);
  feed_starved();
}

void KernelBackend::on_offload_done(Op& op) {
  if (op.kind == OpKind::recv_file) return on_unloaded(op);
  if (op.kind != OpKind::send_file || op.result < 0) return finish(op, op.result);
  // The window of a send_file is in memory now; asking once more whether it is could go round for ever.
  settle(op, op.cancelled ? -ECANCELED : io::send_window(op));
}

// recv_file waits with empty hands; once octets are there it borrows something to carry them in.
void KernelBackend::receive_window(Op& op) {
  if (load(op)) return;
  if (op.cancelled) return finish(op, -ECANCELED);
  set_place(op, Place::starved);
  starved_.push_back(op);
}

// False when there is nothing to carry octets in.
bool KernelBackend::load(Op& op) {
  if (Pipe* pipe = pipes_.borrow()) {
    op.length = load_pipe(op, *pipe);
    if (op.length > 0) {
      op.argument = pipe;
      carry(op);
      return true;
    }
    pipes_.give_back(pipe);
    // splice(2) never passes an urgent octet: it says EAGAIN or, when FIN has come, 0 for ever. recv(2) goes on.
    const bool stuck = op.length == 0 || (op.length == -EAGAIN && op.flags == told_readable);
    if (op.length != -EINVAL && !stuck) {
      settle(op, static_cast<std::int32_t>(op.length));
      return true;
    }
  }
  char* buffer = buffers_.borrow();
  if (buffer == nullptr) return false;
  op.length = load_buffer(op, {buffer, buffers_.buffer_size()});
  if (op.length > 0) {
    op.data = buffer;
    carry(op);
  } else {
    buffers_.give_back(buffer);
    settle(op, static_cast<std::int32_t>(op.length));
  }
  return true;
}

// Into the page cache, which is quick until too much of it waits for the disk.
void KernelBackend::carry(Op& op) {
  const Time begun = now();
  if (begun < writes_slow_until_) return hand_over(op);
  op.result = unload(op, {scratch_.get(), Offload::scratch_size});
  const Time ended = now();
  if (ended - begun > slow_write) writes_slow_until_ = ended + slow_writes_rest;
  on_unloaded(op);
}

void KernelBackend::on_unloaded(Op& op) {
  if (auto* pipe = static_cast<Pipe*>(std::exchange(op.argument, nullptr))) {
    if (op.result < 0) {
      pipes_.discard(pipe);
    } else {
      pipes_.give_back(pipe);
    }
  }
  buffers_.give_back(std::exchange(op.data, nullptr));
  finish(op, op.result);
}

void KernelBackend::feed_starved() {
  const auto free = [this] { return !pipes_.all_lent() || buffers_.lent() < buffers_.limit(); };
  while (!starved_.empty() && free()) {
    Op& next = *starved_.pop_front();
    receive_window(next);
    if (place_of(next) == Place::starved) break;  // no pipe can be made
  }
}

}  // namespace io
