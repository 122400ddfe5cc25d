// The one place where an Op becomes a system call.
// Knows each kind's call and its errors; must not know rings, readiness, threads or lists.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "io/op.hpp"

namespace io {

/// What is asked of an object.
inline constexpr unsigned wanted_facts = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;

/// Runs a system call again for as long as signals interrupt it. Its result, or a negative errno.
template <typename Call>
auto retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

/// accept, connect, recv, send, poll: tries without waiting.
/// The op's result, or -EAGAIN: wait for wanted_events(op) and try again.
std::int32_t attempt(Op& op);

/// The kinds on files: does without waiting what the kernel can do from memory alone.
/// The op's result, or -EAGAIN: it may have to wait for a disk.
std::int32_t attempt_on_file(Op& op);

/// True when the file's system keeps it in memory alone, so that its octets wait for no disk.
bool in_memory(int file);

/// preadv2(2) with RWF_NOWAIT. Octets, 0 at the end of the file, -EAGAIN when the first of them is not in memory, or
/// -EOPNOTSUPP: nobody can know.
std::int32_t read_nowait(int file, std::span<char> into, std::int64_t offset);

/// pread(2) of what is in memory. Octets, 0 at the end of the file, -EAGAIN when the first of them is not, or when
/// nobody can know.
std::int32_t read_cached(int file, std::span<char> into, std::int64_t offset);

/// How often this thread has waited in the kernel.
std::int64_t voluntary_switches();

/// The poll(2) events after which another attempt makes sense; 0 for kinds that wait for no descriptor.
short wanted_events(const Op& op);

/// The kinds on files, and call: runs the blocking call. For offload threads; touches nothing but
/// the op and what it points to.
std::int32_t perform(Op& op);

/// True for the kinds that perform() takes.
bool is_blocking(OpKind kind);

/// The next getdents64(2) batch of `directory`, with facts when wanted.
/// Entries in the batch, 0 at the end, or a negative errno. Blocks.
std::int32_t fill_batch(int directory, DirBatch& batch);

}  // namespace io
