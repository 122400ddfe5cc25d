// A checksum for --verify: quick enough not to slow a download, certain to notice one changed word, and almost
// certain to notice anything else. Not for adversaries. Knows octets and nothing else.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace bench {

/// Octets in pieces of any size; the same octets give the same value however they are cut.
class Checksum {
 public:
  void add(std::span<const char> octets) {
    for (; held_ > 0 && !octets.empty(); octets = octets.subspan(1)) hold(octets.front());
    for (; octets.size() >= sizeof word_; octets = octets.subspan(sizeof word_)) {
      std::uint64_t word;
      std::memcpy(&word, octets.data(), sizeof word);
      mix(word);
    }
    for (const char octet : octets) hold(octet);
  }
  std::uint64_t value() const { return (sum_ ^ word_) * multiplier + held_; }

 private:
  static constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;  // odd: no difference is ever multiplied away

  void mix(std::uint64_t word) {
    sum_ = (sum_ ^ word) * multiplier;
    sum_ ^= sum_ >> 32;
  }
  void hold(char octet) {
    word_ |= std::uint64_t{static_cast<unsigned char>(octet)} << (8 * held_);
    if (++held_ < sizeof word_) return;
    mix(word_);
    word_ = 0;
    held_ = 0;
  }

  std::uint64_t sum_ = 0;
  std::uint64_t word_ = 0;  ///< the octets that fill no word yet
  unsigned held_ = 0;       ///< how many
};

}  // namespace bench
