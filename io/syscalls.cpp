// System calls, one a kind of op.
// Knows argument order and which errors mean "not yet"; must not know who waits or how.
#include "io/syscalls.hpp"

#include <linux/magic.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "io/beneath.hpp"
#include "io/buffer_pool.hpp"

namespace io {

namespace {

std::int32_t count_of(ssize_t result) { return static_cast<std::int32_t>(result); }

// A count must fit the result; the kernel itself moves at most this much a call.
constexpr std::size_t most_octets_a_call = 0x7ffff000;

std::size_t bounded(std::size_t size) { return size < most_octets_a_call ? size : most_octets_a_call; }

std::int32_t accept_one(Op& op) {
  op.mode = sizeof op.address;
  return retry([&] { return ::accept4(op.fd, &op.address.any, &op.mode, SOCK_NONBLOCK | SOCK_CLOEXEC); });
}

// Asked again once the socket is writable, connect(2) tells the outcome: 0 or the error.
std::int32_t connect_to(Op& op) {
  const int result = retry([&] { return ::connect(op.fd, &op.address.any, op.address.length()); });
  return result == -EINPROGRESS || result == -EALREADY ? -EAGAIN : result;
}

std::int32_t recv_into(Op& op, char* into, std::size_t size, int flags = 0) {
  return count_of(retry([&] { return ::recv(op.fd, into, size, flags | MSG_DONTWAIT); }));
}

std::int32_t recv_borrowing(Op& op) {
  char* buffer = op.pool->borrow();
  if (buffer == nullptr) {  // octets must wait, but the end of the stream and errors need no buffer
    char octet;
    const std::int32_t result = recv_into(op, &octet, 1, MSG_PEEK);
    return result > 0 ? -ENOBUFS : result;
  }
  const std::int32_t result = recv_into(op, buffer, op.pool->buffer_size());
  if (result > 0) {
    op.data = buffer;
  } else {
    op.pool->give_back(buffer);
  }
  return result;
}

std::int32_t poll_once(Op& op) {
  if (op.fd < 0) return -EBADF;  // poll(2) would ignore it
  pollfd asked{op.fd, static_cast<short>(op.flags), 0};
  const int result = retry([&] { return ::poll(&asked, 1, 0); });
  if (result < 0) return result;
  if ((asked.revents & POLLNVAL) != 0) return -EBADF;
  return asked.revents != 0 ? asked.revents : -EAGAIN;
}

// Without CAP_DAC_READ_SEARCH a file without a name gets one by way of /proc alone: it had better not be made where
// that is missing, as its bytes would be lost.
bool can_name_files() {
  static const bool can = ::access("/proc/self/fd", X_OK) == 0;
  return can;
}

std::int32_t open_below(const Op& op) {
  if ((op.how.flags & O_TMPFILE) == O_TMPFILE && !can_name_files()) return -EOPNOTSUPP;
  return open_beneath(op.fd, op.path, op.how);
}

std::array<char, 32> descriptor_path(int fd) {
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
  return path;
}

// Without CAP_DAC_READ_SEARCH only the way through /proc may link a descriptor.
std::int32_t link_names(Op& op) {
  const auto as = [&](int directory, const char* from, int flags) {
    return retry([&] { return ::linkat(directory, from, op.fd2, op.path2, flags); });
  };
  const int result = as(op.fd, op.path, op.flags);
  if (result != -ENOENT || (op.flags & AT_EMPTY_PATH) == 0 || *op.path != '\0') return result;
  return as(AT_FDCWD, descriptor_path(op.fd).data(), AT_SYMLINK_FOLLOW);
}

std::int32_t set_modified(Op& op) {
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, op.time};
  const int flags = *op.path == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
  return retry([&] { return ::utimensat(op.fd, op.path, times.data(), flags); });
}

std::int32_t set_permissions(Op& op) {
  if (*op.path != '\0') return retry([&] { return ::fchmodat(op.fd, op.path, op.mode, AT_SYMLINK_NOFOLLOW); });
  const int result = retry([&] { return ::fchmod(op.fd, op.mode); });
  if (result != -EBADF) return result;  // O_PATH descriptors give EBADF
  return retry([&] { return ::chmod(descriptor_path(op.fd).data(), op.mode); });
}

std::int32_t find_data_run(Op& op) {
  const off_t data = ::lseek(op.fd, op.offset, SEEK_DATA);
  if (data < 0) return errno == ENXIO ? 0 : -errno;  // `length` is 0: only a hole is left
  const off_t hole = ::lseek(op.fd, data, SEEK_HOLE);
  if (hole < 0) return -errno;
  op.offset = data;
  op.length = hole - data;
  return 0;
}

std::int32_t space_left(Op& op) {
  struct statfs system{};
  const int result = retry([&] { return ::fstatfs(op.fd, &system); });
  const auto unit = static_cast<std::uint64_t>(system.f_frsize > 0 ? system.f_frsize : system.f_bsize);
  // A file system that counts nothing may say more than fits.
  const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) / std::max<std::uint64_t>(unit, 1);
  op.length = static_cast<std::int64_t>(std::min<std::uint64_t>(system.f_bavail, most) * unit);
  return result;
}

// Between file systems that cannot share the work. What was written before an error counts.
std::int32_t copy_by_hand(const Op& op) {
  constexpr std::size_t buffer_size = 128 * 1024;
  const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_size);
  std::size_t copied = 0;
  while (copied < bounded(op.size)) {
    const auto done = static_cast<off_t>(copied);
    const std::size_t wanted = std::min(buffer_size, bounded(op.size) - copied);
    const ssize_t in = retry([&] { return ::pread(op.fd, buffer.get(), wanted, op.offset + done); });
    const ssize_t out =
        in <= 0 ? in
                : retry([&] { return ::pwrite(op.fd2, buffer.get(), static_cast<std::size_t>(in), op.length + done); });
    if (out <= 0) return copied > 0 ? static_cast<std::int32_t>(copied) : static_cast<std::int32_t>(out);
    copied += static_cast<std::size_t>(out);
  }
  return static_cast<std::int32_t>(copied);
}

std::int32_t copy_octets(const Op& op) {
  off64_t from = op.offset, to = op.length;
  const auto copied = retry([&] { return ::copy_file_range(op.fd, &from, op.fd2, &to, bounded(op.size), 0); });
  switch (copied) {
    case -EXDEV:
    case -EINVAL:
    case -EOPNOTSUPP:
    case -ENOSYS: return copy_by_hand(op);
    default: return static_cast<std::int32_t>(copied);
  }
}

// What the names on the way and their inodes are in memory for. Making a file always waits for a journal.
std::int32_t open_cached(const Op& op) {
  if ((op.how.flags & O_CREAT) != 0) return -EAGAIN;
  open_how how = op.how;
  how.resolve |= RESOLVE_CACHED;
  const std::int32_t result = open_beneath(op.fd, op.path, how);
  return result == -EINVAL ? -EAGAIN : result;  // a kernel before 5.12 does not know the flag
}

// An open file's inode is in memory; of what is far away the last known is told.
std::int32_t stat_open(const Op& op) {
  if (*op.path != '\0') return -EAGAIN;
  const int flags = op.flags | AT_STATX_DONT_SYNC;
  return retry([&] { return ::statx(op.fd, "", flags, wanted_facts, op.stat_out); });
}

std::int32_t allocate(const Op& op) {
  if (op.ahead && in_memory(op.fd)) return -EOPNOTSUPP;
  return retry([&] { return ::fallocate(op.fd, op.flags, op.offset, op.length); });
}

// Closing what was written may write it back, and the last close of what has no name any more frees its blocks.
bool closes_at_once(int fd) {
  struct stat facts;
  if (::fstat(fd, &facts) != 0) return true;  // EBADF, which close(2) will say as well
  if (S_ISDIR(facts.st_mode)) return facts.st_nlink > 0;
  if (!S_ISREG(facts.st_mode)) return true;
  return facts.st_nlink > 0 && (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

// A name that is given to another file between the two calls is removed all the same: the kernel has no call that
// compares. No other call of ours stands between them, so that it takes a rename in these microseconds.
std::int32_t remove_name(const Op& op) {
  if (op.fd2 >= 0) {
    struct stat open{}, named{};
    const int known = retry([&] { return ::fstat(op.fd2, &open); });
    const int found = retry([&] { return ::fstatat(op.fd, op.path, &named, AT_SYMLINK_NOFOLLOW); });
    if (known < 0 || found < 0) return known < 0 ? known : found;
    if (open.st_dev != named.st_dev || open.st_ino != named.st_ino) return -ESTALE;
  }
  return retry([&] { return ::unlinkat(op.fd, op.path, op.flags); });
}

std::int32_t read_link_text(const Op& op) {
  return count_of(retry([&] { return ::readlinkat(op.fd, op.path, op.data, op.size); }));
}

std::int32_t lock_file(const Op& op) {
  const int result = retry([&] { return ::flock(op.fd, LOCK_EX | LOCK_NB); });
  return result == -EWOULDBLOCK ? -EBUSY : result;
}

// The file systems of local disks and memory do nothing when a descriptor is closed (they have no f_op->flush).
bool closing_does_nothing(int file) {
  constexpr std::int64_t btrfs = 0x9123683E, xfs = 0x58465342;
  struct statfs system{};
  if (::fstatfs(file, &system) != 0) return false;
  const std::int64_t type = system.f_type;
  return type == EXT4_SUPER_MAGIC || type == xfs || type == btrfs || type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

// Every close(2) of a descriptor does what the last one does, and tells the same errors. Where there is no descriptor
// left, fsync(2) tells what became of the writes.
std::int32_t flush_file(const Op& op) {
  if (closing_does_nothing(op.fd)) return 0;
  const int copy = retry([&] { return ::fcntl(op.fd, F_DUPFD_CLOEXEC, 0); });
  if (copy < 0) return copy == -EMFILE ? retry([&] { return ::fsync(op.fd); }) : copy;
  return ::close(copy) == 0 || errno == EINTR ? 0 : -errno;
}

// Not again after EINTR: the descriptor is gone, and its number may be another's by now.
std::int32_t close_once(Op& op) { return ::close(op.fd) == 0 || errno == EINTR ? 0 : -errno; }

}  // namespace

short wanted_events(const Op& op) {
  switch (op.kind) {
    case OpKind::accept:
    case OpKind::recv:
    case OpKind::recv_file: return POLLIN;
    case OpKind::connect:
    case OpKind::send:
    case OpKind::send_file: return POLLOUT;
    case OpKind::poll: return static_cast<short>(op.flags);
    default: return 0;
  }
}

bool is_blocking(OpKind kind) { return kind >= OpKind::open; }

std::int32_t attempt(Op& op) {
  switch (op.kind) {
    case OpKind::accept: return accept_one(op);
    case OpKind::connect: return connect_to(op);
    case OpKind::recv: return op.pool != nullptr ? recv_borrowing(op) : recv_into(op, op.data, bounded(op.size));
    case OpKind::send:
      return count_of(retry([&] { return ::send(op.fd, op.data, bounded(op.size), MSG_DONTWAIT | MSG_NOSIGNAL); }));
    case OpKind::poll: return poll_once(op);
    default: assert(false && "not a socket kind"); return -EINVAL;
  }
}

std::int32_t attempt_on_file(Op& op) {
  switch (op.kind) {
    case OpKind::open: return open_cached(op);
    case OpKind::stat: return stat_open(op);
    case OpKind::read: return read_cached(op.fd, {op.data, bounded(op.size)}, op.offset);
    case OpKind::flush: return closing_does_nothing(op.fd) ? 0 : -EAGAIN;
    case OpKind::close: return op.flags != 0 || closes_at_once(op.fd) ? close_once(op) : -EAGAIN;
    default: return -EAGAIN;
  }
}

bool in_memory(int file) {
  struct statfs system{};
  if (::fstatfs(file, &system) != 0) return false;
  return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

std::int32_t read_nowait(int file, std::span<char> into, std::int64_t offset) {
  const iovec where{into.data(), into.size()};
  const auto result = count_of(retry([&] { return ::preadv2(file, &where, 1, offset, RWF_NOWAIT); }));
  return result == -ENOSYS || result == -EPERM ? -EOPNOTSUPP : result;  // old kernels and sandboxes
}

std::int32_t read_cached(int file, std::span<char> into, std::int64_t offset) {
  const std::int32_t result = read_nowait(file, into, offset);
  if (result != -EOPNOTSUPP) return result;
  if (!in_memory(file)) return -EAGAIN;
  return count_of(retry([&] { return ::pread(file, into.data(), into.size(), offset); }));
}

std::int64_t voluntary_switches() {
  rusage usage{};
  return ::getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

std::int32_t perform(Op& op) {
  switch (op.kind) {
    case OpKind::open: return open_below(op);
    case OpKind::stat: return retry([&] { return ::statx(op.fd, op.path, op.flags, wanted_facts, op.stat_out); });
    case OpKind::read: return count_of(retry([&] { return ::pread(op.fd, op.data, bounded(op.size), op.offset); }));
    case OpKind::write: return count_of(retry([&] { return ::pwrite(op.fd, op.data, bounded(op.size), op.offset); }));
    case OpKind::allocate: return allocate(op);
    case OpKind::sync: return retry([&] { return op.flags != 0 ? ::syncfs(op.fd) : ::fsync(op.fd); });
    case OpKind::find_data: return find_data_run(op);
    case OpKind::read_dir: return fill_batch(op.fd, *op.batch);
    case OpKind::make_dir: return retry([&] { return ::mkdirat(op.fd, op.path, op.mode); });
    case OpKind::remove: return remove_name(op);
    case OpKind::rename:
      return retry([&] { return ::renameat2(op.fd, op.path, op.fd2, op.path2, static_cast<unsigned>(op.flags)); });
    case OpKind::link: return link_names(op);
    case OpKind::truncate: return retry([&] { return ::ftruncate(op.fd, op.length); });
    case OpKind::set_times: return set_modified(op);
    case OpKind::set_mode: return set_permissions(op);
    case OpKind::space: return space_left(op);
    case OpKind::symlink: return retry([&] { return ::symlinkat(op.path, op.fd, op.path2); });
    case OpKind::copy: return copy_octets(op);
    case OpKind::set_owner: return retry([&] { return ::fchown(op.fd, op.uid, op.gid); });
    case OpKind::read_link: return read_link_text(op);
    case OpKind::lock: return lock_file(op);
    case OpKind::flush: return flush_file(op);
    case OpKind::close: return close_once(op);
    case OpKind::call: return op.function(op.argument);
    default: assert(false && "not a blocking kind"); return -EINVAL;
  }
}

}  // namespace io
