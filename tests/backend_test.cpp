// The two real backends: the cases of backend_cases.hpp on each, on a disk and on tmpfs, and what only
// a real kernel can show (cold files, threads, sandboxes).
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <semaphore>

#include "io/syscalls.hpp"
#include "tests/backend_cases.hpp"
#include "tests/tls_stream_cases.hpp"

namespace {

using namespace backend_cases;

std::unique_ptr<io::Backend> must_make(std::string_view name, const io::BackendOptions& options) {
  auto made = io::make_backend(name, options);
  if (!made) FAIL(made.error());
  CHECK(made->why.empty());
  CHECK(made->backend->name() == name);
  return std::move(made->backend);
}

bool is_our_own(const std::string& target) {  // a backend's ring, epoll, eventfd and pipes
  return target.starts_with("anon_inode:") || target.starts_with("pipe:");
}

std::size_t count_descriptors(bool all) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (!error && (all || !is_our_own(target))) ++count;
  }
  return count;
}

class RealWorld final : public World {
 public:
  RealWorld(std::string_view name, const std::string& base, const io::BackendOptions& options = {})
      : backend_(must_make(name, options)) {
    std::string path = base + "/millrace-test-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
    root_ = backend_->open_root(path_).value_or(-1);
    REQUIRE(root_ >= 0);
  }
  ~RealWorld() override {
    backend_.reset();
    ::close(root_);
    if (small_ >= 0) {
      ::close(small_);
      ::umount(small_path().c_str());
      std::filesystem::remove(small_path());
    }
    CHECK(std::filesystem::is_empty(path_));
    std::filesystem::remove_all(path_);
  }

  io::Backend& backend() override { return *backend_; }
  int root() override { return root_; }
  std::size_t open_descriptors() override { return count_descriptors(false) - (small_ >= 0 ? 1 : 0); }
  bool make_symlink(const char* target, const char* name) override { return ::symlinkat(target, root_, name) == 0; }
  bool send_urgent(int socket, char octet) override { return ::send(socket, &octet, 1, MSG_OOB) == 1; }
  int small_root() override {
    if (small_ >= 0) return small_;
    const std::string path = small_path();
    std::filesystem::create_directory(path);
    if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256k") != 0) {
      WARN("no file system can be mounted here: ENOSPC is not tested");
      std::filesystem::remove(path);
      return -1;
    }
    small_ = backend_->open_root(path).value_or(-1);
    return small_;
  }

 private:
  std::string small_path() const { return path_ + "-small"; }

  std::unique_ptr<io::Backend> backend_;
  std::string path_;
  int root_ = -1;
  int small_ = -1;
};

const std::string disk = "/var/tmp";
const std::string memory = "/dev/shm";

}  // namespace

TEST_CASE("the cases of every backend", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  const auto& base = GENERATE(disk, memory);
  for (const Case& one : cases) {
    DYNAMIC_SECTION(name << " on " << base << ": " << one.name) {
      const std::size_t before = count_descriptors(true);
      {
        RealWorld world(name, base);
        run_case(one, world);
      }
      CHECK(count_descriptors(true) == before);
    }
  }
}

TEST_CASE("TLS on every backend: ops that are cancelled, and streams that are broken", "[backend][tls]") {
  const auto* name = GENERATE("epoll", "io_uring");
  for (const Case& one : tls_cases) {
    DYNAMIC_SECTION(name << ": " << one.name) {
      RealWorld world(name, memory);
      run_case(one, world);
    }
  }
}

TEST_CASE("a ring of 8 entries is enough", "[backend]") {
  io::BackendOptions options;
  options.ring_entries = 8;
  for (const Case& one : cases) {
    DYNAMIC_SECTION(one.name) {
      RealWorld world("io_uring", memory, options);
      run_case(one, world);
    }
  }
}

TEST_CASE("a cold file is sent without waiting on the loop", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, disk);
  Lab lab(world);
  const std::string octets = pattern(8 << 20);
  const int file = lab.create("file");
  lab.write(file, octets);
  CHECK(lab.run([&](io::Op& op) { op.sync(file); }) == 0);
  REQUIRE(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
  {
    Pair pair(lab);
    const FileSender sender(lab, pair.server, file, 0, octets.size(), octets.size());
    std::string got;
    for (std::string part = lab.recv(pair.client, 1 << 20); !part.empty(); part = lab.recv(pair.client, 1 << 20)) {
      got += part;
    }
    CHECK(got == octets);
  }
  {
    Pair pair(lab);
    Task sending;  // cancelled while a thread reads
    REQUIRE(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
    sending.op.send_file(pair.server, file, 0, 1 << 20);
    lab.start(sending);
    lab.reactor.cancel(sending.op);
    lab.finish(sending);
    CHECK((sending.result == -ECANCELED || sending.result > 0));
    CHECK(sending.calls == 1);
  }
  lab.close(file);
  lab.remove("file");
}

TEST_CASE("recv_file into a file that cannot be spliced into", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, disk);
  Lab lab(world);
  Pair pair(lab);
  const std::string octets = pattern(3 << 20);
  const int file = lab.open("file", O_RDWR | O_CREAT | O_APPEND);  // splice(2) gives EINVAL for these
  FileReceiver receiver(lab, pair.server, file, 1 << 20);
  send_all(lab, pair.client, octets);
  CHECK(lab.finish(receiver.task) == 0);
  CHECK(lab.read(file) == octets);
  lab.close(file);
  lab.remove("file");
}

namespace {

/// While it lives, the process may open nothing.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{3, before_.rlim_max};  // not below what poll(2) takes
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("recv_file without a pipe", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, memory);
  Lab lab(world);
  Pair pair(lab);
  const std::string octets = pattern(3 << 20);
  const int file = lab.create("file");
  {
    const NoMoreDescriptors limit;
    FileReceiver receiver(lab, pair.server, file, 1 << 20);
    send_all(lab, pair.client, octets);
    CHECK(lab.finish(receiver.task) == 0);
  }
  CHECK(lab.read(file) == octets);
  lab.close(file);
  lab.remove("file");
}

TEST_CASE("a claimed port is for those who share it", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, memory);
  Lab lab(world);
  const int probe = lab.backend.open_listener(loopback(), 8).value();
  const io::Address at = lab.backend.local_address(probe);
  CHECK(io::claim_port(at).error() == EADDRINUSE);
  lab.close(probe);

  auto claim = io::claim_port(at);
  REQUIRE(claim);
  CHECK(io::claim_port(at).error() == EADDRINUSE);
  CHECK(lab.backend.open_listener(at, 8).error() == EADDRINUSE);
  const int client = lab.backend.open_socket(loopback()).value();
  CHECK(lab.run([&](io::Op& op) { op.connect(client, at); }) == -ECONNREFUSED);

  const auto one = lab.backend.open_listener(at, 8, io::PortUse::shared);
  const auto two = lab.backend.open_listener(at, 8, io::PortUse::shared);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(lab.backend.open_listener(at, 8).error() == EADDRINUSE);
  claim->reset();
  CHECK(io::claim_port(at).error() == EADDRINUSE);
  for (const int fd : {client, *one, *two}) lab.close(fd);
  CHECK(io::claim_port(at));
}

TEST_CASE("accept says when descriptors have run out", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, memory);
  Lab lab(world);
  const int listener = lab.backend.open_listener(loopback(), 8).value();
  const int client = lab.backend.open_socket(loopback()).value();
  Task accepting;
  {
    const NoMoreDescriptors limit;
    accepting.op.accept(listener);
    lab.start(accepting);
    CHECK(lab.run([&](io::Op& op) { op.connect(client, lab.backend.local_address(listener)); }) == 0);
    CHECK(lab.finish(accepting) == -EMFILE);
  }
  accepting.op.accept(listener);
  const int server = lab.run(accepting);
  CHECK(server >= 0);
  for (const int fd : {server, client, listener}) lab.close(fd);
}

TEST_CASE("descriptors that are not open give EBADF", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, memory);
  Lab lab(world);
  io::BufferPool pool(64, 1);
  std::array<char, 8> octets{};
  for (const int fd : {-1, 9999}) {
    CHECK(lab.run([&](io::Op& op) { op.recv(fd, octets); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.recv_lent(fd, pool); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.send(fd, octets); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.accept(fd); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.poll(fd, POLLIN); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.send_file(fd, lab.root, 0, 1); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.recv_file(fd, lab.root, 0, 1); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.read(fd, octets, 0); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.sync(fd); }) == -EBADF);
    CHECK(lab.run([&](io::Op& op) { op.close(fd); }) == -EBADF);
  }
  CHECK(pool.lent() == 0);
}

namespace {

/// A function that runs until it is let go.
struct Blocker {
  std::binary_semaphore begun{0};
  std::binary_semaphore may_end{0};
  static int run(void* self) {
    static_cast<Blocker*>(self)->begun.release();
    static_cast<Blocker*>(self)->may_end.acquire();
    return 7;
  }
};

}  // namespace

TEST_CASE("cancel takes back what no thread has begun, and nothing else", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  io::BackendOptions options;
  options.offload_threads = 1;
  RealWorld world(name, memory, options);
  Lab lab(world);
  Blocker blocker;
  int number = 0;
  Task running;
  Task queued;
  running.op.call(Blocker::run, &blocker);
  queued.op.call(add_one, &number);
  lab.start(running);
  lab.start(queued);
  blocker.begun.acquire();
  expect_cancel(lab, queued);
  lab.reactor.cancel(running.op);
  lab.linger(5 * io::millisecond);
  CHECK(running.calls == 0);
  blocker.may_end.release();
  CHECK(lab.finish(running) == 7);
  CHECK(number == 0);
}

TEST_CASE("moving octets is done in turns", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  io::BackendOptions options;
  options.turn = 1;  // every move takes longer
  RealWorld world(name, memory, options);
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, pattern(256 * 1024));
  constexpr std::size_t streams = 4;
  std::array<std::unique_ptr<Pair>, streams> pairs;
  std::array<Task, streams> tasks;
  for (std::size_t i = 0; i < streams; ++i) {
    pairs[i] = std::make_unique<Pair>(lab);
    tasks[i].op.send_file(pairs[i]->server, file, 0, 64 * 1024);
  }
  int turns = 0;
  const auto ended = [&] { return std::ranges::count_if(tasks, [](const Task& task) { return task.calls > 0; }); };
  for (Task& task : tasks) lab.start(task);
  lab.reactor.cancel(tasks.back().op);  // one that has not had its turn
  for (std::ptrdiff_t before = 0; ended() < std::ssize(tasks); before = ended()) {
    lab.reactor.turn(lab.backend.now() + io::second);
    CHECK(ended() - before <= 2);  // the one whose turn it was, and the one that was cancelled
    ++turns;
  }
  CHECK(tasks.back().result == -ECANCELED);
  for (std::size_t i = 0; i + 1 < streams; ++i) CHECK(tasks[i].result == 64 * 1024);
  CHECK(turns >= 3);
  lab.close(file);
  lab.remove("file");
}

TEST_CASE("space is set aside on a disk, and not in memory", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  const auto& base = GENERATE(disk, memory);
  RealWorld world(name, base);
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, "octets");
  const std::int32_t result = lab.run([&](io::Op& op) { op.reserve(file, 6, 1 << 20); });
  if (base == memory) CHECK(result == -EOPNOTSUPP);
  if (base != memory && result != 0) CHECK(result == -EOPNOTSUPP);  // a file system without it
  CHECK(lab.facts_of("file").stx_size == 6);
  if (result == 0) CHECK(lab.facts_of("file").stx_blocks * 512 >= 1 << 20);
  CHECK(lab.run([&](io::Op& op) { op.truncate(file, 6); }) == 0);
  CHECK(lab.facts_of("file").stx_blocks * 512 < 1 << 20);
  lab.close(file);
  lab.remove("file");
}

TEST_CASE("octets are copied between file systems", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld here(name, disk), there(name, memory);
  Lab lab(here);
  const int from = lab.create("from"), to = lab.open(there.root(), "to", O_RDWR | O_CREAT | O_TRUNC);
  REQUIRE(to >= 0);
  const std::string octets = pattern(3'000'000), ahead = "ahead ";
  lab.write(from, octets);
  off64_t from_begin = 0, to_begin = 0;
  if (::copy_file_range(from, &from_begin, to, &to_begin, 1, 0) >= 0)
    WARN("the kernel copies from " << disk << " to " << memory << ": copying by hand is not tested");
  lab.write(to, ahead);
  std::int64_t copied = 0;
  for (int result = 1; result > 0; copied += result) {
    result = lab.run([&](io::Op& op) { op.copy(from, copied, to, std::ssize(ahead) + copied, std::size_t{1} << 20); });
    REQUIRE(result >= 0);
  }
  CHECK(copied == std::ssize(octets));
  CHECK((lab.read(to) == ahead + octets));
  const int read_only = lab.open(there.root(), "to", O_RDONLY);
  CHECK(lab.run([&](io::Op& op) { op.copy(from, 0, read_only, 0, 10); }) == -EBADF);
  for (const int file : {from, to, read_only}) lab.close(file);
  lab.remove("from");
  CHECK(::unlinkat(there.root(), "to", 0) == 0);
}

TEST_CASE("the last close of a directory that is removed is no work for the loop", "[backend]") {
  RealWorld world("epoll", memory);
  Lab lab(world);
  CHECK(lab.run([&](io::Op& op) { op.make_dir(lab.root, "dir", 0755); }) == 0);
  const int first = lab.open("dir", O_RDONLY | O_DIRECTORY), last = lab.open("dir", O_RDONLY | O_DIRECTORY);
  io::Op closing;
  closing.close(first);
  CHECK(io::attempt_on_file(closing) == 0);
  lab.remove("dir", AT_REMOVEDIR);
  closing.close(last);
  CHECK(io::attempt_on_file(closing) == -EAGAIN);
  lab.close(last);
}

TEST_CASE("an unnamed file is published by its descriptor", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, disk);
  Lab lab(world);
  const int file = lab.open(".", O_RDWR | O_TMPFILE);
  REQUIRE(file >= 0);
  lab.write(file, "octets");
  CHECK(lab.run([&](io::Op& op) { op.link(file, "", lab.root, "file", AT_EMPTY_PATH); }) == 0);
  CHECK(lab.facts_of("file").stx_size == 6);
  lab.close(file);
  lab.remove("file");
}

TEST_CASE("links at the end of a path are not followed out by set_times and set_mode", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, disk);
  Lab lab(world);
  REQUIRE(world.make_symlink("/etc/passwd", "link"));
  const auto before = std::filesystem::last_write_time("/etc/passwd");
  CHECK(lab.run([&](io::Op& op) { op.set_times(lab.root, "link", {1, 0}); }) == 0);
  CHECK(lab.facts_of("link").stx_mtime.tv_sec == 1);
  CHECK(lab.run([&](io::Op& op) { op.set_mode(lab.root, "link", 0600); }) == -EOPNOTSUPP);
  CHECK(std::filesystem::last_write_time("/etc/passwd") == before);
  lab.remove("link");
}

TEST_CASE("backends are chosen by name", "[backend]") {
  CHECK(must_make("epoll", {})->name() == "epoll");
  CHECK(must_make("io_uring", {})->name() == "io_uring");
  const auto chosen = io::make_backend("auto", {});
  REQUIRE(chosen);
  CHECK(chosen->backend->name() == "io_uring");
  const auto none = io::make_backend("kqueue", {});
  REQUIRE_FALSE(none);
  CHECK(none.error().find("kqueue") != std::string::npos);
}

namespace {

/// From now on, a system call gives `error` in this process.
bool forbid(unsigned call, int error) {
  const std::array<sock_filter, 4> program = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Runs a check in a forked process, where limits and filters do no harm.
template <typename Check>
void in_a_child(Check check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

}  // namespace

TEST_CASE("auto falls back to epoll and says why", "[backend]") {
  const int error = GENERATE(EPERM, ENOSYS, ENOMEM);
  const std::string_view expected = error == EPERM ? "forbidden" : error == ENOSYS ? "ENOSYS" : "ENOMEM";
  in_a_child([&] {
    bool good = forbid(SYS_io_uring_setup, error);
    const auto chosen = io::make_backend("auto", {});
    good = good && chosen && chosen->backend->name() == "epoll" && chosen->why.find(expected) != std::string::npos;
    const auto forced = io::make_backend("io_uring", {});
    return good && !forced && forced.error() == chosen->why;
  });
}

TEST_CASE("epoll waits without epoll_pwait2, too", "[backend]") {
  in_a_child([] {
    bool good = forbid(SYS_epoll_pwait2, ENOSYS);
    const auto made = io::make_backend("epoll", {});
    if (!made) return false;
    io::Backend& backend = *made->backend;
    io::OpList ready;
    for (const io::Time how_long : {0 * io::millisecond, io::millisecond / 2, 30 * io::millisecond}) {
      const io::Time begin = backend.now();
      backend.wait(begin + how_long, ready);
      const io::Time took = backend.now() - begin;
      good = good && took >= how_long && took < how_long + io::second;
    }
    return good;
  });
}

namespace {

/// Processor time that the process uses while the loop has nothing to do.
io::Time idle_cost(Lab& lab) {
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * io::second + time.tv_nsec;
  };
  const io::Time before = used();
  lab.linger(100 * io::millisecond);
  return used() - before;
}

}  // namespace

TEST_CASE("events that nobody waits for do not keep the loop busy", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  RealWorld world(name, memory);
  Lab lab(world);
  constexpr io::Time little = 30 * io::millisecond;
  Pair pair(lab);
  std::array<char, 1> octet{};
  Task task;
  task.op.recv(pair.server, octet);
  lab.start(task);
  lab.linger(2 * io::millisecond);
  CHECK(lab.send(pair.client, "octets") == 6);
  CHECK(lab.finish(task) == 1);
  CHECK(idle_cost(lab) < little);  // octets are there

  Task urgent;
  urgent.op.poll(pair.server, POLLPRI);
  lab.start(urgent);
  CHECK(idle_cost(lab) < little);  // and somebody waits for others
  expect_cancel(lab, urgent);

  Task sending;
  send_until_it_waits(lab, sending, pair.server);
  pair.close_client();
  lab.finish(sending);
  CHECK(idle_cost(lab) < little);  // the connection is broken
}

TEST_CASE("a signal ends a wait", "[backend]") {
  const auto* name = GENERATE("epoll", "io_uring");
  const auto backend = must_make(name, {});
  struct sigaction quiet{};
  quiet.sa_handler = [](int) {};
  struct sigaction before{};
  REQUIRE(::sigaction(SIGALRM, &quiet, &before) == 0);
  const itimerval soon{{0, 0}, {0, 20'000}};
  const io::Time begin = backend->now();
  REQUIRE(::setitimer(ITIMER_REAL, &soon, nullptr) == 0);
  io::OpList ready;
  backend->wait(begin + 20 * io::second, ready);
  CHECK(backend->now() - begin < 10 * io::second);
  CHECK(ready.empty());
  const itimerval never_again{};
  ::setitimer(ITIMER_REAL, &never_again, nullptr);  // the wait may have ended for another reason
  ::sigaction(SIGALRM, &before, nullptr);
}
