// What every fuzz target needs: its input as text, and an end that libFuzzer notices. `make fuzz` runs them all.
// A target knows one parser of core/ and what must hold of it for any octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes one octet off the front; 0 when none is left.
inline std::uint8_t take_octet(std::string_view& text) {
  if (text.empty()) return 0;
  const auto octet = static_cast<std::uint8_t>(text.front());
  text.remove_prefix(1);
  return octet;
}

}  // namespace fuzz
