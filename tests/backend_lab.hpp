// Where cases for backends are run: the World they need besides ops, a reactor with short words for what
// they do all the time, connected sockets. Knows io/ only; must not know which backend it meets.
#pragma once

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/backend.hpp"
#include "io/buffer_pool.hpp"
#include "io/dir_batch.hpp"
#include "io/reactor.hpp"
#include "tests/catch.hpp"

namespace backend_cases {

/// What a case needs besides ops. A fresh one for each case.
class World {
 public:
  virtual ~World() = default;
  virtual io::Backend& backend() = 0;
  /// An empty directory, from open_root(). The World closes it.
  virtual int root() = 0;
  /// Descriptors of sockets, files and directories that are open now, the root included.
  virtual std::size_t open_descriptors() = 0;

  // What no op can do. The default says "not here", and the cases that need it pass over it.

  /// An empty directory whose file system holds less than 1 MiB; -1: none.
  virtual int small_root() { return -1; }
  /// Makes a symbolic link in the root.
  virtual bool make_symlink(const char* /*target*/, const char* /*name*/) { return false; }
  /// Sends one octet of urgent data.
  virtual bool send_urgent(int /*socket*/, char /*octet*/) { return false; }
};

/// One op, how often its callback ran, and the last result.
struct Task {
  io::Op op;
  int calls = 0;
  std::int32_t result = 0;
  std::function<void()> then;  ///< runs in the callback

  Task() { op.bind<&Task::on_done>(*this); }
  void on_done(io::Op& done) {
    REQUIRE(&done == &op);
    REQUIRE(done.idle());
    ++calls;
    result = done.result;
    if (then) then();
  }
};

/// A reactor on the world's backend, and short words for what cases do all the time.
struct Lab {
  explicit Lab(World& of) : world(of), backend(of.backend()), reactor(backend), root(of.root()) {}
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab() {  // the closes that nobody waited for
    for (int i = 0; i < 1000 && reactor.in_flight() > 0; ++i) reactor.turn(backend.now() + io::millisecond);
  }

  World& world;
  io::Backend& backend;
  io::Reactor reactor;
  int root;

  /// Turns until `done` holds; fails the test when that takes long.
  void until(const std::function<bool()>& done) {
    const io::Time patience = backend.now() + 60 * io::second;
    while (!done()) {
      reactor.turn(std::min(patience, backend.now() + io::second));
      if (backend.now() >= patience) FAIL("waited too long");
    }
  }
  /// Turns for a while, to see that nothing happens.
  void linger(io::Time how_long = 20 * io::millisecond) {
    const io::Time end = backend.now() + how_long;
    do {
      reactor.turn(end);
    } while (backend.now() < end);
  }
  void start(Task& task) { reactor.submit(task.op); }
  std::int32_t finish(Task& task) {
    until([&] { return task.op.idle(); });
    return task.result;
  }
  std::int32_t run(Task& task) {
    start(task);
    return finish(task);
  }
  /// Runs the op that `prepare` writes.
  template <typename Prepare>
  std::int32_t run(Prepare prepare) {
    Task task;
    prepare(task.op);
    return run(task);
  }

  void close(int fd) {
    CHECK(run([&](io::Op& op) { op.close(fd); }) == 0);
  }
  int open(int directory, const char* path, std::uint64_t flags, std::uint64_t mode = 0644) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return run([&](io::Op& op) { op.open(directory, path, how); });
  }
  int open(const char* path, std::uint64_t flags) { return open(root, path, flags); }
  /// A new empty file.
  int create(const char* path) {
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC);
    REQUIRE(file >= 0);
    return file;
  }
  void write(int file, std::string_view octets, std::int64_t offset = 0) {
    while (!octets.empty()) {
      const auto written = run([&](io::Op& op) { op.write(file, {octets.data(), octets.size()}, offset); });
      REQUIRE(written > 0);
      octets.remove_prefix(static_cast<std::size_t>(written));
      offset += written;
    }
  }
  std::string read(int file, std::size_t most = 64 << 20) {
    std::string octets;
    std::vector<char> part(std::min<std::size_t>(most, 1 << 20));
    while (octets.size() < most) {
      const auto got = run([&](io::Op& op) { op.read(file, part, static_cast<std::int64_t>(octets.size())); });
      REQUIRE(got >= 0);
      if (got == 0) break;
      octets.append(part.data(), static_cast<std::size_t>(got));
    }
    return octets;
  }
  void remove(const char* path, int flags = 0) {
    CHECK(run([&](io::Op& op) { op.remove(root, path, flags); }) == 0);
  }
  struct statx facts_of(const char* path) {
    struct statx facts{};
    CHECK(run([&](io::Op& op) { op.stat(root, path, AT_SYMLINK_NOFOLLOW, facts); }) == 0);
    return facts;
  }

  int send(int socket, std::string_view octets) {
    return run([&](io::Op& op) { op.send(socket, {octets.data(), octets.size()}); });
  }
  /// One recv.
  std::string recv(int socket, std::size_t most = 4096) {
    std::vector<char> into(most);
    const auto got = run([&](io::Op& op) { op.recv(socket, into); });
    REQUIRE(got >= 0);
    return {into.data(), static_cast<std::size_t>(got)};
  }
};

inline io::Address loopback(std::uint16_t port = 0) {
  io::Address address;
  address.v4 = sockaddr_in{};
  address.v4.sin_family = AF_INET;
  address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.set_port(port);
  return address;
}

/// Two connected sockets.
struct Pair {
  explicit Pair(Lab& at) : lab(at) {
    const auto listener = lab.backend.open_listener(loopback(), 8);
    REQUIRE(listener);
    const auto opened = lab.backend.open_socket(loopback());
    REQUIRE(opened);
    client = *opened;
    Task accepting;
    Task connecting;
    accepting.op.accept(*listener);
    connecting.op.connect(client, lab.backend.local_address(*listener));
    lab.start(accepting);
    lab.start(connecting);
    REQUIRE(lab.finish(connecting) == 0);
    server = lab.finish(accepting);
    REQUIRE(server >= 0);
    lab.close(*listener);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    close_client();
    close_server();
  }
  void close_client() { lab.reactor.close(std::exchange(client, -1)); }
  void close_server() { lab.reactor.close(std::exchange(server, -1)); }

  Lab& lab;
  int client = -1;
  int server = -1;
};

/// Octets that repeat late enough for misplaced ones to be seen.
inline std::string pattern(std::size_t size, std::uint32_t seed = 1) {
  std::string octets(size, '\0');
  for (char& octet : octets) {
    seed = seed * 1664525 + 1013904223;
    octet = static_cast<char>(seed >> 24);
  }
  return octets;
}

/// Fills a socket's buffers until the op that `prepare` writes waits; it is left in flight. Octets sent before.
template <typename Prepare>
std::size_t send_until_it_waits(Lab& lab, Task& task, Prepare prepare) {
  std::size_t sent = 0;
  for (;;) {
    prepare(task.op);
    lab.start(task);
    lab.linger(5 * io::millisecond);
    if (!task.op.idle()) lab.linger(200 * io::millisecond);  // a busy machine makes room late
    if (!task.op.idle()) return sent;
    REQUIRE(task.result > 0);
    sent += static_cast<std::size_t>(task.result);
    REQUIRE(sent < std::size_t{256} << 20);
  }
}

inline std::size_t send_until_it_waits(Lab& lab, Task& task, int socket) {
  static const std::string octets = pattern(1 << 20);  // outlives the op
  return send_until_it_waits(lab, task, [&](io::Op& op) { op.send(socket, octets); });
}

/// Cancels a task that waits: it must end once, with -ECANCELED.
inline void expect_cancel(Lab& lab, Task& task) {
  const int calls = task.calls;
  REQUIRE_FALSE(task.op.idle());
  lab.reactor.cancel(task.op);
  lab.reactor.cancel(task.op);
  CHECK(task.calls == calls);  // not inside cancel()
  CHECK(lab.finish(task) == -ECANCELED);
  CHECK(task.op.cancelled);
  lab.linger(5 * io::millisecond);
  CHECK(task.calls == calls + 1);
}

}  // namespace backend_cases
