// The way of an op through attempts, readiness and offload threads, the same on epoll and io_uring.
// Knows which step follows which; must not know how readiness is learnt.
#include "io/kernel_backend.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "io/file_moves.hpp"
#include "io/syscalls.hpp"

namespace io {

namespace {

// For recv_file without a pipe. Each stands for one file half in the threads' queue: more would only lengthen the
// queue.
constexpr std::size_t buffers_most = 8;
constexpr std::size_t buffer_size = 1024 * 1024;

// In Op::flags of a recv_file: the kernel has said that the socket is readable.
constexpr int told_readable = 1;

// A thread carries a file's octets to warm it, or out of a pipe into a file that cannot be spliced to.
std::size_t scratch_for(const BackendOptions& options) {
  return std::max({options.cold_size, options.copy_size, buffer_size});
}

}  // namespace

KernelBackend::KernelBackend(const BackendOptions& options)
    : offload_(options.offload_threads, scratch_for(options), &KernelBackend::work, options.passwords_waiting),
      options_(options),
      scratch_(std::make_unique_for_overwrite<char[]>(scratch_for(options))),
      scratch_size_(scratch_for(options)),
      pipes_(options.pipes, options.pipe_size),
      buffers_(buffer_size, buffers_most) {}

// Runs on an offload thread.
std::int32_t KernelBackend::work(Op& op, std::span<char> scratch) {
  if (op.kind == OpKind::send_file) return warm(op, scratch);
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
  const bool small = op.kind == OpKind::send_file && op.size <= options_.copy_size;
  if (small) return send(op);
  if (op.kind == OpKind::send_file || op.kind == OpKind::recv_file) {
    set_place(op, Place::moving);
    return moves_.push_back(op);
  }
  if (is_blocking(op.kind)) return hand_over(op);
  settle(op, attempt(op));
}

// ---- Moving octets: what takes long, and so is done in turns ----

void KernelBackend::collect(OpList& ready) {
  run_moves();
  ready.splice(done_);
}

bool KernelBackend::run_moves() {
  for (Time begun = now(); !moves_.empty() && moved_for_ < options_.turn;) {
    move(*moves_.pop_front());
    const Time ended = now();
    moved_for_ += ended - begun;
    begun = ended;
  }
  return moves_.empty();
}

void KernelBackend::move(Op& op) {
  set_place(op, Place::nowhere);
  if (op.kind == OpKind::recv_file) return receive(op);
  send(op);
}

void KernelBackend::send(Op& op) {
  if (op.size <= options_.copy_size) {
    const std::int32_t result = send_copied(op, {scratch_.get(), scratch_size_});
    return result == -ENODATA ? hand_over(op) : settle(op, result);
  }
  const std::size_t hot = hot_octets(op, options_.cold_size);
  if (hot == 0) return hand_over(op);
  settle(op, send_hot(op, hot));
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
  if (Op* refused = offload_.start(op)) finish(*refused, -EBUSY);
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
    case Place::moving:
      moves_.remove(op);
      finish(op, -ECANCELED);
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
  // What was read is in memory now; asking once more whether it is could go round for ever.
  settle(op, op.cancelled ? -ECANCELED : send_hot(op, static_cast<std::size_t>(op.result)));
}

// recv_file waits with empty hands; once octets are there it borrows something to carry them in.
void KernelBackend::receive(Op& op) {
  if (load(op)) return;
  if (op.cancelled) return finish(op, -ECANCELED);
  set_place(op, Place::starved);
  starved_.push_back(op);
}

// False when there is nothing to carry octets in.
bool KernelBackend::load(Op& op) {
  if (Pipe* pipe = op.appends ? nullptr : pipes_.borrow()) {
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
  const std::int64_t waits = voluntary_switches();
  op.result = unload(op, {scratch_.get(), scratch_size_});
  const Time ended = now();
  // Somebody else's turn on this CPU takes long too, but is no wait for a disk.
  const bool waited = ended - begun >= options_.slow_write && voluntary_switches() > waits;
  if (waited) writes_slow_until_ = ended + options_.slow_writes_rest;
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
    receive(next);
    if (place_of(next) == Place::starved) break;  // no pipe can be made
  }
}

}  // namespace io
