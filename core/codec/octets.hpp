// What several codecs do with runs of octets: find, copy, translate. Knows no TYPE, STRU or MODE.
// Runs, not octets, so that memchr and memcpy do the work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace core {

/// One octet for each octet.
using Table = std::array<char, 256>;

constexpr std::uint8_t octet(char c) { return static_cast<std::uint8_t>(c); }

/// Where the first `wanted` stands; the size when there is none.
std::size_t find(std::span<const char> octets, char wanted);
/// Copies what there is and fits; returns how many.
std::size_t copy(std::span<const char> in, std::span<char> out);
/// The same up to the first `stop`, which is not copied.
std::size_t copy_until(char stop, std::span<const char> in, std::span<char> out);
/// The same by a table; nullptr: as they are.
std::size_t translate(const Table* table, std::span<const char> in, std::span<char> out);

}  // namespace core
