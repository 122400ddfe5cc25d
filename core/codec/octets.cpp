// Runs of octets by memchr, memcpy and table. Knows no TYPE, STRU or MODE.
#include "core/codec/octets.hpp"

#include <algorithm>
#include <cstring>

namespace core {

// memchr and memcpy want pointers, even for nothing: an empty span may have none.

std::size_t find(std::span<const char> octets, char wanted) {
  if (octets.empty()) return 0;
  const void* const found = std::memchr(octets.data(), wanted, octets.size());
  return found == nullptr ? octets.size() : static_cast<std::size_t>(static_cast<const char*>(found) - octets.data());
}

std::size_t copy(std::span<const char> in, std::span<char> out) {
  const std::size_t size = std::min(in.size(), out.size());
  if (size > 0) std::memcpy(out.data(), in.data(), size);
  return size;
}

std::size_t copy_until(char stop, std::span<const char> in, std::span<char> out) {
  const auto reach = in.first(std::min(in.size(), out.size()));
  return copy(reach.first(find(reach, stop)), out);
}

std::size_t translate(const Table* table, std::span<const char> in, std::span<char> out) {
  if (table == nullptr) return copy(in, out);
  const std::size_t size = std::min(in.size(), out.size());
  std::transform(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(size), out.begin(),
                 [&table](char c) { return (*table)[octet(c)]; });
  return size;
}

}  // namespace core
