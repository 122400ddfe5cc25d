// The waits are polls in front of calls that do not block.
#include "tests/live/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace live {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  sockaddr* any() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr_in& v4() const { return reinterpret_cast<const sockaddr_in&>(storage); }
  const sockaddr_in6& v6() const { return reinterpret_cast<const sockaddr_in6&>(storage); }
  std::uint16_t port() const { return ntohs(storage.ss_family == AF_INET6 ? v6().sin6_port : v4().sin_port); }
  std::string text() const {
    char out[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET6) return inet_ntop(AF_INET6, &v6().sin6_addr, out, sizeof out);
    return inet_ntop(AF_INET, &v4().sin_addr, out, sizeof out);
  }
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool is_ipv6(const std::string& text) { return text.find(':') != std::string::npos; }

Address make_address(const std::string& text, std::uint16_t port) {
  Address address;
  if (is_ipv6(text)) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
    address.length = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &v4.sin_addr);
    address.length = sizeof v4;
  }
  return address;
}

// True when one of `events`, or an end, is there within `limit`.
bool ready(int fd, short events, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd asked{fd, events, 0};
    const int count = ::poll(&asked, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (count > 0) return true;
    if (count == 0 && left.count() <= 0) return false;
    if (count < 0 && errno != EINTR) fail("poll");
  }
}

void wait(int fd, short events, const char* what) {
  if (!ready(fd, events, patience)) throw std::runtime_error(std::string("waited in vain to ") + what);
}

void set_flag(int fd, int level, int option) {
  const int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof on) != 0) fail("setsockopt");
}

}  // namespace

void pause_between_looks() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

Socket& Socket::operator=(Socket&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

Socket Socket::bound(const std::string& at, std::uint16_t port) {
  Address address = make_address(at, port);
  Socket socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) fail("socket");
  set_flag(socket.fd(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(socket.fd(), address.any(), address.length) != 0) fail("bind");
  return socket;
}

Socket Socket::connect(const std::string& to, std::uint16_t port, const std::string& from, std::uint16_t from_port) {
  const std::string any = is_ipv6(to) ? "::" : "0.0.0.0";
  Socket socket = bound(from.empty() ? any : from, from_port);
  socket.connect_to(to, port);
  return socket;
}

Socket Socket::connecting(const std::string& to, std::uint16_t port) {
  Address address = make_address(to, port);
  Socket socket = bound(is_ipv6(to) ? "::" : "0.0.0.0", 0);
  if (::connect(socket.fd(), address.any(), address.length) != 0 && errno != EINPROGRESS) fail("connect");
  return socket;
}

void Socket::connect_to(const std::string& to, std::uint16_t port) {
  Address address = make_address(to, port);
  if (::connect(fd_, address.any(), address.length) != 0 && errno != EINPROGRESS) fail("connect");
  wait(fd_, POLLOUT, "connect");
  socklen_t length = sizeof errno;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &errno, &length);
  if (errno != 0) fail("connect");
  set_flag(fd_, IPPROTO_TCP, TCP_NODELAY);
}

void Socket::listen(int backlog) {
  if (::listen(fd_, backlog) != 0) fail("listen");
}

Socket Socket::accept() {
  wait(fd_, POLLIN, "accept a connection");
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) fail("accept");
  return Socket(fd);
}

void Socket::send(std::string_view octets) {
  while (!octets.empty()) {
    wait(fd_, POLLOUT, "send");
    octets.remove_prefix(send_some(octets));
  }
}

std::size_t Socket::send_some(std::string_view octets) {
  const ssize_t sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) fail("send");
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void Socket::send_one_by_one(std::string_view octets) {
  const auto is_acknowledged = [this] {
    int unacknowledged = 0;
    ::ioctl(fd_, SIOCOUTQ, &unacknowledged);
    return unacknowledged == 0;
  };
  for (const char octet : octets) {
    send({&octet, 1});
    if (!eventually(is_acknowledged)) throw std::runtime_error("an octet was never acknowledged");
  }
}

void Socket::send_urgent(std::string_view octets) {
  wait(fd_, POLLOUT, "send urgent data");
  if (::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_OOB) != static_cast<ssize_t>(octets.size()))
    fail("send urgent data");
}

std::string Socket::receive(std::size_t most) {
  wait(fd_, POLLIN, "receive");
  std::string octets(most, '\0');
  const ssize_t got = ::recv(fd_, octets.data(), most, 0);
  if (got < 0) fail("receive");
  octets.resize(static_cast<std::size_t>(got));
  return octets;
}

std::string Socket::receive_exactly(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const std::string octets = receive(count - all.size());
    if (octets.empty()) break;
    all += octets;
  }
  return all;
}

std::string Socket::receive_all() {
  std::string all;
  for (std::string octets = receive(); !octets.empty(); octets = receive()) all += octets;
  return all;
}

bool Socket::silent_for(std::chrono::milliseconds time) const { return !ready(fd_, POLLIN, time); }

Socket::Ending Socket::wait_for_end() {
  Ending ending{.in_order = true, .octets = 0};
  try {
    for (std::string octets = receive(); !octets.empty(); octets = receive()) ending.octets += octets.size();
  } catch (const std::system_error& error) {
    if (error.code().value() != ECONNRESET) throw;
    ending.in_order = false;
  }
  return ending;
}

void Socket::finish_sending() { ::shutdown(fd_, SHUT_WR); }

void Socket::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Socket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string Socket::local_address() const {
  Address address;
  ::getsockname(fd_, address.any(), &address.length);
  return address.text();
}

std::uint16_t Socket::local_port() const {
  Address address;
  ::getsockname(fd_, address.any(), &address.length);
  return address.port();
}

std::string Socket::peer_address() const {
  Address address;
  ::getpeername(fd_, address.any(), &address.length);
  return address.text();
}

std::uint16_t Socket::peer_port() const {
  Address address;
  ::getpeername(fd_, address.any(), &address.length);
  return address.port();
}

void Socket::set_buffers(int octets) {
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
}

Listener::Listener(const std::string& address, std::uint16_t port)
    : address_(address), socket_(Socket::bound(address, port)) {
  socket_.listen();
}

BlackHole::BlackHole() {
  socket_.listen(0);
  for (Socket& filler : fillers_) filler = Socket::connecting("127.0.0.1", port());
}

}  // namespace live
