// Every static limit of the protocol side, and how they relate. What a user may tune is in config.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace core::limits {

/// Octets of one command line without its CR LF: a pathname of PATH_MAX, a verb, a space, and room.
inline constexpr std::size_t command_line_max = 4352;
/// Octets of a pathname (PATH_MAX without its NUL) and of one name in it (NAME_MAX).
inline constexpr std::size_t path_max = 4095;
inline constexpr std::size_t name_max = 255;
/// Commands sent ahead are kept up to here; then reading stops until some are answered.
inline constexpr std::size_t input_pending_max = 16 * 1024;
/// Replies not yet taken by the peer; above this no further command is answered (a client that
/// reads no replies must not grow memory).
inline constexpr std::size_t replies_pending_max = 32 * 1024;
/// The largest file that is counted for SIZE and REST where it travels changed (TYPE A); past it SIZE gives 550.
inline constexpr std::uint64_t measured_file_max = 1ull << 30;
/// Digests of files that are remembered, in some 300 octets each.
inline constexpr std::size_t digests_kept = 4096;
/// Octets of a restart marker (RFC 959 3.5): what goes into one reply line.
inline constexpr std::size_t marker_max = 255;
/// Of a tree that is listed, measured or removed: octets of the names of directories still to be seen; measured: files
/// with further names that are remembered, so that none is counted twice; listed: directories one in another, and
/// entries of all of them. Past one of them it ends with 451; what is removed goes on without it, and ends with 450.
inline constexpr std::size_t tree_pending_max = 4 * 1024 * 1024;
inline constexpr std::size_t tree_links_max = 64 * 1024;
inline constexpr std::size_t tree_depth_max = 64;
inline constexpr std::size_t tree_entries_max = 2'000'000;
/// Longest text that a wildcard may have, and how many stars: matching stays cheap.
inline constexpr std::size_t glob_stars_max = 8;

/// Octets of a listing that are put in order at a time: a listing that nobody reads holds twice that.
inline constexpr std::size_t ordered_text_max = 256 * 1024;

static_assert(command_line_max > path_max + sizeof("SITE CHMOD 7777 "));
static_assert(input_pending_max >= 2 * command_line_max, "a whole line must fit behind a partial one");

}  // namespace core::limits
