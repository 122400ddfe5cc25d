// One kernel operation, as a value that lives inside whoever wants its result.
// Knows the shapes of system calls; must not know FTP, sessions or which backend runs it.
// Every operation is completion-shaped: submit it, and later its callback runs once.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>

#include "io/address.hpp"

namespace io {

class BufferPool;
class Layer;
struct DirBatch;

/// Monotonic time in nanoseconds, from Backend::now(). Zero is some moment before the process.
using Time = std::int64_t;

inline constexpr Time microsecond = 1'000;
inline constexpr Time millisecond = 1'000'000;
inline constexpr Time second = 1'000'000'000;
/// A deadline that never comes.
inline constexpr Time never = INT64_MAX;

/// The closed set of what may be asked of the kernel.
enum class OpKind : std::uint8_t {
  accept,
  connect,
  recv,
  send,
  send_file,
  recv_file,
  poll,
  open_stream,
  end_stream,
  open,
  stat,
  read,
  write,
  allocate,
  sync,
  find_data,
  read_dir,
  make_dir,
  remove,
  rename,
  link,
  truncate,
  set_times,
  set_mode,
  space,
  symlink,
  copy,
  set_owner,
  read_link,
  lock,
  flush,
  close,
  call,
};
inline constexpr std::size_t op_kind_count = static_cast<std::size_t>(OpKind::call) + 1;

/// What an op on the offload threads belongs to: io/lanes.hpp has a queue and a cap for each.
enum class Lane : std::uint8_t {
  files,      ///< what blocks for a moment: names and directories, reads and writes
  passwords,  ///< verifications, which anybody can ask for
  pieces,     ///< of longer works: digests, copies, MODE Z
};
inline constexpr std::size_t lane_count = static_cast<std::size_t>(Lane::pieces) + 1;

/// The name of a kind, for logs and test output.
const char* to_string(OpKind kind);

// ---- What an op has done that did not do all ----
//
// A result of 0 or more is exact, cancelled or not: so much was done and no more. It may be less than was asked for;
// the rest takes another op. Of a negative result, by kind:
//
//   kind                        -ECANCELED               any other error
//   accept, poll                nothing was done         nothing was done
//   connect                     unknown: the socket can only be closed, with both
//   recv                        nothing was taken        nothing was taken; nothing more will come
//   send                        nothing was sent (1)     an unknown part was sent; nothing more can be
//   send_file                   as send                  as send, or with file_failed: nothing was sent
//   recv_file                   nothing was taken        as recv, or with file_failed: octets were taken that are not
//   in
//                                                        the file, and the stream is of no use
//   open_stream, end_stream     the stream is broken     the stream is broken
//   kinds that read files       nothing was done         nothing; what was to be filled holds anything
//   kinds that change files     nothing was done (2)     unknown, but no more than what was asked for
//   call                        it was not begun         its own
//   close                       (is not cancelled)       the descriptor is gone
//
// (1) Through a layer, octets may be on their way in another form. If some are, the stream is broken: how much of it
//     arrives is unknown, and none of it counts as sent.
// (2) A file system that can be interrupted (FUSE, NFS) may have done it.
//
// On a broken stream a layer ends each later op with an error. Only closing the connection is left.

/// Storage for one operation: arguments, result and whom to tell.
///
/// Embedded in its owner, neither copied nor moved, allocates nothing. From submit() until its
/// callback runs, the op and every octet it points to belong to the backend. It completes exactly
/// once, cancelled or not; before the callback runs the op is idle again, so the callback may
/// prepare and submit it anew.
class Op {
 public:
  enum class State : std::uint8_t { idle, in_flight, ready };

  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  ~Op() { assert(idle()); }

  /// Whom to tell: `op.bind<&Session::on_recv_done>(session)`.
  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    callback_ = [](void* to, Op& op) { (static_cast<Owner*>(to)->*Method)(op); };
  }

  bool idle() const { return state == State::idle; }

  // ---- Sockets. Results: a count or descriptor, or a negative errno. ----

  /// Takes one connection. Result: its descriptor (non-blocking, close-on-exec); `address` is the peer.
  void accept(int listener);
  /// Connects a socket from Backend::open_socket. Result: 0.
  void connect(int socket, const Address& to);
  /// Receives up to into.size() octets. Result: octets, 0 at the end of the stream.
  void recv(int socket, std::span<char> into);
  /// The same, but the buffer is borrowed from `pool` only when octets are there; when the result
  /// is above 0, data() holds them and the owner gives the buffer back. Idle connections need none.
  /// -ENOBUFS when the pool is empty: wait until it is not, and submit again.
  void recv_lent(int socket, BufferPool& pool);
  /// Sends from.size() octets or fewer. Result: octets sent.
  void send(int socket, std::span<const char> from);
  /// Moves up to `count` octets of a file to a socket. Result: octets, 0 at the end of the file. `closes`: when all
  /// `count` are moved the owner closes the connection at once, and few octets may travel with its FIN.
  void send_file(int socket, int file, std::int64_t offset, std::size_t count, bool closes = false);
  /// Moves up to `count` octets from a socket into a file. Result: octets, 0 at the end of the stream.
  /// An error of the file (ENOSPC, EIO, …) sets `file_failed`, and `length` is how many octets had come; any other
  /// error is the socket's. `appends`: the file was opened with O_APPEND, so that the octets go to the end that it has
  /// then, whatever the offset says; splice(2) refuses such files, and no pipe is tried.
  void recv_file(int socket, int file, std::int64_t offset, std::size_t count, bool appends = false);
  /// Waits until one of `events` (POLLIN, POLLOUT, POLLPRI) holds. Result: the events that do.
  void poll(int fd, short events);
  /// With a layer alone (`via`): agrees with the peer on the stream that recv, send, … then carry. Result: 0.
  void open_stream(int socket);
  /// With a layer alone: tells the peer that nothing follows in the stream. The connection stays. Result: 0.
  void end_stream(int socket);

  // ---- Files. Paths are relative to a directory descriptor and must outlive the op. ----

  /// openat2(2); `how` is copied. Result: the descriptor.
  void open(int directory, const char* path, const open_how& how);
  /// statx(2) with AT_* `flags` (AT_EMPTY_PATH and "" for the descriptor itself). Result: 0.
  void stat(int directory, const char* path, int flags, struct statx& out);
  /// pread(2). Result: octets, 0 at the end.
  void read(int file, std::span<char> into, std::int64_t offset);
  /// pwrite(2). Result: octets, maybe fewer than asked. A file opened with O_APPEND is written at its end.
  void write(int file, std::span<const char> from, std::int64_t offset);
  /// fallocate(2) with FALLOC_FL_* `mode`. Result: 0.
  void allocate(int file, int mode, std::int64_t offset, std::int64_t length);
  /// Sets space aside behind what a file holds, for what will be written there. Result: 0, or -EOPNOTSUPP where that
  /// gains nothing: on a file system that keeps files in memory.
  void reserve(int file, std::int64_t offset, std::int64_t length);
  /// fsync(2) of a file or directory; with `everything` syncfs(2) of the file system that it is on. Result: 0.
  void sync(int file, bool everything = false);
  /// The next run of data at or behind `from` (SEEK_DATA, SEEK_HOLE). Result: 0, and the run is `length` octets
  /// at `offset`; a length of 0: nothing but a hole follows.
  void find_data(int file, std::int64_t from);
  /// The next entries of an open directory, with their facts. Result: entries in the batch, 0 at the end.
  void read_dir(int directory, DirBatch& batch);
  /// mkdirat(2). Result: 0.
  void make_dir(int directory, const char* path, unsigned mode);
  /// unlinkat(2); AT_REMOVEDIR in `flags` removes a directory. Result: 0.
  /// `only`: an open file. What is removed must be a name of it, else nothing is and the result is -ESTALE.
  void remove(int directory, const char* path, int flags, int only = -1);
  /// renameat2(2). Result: 0.
  void rename(int from_directory, const char* from, int to_directory, const char* to, unsigned flags);
  /// linkat(2); AT_EMPTY_PATH publishes an O_TMPFILE descriptor. Result: 0.
  void link(int from_directory, const char* from, int to_directory, const char* to, int flags);
  /// ftruncate(2). Result: 0.
  void truncate(int file, std::int64_t length);
  /// utimensat(2) to `modified` (nanoseconds since 1970, UTC), access time untouched. Follows no link at the
  /// path's end; "" is the descriptor itself, O_PATH ones included. Result: 0.
  void set_times(int directory, const char* path, const timespec& modified);
  /// fchmodat(2). -EOPNOTSUPP for a link at the path's end; "" is the descriptor itself, O_PATH ones
  /// included. Result: 0.
  void set_mode(int directory, const char* path, unsigned mode);
  /// fstatfs(2). Result: 0, and `length` is how many octets an unprivileged user may still store where `file` is.
  void space(int file);
  /// symlinkat(2): `name` becomes a link with the text `target`. Result: 0.
  void symlink(const char* target, int directory, const char* name);
  /// copy_file_range(2), which shares blocks where the file system can; by reading and writing where that is not
  /// possible between these files. Result: octets, maybe fewer than asked; 0 at the end of `from`.
  void copy(int from, std::int64_t offset, int to, std::int64_t to_offset, std::size_t count);
  /// fchown(2). Result: 0.
  void set_owner(int file, unsigned owner, unsigned group);
  /// readlinkat(2). Result: octets of the link's text.
  void read_link(int directory, const char* path, std::span<char> into);
  /// flock(2), exclusive, without waiting for whoever has the lock (-EBUSY). It ends when the last
  /// descriptor of the open file is closed. Result: 0.
  void lock(int file);
  /// What close(2) does to a written file before the descriptor goes: some file systems write there (NFS), or tell
  /// only there what became of writes (FUSE). The descriptor stays open. Result: 0, or the error of close(2).
  void flush(int file);
  /// close(2). Result: 0. The descriptor is gone whatever the result says. `at_once`: it is known not to wait, being a
  /// socket or a file with a name that was only read.
  void close(int fd, bool at_once = false);
  /// Runs a blocking function on an offload thread, which must touch nothing but `argument`. Result: its result, or
  /// -EBUSY when too many wait in its lane already. `whose`: calls of one share, if it is not 0, wait behind those of
  /// others that have fewer waiting.
  void call(int (*function)(void*), void* argument, Lane lane = Lane::files, std::uint64_t whose = 0);

  /// What stands between the ops on this owner's socket and the backend; nullptr: nothing does. Stays as it is set.
  /// Ops on files go to the backend all the same.
  Layer* via = nullptr;

  // ---- What the owner reads in its callback. ----

  OpKind kind = OpKind::close;
  State state = State::idle;
  bool cancelled = false;    ///< cancel() was asked; the result may still be a success (see above)
  bool file_failed = false;  ///< send_file, recv_file: the error came from the file
  std::int32_t result = 0;   ///< the count or descriptor, or a negative errno
  char* data = nullptr;      ///< recv_lent: the borrowed buffer
  Address address;           ///< accept: the peer; connect: the target

  // ---- Arguments, written by the functions above and read by backends. ----

  int fd = -1;           ///< the socket, file or directory acted on
  int fd2 = -1;          ///< the second descriptor of send_file, recv_file, rename, link and copy; remove: `only`
  int flags = 0;         ///< AT_*, RENAME_*, FALLOC_FL_*, poll events, `closes`, `everything` or `at_once`, by kind
  bool ahead = false;    ///< allocate: it is reserve()
  bool appends = false;  ///< recv_file: see there
  Lane lane = Lane::files;
  std::uint64_t share = 0;    ///< call: `whose`
  unsigned mode = 0;          ///< permission bits
  unsigned uid = 0, gid = 0;  ///< set_owner
  std::size_t size = 0;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  timespec time{};
  const char* path = nullptr;
  const char* path2 = nullptr;
  open_how how{};
  union {
    BufferPool* pool = nullptr;
    struct statx* stat_out;
    DirBatch* batch;
    int (*function)(void*);
  };
  void* argument = nullptr;

  // ---- The backend's own, and the link of the list the op stands in. ----

  Op* next = nullptr;
  Op* previous = nullptr;
  std::uint64_t backend_word = 0;
  std::uint64_t turn = 0;  ///< of the lanes

  /// Runs the callback. Only the reactor's ready queue calls this.
  void complete() { callback_(owner_, *this); }

 private:
  void prepare(OpKind as, int on);

  void* owner_ = nullptr;
  void (*callback_)(void*, Op&) = nullptr;
};

/// True for the kinds that a layer takes: those that carry a stream's octets, or begin and end it.
constexpr bool on_stream(OpKind kind) {
  return (kind >= OpKind::recv && kind <= OpKind::recv_file) || kind == OpKind::open_stream ||
         kind == OpKind::end_stream;
}

/// What changes octets on their way between ops and a socket, as encryption does. It is handed each op whose `via` it
/// is, in flight, and ends it once by Reactor::finish(), or passes it on unchanged by Reactor::pass_on(). Its own ops
/// are in flight only while one that it was handed is: whoever joins those has joined the layer.
class Layer {
 public:
  virtual ~Layer() = default;
  virtual void submit(Op& op) = 0;
  /// As Backend::cancel.
  virtual void cancel(Op& op) = 0;
};

/// A first-in first-out list of ops, linked through the ops themselves.
class OpList {
 public:
  bool empty() const { return head_ == nullptr; }
  Op* front() const { return head_; }
  Op* back() const { return tail_; }
  void push_back(Op& op) { insert(nullptr, op); }
  /// Before one that is here, or with nullptr at the end.
  void insert(Op* before, Op& op);
  Op* pop_front();
  void remove(Op& op);
  /// Moves all of `other` behind what is here.
  void splice(OpList& other);

 private:
  Op* head_ = nullptr;
  Op* tail_ = nullptr;
};

}  // namespace io
