// The writers of Op's arguments, one a kind, and the list that ops stand in.
// Knows which argument goes into which member; must not know who reads it, nor make a system call.
#include "io/op.hpp"

#include <array>

namespace io {

namespace {

constexpr std::array<const char*, op_kind_count> kind_names = {
    "accept",    "connect",   "recv", "send",     "send_file", "recv_file", "poll",      "open_stream", "end_stream",
    "open",      "stat",      "read", "write",    "allocate",  "sync",      "find_data", "read_dir",    "make_dir",
    "remove",    "rename",    "link", "truncate", "set_times", "set_mode",  "space",     "symlink",     "copy",
    "set_owner", "read_link", "lock", "flush",    "close",     "call",
};
static_assert(kind_names.back() != nullptr, "a name for each kind");

}  // namespace

const char* to_string(OpKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

void Op::prepare(OpKind as, int on) {
  assert(idle());
  kind = as;
  cancelled = false;
  file_failed = false;
  ahead = false;
  appends = false;
  lane = Lane::files;
  share = 0;
  result = 0;
  data = nullptr;
  fd = on;
  fd2 = -1;
  flags = 0;
  mode = 0;
  size = 0;
  offset = 0;
  length = 0;
  path = nullptr;
  path2 = nullptr;
  pool = nullptr;
  argument = nullptr;
  backend_word = 0;
}

void Op::accept(int listener) { prepare(OpKind::accept, listener); }

void Op::connect(int socket, const Address& to) {
  prepare(OpKind::connect, socket);
  address = to;
}

void Op::recv(int socket, std::span<char> into) {
  assert(!into.empty());  // its result 0 could not be told from the end of the stream
  prepare(OpKind::recv, socket);
  data = into.data();
  size = into.size();
}

void Op::recv_lent(int socket, BufferPool& from) {
  prepare(OpKind::recv, socket);
  pool = &from;
}

void Op::send(int socket, std::span<const char> from) {
  prepare(OpKind::send, socket);
  data = const_cast<char*>(from.data());  // only read
  size = from.size();
}

void Op::send_file(int socket, int file, std::int64_t at, std::size_t count, bool closes) {
  assert(count > 0);
  prepare(OpKind::send_file, socket);
  flags = closes ? 1 : 0;
  fd2 = file;
  offset = at;
  size = count;
}

void Op::recv_file(int socket, int file, std::int64_t at, std::size_t count, bool at_end) {
  assert(count > 0);
  prepare(OpKind::recv_file, socket);
  appends = at_end;
  fd2 = file;
  offset = at;
  size = count;
}

void Op::poll(int descriptor, short events) {
  prepare(OpKind::poll, descriptor);
  flags = events;
}

void Op::open_stream(int socket) { prepare(OpKind::open_stream, socket); }

void Op::end_stream(int socket) { prepare(OpKind::end_stream, socket); }

void Op::open(int directory, const char* name, const open_how& as) {
  prepare(OpKind::open, directory);
  path = name;
  how = as;
}

void Op::stat(int directory, const char* name, int at_flags, struct statx& out) {
  prepare(OpKind::stat, directory);
  path = name;
  flags = at_flags;
  stat_out = &out;
}

void Op::read(int file, std::span<char> into, std::int64_t at) {
  prepare(OpKind::read, file);
  data = into.data();
  size = into.size();
  offset = at;
}

void Op::write(int file, std::span<const char> from, std::int64_t at) {
  prepare(OpKind::write, file);
  data = const_cast<char*>(from.data());  // only read
  size = from.size();
  offset = at;
}

void Op::allocate(int file, int falloc_mode, std::int64_t at, std::int64_t octets) {
  prepare(OpKind::allocate, file);
  flags = falloc_mode;
  offset = at;
  length = octets;
}

void Op::reserve(int file, std::int64_t at, std::int64_t count) {
  allocate(file, FALLOC_FL_KEEP_SIZE, at, count);
  ahead = true;
}

void Op::sync(int file, bool everything) {
  prepare(OpKind::sync, file);
  flags = everything ? 1 : 0;
}

void Op::find_data(int file, std::int64_t from) {
  prepare(OpKind::find_data, file);
  offset = from;
}

void Op::read_dir(int directory, DirBatch& into) {
  prepare(OpKind::read_dir, directory);
  batch = &into;
}

void Op::make_dir(int directory, const char* name, unsigned permissions) {
  prepare(OpKind::make_dir, directory);
  path = name;
  mode = permissions;
}

void Op::remove(int directory, const char* name, int at_flags, int only) {
  prepare(OpKind::remove, directory);
  path = name;
  flags = at_flags;
  fd2 = only;
}

void Op::rename(int from_directory, const char* from, int to_directory, const char* to, unsigned rename_flags) {
  prepare(OpKind::rename, from_directory);
  path = from;
  fd2 = to_directory;
  path2 = to;
  flags = static_cast<int>(rename_flags);
}

void Op::link(int from_directory, const char* from, int to_directory, const char* to, int at_flags) {
  prepare(OpKind::link, from_directory);
  path = from;
  fd2 = to_directory;
  path2 = to;
  flags = at_flags;
}

void Op::truncate(int file, std::int64_t octets) {
  prepare(OpKind::truncate, file);
  length = octets;
}

void Op::set_times(int directory, const char* name, const timespec& modified) {
  prepare(OpKind::set_times, directory);
  path = name;
  time = modified;
}

void Op::set_mode(int directory, const char* name, unsigned permissions) {
  prepare(OpKind::set_mode, directory);
  path = name;
  mode = permissions;
}

void Op::space(int file) { prepare(OpKind::space, file); }

void Op::symlink(const char* target, int directory, const char* name) {
  prepare(OpKind::symlink, directory);
  path = target;
  path2 = name;
}

void Op::copy(int from, std::int64_t at, int to, std::int64_t to_offset, std::size_t count) {
  assert(count > 0);
  prepare(OpKind::copy, from);
  lane = Lane::pieces;
  fd2 = to;
  offset = at;
  length = to_offset;
  size = count;
}

void Op::set_owner(int file, unsigned owner, unsigned group) {
  prepare(OpKind::set_owner, file);
  uid = owner;
  gid = group;
}

void Op::read_link(int directory, const char* name, std::span<char> into) {
  prepare(OpKind::read_link, directory);
  path = name;
  data = into.data();
  size = into.size();
}

void Op::lock(int file) { prepare(OpKind::lock, file); }

void Op::flush(int file) { prepare(OpKind::flush, file); }

void Op::close(int descriptor, bool at_once) {
  prepare(OpKind::close, descriptor);
  flags = at_once ? 1 : 0;
}

void Op::call(int (*to_run)(void*), void* with, Lane in, std::uint64_t whose) {
  prepare(OpKind::call, -1);
  lane = in;
  share = whose;
  function = to_run;
  argument = with;
}

void OpList::insert(Op* before, Op& op) {
  assert(op.next == nullptr && op.previous == nullptr && head_ != &op);
  op.next = before;
  op.previous = before != nullptr ? before->previous : tail_;
  (op.previous != nullptr ? op.previous->next : head_) = &op;
  (before != nullptr ? before->previous : tail_) = &op;
}

Op* OpList::pop_front() {
  Op* first = head_;
  if (first != nullptr) remove(*first);
  return first;
}

void OpList::remove(Op& op) {
  (op.previous != nullptr ? op.previous->next : head_) = op.next;
  (op.next != nullptr ? op.next->previous : tail_) = op.previous;
  op.next = op.previous = nullptr;
}

void OpList::splice(OpList& other) {
  if (other.empty()) return;
  other.head_->previous = tail_;
  (tail_ != nullptr ? tail_->next : head_) = other.head_;
  tail_ = other.tail_;
  other.head_ = other.tail_ = nullptr;
}

}  // namespace io
