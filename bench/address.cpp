// Text to addresses and back.
#include "bench/address.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/text.hpp"
#include "net/convert.hpp"

namespace bench {
namespace {

constexpr std::string_view digits = "0123456789";

// Host and port of "host:port", "[host]:port", "host" and a bare IPv6 address.
std::pair<std::string, std::string> split(const std::string& server) {
  const std::size_t bracket = server.starts_with('[') ? server.find(']') : std::string::npos;
  if (bracket != std::string::npos) {
    const std::string behind = server.substr(bracket + 1);
    return {server.substr(1, bracket - 1), behind.starts_with(':') ? behind.substr(1) : "21"};
  }
  const std::size_t colon = server.find(':');
  if (colon == std::string::npos || server.find(':', colon + 1) != std::string::npos) return {server, "21"};
  return {server.substr(0, colon), server.substr(colon + 1)};
}

}  // namespace

std::expected<io::Address, std::string> resolve(const std::string& server) {
  const auto [host, port] = split(server);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return std::unexpected(fmt::format("{}: {}", server, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  io::Address address;
  std::memcpy(&address.v6, found->ai_addr, std::min<std::size_t>(found->ai_addrlen, sizeof address.v6));
  return address;
}

std::optional<std::uint16_t> extended_passive_port(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || open + 5 > text.size()) return std::nullopt;
  const char delimiter = text[open + 1];
  text.remove_prefix(open + 1);
  for (int i = 0; i < 3; ++i, text.remove_prefix(1))
    if (text.empty() || text.front() != delimiter) return std::nullopt;
  const auto number = core::parse_number(text.substr(0, text.find(delimiter)), UINT16_MAX);
  return number && *number > 0 ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
}

// RFC 1123 4.1.2.6: the parentheses may be missing; the first digit begins it.
std::optional<std::uint16_t> passive_port(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_of(digits), text.size()));
  const auto endpoint = core::parse_host_port(text.substr(0, text.find_first_not_of("0123456789,")));
  return endpoint ? std::optional(endpoint->port) : std::nullopt;
}

std::string eprt_argument(const core::Endpoint& endpoint) {
  return fmt::format("|{}|{}|{}|", static_cast<unsigned>(endpoint.family), core::address_text(endpoint), endpoint.port);
}

io::Address nth_host(const core::Network& network, std::uint64_t n) {
  const bool v4 = network.base.family == core::Family::ipv4;
  const unsigned host_bits = std::min((v4 ? 32U : 128U) - network.prefix, 32U);
  std::uint64_t hosts = std::uint64_t{1} << host_bits;
  std::uint64_t first = 0;
  if (host_bits >= 2) {
    hosts -= 2;
    first = 1;
  }
  std::uint64_t add = first + n % hosts;
  core::Endpoint endpoint = network.base;
  for (std::size_t i = v4 ? 4 : 16; i-- > 0 && add > 0; add >>= 8) {
    add += endpoint.address[i];
    endpoint.address[i] = static_cast<std::uint8_t>(add);
  }
  return net::to_address(endpoint);
}

}  // namespace bench
