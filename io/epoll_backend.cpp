// Ops on epoll: try the call; when it would wait, park the op until its descriptor is ready; try again.
// Knows which events each descriptor is registered for; must not know what an op's steps are.
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/kernel_backend.hpp"
#include "io/syscalls.hpp"

namespace io {

namespace {

// epoll's event bits are poll's, so ops may speak of either.
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLPRI == POLLPRI && EPOLLERR == POLLERR &&
              EPOLLHUP == POLLHUP);

// Reported whether asked for or not.
constexpr std::uint32_t always_reported = EPOLLERR | EPOLLHUP;

constexpr std::size_t events_a_turn = 256;

/// One descriptor: who waits for it, and what the kernel has been told.
/// Interest is left registered when an op is done, because its owner mostly asks again; an event
/// that nobody waits for ends it.
struct Watch {
  OpList parked;
  std::uint32_t registered = 0;
};

std::uint32_t wanted_by(const OpList& ops) {
  std::uint32_t wanted = 0;
  for (const Op* op = ops.front(); op != nullptr; op = op->next)
    wanted |= static_cast<std::uint16_t>(wanted_events(*op));
  return wanted;
}

class EpollBackend final : public KernelBackend {
 public:
  EpollBackend(const BackendOptions& options, Fd epoll) : KernelBackend(options), epoll_(std::move(epoll)) {}

  std::string_view name() const override { return "epoll"; }
  void submit(Op& op) override;
  void wait(Time deadline, OpList& ready) override;

  int offload_event() const { return offload_.event_fd(); }
  /// 0 or a negative errno.
  int tell_kernel(int fd, std::uint32_t events);

 private:
  void forget(int fd) override;
  void park(Op& op) override;
  bool stop(Op& op) override;

  Watch& watch_of(int fd);
  int wait_for_events(Time deadline);
  void dispatch(int fd, std::uint32_t events);
  void drop_unwanted(int fd, std::uint32_t events, std::uint32_t wanted);

  Fd epoll_;
  std::vector<Watch> watches_;  // by descriptor
  std::array<epoll_event, events_a_turn> events_{};
  bool has_pwait2_ = true;
};

Watch& EpollBackend::watch_of(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at >= watches_.size()) watches_.resize(std::max(at + 1, watches_.size() * 2));
  return watches_[at];
}

void EpollBackend::submit(Op& op) {
  begin(op);
  if (op.kind == OpKind::close) forget(op.fd);
  const bool seldom_ready = op.kind == OpKind::accept || (op.kind == OpKind::recv && op.pool != nullptr);
  if (seldom_ready && op.fd >= 0) return settle(op, -EAGAIN);  // an attempt would mostly be in vain
  if (finish_at_once(op)) return;
  advance(op);
}

int EpollBackend::tell_kernel(int fd, std::uint32_t events) {
  Watch& watch = watch_of(fd);
  const int how = events == 0 ? EPOLL_CTL_DEL : watch.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), how, fd, &event) != 0) return -errno;
  watch.registered = events;
  return 0;
}

void EpollBackend::park(Op& op) {
  Watch& watch = watch_of(op.fd);
  watch.parked.push_back(op);
  const std::uint32_t wanted = wanted_by(watch.parked);
  if ((wanted & ~watch.registered) == 0) return;
  const int result = tell_kernel(op.fd, wanted | watch.registered);
  if (result == 0) return;
  watch.parked.remove(op);
  finish(op, result);
}

bool EpollBackend::stop(Op& op) {
  watch_of(op.fd).parked.remove(op);
  return true;
}

void EpollBackend::forget(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= watches_.size()) return;
  Watch& watch = watches_[static_cast<std::size_t>(fd)];
  assert(watch.parked.empty());
  if (watch.registered != 0) tell_kernel(fd, 0);
  watch.registered = 0;
}

void EpollBackend::dispatch(int fd, std::uint32_t events) {
  if (fd == offload_event()) return collect_offloaded();
  OpList waiting;
  waiting.splice(watch_of(fd).parked);
  const std::uint32_t wanted = wanted_by(waiting);
  while (Op* op = waiting.pop_front()) {
    const std::uint32_t its_events = static_cast<std::uint16_t>(wanted_events(*op)) | always_reported;
    if ((its_events & events) != 0) {
      advance(*op);
    } else {
      watch_of(fd).parked.push_back(*op);
    }
  }
  drop_unwanted(fd, events, wanted);
}

// Level-triggered events that nobody takes would come again and again.
void EpollBackend::drop_unwanted(int fd, std::uint32_t events, std::uint32_t wanted) {
  const std::uint32_t registered = watch_of(fd).registered;
  std::uint32_t kept = registered & (~events | wanted);
  if (wanted == 0 && (events & always_reported) != 0) kept = 0;  // only removal silences these
  if (kept != registered) tell_kernel(fd, kept);
}

int EpollBackend::wait_for_events(Time deadline) {
  const Time left = deadline == never ? never : std::max<Time>(0, deadline - now());
  const int most = static_cast<int>(events_.size());
  if (has_pwait2_) {
    const timespec timeout{left / second, left % second};
    const int count = ::epoll_pwait2(epoll_.get(), events_.data(), most, left == never ? nullptr : &timeout, nullptr);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_pwait2_ = false;  // a sandbox that does not know the call
  }
  constexpr Time longest_ms = 60'000;
  const Time left_ms = std::min(left / millisecond + (left % millisecond > 0 ? 1 : 0), longest_ms);
  return ::epoll_wait(epoll_.get(), events_.data(), most, static_cast<int>(left_ms));
}

void EpollBackend::wait(Time deadline, OpList& ready) {
  do {
    begin_turn();
    const int count = wait_for_events(done_.empty() && !moves_wait() ? deadline : 0);
    if (count < 0) {
      assert(errno == EINTR);
      break;
    }
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<std::size_t>(i)];
      dispatch(event.data.fd, event.events);
    }
    run_moves();
  } while (done_.empty() && now() < deadline);
  ready.splice(done_);
}

}  // namespace

std::expected<std::unique_ptr<Backend>, std::string> make_epoll_backend(const BackendOptions& options) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return std::unexpected(std::string("epoll cannot be made: ") + std::strerror(errno));
  auto backend = std::make_unique<EpollBackend>(options, std::move(epoll));
  if (backend->offload_event() < 0 || backend->tell_kernel(backend->offload_event(), EPOLLIN) != 0) {
    return std::unexpected("the kernel gives no eventfd for the offload threads");
  }
  return backend;
}

}  // namespace io
