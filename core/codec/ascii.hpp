// TYPE A: the local end of line is LF, the network's is CR LF (RFC 959 3.1.1.1).
// A bare CR passes through both ways, so that a round trip never alters a file.
#pragma once

#include <cstdint>

#include "core/codec/codec.hpp"

namespace core {

/// File -> network: each LF becomes CR LF.
class AsciiEncoder final : public Codec {
 public:
  Progress run(std::span<const char> in, std::span<char> out, bool last) override;
};

/// Network -> file: each CR LF becomes LF, also when a split separates the two.
class AsciiDecoder final : public Codec {
 public:
  Progress run(std::span<const char> in, std::span<char> out, bool last) override;

 private:
  bool held_cr_ = false;  ///< a CR came last, and what follows it is not known yet
};

/// LFs in `octets`: what encoding adds. SIZE in TYPE A counts with it (RFC 3659 4).
std::uint64_t count_line_feeds(std::span<const char> octets);

}  // namespace core
