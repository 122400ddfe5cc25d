// Logging in, out and in vain; limits on sessions and on patience.
// RFC 959 4.1.1, 1123 4.1.3.2, 2577 5 and 7.
#include <csignal>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;
using Clock = std::chrono::steady_clock;

namespace {

const std::vector<string> quick_refusals = {"limits.login_failure_delay_ms = 50"};

}  // namespace

TEST_CASE("a new USER drops the login and keeps the parameters", "[live][LG-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("USER demo", 331);
  client.ask("PWD", 530);
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
  CHECK(client.ask("STAT", 211).contains("TYPE: I"));
}

TEST_CASE("PASS belongs behind USER, whatever stands between", "[live][LG-02][LG-03][RC-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = quick_refusals});
  FtpClient client(server);
  client.reply(220);
  client.ask("PASS secret", 503);
  client.ask("USER demo", 331);
  client.ask("SYST", 215);
  client.ask("PASS secret", 230);
  client.ask("REIN", 220);
  client.ask("USER demo", 331);
  client.ask("PASS wrong", 530);
  client.ask("PASS secret", 503);
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
}

TEST_CASE("an account completes the login", "[live][LG-04][LG-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .settings = quick_refusals,
                           .users = {User{}, {.name = "clerk", .account = "ledger"}}});
  FtpClient client(server);
  client.reply(220);
  client.ask("ACCT ledger", 503);
  client.ask("USER clerk", 331);
  client.ask("PASS secret", 332);
  client.ask("PWD", 530);
  client.ask("ACCT wrong", 530);
  client.ask("ACCT ledger", 503);
  client.ask("USER clerk", 331);
  client.ask("PASS secret", 332);
  client.ask("ACCT ledger", 230);
  client.ask("PWD", 257);
  client.ask("ACCT ledger", 202);
}

TEST_CASE("a user without a password is in at once", "[live][RC-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .users = {{.name = "open", .password = ""}}});
  FtpClient client(server);
  client.reply(220);
  client.ask("USER open", 230);
  client.ask("PWD", 257);
}

TEST_CASE("CWD and CDUP move and nothing else", "[live][LG-09][LG-10][SV-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directories(server.root() / "a/b");
  write_file(server.root() / "file", "x");
  FtpClient client = logged_in(server);
  client.ask("CWD a/b", 250);
  CHECK(client.ask("PWD", 257).contains("\"/a/b\""));
  for (const char* line : {"CWD missing", "CWD /file", "CWD /file/x"}) client.ask(line, 550);
  CHECK(client.ask("XPWD", 257).contains("\"/a/b\""));
  client.ask("CDUP", 250);
  CHECK(client.ask("PWD", 257).contains("\"/a\""));
  client.ask("XCUP", 250);
  client.ask("CDUP", 250);
  CHECK(client.ask("PWD", 257).contains("\"/\""));
  client.ask("XCWD /a", 250);
  CHECK(client.ask("STAT", 211).contains("TYPE: I"));
}

TEST_CASE("REIN makes a session as new", "[live][LG-12][LG-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "one\ntwo\n");
  FtpClient client = logged_in(server);
  client.ask("REST 4", 350);
  const std::uint16_t port = client.epsv();
  client.ask("REIN", 220);
  CHECK(eventually([&] { return client.refuses(port); }));  // no listener
  client.ask("PWD", 530);
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
  CHECK(client.ask("STAT", 211).contains("TYPE: A"));
  CHECK(client.retrieve("file") == "one\r\ntwo\r\n");
}

TEST_CASE("REIN lets a transfer finish", "[live][LG-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("RETR large");
  client.send("REIN");
  CHECK(client.silent_for(100ms));
  CHECK(data.receive_all() == content);
  client.reply(226);
  client.reply(220);
  client.ask("PWD", 530);
}

TEST_CASE("anonymous users read and no more", "[live][SE-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .anonymous = true});
  write_file(server.root() / "file", "for all");
  FtpClient client(server);
  const string name = GENERATE("anonymous", "ftp", "FTP");
  client.log_in(name, "somebody@example.org");
  client.ask("TYPE I", 200);
  CHECK(client.retrieve("file") == "for all");
  client.passive();
  for (const char* line : {"STOR x", "STOU", "APPE file"}) client.ask(line, 553);
  for (const char* line : {"DELE file", "MKD x", "RMD x", "RNFR file"}) client.ask(line, 550);
  CHECK(std::filesystem::exists(server.root() / "file"));
}

TEST_CASE("rights are those of the user", "[live][SE-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .users = {{.allow = R"(["write"])"}}});
  write_file(server.root() / "file", "x");
  FtpClient client = logged_in(server);
  client.passive();
  for (const char* line : {"RETR file", "LIST", "NLST", "MLSD", "MLST file", "SIZE file", "STAT /", "DELE file"})
    client.ask(line, 550);
  client.store("new", "octets");
  CHECK(read_file(server.root() / "new") == "octets");
}

// ---- Guessing ----

TEST_CASE("three wrong passwords end the session", "[live][SE-06][SE-07]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.login_failure_delay_ms = 300"}});
  FtpClient client(server), other(server);
  client.reply(220);
  other.reply(220);
  for (const int code : {530, 530, 421}) {
    client.ask("USER demo", 331);
    const auto asked = Clock::now();
    client.send("PASS wrong");
    other.ask("NOOP", 200);  // nobody else is held up
    client.reply(code);
    CHECK(Clock::now() - asked >= 300ms);
  }
  CHECK(client.control().wait_for_end().in_order);
  other.ask("NOOP", 200);
}

TEST_CASE("whether a name exists shows nowhere", "[live][SE-09]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = quick_refusals});
  FtpClient client(server);
  client.reply(220);
  const string known = client.ask("USER demo", 331).text();
  const string refused = client.ask("PASS wrong", 530).text();
  CHECK(client.ask("USER nobody", 331).text() == known);
  CHECK(client.ask("PASS wrong", 530).text() == refused);
}

// ---- Limits ----

TEST_CASE("one session too many is told 421", "[live][CC-03][RC-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.sessions = 2"}});
  FtpClient first(server);
  first.reply(220);
  {
    FtpClient second(server);
    second.reply(220);
    FtpClient third(server);
    third.reply(421);
    CHECK(third.control().wait_for_end().in_order);
  }
  // A place that is left can be taken.
  CHECK(eventually([&] { return FtpClient(server).reply().code == 220; }));
  first.ask("NOOP", 200);
}

TEST_CASE("an address may hold so many sessions", "[live][SE-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.sessions_per_address = 2"}});
  FtpClient first(server), second(server);
  first.reply(220);
  second.reply(220);
  FtpClient third(server);
  third.reply(421);
  CHECK(third.control().wait_for_end().in_order);
  FtpClient elsewhere(server, "127.0.0.1", "127.0.0.2");
  elsewhere.reply(220);
  second.ask("QUIT", 221);
  second.control().close();
  third.control().close();
  CHECK(eventually([&] { return FtpClient(server).reply().code == 220; }));
}

TEST_CASE("an idle session is ended with 421", "[live][CC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.idle_timeout_s = 1"}});
  FtpClient fresh(server), client = logged_in(server);
  fresh.reply(220);
  client.reply(421);
  CHECK(client.control().wait_for_end().in_order);
  fresh.reply(421);
}

TEST_CASE("a transfer is not idle", "[live][CC-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.idle_timeout_s = 1"}});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  SECTION("download that nobody reads") {
    client.begin("RETR large");
    CHECK(client.silent_for(2500ms));
    CHECK(data.receive_all() == content);
  }
  SECTION("upload that sends nothing") {
    client.begin("STOR new");
    CHECK(client.silent_for(2500ms));
    data.close();
  }
  client.reply(226);
  client.ask("NOOP", 200);  // and the time counts from the end of the transfer
  client.reply(421);
}

TEST_CASE("SIGTERM lets a transfer finish and then says 421", "[live][RP-09]") {
  LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  {
    FtpClient idle(server), client = logged_in(server);
    idle.reply(220);
    Socket data = client.passive();
    client.begin("RETR large");
    server.signal(SIGTERM);
    idle.reply(421);
    CHECK(data.receive_all() == content);
    client.reply(226);
    client.reply(421);
    CHECK(client.control().wait_for_end().in_order);
  }
  server.stop();
}

TEST_CASE("a client that reads no replies does not grow memory", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  Socket flood = Socket::bound("0.0.0.0", 0);
  flood.set_buffers(16 * 1024);
  flood.connect_to("127.0.0.1", server.port());
  FtpClient other(server);
  other.reply(220);
  const std::size_t before = server.resident_kib();
  string noops;
  for (int i = 0; i < 1000; ++i) noops += "NOOP\r\n";
  // Until the server takes nothing more: it must stop reading some time.
  const auto is_stuck = [&] {
    std::size_t sent = flood.send_some(noops);
    for (int look = 0; sent == 0 && look < 100; ++look) {
      pause_between_looks();
      sent = flood.send_some(noops);
    }
    return sent == 0;
  };
  CHECK(eventually(is_stuck));
  CHECK(server.resident_kib() < before + 64 * 1024);
  other.ask("NOOP", 200);
}

TEST_CASE("a password with a NUL in it fits nothing", "[live][LG-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = quick_refusals});
  FtpClient client(server);
  client.reply(220);
  client.ask("USER demo", 331);
  client.ask("PASS secret" + string(1, '\0') + "garbage", 530);
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
}

TEST_CASE("who does not log in is ended, whatever it sends", "[live][CC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.login_timeout_s = 1"}});
  FtpClient client = logged_in(server), stranger(server), quiet(server);
  stranger.reply(220);
  quiet.reply(220);
  int code = 200;
  while (code == 200) {
    stranger.send("NOOP");
    code = stranger.reply().code;
  }
  CHECK(code == 421);
  quiet.reply(421);
  client.ask("NOOP", 200);
}

TEST_CASE("the log names who was refused, and what was changed", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = quick_refusals});
  FtpClient client = logged_in(server), stranger(server);
  stranger.reply(220);
  stranger.ask("USER eve\x1b[2J", 331);
  stranger.ask("PASS hunter2", 530);
  client.ask("MKD made", 257);
  client.ask("RNFR made", 350);
  client.ask("RNTO moved", 250);
  client.ask("SITE CHMOD 700 moved", 200);
  client.ask("RMD moved", 250);
  client.ask("DELE missing", 550);
  const auto logged = [&](const string& text) { return eventually([&] { return server.log().contains(text); }); };
  CHECK(logged("password of eve\\x1b[2J refused"));
  CHECK(logged("demo MKD \"/made\": 257"));
  CHECK(logged("demo RNTO \"/made\" to \"/moved\": 250"));
  CHECK(logged("demo SITE CHMOD \"/moved\": 200"));
  CHECK(logged("demo RMD \"/moved\": 250"));
  CHECK(logged("demo DELE \"/missing\": 550 No such file or directory."));
  CHECK_FALSE(server.log().contains("hunter2"));
}
