// Conversions between io/ and core/ values.
#include "net/convert.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/path.hpp"

namespace net {

core::Endpoint to_endpoint(const io::Address& address) {
  core::Endpoint endpoint;
  const bool six = address.any.sa_family == AF_INET6;
  endpoint.family = six ? core::Family::ipv6 : core::Family::ipv4;
  endpoint.port = address.port();
  if (six) {
    std::memcpy(endpoint.address.data(), &address.v6.sin6_addr, 16);
    if (is_link_local(endpoint)) endpoint.scope = address.v6.sin6_scope_id;
  } else {
    std::memcpy(endpoint.address.data(), &address.v4.sin_addr, 4);
  }
  return endpoint;
}

io::Address to_address(const core::Endpoint& endpoint) {
  io::Address address;
  if (endpoint.family == core::Family::ipv6) {
    address.v6.sin6_family = AF_INET6;
    std::memcpy(&address.v6.sin6_addr, endpoint.address.data(), 16);
    address.v6.sin6_scope_id = endpoint.scope;
  } else {
    address.v4.sin_family = AF_INET;
    std::memcpy(&address.v4.sin_addr, endpoint.address.data(), 4);
  }
  address.set_port(endpoint.port);
  return address;
}

std::string cannot_listen(const core::Endpoint& at, int error) {
  const auto cure = [&]() -> std::string_view {
    switch (error) {
      // The kernel asks for it below net.ipv4.ip_unprivileged_port_start, which is 1024 unless somebody changed it.
      case EACCES:
        return "; low ports take CAP_NET_BIND_SERVICE: start as root, by systemd with "
               "AmbientCapabilities=CAP_NET_BIND_SERVICE, or after `setcap cap_net_bind_service=+ep` on the program; "
               "or "
               "choose a port from 1024 on";
      case EADDRINUSE: return "; stop who listens there (`ss -ltnp` tells), or choose another port";
      case EADDRNOTAVAIL: return "; no interface has this address now (`ip address` lists them)";
      case EAFNOSUPPORT: return "; this system has no IPv6: leave the address out";
      default: return "";
    }
  };
  return fmt::format("cannot listen on {}: {}{}", core::to_string(at), strerror(error), cure());
}

core::Entry to_entry(const struct statx& facts) {
  using Kind = core::Entry::Kind;
  const auto kind = [&] {
    switch (facts.stx_mode & S_IFMT) {
      case S_IFREG: return Kind::file;
      case S_IFDIR: return Kind::directory;
      case S_IFLNK: return Kind::link;
      default: return Kind::other;
    }
  }();
  return {.kind = kind,
          .mode = facts.stx_mode & 07777u,
          .links = facts.stx_nlink,
          .owner = facts.stx_uid,
          .group = facts.stx_gid,
          .size = facts.stx_size,
          .modified = core::FileTime(facts.stx_mtime.tv_sec, facts.stx_mtime.tv_nsec),
          .device = (static_cast<std::uint64_t>(facts.stx_dev_major) << 32) | facts.stx_dev_minor,
          .inode = facts.stx_ino};
}

core::Entry to_entry(const io::DirEntry& found, std::string_view directory, bool for_machines) {
  core::Entry entry = to_entry(found.facts);
  entry.kind_alone = !found.has_facts;
  if (!found.link) return entry;
  const io::LinkFacts& link = *found.link;
  if (!link.leads_out && core::stays_below_root(directory, link.text)) entry.leads_to = link.text;
  if (!for_machines || !link.reached) return entry;
  const core::Entry target = to_entry(link.target);
  entry.modified = target.modified;
  entry.leads_to_file = target.kind == core::Entry::Kind::file;
  if (entry.leads_to_file) entry.size = target.size;
  return entry;
}

}  // namespace net
