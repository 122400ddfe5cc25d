// Clients that vanish, at every stage: nothing of them stays behind, neither descriptor nor port, and
// of their uploads what the configuration says. RFC 959 4.1.1 (QUIT), 3.2(4).
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

// What a client has done when it vanishes. Whatever it holds goes with it.
struct Stage {
  const char* name;
  void (*reach)(FtpClient& client, Socket& data, const BlackHole& hole);
};

const Stage stages[] = {
    {"greeted", [](FtpClient&, Socket&, const BlackHole&) {}},
    {"a password is being verified",
     [](FtpClient& client, Socket&, const BlackHole&) {
       client.ask("USER demo", 331);
       client.send("PASS secret");
     }},
    {"a wrong password waits for its answer",
     [](FtpClient& client, Socket&, const BlackHole&) {
       client.ask("USER demo", 331);
       client.send("PASS wrong");
     }},
    {"a listener", [](FtpClient& client, Socket&, const BlackHole&) { client.epsv(); }},
    {"a data connection and no command",
     [](FtpClient& client, Socket& data, const BlackHole&) { data = client.passive(); }},
    {"a download that awaits its connection",
     [](FtpClient& client, Socket&, const BlackHole&) {
       client.epsv();
       client.ask("RETR large", 150);
     }},
    {"an upload that awaits its connection",
     [](FtpClient& client, Socket&, const BlackHole&) {
       client.epsv();
       client.ask("STOR new", 150);
     }},
    {"a download that connects",
     [](FtpClient& client, Socket&, const BlackHole& hole) {
       client.ask("PORT " + host_port("127.0.0.1", hole.port()), 200);
       client.ask("RETR large", 150);
     }},
    {"a download that nobody reads",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       data = client.passive();
       client.begin("RETR large");
     }},
    {"a download in TYPE A",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       client.ask("TYPE A", 200);
       data = client.passive();
       client.begin("RETR large");
       data.receive();
     }},
    {"an upload",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       data = client.passive();
       client.begin("STOR new");
       data.send(noise(1'000'000));
     }},
    {"an upload in TYPE A",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       client.ask("TYPE A", 200);
       data = client.passive();
       client.begin("STOU");
       data.send(noise(1'000'000));
     }},
    {"a listing",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       data = client.passive();
       client.begin("LIST many");
     }},
    {"STAT, its reply unread", [](FtpClient& client, Socket&, const BlackHole&) { client.send("STAT many"); }},
    {"a command that waits for a transfer",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       data = client.passive();
       client.begin("RETR large");
       client.send("PWD");
     }},
    {"QUIT during a transfer",
     [](FtpClient& client, Socket& data, const BlackHole&) {
       data = client.passive();
       client.begin("RETR large");
       client.send("QUIT");
     }},
};

void make_many(const std::filesystem::path& directory, int count) {
  std::filesystem::create_directory(directory);
  for (int i = 0; i < count; ++i) write_file(directory / ("a name of some length, number " + std::to_string(i)), "");
}

bool needs_login(const Stage& stage) { return &stage > &stages[2]; }

}  // namespace

TEST_CASE("nothing stays behind of a client that vanishes", "[live][CC-16][DC-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .settings = {"data.connect_timeout_s = 1", "data.stall_timeout_s = 1"},
                           .passive_ports = 1});
  write_file(server.root() / "large", noise(12 << 20));
  make_many(server.root() / "many", 1000);
  const bool orderly = GENERATE(true, false);
  const BlackHole hole;
  const std::size_t descriptors = server.open_descriptors();
  for (const Stage& stage : stages) {
    INFO("it vanishes with " << stage.name << (orderly ? " (FIN)" : " (RST)"));
    {
      FtpClient client(server);
      if (needs_login(stage)) {
        client.log_in();
        client.ask("TYPE I", 200);
      } else {
        client.reply(220);
      }
      Socket data;
      stage.reach(client, data, hole);
      if (!orderly) {
        client.control().reset();
        if (data.open()) data.reset();
      }
    }
    CHECK(eventually([&] { return server.open_descriptors() == descriptors; }));
  }
  logged_in(server).epsv();  // the one passive port is free
}

TEST_CASE("the data connection alone vanishes", "[live][DC-09][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  const std::size_t descriptors = server.open_descriptors();
  SECTION("before the command, FIN: an empty upload") {
    client.passive().close();
    client.begin("STOR new");
    client.reply(226);
    CHECK(read_file(server.root() / "new").empty());
  }
  SECTION("before the command, RST") {
    client.passive().reset();
    client.begin("RETR large");
    client.reply(426);
  }
  SECTION("during a download, FIN of a client that reads no more") {
    Socket data = client.passive();
    client.begin("RETR large");
    data.receive();
    data.close();
    client.reply(426);
  }
  CHECK(eventually([&] { return server.open_descriptors() == descriptors; }));
  client.ask("NOOP", 200);
}

TEST_CASE("what stays of a broken upload", "[live][DC-08]") {
  const string backend = GENERATE("io_uring", "epoll");
  const bool keep = GENERATE(true, false);
  const LiveServer server(
      {.backend = backend, .settings = {"uploads.keep_partial = " + string(keep ? "true" : "false")}});
  const string begin = noise(300'000);
  const auto path = server.root() / "new";
  {
    FtpClient client = logged_in(server);
    Socket data = client.passive();
    client.begin("STOR new");
    data.send(begin);
    CHECK(eventually([&] { return std::filesystem::file_size(path) == begin.size(); }));
    const bool aborted = GENERATE(true, false);
    if (aborted) {
      client.send("ABOR");
      client.reply(426);
      client.reply(226);
    } else {
      client.control().reset();
      data.reset();
    }
  }
  if (keep) {
    CHECK(read_file(path) == begin);
  } else {
    CHECK(eventually([&] { return !std::filesystem::exists(path); }));
  }
}

TEST_CASE("an upload that never came takes nothing away", "[live][SV-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .settings = {"uploads.keep_partial = false", "data.connect_timeout_s = 1"}});
  write_file(server.root() / "file", "old content");
  FtpClient client = logged_in(server);
  client.epsv();
  client.ask("STOR file", 150);
  const bool aborted = GENERATE(true, false);
  if (aborted) client.send("ABOR");
  CHECK(client.reply().code == (aborted ? 426 : 425));
  CHECK(read_file(server.root() / "file") == "old content");
}

TEST_CASE("a broken APPE takes nothing away", "[live][DC-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"uploads.keep_partial = false"}});
  write_file(server.root() / "file", "the old part");
  FtpClient client = logged_in(server);
  const string command = GENERATE("APPE file", "REST 12|STOR file");
  if (command.starts_with("REST")) client.ask("REST 12", 350);
  Socket data = client.passive();
  client.begin(command.substr(command.find('|') + 1));
  data.send(" and a new one");
  CHECK(eventually([&] { return read_file(server.root() / "file") == "the old part and a new one"; }));
  data.reset();
  client.reply(426);
  CHECK(read_file(server.root() / "file").starts_with("the old part"));
}
