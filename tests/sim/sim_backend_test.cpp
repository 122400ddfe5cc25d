// The simulated backend: the cases that all backends must pass, and what only a simulator can show:
// equal seeds, planned faults, misuse that is noticed, hours that pass in no time.
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/backend_cases.hpp"
#include "tests/catch.hpp"
#include "tests/sim/sim_world.hpp"
#include "tests/tls_stream_cases.hpp"

namespace {

using backend_cases::Task;
using sim::SimWorld;

/// The simulator as the shared cases want to see a backend.
class CaseWorld final : public backend_cases::World {
 public:
  explicit CaseWorld(std::uint64_t seed) : sim_(seed) {
    sim_.files().make_directory("/srv");
    sim_.backend().reuse_numbers = true;
    sim_.files().mount("/small", 512 * 1024);
    root_ = sim_.backend().open_root("/srv").value();
    small_root_ = sim_.backend().open_root("/small").value();
  }
  ~CaseWorld() override {
    sim_.backend().close_now(root_);
    sim_.backend().close_now(small_root_);
  }
  io::Backend& backend() override { return sim_.backend(); }
  int root() override { return root_; }
  std::size_t open_descriptors() override { return sim_.backend().open_descriptors(); }
  int small_root() override { return small_root_; }
  bool make_symlink(const char* target, const char* name) override {
    sim_.files().make_symlink("/srv/" + std::string{name}, target);
    return true;
  }
  bool send_urgent(int socket, char octet) override {
    sim_.backend().socket_at(socket)->send_urgent({&octet, 1});
    return true;
  }

 private:
  SimWorld sim_;
  int root_ = -1;
  int small_root_ = -1;
};

/// Sends back what it receives, on any number of connections, until told to stop.
class EchoServer {
 public:
  EchoServer(io::Reactor& reactor, const io::Address& at) : reactor_(reactor) {
    listener_ = reactor.backend().open_listener(at, 16).value();
    accept_.bind<&EchoServer::on_accept_done>(*this);
    listen();
  }
  ~EchoServer() { reactor_.close(listener_); }

  void stop() {
    stopping_ = true;
    reactor_.cancel(accept_);
    for (const auto& session : sessions_) session->stop();
  }
  bool stopped() const {
    return accept_.idle() && std::ranges::all_of(sessions_, [](const auto& session) { return session->fd < 0; });
  }
  int refusals() const { return refusals_; }

 private:
  struct Session {
    Session(io::Reactor& in, int on) : reactor(in), fd(on) {
      op.bind<&Session::on_done>(*this);
      receive();
    }
    void receive() {
      op.recv(fd, buffer);
      reactor.submit(op);
    }
    void send() {
      op.send(fd, {buffer.data() + sent, received - sent});
      reactor.submit(op);
    }
    void stop() {
      stopping = true;
      reactor.cancel(op);
    }
    void on_done(io::Op& done) {
      if (stopping || done.result <= 0) return end();
      if (done.kind == io::OpKind::recv) {
        received = static_cast<std::size_t>(done.result);
        sent = 0;
        return send();
      }
      sent += static_cast<std::size_t>(done.result);
      sent < received ? send() : receive();
    }
    void end() { reactor.close(std::exchange(fd, -1)); }

    io::Reactor& reactor;
    int fd;
    bool stopping = false;
    std::size_t received = 0;
    std::size_t sent = 0;
    std::array<char, 1000> buffer{};
    io::Op op;
  };

  void listen() {
    accept_.accept(listener_);
    reactor_.submit(accept_);
  }
  void on_accept_done(io::Op& op) {
    if (op.result >= 0) sessions_.push_back(std::make_unique<Session>(reactor_, op.result));
    if (op.result < 0 && op.result != -ECANCELED) ++refusals_;
    if (stopping_) {
      if (op.result >= 0) sessions_.back()->stop();
      return;
    }
    listen();
  }

  io::Reactor& reactor_;
  int listener_ = -1;
  bool stopping_ = false;
  int refusals_ = 0;
  io::Op accept_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

/// Echoes, with faults: what comes back is a beginning of what was sent, and all of it when nothing broke.
std::uint64_t echo_storm(std::uint64_t seed) {
  SimWorld world{seed};
  EchoServer server{world.reactor(), world.address(7)};
  world.set_faults(sim::Faults::swarm(world.random()));
  struct Client {
    sim::SimConnection connection;
    std::string sent;
    std::string echoed{};
  };
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) {
    auto connection = world.peer("10.0.0." + std::to_string(20 + i)).connect(world.address(7));
    std::string text(world.random().below(30'000), static_cast<char>('a' + i));
    connection.write(text);
    connection.shutdown_send();
    clients.push_back({std::move(connection), std::move(text)});
  }
  const auto all_ended = [&] {
    return std::ranges::all_of(clients, [](Client& client) {
      client.echoed += client.connection.read();
      return client.connection.ended();
    });
  };
  const bool ended = world.run_until(all_ended);
  world.stop_faults();
  CHECK((ended || world.run_until(all_ended)));
  for (const Client& client : clients) {
    CHECK(client.sent.starts_with(client.echoed));
    if (!client.connection.was_reset()) CHECK(client.sent == client.echoed);
  }
  server.stop();
  CHECK(world.run_until([&] { return server.stopped(); }));
  CHECK(world.settle());
  return world.backend().event_hash();
}

}  // namespace

TEST_CASE("the simulated backend passes what all backends must", "[sim][backend]") {
  for (const backend_cases::Case& one : backend_cases::cases) {
    DYNAMIC_SECTION(one.name) {
      sim::for_each_seed(10, [&](std::uint64_t seed) {
        INFO("MILLRACE_SEED=" << seed);
        CaseWorld world{seed};
        backend_cases::run_case(one, world);
      });
    }
  }
}

TEST_CASE("TLS on the simulated backend: ops that are cancelled, and streams that are broken", "[sim][backend][tls]") {
  for (const backend_cases::Case& one : backend_cases::tls_cases) {
    DYNAMIC_SECTION(one.name) {
      sim::for_each_seed(10, [&](std::uint64_t seed) {
        INFO("MILLRACE_SEED=" << seed);
        CaseWorld world{seed};
        backend_cases::run_case(one, world);
      });
    }
  }
}

TEST_CASE("equal seeds give equal runs, with faults and all", "[sim]") {
  std::set<std::uint64_t> hashes;
  std::uint64_t count = 0;
  sim::for_each_seed(40, [&](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    const std::uint64_t first = echo_storm(seed);
    if (seed % 10 == 0) CHECK(first == echo_storm(seed));
    hashes.insert(first);
    ++count;
  });
  CHECK(hashes.size() == count);
}

TEST_CASE("hours pass in no time, and reading the clock moves it", "[sim]") {
  SimWorld world{sim::seed_or(1)};
  const io::Time begin = world.backend().now();
  CHECK(world.backend().now() > begin);
  backend_cases::Alarm alarm;
  bool fired = false;
  alarm.due = [&] { fired = true; };
  world.reactor().arm(alarm.timer, begin + 5 * 3600 * io::second);
  CHECK_FALSE(world.run_until([&] { return fired; }, {.time = 4 * 3600 * io::second}));
  CHECK(world.run_until([&] { return fired; }, {.time = 2 * 3600 * io::second}));
  CHECK(world.backend().wall_clock() - sim::Timeline::epoch >= 5 * 3600 * io::second);
}

TEST_CASE("misused descriptors are noticed", "[sim]") {
  SimWorld world{sim::seed_or(1)};
  sim::SimBackend& backend = world.backend();
  const auto problem_with = [&](const char* text) {
    world.settle();
    const auto problems = backend.take_problems();
    INFO(text);
    CHECK(problems.size() == 1);
    CHECK((problems.size() == 1 && problems.front().find(text) != std::string::npos));
  };
  const int listener = backend.open_listener(world.address(21), 5).value();
  CHECK(backend.describe_descriptors().front().find("listener at 10.0.0.1:21") != std::string::npos);

  Task accepting;
  accepting.op.accept(listener);
  world.reactor().submit(accepting.op);
  world.reactor().close(listener);
  problem_with("while accept is in flight");
  world.reactor().cancel(accepting.op);
  CHECK(world.run_until([&] { return accepting.op.idle(); }));

  world.reactor().close(listener);
  problem_with("not open");
  Task sending;
  sending.op.send(listener, std::string_view{"x"});
  world.reactor().submit(sending.op);
  problem_with("not open");
  CHECK(sending.result == -EBADF);
  CHECK(backend.open_descriptors() == 0);
}

TEST_CASE("descriptors run out", "[sim]") {
  SimWorld world{sim::seed_or(1)};
  world.files().make_file("/a", "x");
  const int root = world.backend().open_root("/").value();
  const int listener = world.backend().open_listener(world.address(21), 5).value();
  world.backend().descriptor_limit = 2;
  CHECK(world.backend().open_socket(world.address(0)).error() == EMFILE);
  CHECK(world.backend().open_listener(world.address(22), 5).error() == EMFILE);
  auto client = world.peer("10.0.0.7").connect(world.address(21));
  Task task;
  const auto run = [&] {
    world.reactor().submit(task.op);
    REQUIRE(world.run_until([&] { return task.op.idle(); }));
    return task.result;
  };
  open_how how{};
  task.op.open(root, "a", how);
  CHECK(run() == -EMFILE);
  task.op.accept(listener);
  CHECK(run() == -EMFILE);
  world.backend().descriptor_limit = 3;
  task.op.accept(listener);
  const int accepted = run();
  CHECK(accepted > 0);  // the connection has waited
  for (const int fd : {root, listener, accepted}) world.reactor().close(fd);
}

TEST_CASE("a cancelled op may still succeed", "[sim]") {
  int succeeded = 0;
  int cancelled = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimWorld world{seed};
    const int listener = world.backend().open_listener(world.address(21), 5).value();
    auto client = world.peer("10.0.0.7").connect(world.address(21));
    REQUIRE(world.run_until([&] { return client.connected(); }));
    Task accepting;
    accepting.op.accept(listener);
    world.reactor().submit(accepting.op);
    if (seed % 2 == 0) world.run_for(20 * io::microsecond);
    world.reactor().cancel(accepting.op);
    REQUIRE(world.run_until([&] { return accepting.op.idle(); }));
    ++(accepting.result >= 0 ? succeeded : cancelled);
    CHECK((accepting.result >= 0 || accepting.result == -ECANCELED));
    world.reactor().close(accepting.result >= 0 ? accepting.result : -1);
    world.reactor().close(listener);
  }
  CHECK(succeeded > 5);
  CHECK(cancelled > 5);
}

TEST_CASE("a sweep fails each operation once, and then all that follow", "[sim]") {
  // Receives one connection into a file and closes everything, whatever happens.
  const auto upload = [](SimWorld& world, int root) {
    Task task;
    const auto run = [&] {
      world.reactor().submit(task.op);
      REQUIRE(world.run_until([&] { return task.op.idle(); }));
      return task.result;
    };
    const auto listener = world.backend().open_listener(world.address(20), 5);
    if (!listener) return false;
    auto client = world.peer("10.0.0.7").connect(world.address(20));
    client.write("octets");
    client.close();
    task.op.accept(*listener);
    const int socket = run();
    world.reactor().close(*listener);
    if (socket < 0) return false;
    open_how how{};
    how.flags = O_WRONLY | O_CREAT;
    how.mode = 0644;
    task.op.open(root, "upload", how);
    const int file = run();
    std::int64_t offset = 0;
    do {
      if (file >= 0) task.op.recv_file(socket, file, offset, 4);
      offset += file >= 0 ? std::max(run(), 0) : 0;
    } while (file >= 0 && task.result > 0);
    world.reactor().close(socket);
    world.reactor().close(file);
    return file >= 0 && task.result == 0;
  };
  for (const bool persistent : {false, true}) {
    for (std::uint64_t n = 1;; ++n) {
      SimWorld world{n};
      world.files().make_directory("/srv");
      const int root = world.backend().open_root("/srv").value();
      world.fault_plan().fail_operation(n, 0, persistent);
      const bool uploaded = upload(world, root);
      world.reactor().close(root);
      CHECK(world.settle());
      CHECK(uploaded == !world.fault_plan().fault_met());
      if (uploaded) CHECK(world.files().content("/srv/upload") == "octets");
      if (!world.fault_plan().fault_met()) {
        CHECK(n == 7);  // open_listener, accept, open, three recv_file, and one too many
        break;
      }
      REQUIRE(n < 100);
    }
  }
}

TEST_CASE("peers come from anywhere, stay away, and vanish", "[sim]") {
  SimWorld world{sim::seed_or(1)};
  auto refused = world.peer("10.0.0.7").connect(world.address(7));
  CHECK(world.run_until([&] { return refused.refused(); }));
  CHECK(refused.error() == ECONNREFUSED);

  EchoServer server{world.reactor(), world.address_v6(7)};
  auto client = world.peer("fd00::7").connect(world.address_v6(7));
  client.write("one\r\ntwo\n");
  CHECK(world.run_until([&] { return client.has_line(); }));
  CHECK(client.read_line() == "one");
  CHECK(world.run_until([&] { return client.has_line(); }));
  CHECK(client.read_line() == "two");
  CHECK_FALSE(client.has_line());

  const std::string much(500'000, 'm');  // more than all buffers on the way hold
  client.write(much);
  CHECK(world.settle());
  CHECK_FALSE(client.all_delivered());
  std::string echoed;
  CHECK(world.run_until([&] { return (echoed += client.read()).size() == much.size(); }));

  client.vanish();
  CHECK(client.closed());
  CHECK(world.settle());
  server.stop();
  CHECK(world.run_until([&] { return server.stopped(); }));
}

TEST_CASE("the server connects to a peer that listens", "[sim]") {
  SimWorld world{sim::seed_or(1)};
  auto listener = world.peer("10.0.0.7").listen(5000);
  const int socket = world.backend().open_socket(world.address(20)).value();
  Task task;
  task.op.connect(socket, listener.address());
  world.reactor().submit(task.op);
  CHECK(world.run_until([&] { return listener.has_pending(); }));
  auto connection = listener.accept();
  REQUIRE(connection);
  CHECK(connection->remote().port() == 20);
  CHECK(world.run_until([&] { return task.op.idle(); }));
  CHECK(task.result == 0);
  connection->reset();
  CHECK(world.settle());
  std::array<char, 8> into{};
  task.op.recv(socket, into);
  world.reactor().submit(task.op);
  CHECK(world.run_until([&] { return task.op.idle(); }));
  CHECK(task.result == -ECONNRESET);
  world.reactor().close(socket);
}
