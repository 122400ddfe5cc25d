// Several workers on one port: sessions are spread, limits hold for all of them together, and a worker that dies
// costs its own sessions alone.
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <deque>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using std::string;

namespace {

constexpr int workers = 2;
// So many that the kernel never gives all of them to one worker.
constexpr std::size_t many = 32;

ServerOptions with(const std::vector<string>& settings = {}) {
  ServerOptions options{.backend = GENERATE("io_uring", "epoll"), .settings = {"server.workers = 2"}};
  options.drain_timeout_s = 60;
  for (const string& setting : settings) options.settings.push_back(setting);
  return options;
}

int worker_of_port(const LiveServer& server, std::uint16_t port) {
  const int ports = server.last_passive_port() - server.first_passive_port() + 1;
  return (port - server.first_passive_port()) * workers / ports + 1;
}

// The passive ports are divided: the one that a session gets tells which worker it is with.
int worker_of(const LiveServer& server, FtpClient& client) { return worker_of_port(server, client.epsv()); }

// Sessions by worker; [0] stays empty.
using Sessions = std::array<std::deque<FtpClient>, workers + 1>;

Sessions open_many(const LiveServer& server, const string& from = {}) {
  Sessions sessions;
  for (std::size_t i = 0; i < many; ++i) {
    FtpClient client = logged_in(server, "127.0.0.1", from);
    const int worker = worker_of(server, client);
    sessions[static_cast<std::size_t>(worker)].push_back(std::move(client));
  }
  for (int worker = 1; worker <= workers; ++worker) REQUIRE(!sessions[static_cast<std::size_t>(worker)].empty());
  return sessions;
}

bool is_greeted(const LiveServer& server, const string& from = {}) {
  FtpClient client(server, "127.0.0.1", from);
  return client.reply().code == 220;
}

// A session that is with that worker can be had, sooner or later: who waits for one that dies is reset.
bool serves(const LiveServer& server, int worker, const string& user = "demo") {
  const auto is_served = [&] {
    FtpClient client(server);
    if (client.reply().code != 220) return false;
    client.ask("USER " + user, 331);
    client.ask("PASS secret", 230);
    return worker_of(server, client) == worker;
  };
  return eventually([&] {
    try {
      return is_served();
    } catch (const std::exception&) {
      return false;
    }
  });
}

bool ended(FtpClient& client) {
  try {
    client.line();
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

bool is_running(pid_t process) { return ::kill(process, 0) == 0; }

bool has_logged(const LiveServer& server, const string& text) {
  return eventually([&] { return server.log().find(text) != string::npos; });
}

string totals(const LiveServer& server) {
  const auto before = server.log().size();
  server.signal(SIGUSR1);
  const auto line = [&] {
    const string said = server.log();
    const std::size_t at = said.find("sessions=", before);
    return at == string::npos || !said.ends_with('\n') ? string() : said.substr(at, said.find('\n', at) - at);
  };
  REQUIRE(eventually([&] { return !line().empty(); }));
  return line();
}

}  // namespace

TEST_CASE("sessions are spread over the workers, and each of them serves", "[live][workers]") {
  const LiveServer server(with());
  write_file(server.root() / "file", noise(300'000));
  Sessions sessions = open_many(server);
  for (auto& with_one : sessions) {
    for (FtpClient& client : with_one) {
      CHECK(client.retrieve("file") == noise(300'000));
      client.store("new", noise(1000));
      CHECK(read_file(server.root() / "new") == noise(1000));
      Socket data = client.connect_to(client.pasv());
      client.begin("NLST");
      CHECK(data.receive_all().find("file\r\n") != string::npos);
      client.reply(226);
    }
  }
  for (const string worker : {"1", "2"}) CHECK(has_logged(server, "info worker " + worker + ": listening on "));
  const string all = totals(server);
  CHECK(all.starts_with("sessions=32 sessions_begun=32 transfers=96 octets_in=32000 octets_out="));
  CHECK(all.find(" restarts=0 ") != string::npos);
}

TEST_CASE("no passive port is lent by two workers", "[live][workers]") {
  const LiveServer server(with());
  std::deque<FtpClient> clients;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < many; ++i) {
    clients.push_back(logged_in(server));
    const std::uint16_t port = clients.back().epsv();
    CHECK(port >= server.first_passive_port());
    CHECK(port <= server.last_passive_port());
    CHECK(std::ranges::find(ports, port) == ports.end());
    ports.push_back(port);
  }
  for (std::size_t i = 0; i < many; ++i) {
    const string name = std::to_string(i);
    Socket data = clients[i].connect_to(ports[i]);
    clients[i].begin("STOR " + name);
    data.send(name);
    data.close();
    clients[i].reply(226);
    CHECK(read_file(server.root() / name) == name);
    CHECK(worker_of(server, clients[i]) == worker_of_port(server, ports[i]));
  }
}

TEST_CASE("the limit of sessions holds for all workers together", "[live][workers][CC-03]") {
  const LiveServer server(with({"limits.sessions = 32"}));
  Sessions sessions = open_many(server);
  for (int i = 0; i < 8; ++i) CHECK_FALSE(is_greeted(server));
  sessions[1].front().ask("QUIT", 221);
  CHECK(eventually([&] { return is_greeted(server); }));
}

TEST_CASE("the limit of an address holds for all workers together", "[live][workers]") {
  const LiveServer server(with({"limits.sessions_per_address = 32"}));
  Sessions sessions = open_many(server, "127.0.0.2");
  for (int i = 0; i < 8; ++i) CHECK_FALSE(is_greeted(server, "127.0.0.2"));
  CHECK(is_greeted(server, "127.0.0.3"));
  sessions[2].front().ask("QUIT", 221);
  CHECK(eventually([&] { return is_greeted(server, "127.0.0.2"); }));
}

TEST_CASE("a worker that dies takes its own sessions along, and comes back", "[live][workers]") {
  const LiveServer server(with({"limits.sessions = 32"}));
  Sessions sessions = open_many(server);
  const pid_t victim = server.worker(1), survivor = server.worker(2);
  FtpClient& uploading = sessions[2].front();
  Socket upload = uploading.passive();
  uploading.begin("STOR file");
  upload.send("half");

  ::kill(victim, SIGKILL);
  for (FtpClient& client : sessions[1]) CHECK(ended(client));
  CHECK(has_logged(server, "error worker 1 died: signal 9 (Killed)"));
  CHECK(eventually([&] { return server.worker(1) != victim; }));

  // What it had counted is free again: so many as died can come, and not one more.
  const std::size_t died = sessions[1].size();
  std::deque<FtpClient> heirs;
  for (std::size_t i = 0; i < died; ++i) {
    heirs.emplace_back(server);
    heirs.back().reply(220);
  }
  CHECK_FALSE(is_greeted(server));
  heirs.clear();
  CHECK(serves(server, 1));

  upload.send(" and half");
  upload.close();
  uploading.reply(226);
  CHECK(read_file(server.root() / "file") == "half and half");
  for (FtpClient& client : sessions[2]) client.ask("NOOP", 200);
  CHECK(server.worker(2) == survivor);
  CHECK(totals(server).find(" restarts=1 ") != string::npos);
}

TEST_CASE("SIGTERM drains all workers, and none is left", "[live][workers]") {
  LiveServer server(with());
  Sessions sessions = open_many(server);
  std::deque<Socket> uploads;
  for (const std::size_t worker : {1, 2}) {
    FtpClient& client = sessions[worker].front();
    uploads.push_back(client.passive());
    client.begin("STOR file" + std::to_string(worker));
    uploads.back().send("half");
  }
  const pid_t processes[] = {server.worker(1), server.worker(2)};
  server.signal(SIGTERM);
  for (auto& with_one : sessions)
    for (std::size_t i = 1; i < with_one.size(); ++i) with_one[i].reply(421);
  for (const std::size_t worker : {1, 2}) {
    FtpClient& client = sessions[worker].front();
    uploads[worker - 1].send(" and half");
    uploads[worker - 1].close();
    client.reply(226);
    client.reply(421);
    CHECK(read_file(server.root() / ("file" + std::to_string(worker))) == "half and half");
  }
  server.stop();
  for (const pid_t process : processes) CHECK_FALSE(is_running(process));
}

TEST_CASE("SIGHUP reloads in all workers, also in those that come later", "[live][workers]") {
  ServerOptions options = with();
  const LiveServer server(options);
  options.users.push_back({.name = "new"});
  server.reconfigure(options);
  for (const string worker : {"1", "2"}) CHECK(has_logged(server, "worker " + worker + ": reloaded "));
  for (const int worker : {1, 2}) CHECK(serves(server, worker, "new"));
  const pid_t victim = server.worker(1);
  ::kill(victim, SIGKILL);
  CHECK(eventually([&] { return server.worker(1) != victim; }));
  CHECK(serves(server, 1, "new"));
}

TEST_CASE("zero workers are one for each CPU that may be used, and one is no supervisor", "[live][workers]") {
  cpu_set_t usable, one;
  REQUIRE(sched_getaffinity(0, sizeof usable, &usable) == 0);
  const ServerOptions options{.backend = GENERATE("io_uring", "epoll"), .settings = {"server.workers = 0"}};
  SECTION("all of them") {
    const LiveServer server(options);
    const int wanted = CPU_COUNT(&usable);
    CHECK((server.worker(wanted) > 0) == (wanted > 1));
    CHECK(server.worker(wanted + 1) == -1);
  }
  SECTION("one") {
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &usable)) CPU_SET(cpu, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);  // of this thread, which the server's process inherits
    {
      const LiveServer server(options);
      FtpClient client = logged_in(server);
      CHECK(server.log().find("worker") == string::npos);
      CHECK(totals(server).starts_with("sessions=1 sessions_begun=1 "));
    }
    CHECK(sched_setaffinity(0, sizeof usable, &usable) == 0);
  }
}
