// When a file was modified, as any file system has it: nanoseconds since 1970 alone would begin in 1677 and end in
// 2262.
#pragma once

#include <compare>
#include <cstdint>

namespace core {

/// A moment in UTC. Ordered as moments are.
struct FileTime {
  static constexpr std::int64_t second_ns = 1'000'000'000;

  std::int64_t seconds = 0;       ///< since 1970, rounded down
  std::uint32_t nanoseconds = 0;  ///< behind that, less than a second

  constexpr FileTime() = default;
  constexpr FileTime(std::int64_t since_1970_s, std::uint32_t ns) : seconds(since_1970_s), nanoseconds(ns) {}
  /// Of nanoseconds since 1970, for moments near enough.
  constexpr FileTime(std::int64_t ns)
      : seconds(ns / second_ns - (ns % second_ns < 0 ? 1 : 0)),
        nanoseconds(static_cast<std::uint32_t>(ns % second_ns + (ns % second_ns < 0 ? second_ns : 0))) {}

  auto operator<=>(const FileTime&) const = default;
};

/// The years that replies can write with four digits, 0 to 9999 (RFC 3659 2.3). What lies outside shows as the nearest.
inline constexpr std::int64_t first_second = -62'167'219'200, last_second = 253'402'300'799;

}  // namespace core
