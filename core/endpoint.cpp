// Addresses and ports as text, both ways, written by hand because core/ may not include the system's parsers.
// RFC 959 4.1.2 (PORT), RFC 2428 2 (EPRT), RFC 4291 2.2 and RFC 5952 (IPv6 text). Knows no sockets.
#include "core/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <span>

namespace core {
namespace {

constexpr std::size_t ipv4_size = 4;
constexpr std::size_t ipv6_groups = 8;
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

using Groups = std::array<std::uint16_t, ipv6_groups>;

/// All of `text` as a number of at most `digits` digits, not above `most`. No sign, no blank.
std::optional<unsigned> parse_number(std::string_view text, std::size_t digits, unsigned most, int base = 10) {
  if (text.empty() || text.size() > digits) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value, base);
  if (error != std::errc() || end != text.end() || value > most) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number(text, 5, 65535);
  if (!port) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

/// The text up to `delimiter`, which is taken off `rest` too; all of it when there is none.
std::string_view take_field(std::string_view& rest, char delimiter) {
  const std::size_t end = std::min(rest.find(delimiter), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

/// Exactly `octets.size()` decimal octets.
bool parse_octets(std::string_view text, char delimiter, std::span<std::uint8_t> octets) {
  if (std::ranges::count(text, delimiter) != std::ssize(octets) - 1) return false;
  for (std::uint8_t& octet : octets) {
    const auto value = parse_number(take_field(text, delimiter), 3, 255);
    if (!value) return false;
    octet = static_cast<std::uint8_t>(*value);
  }
  return true;
}

/// A leading zero would be octal to some readers and decimal to others.
bool has_leading_zero(std::string_view dotted) {
  for (std::size_t at = 0; at + 1 < dotted.size(); ++at) {
    const bool begins = at == 0 || dotted[at - 1] == '.';
    if (begins && dotted[at] == '0' && dotted[at + 1] != '.') return true;
  }
  return false;
}

std::optional<Endpoint> parse_ipv4(std::string_view text) {
  Endpoint endpoint{.family = Family::ipv4};
  if (has_leading_zero(text)) return std::nullopt;
  if (!parse_octets(text, '.', std::span(endpoint.address).first(ipv4_size))) return std::nullopt;
  return endpoint;
}

/// Groups of an IPv6 address on one side of "::", the last two perhaps as a dotted address.
/// Returns how many there are; nothing for bad text or more than fit.
std::optional<std::size_t> parse_groups(std::string_view text, bool may_end_dotted, Groups& groups) {
  if (text.empty()) return 0;
  std::size_t count = 0;
  bool more = true;
  while (more) {
    more = text.find(':') != std::string_view::npos;
    const std::string_view field = take_field(text, ':');
    if (!more && may_end_dotted && field.find('.') != std::string_view::npos) {
      const auto dotted = parse_ipv4(field);
      if (!dotted || count + 2 > ipv6_groups) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(dotted->address[0] << 8 | dotted->address[1]);
      groups[count++] = static_cast<std::uint16_t>(dotted->address[2] << 8 | dotted->address[3]);
    } else {
      const auto value = parse_number(field, 4, 0xffff, 16);
      if (!value || count == ipv6_groups) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(*value);
    }
  }
  return count;
}

std::optional<Endpoint> parse_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  const bool compressed = gap != std::string_view::npos;
  Groups head{};
  Groups tail{};
  const auto head_count = parse_groups(text.substr(0, gap), !compressed, head);
  const auto tail_count = compressed ? parse_groups(text.substr(gap + 2), true, tail) : 0;
  if (!head_count || !tail_count) return std::nullopt;
  const std::size_t given = *head_count + *tail_count;
  // "::" stands for one group at least (RFC 4291 2.2).
  if (compressed ? given >= ipv6_groups : given != ipv6_groups) return std::nullopt;
  std::copy_n(tail.begin(), *tail_count, head.end() - static_cast<std::ptrdiff_t>(*tail_count));
  Endpoint endpoint{.family = Family::ipv6};
  for (std::size_t i = 0; i < ipv6_groups; ++i) {
    endpoint.address[2 * i] = static_cast<std::uint8_t>(head[i] >> 8);
    endpoint.address[2 * i + 1] = static_cast<std::uint8_t>(head[i] & 0xff);
  }
  return endpoint;
}

bool is_mapped(const Endpoint& endpoint) {
  return endpoint.family == Family::ipv6 && std::ranges::equal(mapped_prefix, std::span(endpoint.address).first(12));
}

struct Run {
  std::size_t begin = 0, size = 0;
};

/// The first of the longest runs of zero groups (RFC 5952 4.2.3).
Run longest_zero_run(const Groups& groups) {
  Run longest;
  Run current;
  for (std::size_t i = 0; i < ipv6_groups; ++i) {
    current = groups[i] != 0 ? Run{i + 1, 0} : Run{current.begin, current.size + 1};
    if (current.size > longest.size) longest = current;
  }
  return longest;
}

std::string dotted_text(std::span<const std::uint8_t> octets) { return fmt::format("{}", fmt::join(octets, ".")); }

std::string ipv6_text(const Endpoint& endpoint) {
  if (is_mapped(endpoint)) return "::ffff:" + dotted_text(std::span(endpoint.address).last(ipv4_size));
  Groups groups{};
  for (std::size_t i = 0; i < ipv6_groups; ++i) {
    groups[i] = static_cast<std::uint16_t>(endpoint.address[2 * i] << 8 | endpoint.address[2 * i + 1]);
  }
  const Run gap = longest_zero_run(groups);
  const std::span all(groups);
  if (gap.size < 2) return fmt::format("{:x}", fmt::join(all, ":"));  // one zero group is not shortened (4.2.2)
  return fmt::format("{:x}::{:x}", fmt::join(all.first(gap.begin), ":"),
                     fmt::join(all.subspan(gap.begin + gap.size), ":"));
}

unsigned address_bits(Family family) { return family == Family::ipv4 ? 32 : 128; }

/// The address with all bits behind the prefix cleared.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> address, unsigned prefix) {
  for (unsigned i = 0; i < address.size(); ++i) {
    const unsigned kept = prefix > 8 * i ? std::min(prefix - 8 * i, 8U) : 0;
    address[i] = static_cast<std::uint8_t>(address[i] & (0xff00U >> kept));
  }
  return address;
}

}  // namespace

Endpoint unmapped(Endpoint endpoint) {
  if (!is_mapped(endpoint)) return endpoint;
  Endpoint plain{.family = Family::ipv4, .port = endpoint.port};
  std::copy_n(endpoint.address.begin() + mapped_prefix.size(), ipv4_size, plain.address.begin());
  return plain;
}

bool is_link_local(const Endpoint& endpoint) {
  return endpoint.family == Family::ipv6 && endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
}

std::optional<Endpoint> parse_address(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_ipv4(text) : parse_ipv6(text);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto endpoint = parse_address(host);
  // Brackets belong to IPv6 alone, and IPv6 needs them: its colons would run into the port's.
  if (!port || !endpoint || bracketed != (endpoint->family == Family::ipv6)) return std::nullopt;
  endpoint->port = *port;
  return endpoint;
}

std::string address_text(const Endpoint& endpoint) {
  if (endpoint.family == Family::ipv6) return ipv6_text(endpoint);
  return dotted_text(std::span(endpoint.address).first(ipv4_size));
}

std::string to_string(const Endpoint& endpoint) {
  const std::string address = address_text(endpoint);
  if (endpoint.family == Family::ipv4) return fmt::format("{}:{}", address, endpoint.port);
  return fmt::format("[{}]:{}", address, endpoint.port);
}

std::optional<Endpoint> parse_host_port(std::string_view text) {
  std::array<std::uint8_t, ipv4_size + 2> octets{};
  if (!parse_octets(text, ',', octets)) return std::nullopt;
  Endpoint endpoint{.family = Family::ipv4, .port = static_cast<std::uint16_t>(octets[4] << 8 | octets[5])};
  std::copy_n(octets.begin(), ipv4_size, endpoint.address.begin());
  return endpoint;
}

std::string host_port(const Endpoint& endpoint) {
  const std::span address = std::span(endpoint.address).first(ipv4_size);
  return fmt::format("{},{},{}", fmt::join(address, ","), endpoint.port >> 8, endpoint.port & 0xff);
}

std::expected<Endpoint, EprtError> parse_eprt(std::string_view text) {
  const std::unexpected syntax(EprtError::syntax);
  if (text.empty() || text.front() < 33 || text.front() > 126) return syntax;
  const char delimiter = text.front();
  if (text.back() != delimiter || std::ranges::count(text, delimiter) != 4) return syntax;
  text.remove_prefix(1);
  const std::string_view protocol = take_field(text, delimiter);
  const std::string_view address = take_field(text, delimiter);
  const auto port = parse_port(take_field(text, delimiter));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (protocol.empty() || !std::ranges::all_of(protocol, is_digit) || !port) return syntax;
  // Any other number may be a protocol of its own, so its address is not looked at (522, not 501).
  if (protocol != "1" && protocol != "2") return std::unexpected(EprtError::unsupported_protocol);
  auto endpoint = protocol == "1" ? parse_ipv4(address) : parse_ipv6(address);
  if (!endpoint) return syntax;
  endpoint->port = *port;
  return *endpoint;
}

bool Network::contains(const Endpoint& endpoint) const {
  // A listener for both families shows IPv4 peers as mapped addresses.
  const Endpoint peer = base.family == Family::ipv4 ? unmapped(endpoint) : endpoint;
  return peer.family == base.family && masked(peer.address, prefix) == masked(base.address, prefix);
}

Endpoint customer_of(const Endpoint& endpoint, unsigned ipv6_prefix) {
  Endpoint customer = endpoint;
  if (endpoint.family == Family::ipv6) customer.address = masked(endpoint.address, ipv6_prefix);
  return customer;
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  const unsigned bits = address_bits(base->family);
  const auto prefix = slash == std::string_view::npos ? bits : parse_number(text.substr(slash + 1), 3, bits);
  if (!prefix) return std::nullopt;
  base->address = masked(base->address, *prefix);
  return Network{.base = *base, .prefix = *prefix};
}

}  // namespace core
