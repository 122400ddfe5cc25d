// Where a data connection goes: an address and a port, in the forms FTP writes them.
// RFC 959 4.1.2 (h1,h2,h3,h4,p1,p2), RFC 2428 (|1|addr|port|). Knows no sockets.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace core {

/// Numbers of RFC 2428 2 (from the IANA address family numbers).
enum class Family : std::uint8_t { ipv4 = 1, ipv6 = 2 };

struct Endpoint {
  Family family = Family::ipv4;
  std::array<std::uint8_t, 16> address{};  ///< network order; IPv4 uses the first four
  std::uint16_t port = 0;                  ///< host order
  std::uint32_t scope = 0;                 ///< of a link-local address: the interface (RFC 4007); 0: none

  bool operator==(const Endpoint&) const = default;
  bool same_address(const Endpoint& other) const {
    return family == other.family && address == other.address && scope == other.scope;
  }
};

/// An IPv4-mapped IPv6 address (::ffff:a.b.c.d) as plain IPv4; others unchanged.
Endpoint unmapped(Endpoint endpoint);

/// fe80::/10: such an address means something only together with its scope.
bool is_link_local(const Endpoint& endpoint);

/// "192.0.2.1" or "2001:db8::1" (no brackets, no zone), port 0.
std::optional<Endpoint> parse_address(std::string_view text);
/// "0.0.0.0:2121" or "[::]:2121".
std::optional<Endpoint> parse_endpoint(std::string_view text);
/// The address alone; IPv6 as RFC 5952 writes it.
std::string address_text(const Endpoint& endpoint);
/// "192.0.2.1:21", "[2001:db8::1]:21".
std::string to_string(const Endpoint& endpoint);

/// PORT's argument: six decimal octets, 0 to 255 each; anything else is nothing (501).
std::optional<Endpoint> parse_host_port(std::string_view text);
/// The same, for 227: "h1,h2,h3,h4,p1,p2" of an IPv4 endpoint.
std::string host_port(const Endpoint& endpoint);

enum class EprtError { syntax, unsupported_protocol };
/// EPRT's argument, any delimiter from 33 to 126 (RFC 2428 2).
std::expected<Endpoint, EprtError> parse_eprt(std::string_view text);

/// An address and a prefix length.
struct Network {
  Endpoint base;
  unsigned prefix = 0;  ///< bits
  bool contains(const Endpoint& endpoint) const;
  bool operator==(const Network&) const = default;
};
/// The endpoint without the bits of an IPv6 address behind the first `ipv6_prefix`: what belongs to one customer is
/// one.
Endpoint customer_of(const Endpoint& endpoint, unsigned ipv6_prefix);
/// "10.0.0.0/8", "2001:db8::/32", or a single address.
std::optional<Network> parse_network(std::string_view text);

}  // namespace core
