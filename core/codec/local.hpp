// TYPE L m where a logical byte of m bits does not fill the octets that hold it in the file: on the way the
// bytes are packed contiguously, high bit first, with zero bits at the very end (RFC 959 3.1.1.4).
// Knows bits and containers; must not know structures or modes.
#pragma once

#include <cstdint>

#include "core/codec/codec.hpp"

namespace core {

/// File -> network. EILSEQ: a byte of the file is too large, or the file ends within one.
class LocalEncoder final : public Codec {
 public:
  explicit LocalEncoder(const Representation& as) : bits_(as.byte_size), container_(octets_of_byte(as)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// Not empty between two octets of a byte, or of the network.
  std::string state() const override { return octets_ > 0 || held_bits_ > 0 ? "b" : ""; }

 private:
  std::size_t put(std::span<char> out);

  unsigned bits_, container_;
  std::uint64_t value_ = 0;  ///< the logical byte being read
  unsigned octets_ = 0;      ///< how many of its octets are
  unsigned held_ = 0;        ///< bits that do not fill an octet yet
  unsigned held_bits_ = 0;
};

/// Network -> file. At the end fewer than eight bits over are padding; EBADMSG: more are.
class LocalDecoder final : public Codec {
 public:
  explicit LocalDecoder(const Representation& as) : bits_(as.byte_size), container_(octets_of_byte(as)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// "5.31": so many bits of a byte, and their value.
  std::string state() const override;
  bool restore(std::string_view state) override;

 private:
  std::size_t put(char from, std::span<char> out);

  unsigned bits_, container_;
  std::uint64_t value_ = 0;  ///< the logical byte being put together
  unsigned held_bits_ = 0;   ///< how many of its bits are
};

}  // namespace core
