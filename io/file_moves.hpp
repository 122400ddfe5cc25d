// The steps of send_file and recv_file, each one system call or one blocking call for a thread.
// Knows page cache, pipes and how an op carries its progress; must not know readiness or who runs a step.
#pragma once

#include <cstdint>
#include <span>

#include "io/op.hpp"
#include "io/pipe_pool.hpp"

namespace io {

/// The most octets that send_file looks at, and therefore moves, at a time.
inline constexpr std::size_t file_window = 1024 * 1024;

/// send_file of no more than this copies: below it, two short calls cost less than asking and sendfile(2).
inline constexpr std::size_t small_window = 16 * 1024;

// ---- send_file ----

/// True when the window's first and last octet are in memory, so that sendfile(2) waits for no disk.
bool is_hot(const Op& op);
/// One sendfile(2) of the window. Octets, 0 at the end of the file, -EAGAIN when the socket is full.
std::int32_t send_window(Op& op);
/// Sends a window of at most small_window octets by way of `scratch`. As send_window, and -ENODATA when they are not
/// in memory.
std::int32_t send_small(Op& op, std::span<char> scratch);
/// Reads the window into `scratch` to bring it into memory. 0 or a negative errno. Blocks.
std::int32_t warm_window(Op& op, std::span<char> scratch);

// ---- recv_file: octets ride in a pipe (op.argument) or, without one, in a buffer (op.data). ----

/// Moves octets from the socket into the empty pipe without waiting.
/// Octets, 0 at the end of the stream, -EAGAIN, -EINVAL when this socket cannot be spliced.
std::int32_t load_pipe(const Op& op, const Pipe& pipe);
/// The same into a buffer.
std::int32_t load_buffer(const Op& op, std::span<char> buffer);
/// Writes the op.length octets that were loaded to the file; sets op.file_failed on its errors. Blocks.
/// Octets, all of them, or a negative errno; then the pipe may still hold some.
std::int32_t unload(Op& op, std::span<char> scratch);

}  // namespace io
