// What each kind of op does to the simulated world once its time has come.
// Knows kinds and their arguments, as io/syscalls.cpp does for the kernel; must not know delays.
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "io/buffer_pool.hpp"
#include "io/dir_batch.hpp"
#include "tests/sim/sim_backend.hpp"

namespace sim {

using io::Op;
using io::OpKind;

namespace {

// One call moves no more than this, as io's window on files.
constexpr std::size_t most_octets = std::size_t{1024} * 1024;

}  // namespace

std::size_t SimBackend::shortened(std::size_t octets) {
  octets = std::min(octets, most_octets);
  if (octets < 2 || !random_.chance(plan_.faults.short_counts)) return octets;
  return 1 + random_.below(octets - 1);
}

SimBackend::Result SimBackend::perform(Flight& flight) {
  Op& op = *flight.op;
  if (flight.fail_with != 0 && op.kind != OpKind::recv_file) return fail(flight);
  switch (op.kind) {
    case OpKind::accept: return accept(op);
    case OpKind::connect:
    case OpKind::recv:
    case OpKind::send:
    case OpKind::send_file:
    case OpKind::recv_file: return perform_on_socket(flight);
    case OpKind::poll: return poll(op);
    case OpKind::open_stream:
    case OpKind::end_stream: break;  // a layer's
    case OpKind::open: return open(op);
    case OpKind::read:
    case OpKind::write:
    case OpKind::allocate:
    case OpKind::sync:
    case OpKind::truncate:
    case OpKind::find_data:
    case OpKind::space:
    case OpKind::copy:
    case OpKind::set_owner:
    case OpKind::lock:
    case OpKind::flush:
    case OpKind::read_dir: return perform_on_file(op);
    case OpKind::stat:
    case OpKind::make_dir:
    case OpKind::remove:
    case OpKind::rename:
    case OpKind::link:
    case OpKind::symlink:
    case OpKind::read_link:
    case OpKind::set_times:
    case OpKind::set_mode: return perform_on_path(op);
    case OpKind::close: return close_now(op.fd);
    case OpKind::call: return op.function(op.argument);
  }
  std::unreachable();
}

SimBackend::Result SimBackend::fail(Flight& flight) {
  const bool broken = flight.fail_with == ECONNRESET || flight.fail_with == EPIPE;
  Socket* socket = socket_at(flight.op->fd);
  if (broken && socket != nullptr) {  // the other end learns of it too, and the error is told once
    network_.break_connection(*socket);
    socket->connect_result();
  }
  return -flight.fail_with;
}

// ---- Sockets. ----

SimBackend::Result SimBackend::perform_on_socket(Flight& flight) {
  Op& op = *flight.op;
  Descriptor* descriptor = find(op.fd);
  if (descriptor == nullptr) return -EBADF;
  if (std::holds_alternative<Listener*>(descriptor->thing)) {
    if (op.kind == OpKind::connect) return -EISCONN;
    return op.kind == OpKind::recv || op.kind == OpKind::recv_file ? -ENOTCONN : -EPIPE;
  }
  if (socket_at(op.fd) == nullptr) return -ENOTSOCK;
  Socket& socket = *socket_at(op.fd);
  switch (op.kind) {
    case OpKind::connect: return connect(flight, socket);
    case OpKind::recv: return op.pool != nullptr ? receive_lent(op, socket) : receive(op, socket);
    case OpKind::send: return send(op, socket);
    case OpKind::send_file: return send_file(op, socket);
    default: return receive_file(flight, socket);
  }
}

namespace {

/// -EAGAIN from a socket means that the op waits.
std::optional<std::int64_t> unless_again(std::int64_t result) {
  if (result == -EAGAIN) return std::nullopt;
  return result;
}

}  // namespace

SimBackend::Result SimBackend::accept(Op& op) {
  Descriptor* descriptor = find(op.fd);
  if (descriptor == nullptr) return -EBADF;
  Listener** listener = std::get_if<Listener*>(&descriptor->thing);
  if (listener == nullptr) return socket_at(op.fd) != nullptr ? -EINVAL : -ENOTSOCK;
  if (descriptors_are_out()) return -EMFILE;  // Linux takes the descriptor before it looks for a connection
  Socket* socket = network_.accept(**listener);
  if (socket == nullptr) return std::nullopt;
  op.address = socket->remote();
  const io::SocketOptions options = descriptor->options;
  const auto fd = add_descriptor({.thing = socket, .what = "connection accepted from " + to_text(socket->remote())});
  set_options(*fd, options);
  return *fd;
}

SimBackend::Result SimBackend::connect(Flight& flight, Socket& socket) {
  if (!flight.started) {
    const int result = network_.connect(socket, flight.op->address);
    if (result != 0 && result != -EALREADY) return result;
    flight.started = true;
    find(flight.op->fd)->what += " to " + to_text(flight.op->address);
  }
  return unless_again(socket.connect_result());
}

SimBackend::Result SimBackend::receive(Op& op, Socket& socket) {
  return unless_again(socket.receive({op.data, shortened(op.size)}));
}

SimBackend::Result SimBackend::receive_lent(Op& op, Socket& socket) {
  char* buffer = op.pool->borrow();
  if (buffer == nullptr) {  // octets must wait, but the end of the stream and errors need no buffer
    if (!socket.received().empty()) return -ENOBUFS;
    char octet;
    return unless_again(socket.receive({&octet, 1}));
  }
  const std::int64_t result = socket.receive({buffer, shortened(op.pool->buffer_size())});
  if (result > 0) {
    op.data = buffer;
  } else {
    op.pool->give_back(buffer);
  }
  return unless_again(result);
}

SimBackend::Result SimBackend::send(Op& op, Socket& socket) {
  return unless_again(socket.send({op.data, shortened(op.size)}));
}

SimBackend::Result SimBackend::send_file(Op& op, Socket& socket) {
  if (const int error = file_error(op.fd2, -EINVAL); error != 0) return error;
  const std::size_t room = std::max<std::size_t>(socket.send_room(), 1);
  std::string octets(std::min(shortened(op.size), room), '\0');
  const std::int64_t count = files_.read(*file_at(op.fd2), octets, op.offset);
  if (count <= 0) return count == -EISDIR ? -EINVAL : count;
  octets.resize(static_cast<std::size_t>(count));
  return unless_again(socket.send(octets));
}

SimBackend::Result SimBackend::receive_file(Flight& flight, Socket& socket) {
  Op& op = *flight.op;
  if (flight.fail_with == ECONNRESET || flight.fail_with == EPIPE) return fail(flight);
  const std::size_t there = std::max<std::size_t>(socket.received().size(), 1);
  std::string octets(shortened(std::min(op.size, there)), '\0');
  const std::int64_t count = socket.receive(octets);
  if (count == 0 && flight.fail_with != 0) {  // no octets for the file to fail on: a reset in place of the end
    flight.fail_with = ECONNRESET;
    return fail(flight);
  }
  if (count <= 0) return unless_again(count);
  octets.resize(static_cast<std::size_t>(count));
  // From here on errors are the file's, and the octets are lost: they have left the socket.
  std::int64_t written = file_error(op.fd2, -EINVAL);
  if (flight.fail_with != 0) written = -flight.fail_with;
  if (written == 0) written = files_.write(*file_at(op.fd2), octets, op.offset);
  if (written >= 0 && written < count) written = -ENOSPC;
  op.file_failed = written < 0;
  op.length = count;
  return written;
}

SimBackend::Result SimBackend::poll(Op& op) {
  Descriptor* descriptor = find(op.fd);
  if (descriptor == nullptr) return -EBADF;
  int events = POLLIN | POLLOUT;  // files are always ready
  if (Listener** listener = std::get_if<Listener*>(&descriptor->thing))
    events = (*listener)->has_pending() ? POLLIN : 0;
  if (Socket** socket = std::get_if<Socket*>(&descriptor->thing)) events = (*socket)->events();
  events &= op.flags | POLLERR | POLLHUP;
  if (events == 0) return std::nullopt;
  return events;
}

// ---- Files. ----

int SimBackend::file_error(int fd, int if_other) {
  if (find(fd) == nullptr) return -EBADF;
  return file_at(fd) == nullptr ? if_other : 0;
}

SimBackend::Result SimBackend::open(Op& op) {
  const bool relative = op.fd != AT_FDCWD;
  if (relative) {
    if (const int error = file_error(op.fd, -ENOTDIR); error != 0) return error;
  }
  if (descriptors_are_out()) return -EMFILE;
  if ((op.how.resolve & RESOLVE_CACHED) != 0 && random_.chance(0.5)) return -EAGAIN;  // not in the cache
  auto opened = files_.open(relative ? file_at(op.fd) : nullptr, op.path, op.how);
  if (opened) return *add_descriptor({.thing = std::move(*opened), .what = "file " + std::string{op.path}});
  if (opened.error() == SimFiles::blocks) return std::nullopt;
  return -opened.error();
}

std::int64_t SimBackend::perform_on_file(Op& op) {
  const bool moves = op.kind == OpKind::read || op.kind == OpKind::write;
  const int if_other = moves ? -ESPIPE : op.kind == OpKind::read_dir ? -ENOTDIR : -EINVAL;
  if (const int error = file_error(op.fd, if_other); error != 0) return error;
  OpenFile& file = *file_at(op.fd);
  switch (op.kind) {
    case OpKind::read: return files_.read(file, {op.data, shortened(op.size)}, op.offset);
    case OpKind::write: return files_.write(file, {op.data, shortened(op.size)}, op.offset);
    case OpKind::allocate: return files_.allocate(file, op.flags, op.offset, op.length);
    case OpKind::sync: return files_.sync(file, op.flags != 0);
    case OpKind::flush: return files_.flush(file);
    case OpKind::lock: return files_.lock(file);
    case OpKind::set_owner: return files_.set_owner(file, op.uid, op.gid);
    case OpKind::truncate: return files_.truncate(file, op.length);
    case OpKind::find_data: return files_.find_data(file, op.offset, op.length);
    case OpKind::space: op.length = SimFiles::space_left(file); return 0;
    case OpKind::copy:
      if (const int error = file_error(op.fd2, -EINVAL); error != 0) return error;
      return files_.copy(file, op.offset, *file_at(op.fd2), op.length, shortened(op.size));
    case OpKind::read_dir: return files_.read_dir(file, file_at(op.batch->root), *op.batch);
    default: std::unreachable();
  }
}

std::int64_t SimBackend::perform_on_path(Op& op) {
  const bool two_paths =
      op.kind == OpKind::rename || op.kind == OpKind::link || (op.kind == OpKind::remove && op.fd2 >= 0);
  for (const int fd : {op.fd, two_paths ? op.fd2 : AT_FDCWD}) {
    const int error = fd == AT_FDCWD ? 0 : file_error(fd, -ENOTDIR);
    if (error != 0) return error;
  }
  const OpenFile* at = file_at(op.fd);
  const OpenFile* to = file_at(op.fd2);
  switch (op.kind) {
    case OpKind::stat: return files_.stat(at, op.path, op.flags, *op.stat_out);
    case OpKind::make_dir: return files_.make_dir(at, op.path, op.mode);
    case OpKind::remove: return files_.unlink(at, op.path, op.flags, to);
    case OpKind::read_link: return files_.read_link(at, op.path, {op.data, op.size});
    case OpKind::rename: return files_.rename(at, op.path, to, op.path2, static_cast<unsigned>(op.flags));
    case OpKind::link: return files_.link(at, op.path, to, op.path2, op.flags);
    case OpKind::symlink: return files_.symlink(op.path, at, op.path2);
    case OpKind::set_times: return files_.set_times(at, op.path, op.time);
    case OpKind::set_mode: return files_.set_mode(at, op.path, op.mode);
    default: std::unreachable();
  }
}

int SimBackend::close_now(int fd) {
  const auto found = descriptors_.find(fd);
  if (found == descriptors_.end()) return -EBADF;
  const auto thing = std::move(found->second.thing);
  descriptors_.erase(found);
  if (auto* listener = std::get_if<Listener*>(&thing)) network_.close(**listener);
  if (auto* socket = std::get_if<Socket*>(&thing)) network_.close(**socket);
  return 0;
}

}  // namespace sim
