// A TCP address and port, IPv4 or IPv6, in the kernel's form.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

namespace io {

/// 28 octets instead of sockaddr_storage's 128, so that every op can hold one.
union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  Address() : v6{} {}
  socklen_t length() const { return any.sa_family == AF_INET6 ? sizeof v6 : sizeof v4; }
  /// The port in host order.
  std::uint16_t port() const { return ntohs(v4.sin_port); }  // the same place in both families
  void set_port(std::uint16_t port) { v4.sin_port = htons(port); }
};

}  // namespace io
