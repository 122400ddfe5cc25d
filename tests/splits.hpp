// How stream parsers are tested: the same octets whole, one at a time, split at every point and at
// random, each piece on a heap block of its exact size so that ASan sees a read behind it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tests/sim/random.hpp"

namespace tests {

/// A copy of exactly that size on the heap.
class Exact {
 public:
  explicit Exact(std::string_view octets) : octets_(new char[octets.size()]), size_(octets.size()) {
    std::ranges::copy(octets, octets_.get());
  }
  std::string_view view() const { return {octets_.get(), size_}; }
  std::span<const char> span() const { return {octets_.get(), size_}; }

 private:
  std::unique_ptr<char[]> octets_;
  std::size_t size_;
};

using Pieces = std::vector<std::string_view>;

/// Calls run(pieces) with the octets whole, then one at a time, then in two at every point.
template <typename Run>
void for_each_split(std::string_view octets, Run run) {
  run(Pieces{octets});
  Pieces singles;
  for (std::size_t at = 0; at < octets.size(); ++at) singles.push_back(octets.substr(at, 1));
  run(singles);
  for (std::size_t at = 1; at < octets.size(); ++at) run(Pieces{octets.substr(0, at), octets.substr(at)});
}

/// Pieces of random sizes up to `most`.
inline Pieces random_pieces(sim::Random& random, std::string_view octets, std::size_t most) {
  Pieces pieces;
  while (!octets.empty()) {
    const std::string_view piece = octets.substr(0, 1 + random.below(most));
    pieces.push_back(piece);
    octets.remove_prefix(piece.size());
  }
  return pieces;
}

}  // namespace tests
