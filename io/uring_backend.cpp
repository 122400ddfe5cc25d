// Ops on io_uring: one submission an op, one call into the kernel a turn.
// Knows rings, opcodes and what the probe said; must not know what an op's steps are.
#include <liburing.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "io/beneath.hpp"
#include "io/kernel_backend.hpp"
#include "io/syscalls.hpp"

namespace io {

namespace {

// What stands in a completion's user_data besides the address of an op.
constexpr std::uint64_t nobody = 0;         // the completion of a cancel request
constexpr std::uint64_t offload_event = 1;  // offload threads have finished something

/// How a kind is put into a submission. Kinds without a row, or whose opcode this kernel lacks, go the way
/// of KernelBackend::advance: an attempt and readiness for sockets, the offload threads for files.
struct Native {
  OpKind kind;
  int opcode;
  void (*prepare)(io_uring_sqe* sqe, Op& op);
};

unsigned bounded(std::size_t size) { return static_cast<unsigned>(std::min<std::size_t>(size, 0x7ffff000)); }

void prepare_accept(io_uring_sqe* sqe, Op& op) {
  op.mode = sizeof op.address;
  io_uring_prep_accept(sqe, op.fd, &op.address.any, &op.mode, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

constexpr std::array natives = {
    Native{OpKind::accept, IORING_OP_ACCEPT, prepare_accept},
    Native{OpKind::connect, IORING_OP_CONNECT,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_connect(sqe, op.fd, &op.address.any, op.address.length()); }},
    Native{OpKind::recv, IORING_OP_RECV,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_recv(sqe, op.fd, op.data, bounded(op.size), 0); }},
    Native{OpKind::send, IORING_OP_SEND,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_send(sqe, op.fd, op.data, bounded(op.size), MSG_NOSIGNAL); }},
    Native{
        OpKind::poll, IORING_OP_POLL_ADD,
        [](io_uring_sqe* sqe, Op& op) { io_uring_prep_poll_add(sqe, op.fd, static_cast<unsigned short>(op.flags)); }},
    Native{OpKind::open, IORING_OP_OPENAT2,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_openat2(sqe, op.fd, op.path, &op.how); }},
    Native{OpKind::stat, IORING_OP_STATX,
           [](io_uring_sqe* sqe, Op& op) {
             io_uring_prep_statx(sqe, op.fd, op.path, op.flags, wanted_facts, op.stat_out);
           }},
    Native{OpKind::read, IORING_OP_READ,
           [](io_uring_sqe* sqe, Op& op) {
             io_uring_prep_read(sqe, op.fd, op.data, bounded(op.size), static_cast<std::uint64_t>(op.offset));
           }},
    Native{OpKind::write, IORING_OP_WRITE,
           [](io_uring_sqe* sqe, Op& op) {
             io_uring_prep_write(sqe, op.fd, op.data, bounded(op.size), static_cast<std::uint64_t>(op.offset));
           }},
    Native{OpKind::allocate, IORING_OP_FALLOCATE,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_fallocate(sqe, op.fd, op.flags, op.offset, op.length); }},
    Native{OpKind::sync, IORING_OP_FSYNC, [](io_uring_sqe* sqe, Op& op) { io_uring_prep_fsync(sqe, op.fd, 0); }},
    Native{OpKind::make_dir, IORING_OP_MKDIRAT,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_mkdirat(sqe, op.fd, op.path, op.mode); }},
    Native{OpKind::remove, IORING_OP_UNLINKAT,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_unlinkat(sqe, op.fd, op.path, op.flags); }},
    Native{OpKind::rename, IORING_OP_RENAMEAT,
           [](io_uring_sqe* sqe, Op& op) {
             io_uring_prep_renameat(sqe, op.fd, op.path, op.fd2, op.path2, static_cast<unsigned>(op.flags));
           }},
    Native{OpKind::link, IORING_OP_LINKAT,
           [](io_uring_sqe* sqe, Op& op) { io_uring_prep_linkat(sqe, op.fd, op.path, op.fd2, op.path2, op.flags); }},
    Native{OpKind::close, IORING_OP_CLOSE, [](io_uring_sqe* sqe, Op& op) { io_uring_prep_close(sqe, op.fd); }},
};

// The kernel's POLL_ADD is not woken for POLLPRI alone (its wake-up looks at the other events only).
// Sockets wake with POLLRDBAND whenever octets come, and never have it otherwise; the attempt that
// follows tells whether they are urgent.
unsigned waking_events(const Op& op) {
  const unsigned wanted = static_cast<unsigned short>(wanted_events(op));
  return (wanted & POLLPRI) != 0 ? wanted | POLLRDBAND : wanted;
}

class UringBackend final : public KernelBackend {
 public:
  explicit UringBackend(const BackendOptions& options) : KernelBackend(options) {}
  ~UringBackend() override;

  /// Makes and probes the ring. Empty, or a sentence that says what is missing.
  std::string open_ring(unsigned entries);
  bool can_offload() const { return offload_.event_fd() >= 0; }

  std::string_view name() const override { return "io_uring"; }
  void submit(Op& op) override;
  void wait(Time deadline, OpList& ready) override;

 private:
  void park(Op& op) override;
  bool stop(Op& op) override;

  int set_up(unsigned entries, unsigned flags);
  std::string probe();
  const Native* native_for(const Op& op) const;
  void enqueue(Op& op, Place place);
  io_uring_sqe* next_entry();
  void issue_cancels();
  void issue();
  int submit_and_wait(Time deadline);
  unsigned reap();
  void on_completion(Op& op, std::int32_t result);

  io_uring ring_{};
  bool has_ring_ = false;
  bool offload_watched_ = false;
  std::array<const Native*, op_kind_count> native_{};  // by kind; nullptr: not on this kernel
  OpList unissued_;                                    // wait for the next turn's submission
  std::vector<std::uint64_t> cancels_;                 // user_data of what is to be cancelled then
};

UringBackend::~UringBackend() {
  if (has_ring_) io_uring_queue_exit(&ring_);
}

int UringBackend::set_up(unsigned entries, unsigned flags) {
  io_uring_params params{};
  params.flags = flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  params.cq_entries = entries * 16;
  return io_uring_queue_init_params(entries, &ring_, &params);
}

std::string UringBackend::open_ring(unsigned entries) {
  // Best first: completions only when asked for; then at least without interrupting; then the plain ring.
  constexpr std::array<unsigned, 3> ways = {
      IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
      IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN, 0};
  int result = -EINVAL;
  for (std::size_t i = 0; result == -EINVAL && i < ways.size(); ++i) result = set_up(entries, ways[i]);
  switch (-result) {
    case 0: break;
    case EPERM: return "io_uring is forbidden here (EPERM: seccomp or kernel.io_uring_disabled)";
    case ENOSYS: return "io_uring does not exist here (ENOSYS: the kernel or a sandbox lacks it)";
    case ENOMEM: return "io_uring gets no memory here (ENOMEM: the limit on locked memory, ulimit -l)";
    default: return std::string("io_uring cannot be made here (") + std::strerror(-result) + ")";
  }
  has_ring_ = true;
  return probe();
}

std::string UringBackend::probe() {
  io_uring_probe* supported = io_uring_get_probe_ring(&ring_);
  if (supported == nullptr) return "io_uring here does not tell its features (kernel before 5.6)";
  const auto has = [supported](int opcode) { return io_uring_opcode_supported(supported, opcode) != 0; };
  for (const Native& native : natives) {
    if (has(native.opcode)) native_[static_cast<std::size_t>(native.kind)] = &native;
  }
  const bool can_wait = has(IORING_OP_POLL_ADD) && has(IORING_OP_ASYNC_CANCEL);
  // What a filter forbids it forbids for a reason, which the ring would go round: paths are walked in one way then.
  if (!why_no_openat2().empty()) native_[static_cast<std::size_t>(OpKind::open)] = nullptr;
  io_uring_free_probe(supported);
  if (!can_wait) return "io_uring here lacks POLL_ADD or ASYNC_CANCEL";
  if ((ring_.features & IORING_FEAT_NODROP) == 0) return "io_uring here may lose completions (no FEAT_NODROP)";
  if ((ring_.features & IORING_FEAT_EXT_ARG) == 0) return "io_uring here cannot wait with a timeout (no FEAT_EXT_ARG)";

  // Both only make it cheaper; a refusal changes nothing else.
  io_uring_register_ring_fd(&ring_);
  std::array<unsigned, 2> most_workers = {4, 4};  // for bounded and unbounded work
  io_uring_register_iowq_max_workers(&ring_, most_workers.data());
  return {};
}

// Ring entries are written in wait(), all at once: what is cancelled before costs the kernel nothing,
// and a full ring is met in one place.
void UringBackend::enqueue(Op& op, Place place) {
  set_place(op, place);
  unissued_.push_back(op);
}

const Native* UringBackend::native_for(const Op& op) const {
  if (op.kind == OpKind::link && (op.flags & AT_EMPTY_PATH) != 0) return nullptr;  // needs perform()'s second way
  if (op.kind == OpKind::remove && op.fd2 >= 0) return nullptr;                    // looks first
  if (op.kind == OpKind::sync && op.flags != 0) return nullptr;
  if (op.kind == OpKind::open && (op.how.flags & O_TMPFILE) == O_TMPFILE) return nullptr;  // not without /proc
  if (op.kind == OpKind::poll && (op.flags & POLLPRI) != 0) return nullptr;                // see waking_events()
  if (op.kind == OpKind::allocate && op.ahead) return nullptr;                             // not without asking where
  return native_[static_cast<std::size_t>(op.kind)];
}

void UringBackend::submit(Op& op) {
  begin(op);
  if (op.kind == OpKind::recv && op.pool != nullptr) return settle(op, -EAGAIN);  // borrow when octets are there
  if (finish_at_once(op)) return;
  if (native_for(op) != nullptr) return enqueue(op, Place::ring);
  advance(op);
}

void UringBackend::park(Op& op) { enqueue(op, Place::parked); }

bool UringBackend::stop(Op& op) {
  const bool unissued = unissued_.front() == &op || op.previous != nullptr;
  if (unissued) {
    unissued_.remove(op);
  } else {
    cancels_.push_back(reinterpret_cast<std::uint64_t>(&op));
  }
  return unissued;
}

// nullptr when the kernel takes no more before completions are taken off it.
io_uring_sqe* UringBackend::next_entry() {
  if (io_uring_sq_space_left(&ring_) == 0) io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

void UringBackend::issue_cancels() {
  std::size_t issued = 0;
  for (; issued < cancels_.size(); ++issued) {
    io_uring_sqe* sqe = next_entry();
    if (sqe == nullptr) break;
    io_uring_prep_cancel64(sqe, cancels_[issued], 0);
    io_uring_sqe_set_data64(sqe, nobody);
  }
  cancels_.erase(cancels_.begin(), cancels_.begin() + static_cast<std::ptrdiff_t>(issued));
}

void UringBackend::issue() {
  issue_cancels();  // first: one that comes too late must not meet its op's next use
  while (Op* op = cancels_.empty() ? unissued_.front() : nullptr) {
    io_uring_sqe* sqe = next_entry();
    if (sqe == nullptr) return;
    unissued_.remove(*op);
    if (place_of(*op) == Place::parked) {
      io_uring_prep_poll_add(sqe, op->fd, waking_events(*op));
    } else {
      native_for(*op)->prepare(sqe, *op);
    }
    io_uring_sqe_set_data(sqe, op);
  }
  if (offload_watched_) return;
  if (io_uring_sqe* sqe = next_entry()) {
    io_uring_prep_poll_add(sqe, offload_.event_fd(), POLLIN);
    io_uring_sqe_set_data64(sqe, offload_event);
    offload_watched_ = true;
  }
}

int UringBackend::submit_and_wait(Time deadline) {
  io_uring_cqe* first = nullptr;
  if (deadline == never) return io_uring_submit_and_wait_timeout(&ring_, &first, 1, nullptr, nullptr);
  const Time left = deadline > 0 ? std::max<Time>(0, deadline - now()) : 0;
  // No timer for no time: the kernel would program one and take its interrupt, as dear as a system call of some size.
  if (left == 0) return io_uring_submit_and_get_events(&ring_);
  __kernel_timespec timeout{left / second, left % second};
  return io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
}

// How many completions there were.
unsigned UringBackend::reap() {
  unsigned head = 0;
  unsigned count = 0;
  const io_uring_cqe* completion = nullptr;
  io_uring_for_each_cqe(&ring_, head, completion) {
    ++count;
    const std::uint64_t whose = completion->user_data;
    if (whose == nobody) continue;
    if (whose == offload_event) {
      offload_watched_ = false;
      collect_offloaded();
    } else {
      on_completion(*static_cast<Op*>(io_uring_cqe_get_data(completion)), completion->res);
    }
  }
  io_uring_cq_advance(&ring_, count);
  return count;
}

void UringBackend::on_completion(Op& op, std::int32_t result) {
  const bool readiness = place_of(op) == Place::parked;
  set_place(op, Place::nowhere);
  if (readiness && result >= 0) return advance(op);
  switch (result) {
    case -EINTR:  // by the cancel, or by a signal to an io-wq worker
      if (op.kind == OpKind::close) return finish(op, 0);
      if (op.cancelled) return finish(op, -ECANCELED);
      return enqueue(op, readiness ? Place::parked : Place::ring);
    case -EAGAIN:  // descriptors with O_NONBLOCK may get it instead of waiting
      if (is_blocking(op.kind) && !op.cancelled) return hand_over(op);
      return settle(op, -EAGAIN);
    case -EINPROGRESS:
    case -EALREADY: return settle(op, op.kind == OpKind::connect ? -EAGAIN : result);
    default: return finish(op, result);
  }
}

void UringBackend::wait(Time deadline, OpList& ready) {
  bool idle = false;
  do {
    begin_turn();
    issue();
    const bool must_not_wait = !done_.empty() || !unissued_.empty() || !cancels_.empty() || moves_wait();
    [[maybe_unused]] const int result = submit_and_wait(must_not_wait ? 0 : deadline);
    // EBADR: the kernel had no memory for a completion and lost it. Its op stays in flight; all others go on.
    assert(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY ||
           result == -ENOMEM || result == -EBADR);
    // None at all: the deadline, or a signal. That the latter came is not told when entries were submitted as well.
    idle = reap() == 0 && !must_not_wait;
    run_moves();
  } while (!idle && done_.empty() && now() < deadline);
  ready.splice(done_);
}

}  // namespace

std::expected<std::unique_ptr<Backend>, std::string> make_uring_backend(const BackendOptions& options) {
  auto backend = std::make_unique<UringBackend>(options);
  const std::string missing = backend->open_ring(options.ring_entries);
  if (!missing.empty()) return std::unexpected(missing);
  if (!backend->can_offload()) return std::unexpected("the kernel gives no eventfd for the offload threads");
  return backend;
}

}  // namespace io
