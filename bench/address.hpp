// Addresses as a client meets them: names to look up, ports in replies, arguments of EPRT, a network of its own.
// Knows forms; must not know connections. RFC 959 4.1.2, RFC 2428.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"
#include "io/address.hpp"

namespace bench {

/// "host", "host:port" or "[ipv6]:port"; port 21 if none is told. The error is a sentence.
std::expected<io::Address, std::string> resolve(const std::string& server);

/// The port in "229 … (|||6446|)".
std::optional<std::uint16_t> extended_passive_port(std::string_view text);
/// The port in "227 … h1,h2,h3,h4,p1,p2 …". The address is not used: behind NAT it is often wrong, and no server
/// that sends its data from elsewhere is known.
std::optional<std::uint16_t> passive_port(std::string_view text);

/// "|1|127.0.0.1|6446|".
std::string eprt_argument(const core::Endpoint& endpoint);

/// The n-th host of a network, round and round; IPv4 without its first and last address where there are others.
io::Address nth_host(const core::Network& network, std::uint64_t n);

}  // namespace bench
