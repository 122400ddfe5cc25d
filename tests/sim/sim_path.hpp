// What path resolution and the calls share: permission bits and path arithmetic.
// Knows one node at a time; must not change any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/sim_files.hpp"

namespace sim {

inline constexpr unsigned want_read = 4;
inline constexpr unsigned want_write = 2;
inline constexpr unsigned want_search = 1;

/// Whether the owner may, by the first of the three groups of permission bits.
inline bool may(const Node& node, unsigned wanted) { return ((node.mode >> 6) & wanted) == wanted; }

/// The names between the slashes.
std::vector<std::string> split_path(std::string_view path);

}  // namespace sim
