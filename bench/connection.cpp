// Ops in, calls to the owner out. Each callback's last act is the call to the owner.
#include "bench/connection.hpp"

#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bench {
namespace {

#ifndef IP_BIND_ADDRESS_NO_PORT
constexpr int IP_BIND_ADDRESS_NO_PORT = 24;
#endif

// A socket bound to an address alone: the port is chosen in connect(2), where only the pair of endpoints has to be
// unique. Backend::open_socket would take a port for itself, and there are 28,000.
int open_socket(const io::Address& to, const io::Address* from) {
  const int fd = ::socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || from == nullptr) return fd;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(fd, &from->any, from->length()) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Connection::Connection(Context& context, io::BufferPool& buffers, ConnectionOwner& owner)
    : context_(context), buffers_(buffers), owner_(owner) {
  in_.bind<&Connection::on_in_done>(*this);
  out_.bind<&Connection::on_out_done>(*this);
}

Connection::~Connection() { close_descriptors(); }

void Connection::connect(const io::Address& to, const io::Address* from, int receive_buffer) {
  closing_ = finishing_ = false;
  fd_ = open_socket(to, from);
  if (fd_ < 0) return owner_.on_end(errno);
  // Before connecting: the window that is announced depends on it.
  context_.reactor.backend().set_options(fd_, {.no_delay = true, .receive_buffer = receive_buffer});
  in_.connect(fd_, to);
  context_.reactor.submit(in_);
}

std::expected<io::Address, int> Connection::listen(io::Address at) {
  closing_ = finishing_ = false;
  at.set_port(0);
  const auto opened = context_.reactor.backend().open_listener(at, 1);
  if (!opened) return std::unexpected(opened.error());
  listener_ = *opened;
  in_.accept(listener_);
  context_.reactor.submit(in_);
  return context_.reactor.backend().local_address(listener_);
}

void Connection::secure(TlsSession& session, bool keeps) {
  session_ = &session;
  keeps_session_ = keeps;
  if (fd_ >= 0) await(in_, POLLOUT);
}

void Connection::receive() {
  discard_most_ = 0;
  if (tls_) return await_protected();
  in_.recv_lent(fd_, buffers_);
  context_.reactor.submit(in_);
}

void Connection::discard(std::size_t most) {
  discard_most_ = most;
  if (tls_) return await_protected();
  await(in_, POLLIN);
}

void Connection::await(io::Op& op, short events) {
  op.poll(fd_, events);
  context_.reactor.submit(op);
}

void Connection::send(std::span<const char> octets) {
  to_send_ = left_ = octets;
  if (tls_) return await(out_, POLLOUT);
  out_.send(fd_, octets);
  context_.reactor.submit(out_);
}

void Connection::finish() {
  if (!tls_) return owner_.on_end(0);  // closing tells it
  finishing_ = true;
  await(out_, POLLOUT);
}

void Connection::on_in_done(io::Op& op) {
  if (op.kind == io::OpKind::accept && op.result >= 0) {
    fd_ = op.result;
    context_.reactor.close(std::exchange(listener_, -1));
  }
  if (op.kind == io::OpKind::recv) return on_lent(op);
  if (join()) return;
  if (op.result < 0) return owner_.on_end(-op.result);
  if (session_ != nullptr && !is_open()) return shake_hands();
  if (op.kind == io::OpKind::poll) return tls_ ? read_protected() : read_away();
  owner_.on_open();
}

void Connection::on_lent(io::Op& op) {
  char* const lent = op.result > 0 ? op.data : nullptr;
  if (closing_) {
    buffers_.give_back(lent);
    join();
    return;
  }
  if (op.result == -ENOBUFS) return receive();
  if (op.result <= 0) return owner_.on_end(-op.result);
  io::BufferPool& buffers = buffers_;
  owner_.on_received({lent, static_cast<std::size_t>(op.result)});
  buffers.give_back(lent);
}

// MSG_TRUNC: the kernel drops the octets of a TCP socket, which costs a fraction of copying them.
void Connection::read_away() {
  std::size_t sum = 0;
  while (sum < discard_most_) {
    const ssize_t count = ::recv(fd_, nullptr, discard_most_ - sum, MSG_TRUNC | MSG_DONTWAIT);
    if (count > 0) {
      sum += static_cast<std::size_t>(count);
    } else if (count == 0) {
      return owner_.on_discarded(sum, true);
    } else if (errno != EINTR) {
      break;
    }
  }
  if (sum > 0) return owner_.on_discarded(sum, false);
  if (errno == EAGAIN) return discard(discard_most_);
  owner_.on_end(errno);
}

void Connection::on_out_done(io::Op& op) {
  if (join()) return;
  if (op.result < 0) return owner_.on_end(-op.result);
  if (op.kind == io::OpKind::poll) return write_protected();
  owner_.on_sent(static_cast<std::size_t>(op.result));
}

// ---- TLS: an op waits for the descriptor, then octets go through the stream ----

void Connection::shake_hands() {
  if (!tls_) tls_ = std::make_unique<TlsStream>(*context_.tls, fd_, *session_, keeps_session_);
  const TlsStep step = tls_->shake_hands();
  if (step.error != 0) return owner_.on_end(step.error);
  if (step.wait_for != 0) return await(in_, step.wait_for);
  owner_.on_open();
}

// What the stream holds does not make the socket readable; writable it is.
void Connection::await_protected() { await(in_, tls_->has_more() ? POLLIN | POLLOUT : POLLIN); }

void Connection::read_protected() {
  io::BufferPool& buffers = buffers_;
  char* const lent = buffers.borrow();
  const bool discards = discard_most_ > 0;
  const std::size_t size = discards ? std::min(discard_most_, buffers.buffer_size()) : buffers.buffer_size();
  const TlsStep step = tls_->read({lent, size});
  if (step.wait_for != 0) {
    await(in_, step.wait_for);
  } else if (step.error != 0 || (step.end && !discards)) {
    owner_.on_end(step.error);
  } else if (discards) {
    owner_.on_discarded(step.octets, step.end);
  } else {
    owner_.on_received({lent, step.octets});
  }
  buffers.give_back(lent);
}

void Connection::write_protected() {
  const TlsStep step = finishing_ ? tls_->finish() : tls_->write(left_);
  if (step.error != 0) return owner_.on_end(step.error);
  if (step.wait_for != 0) return await(out_, step.wait_for);
  finishing_ ? owner_.on_end(0) : owner_.on_sent(to_send_.size());
}

// ---- The end ----

void Connection::close() {
  if (closing_) return;
  closing_ = true;
  context_.reactor.cancel(in_);
  context_.reactor.cancel(out_);
  join();
}

// True when this was the end of an op that is only waited for.
bool Connection::join() {
  if (!closing_) return false;
  if (!in_.idle() || !out_.idle()) return true;
  close_descriptors();
  owner_.on_closed();
  return true;
}

void Connection::close_descriptors() {
  tls_.reset();
  session_ = nullptr;
  context_.reactor.close(std::exchange(fd_, -1));
  context_.reactor.close(std::exchange(listener_, -1));
}

}  // namespace bench
