// The ports that PASV and EPSV may listen on: each lent to one session at a time, in random order
// (RFC 2577 8: a guessable next port invites theft).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/config.hpp"
#include "net/random.hpp"

namespace net {

class PassivePorts {
 public:
  explicit PassivePorts(core::PortRange range);
  /// A port that nobody else has; nothing when all are lent.
  std::optional<std::uint16_t> take(Random& random);
  void give_back(std::uint16_t port);
  /// A port that is never given, if it is in the range. None is lent yet.
  void leave_out(std::uint16_t port);
  std::size_t free_count() const { return free_.size(); }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::vector<std::uint16_t> free_;
};

}  // namespace net
