// Where data connections come from and go to, and who closes them when.
// RFC 959 3.2, 3.3, 5.2; 1123 4.1.2.6 and 4.1.2.12; 2428; 2577.
#include <sys/mount.h>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

// The control connection leaves from a port where data connections can be waited for as well: both
// sockets are bound before one of them connects and the other listens.
struct DefaultPorts {
  explicit DefaultPorts(const string& address, const LiveServer& server)
      : control(Socket::bound(address, 0)), data(Socket::bound(address, control.local_port())) {
    control.connect_to(address, server.port());
    data.listen();
  }
  Socket control, data;
};

// A file system of one MiB, mounted on `at`, where the tests may mount.
struct SmallDisk {
  explicit SmallDisk(std::filesystem::path where) : at(std::move(where)) {
    std::filesystem::create_directory(at);
    mounted = ::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted) ::umount2(at.c_str(), MNT_DETACH);
  }
  std::filesystem::path at;
  bool mounted = false;
};

}  // namespace

// ---- Where from, where to ----

TEST_CASE("without PORT or PASV data goes to port U", "[live][DC-01][DC-02][DC-05][DC-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  const string address = GENERATE("127.0.0.1", "::1");
  DefaultPorts ports(address, server);
  FtpClient client(std::move(ports.control));
  client.log_in();
  SECTION("download") {
    client.ask("RETR file", 150);
    Socket data = ports.data.accept();
    CHECK(data.peer_port() == server.port() - 1);
    CHECK(data.receive_all() == "octets");
  }
  SECTION("upload") {
    client.ask("STOR new", 150);
    ports.data.accept().send("sent");
  }
  SECTION("listing") {
    client.ask("NLST", 150);
    CHECK(ports.data.accept().receive_all() == "file\r\n");
  }
  SECTION("after a passive listener was given up") {
    client.epsv();
    client.ask("ABOR", 226);
    client.ask("RETR file", 150);
    CHECK(ports.data.accept().receive_all() == "octets");
  }
  client.reply(226);
  CHECK((!std::filesystem::exists(server.root() / "new") || read_file(server.root() / "new") == "sent"));
}

TEST_CASE("active data connections leave from L-1", "[live][DC-02][DC-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  for (const char* address : {"127.0.0.1", "::1"}) {
    FtpClient client = logged_in(server, address);
    for (int round = 0; round < 3; ++round) {
      Listener listener(address);
      client.aim_at(listener);
      client.ask("RETR file", 150);
      Socket data = listener.accept();
      CHECK(data.peer_address() == address);
      CHECK(data.peer_port() == server.port() - 1);
      CHECK(data.receive_all() == "octets");
      client.reply(226);
    }
  }
}

TEST_CASE("two sessions use L-1 at the same time", "[live][DC-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient clients[] = {logged_in(server), logged_in(server)};
  Listener listeners[] = {Listener("127.0.0.1"), Listener("127.0.0.1")};
  Socket data[2];
  for (int i = 0; i < 2; ++i) {
    clients[i].aim_at(listeners[i]);
    clients[i].ask("RETR large", 150);
    data[i] = listeners[i].accept();
    CHECK(data[i].peer_port() == server.port() - 1);
  }
  for (int i = 0; i < 2; ++i) {
    CHECK(data[i].receive_all() == content);
    clients[i].reply(226);
  }
}

TEST_CASE("active data connections come from the address that was called", "[live][DC-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server, "127.0.0.2", "127.0.0.1");
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  client.ask("RETR file", 150);
  Socket data = listener.accept();
  CHECK(data.peer_address() == "127.0.0.2");
  CHECK(data.receive_all() == "octets");
  client.reply(226);
}

TEST_CASE("active data connections wait for the transfer command", "[live][DC-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  client.ask("NOOP", 200);
  CHECK(listener.nobody_comes_for(100ms));
  client.ask("RETR file", 150);
  CHECK(listener.accept().receive_all() == "octets");
  client.reply(226);
}

// ---- Who closes, and when ----

TEST_CASE("a new port closes what the old one had", "[live][DC-07][PP-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  const std::uint16_t old_port = client.epsv();
  Socket early;
  const bool came = GENERATE(false, true);
  if (came) early = client.connect_to(old_port);
  const string next = GENERATE("PASV", "EPSV", "PORT 127,0,0,1,20,0", "EPRT |1|127.0.0.1|5000|");
  client.send(next);
  const Reply reply = client.reply();
  CHECK(reply.code / 100 == 2);
  if (came) early.wait_for_end();
  const bool same_again =
      reply.contains("|" + std::to_string(old_port) + "|") || reply.contains(host_port("127.0.0.1", old_port));
  CHECK((same_again || eventually([&] { return client.refuses(old_port); })));
}

TEST_CASE("every PASV is a new port, for one transfer", "[live][PP-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  const std::uint16_t first = client.pasv(), second = client.pasv();
  CHECK((first == second || eventually([&] { return client.refuses(first); })));
  Socket data = client.connect_to(second);
  client.begin("RETR file");
  CHECK(data.receive_all() == "octets");
  client.reply(226);
  CHECK(eventually([&] { return client.refuses(second); }));
}

TEST_CASE("the port named last counts", "[live][PP-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  Listener unused("127.0.0.1"), used("127.0.0.1");
  client.aim_at(unused);
  client.pasv();
  client.ask("EPRT |1|127.0.0.1|" + std::to_string(used.port()) + "|", 200);
  client.ask("RETR file", 150);
  CHECK(used.accept().receive_all() == "octets");
  client.reply(226);
  client.aim_at(unused);
  CHECK(client.retrieve("file") == "octets");
  CHECK(unused.nobody_comes_for(50ms));
}

TEST_CASE("before or after the command, a passive client is served", "[live][PP-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  const std::uint16_t port = client.pasv();
  SECTION("after") {
    client.ask("RETR file", 150);
    CHECK(client.silent_for(100ms));
    CHECK(client.connect_to(port).receive_all() == "octets");
  }
  SECTION("before") {
    Socket data = client.connect_to(port);
    client.begin("RETR file");
    CHECK(data.receive_all() == "octets");
  }
  SECTION("after, to upload") {
    client.ask("STOR new", 150);
    client.connect_to(port).send("sent");
  }
  client.reply(226);
}

TEST_CASE("226 comes when our side is closed and all is stored", "[live][DC-10][DC-11][DC-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(3'000'000);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send(content);
  CHECK(client.silent_for(50ms));  // the end has not come yet
  data.finish_sending();
  client.reply(226);
  CHECK(read_file(server.root() / "file") == content);
  CHECK(data.wait_for_end().in_order);

  write_file(server.root() / "small", "octets");
  data = client.passive();
  client.begin("RETR small");
  client.reply(226);
  CHECK_FALSE(data.silent_for(0ms));
  CHECK(data.receive_all() == "octets");
}

TEST_CASE("the end of the control connection ends the data connection", "[live][DC-08][CC-16]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"data.stall_timeout_s = 1"}});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  const string command = GENERATE("", "RETR large", "STOR new");
  if (!command.empty()) client.begin(command);
  const bool orderly = GENERATE(true, false);
  if (orderly) {
    client.control().close();
  } else {
    client.control().reset();
  }
  // After a FIN the transfer goes on as long as its connection moves.
  const char* const how = orderly ? "stalled" : "broken";
  CHECK(eventually([&] { return server.log().find(how) != string::npos || command.empty(); }));
  CHECK(data.wait_for_end().octets < 12 << 20);
}

// ---- What goes wrong ----

TEST_CASE("a data connection that cannot be opened is 425", "[live][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"data.connect_timeout_s = 1"}});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  SECTION("nobody listens") {
    const std::uint16_t port = Listener("127.0.0.1").port();  // and is closed again
    client.ask("PORT " + host_port("127.0.0.1", port), 200);
  }
  SECTION("nobody comes") { client.epsv(); }
  client.ask("RETR file", 150);
  client.reply(425);
  CHECK(client.retrieve("file") == "octets");
}

TEST_CASE("a data connection that breaks is 426", "[live][DC-09][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  const string type = GENERATE("I", "A");
  client.ask("TYPE " + type, 200);
  Socket data = client.passive();
  SECTION("download") {
    client.begin("RETR large");
    data.receive();
  }
  SECTION("upload") {
    client.begin("STOR new");
    data.send("the begin of it");
    CHECK(eventually([&] { return read_file(server.root() / "new").size() == 15; }));
  }
  data.reset();
  client.reply(426);
  client.ask("NOOP", 200);
}

TEST_CASE("a data connection where nothing moves is ended", "[live][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"data.stall_timeout_s = 1"}});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  const string command = GENERATE("RETR large", "STOR new");
  client.begin(command);
  client.reply(426);
  data.wait_for_end();
}

TEST_CASE("a file cut while it is sent does not pass for whole", "[live][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("RETR large");
  data.receive();
  std::filesystem::resize_file(server.root() / "large", 1);
  data.wait_for_end();
  client.reply(451);
}

TEST_CASE("a full disk is 452", "[live][DC-09][DC-14][RP-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  const SmallDisk disk(server.root() / "disk");
  if (!disk.mounted) {
    WARN("not allowed to mount: nothing shown");
    return;
  }
  FtpClient client = logged_in(server);
  const string type = GENERATE("I", "A");
  client.ask("TYPE " + type, 200);
  Socket data = client.passive();
  client.begin("STOR disk/large");
  try {
    data.send(noise(8 << 20));
  } catch (const std::system_error&) {  // the server has closed already
  }
  client.reply(452);
  data.close();
  client.passive();
  client.ask("ALLO 4000000", 200);
  client.ask("STOR disk/announced", 452);
  client.ask("NOOP", 200);
}

TEST_CASE("what is known before needs no data connection", "[live][DC-15]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directory(server.root() / "directory");
  FtpClient client = logged_in(server);
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  for (const char* line : {"RETR missing", "RETR directory", "STOR missing/x", "APPE missing/x", "LIST missing",
                           "NLST missing", "MLSD missing"})
    client.ask(line, 550);
  client.ask("STOR directory", 553);
  CHECK(listener.nobody_comes_for(50ms));
}

TEST_CASE("a refusal leaves the data connection as it is", "[live][DC-15]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  for (int round = 0; round < 3; ++round) client.ask("RETR missing", 550);
  CHECK(data.silent_for(50ms));
  client.ask("RETR file", 125);
  CHECK(data.receive_all() == "octets");
  client.reply(226);
}

// ---- Other people ----

TEST_CASE("a stranger at a passive port gets nothing", "[live][SE-04][SE-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  const std::uint16_t port = client.epsv();
  const auto strangers_knock = [&] {
    for (int i = 0; i < 3; ++i) {
      Socket stranger = Socket::connect("127.0.0.1", port, "127.0.0.2");
      CHECK(stranger.receive_all().empty());
    }
  };
  SECTION("before the command") {
    strangers_knock();
    Socket data = client.connect_to(port);
    client.begin("RETR file");
    CHECK(data.receive_all() == "octets");
  }
  SECTION("after the command") {
    client.ask("RETR file", 150);
    strangers_knock();
    CHECK(client.connect_to(port).receive_all() == "octets");
  }
  client.reply(226);
}

TEST_CASE("two servers exchange a file", "[live][PP-15][PP-05]") {
  const string backend = GENERATE("io_uring", "epoll");
  const LiveServer here({.backend = backend, .settings = {R"(data.foreign_addresses = ["127.0.0.2/32"])"}});
  const LiveServer there({.backend = backend, .settings = {R"(data.foreign_addresses = ["127.0.0.1/32"])"}});
  const string content = noise(3'000'000);
  write_file(here.root() / "one", content);
  write_file(there.root() / "two", content);
  FtpClient passive = logged_in(here, "127.0.0.1", "127.0.0.3"), active = logged_in(there, "127.0.0.2", "127.0.0.3");
  const auto exchange = [&](const char* for_passive, const char* for_active) {
    active.ask("PORT " + host_port("127.0.0.1", passive.pasv()), 200);
    passive.ask(for_passive, 150);
    active.ask(for_active, 150);
    passive.reply(226);
    active.reply(226);
  };
  exchange("RETR one", "STOR one");
  exchange("STOR two", "RETR two");
  CHECK(read_file(there.root() / "one") == content);
  CHECK(read_file(here.root() / "two") == content);
}

TEST_CASE("when all passive ports are taken, one can wait for the next", "[live][RP-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .passive_ports = 2});
  FtpClient first = logged_in(server), second = logged_in(server), third = logged_in(server);
  first.epsv();
  second.epsv();
  third.ask("EPSV", 425);
  third.ask("PASV", 425);
  second.ask("ABOR", 226);
  third.epsv();
}
