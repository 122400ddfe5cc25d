// The argument of HOST: a domain name, or an address in brackets or dotted. RFC 7151 3.1, RFC 1034 3.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/endpoint.hpp"

namespace core {

struct HostName {
  std::string name;                   ///< in lower case, for names have none; with the brackets of IPv6
  std::optional<Endpoint> address{};  ///< it is one, and no name
};

/// Nothing for what is neither (501): with a port, an IPv6 address without brackets, letters beyond ASCII (A-labels,
/// "xn--…", stand for these), labels above 63 octets or 253 in all.
std::optional<HostName> parse_host_name(std::string_view text);

}  // namespace core
