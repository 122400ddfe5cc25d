// The calls of a real backend that never wait: making sockets, setting their options, asking clocks.
// Knows socket options and their levels; must not know ops.
#include <fcntl.h>
#include <linux/stat.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "io/fd.hpp"
#include "io/kernel_backend.hpp"
#include "io/syscalls.hpp"

namespace io {

namespace {

Time read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * second + time.tv_nsec;
}

template <typename Value>
bool set(int socket, int level, int option, const Value& value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// A socket bound to `at`; errno says why not.
Fd bound_socket(const Address& at, PortUse use = PortUse::alone) {
  Fd socket(::socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  const int on = 1;
  if (!set(socket.get(), SOL_SOCKET, SO_REUSEADDR, on)) return {};
  if (use == PortUse::shared && !set(socket.get(), SOL_SOCKET, SO_REUSEPORT, on)) return {};
  if (at.any.sa_family == AF_INET6 && !set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, on)) return {};
  if (::bind(socket.get(), &at.any, at.length()) != 0) return {};
  return socket;
}

}  // namespace

Time KernelBackend::now() { return read_clock(CLOCK_MONOTONIC); }

std::int64_t KernelBackend::wall_clock() { return read_clock(CLOCK_REALTIME); }

std::expected<int, int> KernelBackend::open_listener(const Address& at, int backlog, PortUse use) {
  Fd socket = bound_socket(at, use);
  if (!socket || ::listen(socket.get(), backlog) != 0) return std::unexpected(errno);
  return socket.release();
}

std::expected<int, int> KernelBackend::open_socket(const Address& from) {
  Fd socket = bound_socket(from);
  if (!socket) return std::unexpected(errno);
  return socket.release();
}

Address KernelBackend::local_address(int socket) {
  Address address;
  socklen_t length = sizeof address;
  ::getsockname(socket, &address.any, &length);
  return address;
}

void KernelBackend::set_options(int socket, const SocketOptions& options) {
  const int on = 1;
  if (options.no_delay) set(socket, IPPROTO_TCP, TCP_NODELAY, on);
  if (options.keepalive) set(socket, SOL_SOCKET, SO_KEEPALIVE, on);
  if (options.urgent_inline) set(socket, SOL_SOCKET, SO_OOBINLINE, on);
  if (options.notsent_lowat > 0) set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, options.notsent_lowat);
  if (options.send_buffer > 0) set(socket, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.receive_buffer > 0) set(socket, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (options.pacing_rate > 0) set(socket, SOL_SOCKET, SO_MAX_PACING_RATE, options.pacing_rate);
  if (options.busy_poll > 0) set(socket, SOL_SOCKET, SO_BUSY_POLL, options.busy_poll);
  const std::string& algorithm = options.congestion_control;
  if (!algorithm.empty()) {
    ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(), static_cast<socklen_t>(algorithm.size()));
  }
}

// On Linux a listening socket that is shut down is bound and closed, as it was before listen(2).
void KernelBackend::stop_listening(int listener) {
  forget(listener);
  ::shutdown(listener, SHUT_RDWR);
}

int KernelBackend::listen_again(int listener, int backlog) { return ::listen(listener, backlog) == 0 ? 0 : errno; }

void KernelBackend::close_listener(int listener) {
  forget(listener);
  ::close(listener);
}

void KernelBackend::shutdown_send(int socket) { ::shutdown(socket, SHUT_WR); }

bool KernelBackend::urgent_pending(int socket) {
  pollfd asked{socket, POLLPRI, 0};
  return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLPRI) != 0;
}

std::int32_t KernelBackend::send_now(int socket, std::span<const char> from) {
  return static_cast<std::int32_t>(
      retry([&] { return ::send(socket, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

std::int32_t KernelBackend::receive_now(int socket, std::span<char> into) {
  return static_cast<std::int32_t>(retry([&] { return ::recv(socket, into.data(), into.size(), MSG_DONTWAIT); }));
}

// A protocol above TCP is set on connections alone: one with ourselves.
bool KernelBackend::has_kernel_tls() {
  sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof at;
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  if (!listener || !socket || ::bind(listener.get(), address, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), address, &size) != 0 || ::connect(socket.get(), address, size) != 0)
    return false;
  constexpr char name[] = "tls";
  return ::setsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, name, sizeof name) == 0;
}

Inbound KernelBackend::inbound(int socket) {
  char octet;
  const auto came = ::recv(socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  if (came > 0) return Inbound::octets;
  return came < 0 && (errno == EAGAIN || errno == EINTR) ? Inbound::nothing : Inbound::ended;
}

std::int64_t KernelBackend::changed_at(int fd) {
  struct statx facts;
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_CTIME, &facts) != 0) return -1;
  return facts.stx_ctime.tv_sec * second + facts.stx_ctime.tv_nsec;
}

std::expected<int, int> KernelBackend::open_root(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(errno);
  return fd;
}

int why_no_ipv6() {
  Address any;
  any.v6.sin6_family = AF_INET6;
  errno = 0;
  const Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  return ::bind(socket.get(), &any.any, sizeof any.v6) == 0 ? 0 : errno;
}

bool has_congestion_control(const std::string& name) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0;
}

// Listening proves that nobody else does. Then the port is kept without SO_REUSEADDR, which keeps out all who do not
// share it, and without listening, which would take connections.
std::expected<Fd, int> claim_port(const Address& at) {
  Fd socket = bound_socket(at);
  const int on = 1, off = 0;
  if (!socket || ::listen(socket.get(), 1) != 0 || !set(socket.get(), SOL_SOCKET, SO_REUSEPORT, on) ||
      !set(socket.get(), SOL_SOCKET, SO_REUSEADDR, off) || ::shutdown(socket.get(), SHUT_RDWR) != 0)
    return std::unexpected(errno);
  return socket;
}

}  // namespace io
