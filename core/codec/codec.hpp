// What every encoder and decoder on the data path looks like: octets in, octets out, state between.
#pragma once

#include <cstddef>
#include <span>

namespace core {

struct Progress {
  std::size_t taken = 0;  ///< octets of the input used up
  std::size_t made = 0;   ///< octets of the output filled
  bool operator==(const Progress&) const = default;
};

/// A streaming transformation. It must work for any split of the input and any output of at least
/// 16 octets, and must take or make something whenever there is input and room.
class Codec {
 public:
  virtual ~Codec() = default;
  /// Transforms what it can. `last`: no input follows `in`; once all of it is taken, what is still
  /// held is flushed, and the codec is done when a call with empty `in` and `last` makes nothing.
  virtual Progress run(std::span<const char> in, std::span<char> out, bool last) = 0;
};

}  // namespace core
