// When ops complete: a seeded delay until an op takes effect, another until its completion is seen;
// one direction of one socket keeps its order. And the table of descriptors.
// Knows ops as things that take time; what a kind does is in sim_operations.cpp.
#include "tests/sim/sim_backend.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace sim {

using io::Op;
using io::OpKind;

SimBackend::SimBackend(Timeline& timeline, SimNetwork& network, SimFiles& files, std::uint64_t seed)
    : timeline_(timeline),
      network_(network),
      files_(files),
      random_(seed),
      plan_(seed ^ 0x5eed),
      tracing_(std::getenv("MILLRACE_TRACE") != nullptr) {}

SimBackend::~SimBackend() { assert(ready_.empty()); }

// ---- Ops. ----

void SimBackend::submit(Op& op) {
  assert(op.idle() && "submitted while in flight");
  const Id id = next_id_++;
  op.state = Op::State::in_flight;
  op.cancelled = false;
  op.backend_word = id;
  check_use(op, op.fd);
  if (op.fd2 >= 0) check_use(op, op.fd2);
  const bool makes = op.kind == OpKind::open && (op.how.flags & O_CREAT) != 0;
  const bool grows = makes || natural_error(op.kind) == ENOSPC;
  flights_[id] = Flight{.op = &op, .fail_with = plan_.decide(op.kind, grows)};
  for (const int fd : {op.fd, op.fd2}) {
    if (Descriptor* descriptor = find(fd)) descriptor->users.push_back(id);
  }
  if (op.kind == OpKind::close) {
    if (Descriptor* descriptor = find(op.fd)) descriptor->closing = true;
  }
  if (const auto lane = lane_of(op)) lanes_[*lane].push_back(id);
  if (!may_be_at_once(op) || random_.chance(0.5)) return attempt_later(id, delay_of(op.kind));
  at_once_ = true;
  attempt(id);
  at_once_ = false;
}

// What needs no waiting the kernel may do while it is asked: what a socket has room for, what is in the cache.
bool SimBackend::may_be_at_once(const Op& op) {
  switch (op.kind) {
    case OpKind::send:
    case OpKind::send_file:
    case OpKind::recv_file:
    case OpKind::stat:
    case OpKind::read:
    case OpKind::flush:
    case OpKind::close: return true;
    case OpKind::open: return (op.how.flags & O_CREAT) == 0;
    default: return false;
  }
}

void SimBackend::cancel(Op& op) {
  if (op.state != Op::State::in_flight) return;
  op.cancelled = true;
  const Id id = op.backend_word;
  const bool certain = op.kind == OpKind::close || flights_.at(id).done;  // a lost close would lose the descriptor
  if (certain) return;
  const io::Time delay = random_.between(1, 20 * io::microsecond);
  if (random_.chance(plan_.faults.late_cancels)) return attempt_later(id, delay);
  timeline_.after(delay, [this, id] { abandon(id); });
}

std::optional<SimBackend::Lane> SimBackend::lane_of(const Op& op) {
  switch (op.kind) {
    case OpKind::accept:
    case OpKind::recv:
    case OpKind::recv_file: return Lane{op.fd, false};
    case OpKind::connect:
    case OpKind::send:
    case OpKind::send_file: return Lane{op.fd, true};
    default: return std::nullopt;
  }
}

bool SimBackend::is_first(Id id, const Op& op) const {
  const auto lane = lane_of(op);
  return !lane || lanes_.at(*lane).front() == id;
}

io::Time SimBackend::delay_of(OpKind kind) {
  if (kind == OpKind::call) return random_.between(50 * io::microsecond, 3 * io::millisecond);
  if (!is_on_disk(kind)) return random_.between(1 * io::microsecond, 60 * io::microsecond);
  if (random_.chance(plan_.faults.slow_disk)) return random_.between(10 * io::millisecond, 500 * io::millisecond);
  return random_.between(5 * io::microsecond, 300 * io::microsecond);
}

void SimBackend::attempt_later(Id id, io::Time delay) {
  timeline_.after(delay, [this, id] { attempt(id); });
}

void SimBackend::attempt(Id id) {
  const auto found = flights_.find(id);
  if (found == flights_.end() || found->second.done) return;
  Flight& flight = found->second;
  const bool cancelled = flight.op->cancelled && flight.op->kind != OpKind::close;
  if (!is_first(id, *flight.op)) {  // it is tried again when its turn comes
    if (cancelled) finish(id, -ECANCELED);
    return;
  }
  flight.parked = false;
  const Result result = perform(flight);
  if (result) return finish(id, *result);
  if (cancelled) return finish(id, -ECANCELED);
  flight.parked = true;
}

void SimBackend::abandon(Id id) {
  const auto found = flights_.find(id);
  if (found != flights_.end() && !found->second.done) finish(id, -ECANCELED);
}

void SimBackend::finish(Id id, std::int64_t result) {
  flights_.at(id).done = true;
  if (at_once_) return deliver(id, result);
  timeline_.after(random_.between(1, 20 * io::microsecond), [this, id, result] { deliver(id, result); });
}

void SimBackend::deliver(Id id, std::int64_t result) {
  Op& op = *flights_.at(id).op;
  flights_.erase(id);
  leave_lane(id, op);
  for (const int fd : {op.fd, op.fd2}) {
    if (Descriptor* descriptor = find(fd)) std::erase(descriptor->users, id);
  }
  op.result = static_cast<std::int32_t>(result);
  op.state = Op::State::ready;
  ready_.push_back(op);
  ++completions_;
  for (const std::uint64_t word : {static_cast<std::uint64_t>(op.kind), static_cast<std::uint64_t>(result),
                                   static_cast<std::uint64_t>(timeline_.now())}) {
    hash_ = (hash_ ^ word) * 1099511628211U;
    hash_ ^= hash_ >> 31;
  }
  if (tracing_) {
    std::fprintf(stderr, "%14.6f ms %-9s fd %d%s%s = %lld\n", static_cast<double>(timeline_.now()) / io::millisecond,
                 to_string(op.kind), op.fd, op.path != nullptr ? " " : "", op.path != nullptr ? op.path : "",
                 static_cast<long long>(result));
  }
}

void SimBackend::leave_lane(Id id, const Op& op) {
  const auto key = lane_of(op);
  if (!key) return;
  const auto lane = lanes_.find(*key);
  const bool was_first = lane->second.front() == id;
  std::erase(lane->second, id);
  if (lane->second.empty()) {
    lanes_.erase(lane);
  } else if (was_first) {
    attempt_later(lane->second.front(), random_.between(1, 10 * io::microsecond));
  }
}

void SimBackend::wake(int fd) {
  const Descriptor* descriptor = find(fd);
  if (descriptor == nullptr) return;
  for (const Id id : descriptor->users) {
    Flight& flight = flights_.at(id);
    if (!std::exchange(flight.parked, false)) continue;
    attempt_later(id, random_.between(1, 30 * io::microsecond));
  }
}

void SimBackend::wait(io::Time deadline, io::OpList& ready) {
  while (ready_.empty() && !std::exchange(interrupted_, false)) {
    const io::Time next = timeline_.next_moment();
    assert(std::min(next, deadline) != io::never && "nothing will ever happen, and nobody set a deadline");
    if (next > std::max(deadline, timeline_.now())) {
      timeline_.advance_to(deadline);
      break;
    }
    timeline_.run_next();
  }
  if (!ready_.empty() && random_.chance(plan_.faults.slow_loop)) {
    const io::Time until = timeline_.now() + random_.between(1, 500 * io::microsecond);
    while (timeline_.next_moment() <= std::min(until, deadline)) timeline_.run_next();
  }
  ready.splice(ready_);
}

// ---- Descriptors. ----

void SimBackend::report(std::string problem) { problems_.push_back(std::move(problem)); }

void SimBackend::check_use(const Op& op, int fd) {
  if (op.kind == OpKind::call || fd == AT_FDCWD) return;
  const std::string what = std::string{to_string(op.kind)} + " on descriptor " + std::to_string(fd);
  const Descriptor* descriptor = find(fd);
  if (descriptor == nullptr) return report(what + ", which is not open");
  if (descriptor->closing) return report(what + ", which is being closed: " + descriptor->what);
  if (op.kind == OpKind::close && !descriptor->users.empty()) {
    const Op& user = *flights_.at(descriptor->users.front()).op;
    report(what + " while " + to_string(user.kind) + " is in flight on it: " + descriptor->what);
  }
}

std::expected<int, int> SimBackend::add_descriptor(Descriptor descriptor) {
  int fd = next_descriptor_;
  if (reuse_numbers) {
    fd = first_descriptor;
    while (descriptors_.contains(fd)) ++fd;
  } else {
    ++next_descriptor_;
  }
  const auto added = descriptors_.emplace(fd, std::move(descriptor)).first;
  if (auto* socket = std::get_if<Socket*>(&added->second.thing)) watch(fd, **socket);
  if (auto* listener = std::get_if<Listener*>(&added->second.thing)) {
    (*listener)->on_change = [this, fd] { wake(fd); };
  }
  return fd;
}

void SimBackend::watch(int fd, Socket& socket) {
  socket.on_change = [this, fd] { wake(fd); };
}

SimBackend::Descriptor* SimBackend::find(int fd) {
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : &found->second;
}

Socket* SimBackend::socket_at(int fd) {
  Descriptor* descriptor = find(fd);
  Socket** socket = descriptor != nullptr ? std::get_if<Socket*>(&descriptor->thing) : nullptr;
  return socket != nullptr ? *socket : nullptr;
}

OpenFile* SimBackend::file_at(int fd) {
  Descriptor* descriptor = find(fd);
  return descriptor != nullptr ? std::get_if<OpenFile>(&descriptor->thing) : nullptr;
}

std::vector<std::string> SimBackend::describe_descriptors() const {
  std::vector<std::string> all;
  for (const auto& [fd, descriptor] : descriptors_) {
    all.push_back("descriptor " + std::to_string(fd) + ": " + descriptor.what);
  }
  return all;
}

const io::SocketOptions* SimBackend::options_of(int socket) const {
  const auto found = descriptors_.find(socket);
  const bool is_file = found == descriptors_.end() || std::holds_alternative<OpenFile>(found->second.thing);
  return is_file ? nullptr : &found->second.options;
}

// ---- What never waits. ----

std::expected<int, int> SimBackend::open_listener(const io::Address& at, int backlog, io::PortUse use) {
  assert(use == io::PortUse::alone);  // the simulated host has one process
  if (const int error = plan_.decide(OpKind::accept, false); error != 0) return std::unexpected(error);
  if (descriptors_are_out()) return std::unexpected(EMFILE);
  if (!network_.is_server_address(at)) return std::unexpected(EADDRNOTAVAIL);
  auto listener = network_.listen(at, backlog);
  if (!listener) return std::unexpected(listener.error());
  return add_descriptor({.thing = *listener, .what = "listener at " + to_text((*listener)->local())});
}

std::expected<int, int> SimBackend::open_socket(const io::Address& from) {
  if (const int error = plan_.decide(OpKind::open, false); error != 0) return std::unexpected(error);
  if (descriptors_are_out()) return std::unexpected(EMFILE);
  if (!network_.is_server_address(from)) return std::unexpected(EADDRNOTAVAIL);
  auto socket = network_.open(from);
  if (!socket) return std::unexpected(socket.error());
  return add_descriptor({.thing = *socket, .what = "socket from " + to_text((*socket)->local())});
}

std::expected<int, int> SimBackend::open_root(const std::string& path) {
  if (descriptors_are_out()) return std::unexpected(EMFILE);
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  auto root = files_.open(nullptr, path.c_str(), how);
  if (!root) return std::unexpected(root.error());
  return add_descriptor({.thing = std::move(*root), .what = "root " + path});
}

io::Address SimBackend::local_address(int socket) {
  const Descriptor* descriptor = find(socket);
  if (descriptor == nullptr) return {};
  if (auto* listener = std::get_if<Listener*>(&descriptor->thing)) return (*listener)->local();
  if (auto* connection = std::get_if<Socket*>(&descriptor->thing)) return (*connection)->local();
  return {};
}

void SimBackend::set_options(int socket, const io::SocketOptions& options) {
  Descriptor* descriptor = find(socket);
  if (descriptor == nullptr) return report("options for descriptor " + std::to_string(socket) + ", which is not open");
  descriptor->options = options;
  Socket* connection = socket_at(socket);
  if (connection == nullptr) return;  // a listener hands them on to what it accepts
  if (options.urgent_inline) connection->urgent_inline = true;
  if (options.send_buffer > 0) connection->send_capacity = static_cast<std::size_t>(options.send_buffer);
  if (options.receive_buffer > 0) connection->receive_capacity = static_cast<std::size_t>(options.receive_buffer);
  if (options.pacing_rate > 0) connection->pacing_rate = options.pacing_rate;
}

void SimBackend::stop_listening(int listener) {
  Descriptor* descriptor = find(listener);
  Listener** found = descriptor != nullptr ? std::get_if<Listener*>(&descriptor->thing) : nullptr;
  if (found == nullptr) return report("descriptor " + std::to_string(listener) + " is no listener");
  if (!descriptor->users.empty()) report("a listener with ops in flight on it stops listening");
  network_.stop_listening(**found);
}

int SimBackend::listen_again(int listener, int) {
  Descriptor* descriptor = find(listener);
  Listener** found = descriptor != nullptr ? std::get_if<Listener*>(&descriptor->thing) : nullptr;
  if (found == nullptr) return EBADF;
  network_.listen_again(**found);
  return 0;
}

void SimBackend::close_listener(int listener) {
  const Descriptor* descriptor = find(listener);
  const std::string what = "descriptor " + std::to_string(listener);
  if (descriptor == nullptr) return report(what + ", which is not open, is closed");
  if (!descriptor->users.empty()) report(what + " is closed with ops in flight on it: " + descriptor->what);
  close_now(listener);
}

void SimBackend::shutdown_send(int socket) {
  if (Socket* connection = socket_at(socket)) return connection->shutdown_send();
  report("shutdown of descriptor " + std::to_string(socket) + ", which is no open socket");
}

bool SimBackend::urgent_pending(int socket) {
  const Socket* connection = socket_at(socket);
  return connection != nullptr && connection->urgent_pending();
}

std::int64_t SimBackend::changed_at(int fd) {
  const auto found = descriptors_.find(fd);
  const auto* file = found == descriptors_.end() ? nullptr : std::get_if<OpenFile>(&found->second.thing);
  return file != nullptr ? file->node->changed : -1;
}

// The same mishaps as an op's that is done at once.
std::int32_t SimBackend::now_on_socket(OpKind kind, int fd, std::span<char> octets) {
  io::Op op;
  if (kind == OpKind::send) {
    op.send(fd, octets);
  } else {
    op.recv(fd, octets);
  }
  check_use(op, fd);
  Flight flight{.op = &op, .fail_with = plan_.decide(kind, false)};
  return static_cast<std::int32_t>(perform(flight).value_or(-EAGAIN));
}

std::int32_t SimBackend::send_now(int socket, std::span<const char> from) {
  return now_on_socket(OpKind::send, socket, {const_cast<char*>(from.data()), from.size()});  // only read
}

std::int32_t SimBackend::receive_now(int socket, std::span<char> into) {
  return now_on_socket(OpKind::recv, socket, into);
}

io::Inbound SimBackend::inbound(int socket) {
  const Socket* connection = socket_at(socket);
  if (connection != nullptr && !connection->received().empty()) return io::Inbound::octets;
  const bool ended = connection == nullptr || connection->at_end() || connection->was_reset();
  return ended ? io::Inbound::ended : io::Inbound::nothing;
}

}  // namespace sim
