// The steps of send_file and recv_file, each one system call or one blocking call for a thread.
// Knows page cache, pipes and how an op carries its progress; must not know readiness or who runs a step.
#pragma once

#include <cstdint>
#include <span>

#include "io/op.hpp"
#include "io/pipe_pool.hpp"

namespace io {

// ---- send_file ----

/// How many of the op's octets, from its first on, sendfile(2) can send without waiting for a disk: looks at the first
/// and last octet of each `step`.
std::size_t hot_octets(const Op& op, std::size_t step);
/// One sendfile(2) of at most `count` octets. Octets, 0 at the end of the file, -EAGAIN when the socket is full.
std::int32_t send_hot(Op& op, std::size_t count);
/// Sends the op's octets by way of `scratch`, which holds them all. As send_hot, and -ENODATA when they are not in
/// memory.
std::int32_t send_copied(Op& op, std::span<char> scratch);
/// Reads as much as `scratch` takes of the op's octets, to bring them into memory. Octets, 0 at the end of the file, or
/// a negative errno. Blocks.
std::int32_t warm(Op& op, std::span<char> scratch);

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
