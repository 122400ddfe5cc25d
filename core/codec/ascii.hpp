// TYPE A: the local end of line is LF, the network's is CR LF (RFC 959 3.1.1.1).
// A bare CR passes through both ways. A line that ends with CR LF in the file is sent with CR LF, not CR CR LF: it is a
// text from another system. What comes back has LF then, so a round trip keeps such a text, but not its octets.
// Must not know records or modes.
#pragma once

#include <cstdint>

#include "core/codec/codec.hpp"

namespace core {

/// File -> network: each LF that follows no CR becomes CR LF. A CR is held until what follows is known, so that nothing
/// (a restart marker, the point of REST) can part CR and LF of a file.
class AsciiEncoder final : public Codec {
 public:
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// "r" while a CR is held: sending cannot be taken up here.
  std::string state() const override { return held_cr_ ? "r" : ""; }

 private:
  bool held_cr_ = false;
};

/// Network -> file: each CR LF becomes LF, also when a split or a restart marker separates the two.
class AsciiDecoder final : public Codec {
 public:
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// "r" while a CR is held (the example of RFC 1123 4.1.3.4).
  std::string state() const override;
  bool restore(std::string_view state) override;

 private:
  bool held_cr_ = false;  ///< a CR came last, and what follows it is not known yet
};

}  // namespace core
