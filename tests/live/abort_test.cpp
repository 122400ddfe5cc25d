// ABOR, STAT and NOOP at every stage of a transfer, plain and with Telnet's signals.
// RFC 959 4.1.3, 4.1 (end); 1123 4.1.3.3; 6093 6.
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

void expect_aborted(FtpClient& client, Socket& data) {
  const int code = client.reply().code;
  CHECK((code == 426 || code == 425));
  client.reply(226);
  if (data.open()) data.wait_for_end();
  client.ask("NOOP", 200);
}

}  // namespace

TEST_CASE("ABOR with nothing to abort", "[live][AB-03][AB-04][PP-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("ABOR", 226);
  const std::uint16_t port = client.epsv();
  client.ask("ABOR", 226);
  CHECK(eventually([&] { return client.refuses(port); }));
  Socket data = client.passive();
  client.ask("ABOR", 226);
  data.wait_for_end();
  client.ask("NOOP", 200);
}

TEST_CASE("ABOR while the data connection is awaited", "[live][AB-01][AB-04][AB-06][DC-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  const BlackHole hole;
  const bool active = GENERATE(false, true);
  if (active) {
    client.ask("PORT " + host_port("127.0.0.1", hole.port()), 200);
  } else {
    client.epsv();
  }
  const string command = GENERATE("RETR file", "STOR new", "LIST");
  client.ask(command, 150);
  client.send("ABOR");
  Socket none;
  expect_aborted(client, none);
  CHECK(client.retrieve("file") == "octets");
}

TEST_CASE("ABOR while octets move", "[live][AB-01][AB-02][AB-04][DC-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  const string type = GENERATE("I", "A");
  client.ask("TYPE " + type, 200);
  Socket data = client.passive();
  SECTION("download") {
    client.begin("RETR large");
    data.receive();
  }
  SECTION("download that stands still") { client.begin("RETR large"); }
  SECTION("upload") {
    client.begin("STOR new");
    data.send("the begin of it");
    CHECK(eventually([&] { return read_file(server.root() / "new") == "the begin of it"; }));
  }
  SECTION("upload of nothing") { client.begin("APPE large"); }
  client.send("ABOR");
  client.reply(426);
  client.reply(226);
  data.wait_for_end();
  client.ask("TYPE I", 200);
  CHECK(client.retrieve("large") == content);
}

TEST_CASE("ABOR races the end of a transfer", "[live][AB-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", noise(100'000));
  FtpClient client = logged_in(server);
  for (int round = 0; round < 20; ++round) {
    Socket data = client.passive();
    client.control().send("RETR file\r\n");
    if (round % 2 == 1) data.receive();
    client.control().send("ABOR\r\n");
    client.reply();  // 1yz
    const int end = client.reply().code;
    CHECK((end == 226 || end == 426));
    client.reply(226);
    client.ask("NOOP", 200);
  }
}

TEST_CASE("Telnet's signals ahead of ABOR", "[live][AB-02][CC-24][CC-26][CC-27]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("RETR large");
  Socket& control = client.control();
  SECTION("not urgent") {
    control.send(
        "\xff\xf4\xff\xf2"
        "ABOR\r\n");
  }
  SECTION("IP, then an urgent Data Mark (RFC 959)") {
    control.send("\xff\xf4");
    control.send_urgent("\xff\xf2");
    control.send("ABOR\r\n");
  }
  SECTION("IP and IAC urgent together (BSD)") {
    control.send_urgent("\xff\xf4\xff");
    control.send(
        "\xf2"
        "ABOR\r\n");
  }
  SECTION("all of it urgent") {
    control.send_urgent(
        "\xff\xf4\xff\xf2"
        "ABOR\r\n");
  }
  SECTION("one octet a segment") {
    control.send_one_by_one(
        "\xff\xf4\xff\xf2"
        "ABOR\r\n");
  }
  SECTION("only the last LF urgent (Ruby)") {
    control.send("ABOR\r");
    control.send_urgent("\n");
  }
  SECTION("a Synch alone, behind a command that waits") {
    control.send("PWD\r\n");
    CHECK(client.silent_for(50ms));
    control.send_urgent("\xff\xf2");
    control.send("ABOR\r\n");
  }
  expect_aborted(client, data);
}

TEST_CASE("exactly one command is taken behind a Synch", "[live][CC-27]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "large", noise(12 << 20));
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("RETR large");
  client.control().send_urgent("\xff\xf4\xff\xf2");
  client.control().send("ABOR\r\nPWD\r\nSYST\r\n");
  for (const int code : {426, 226, 257, 215}) client.reply(code);
}

TEST_CASE("STAT and NOOP during a transfer", "[live][AB-01][AB-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  SECTION("download") {
    client.begin("RETR large");
    const string begin = data.receive();
    CHECK(client.ask("STAT", 211).contains("RETR in progress"));
    client.ask("NOOP", 200);
    CHECK(client.ask("STAT /", 212).contains("large"));
    CHECK(begin + data.receive_all() == content);
  }
  SECTION("upload") {
    client.begin("STOR large");
    data.send(content.substr(0, 1'000'000));
    CHECK(client.ask("STAT", 211).contains("STOR in progress"));
    client.ask("STAT /missing", 550);
    CHECK(client.ask("STAT /large", 213).contains("large"));
    data.send(content.substr(1'000'000));
    data.close();
  }
  SECTION("while the data connection is awaited") {
    client.epsv();
    client.ask("RETR large", 150);
    CHECK(client.ask("STAT", 211).contains("RETR in progress"));
    client.send("ABOR");
    data.close();
    expect_aborted(client, data);
    return;
  }
  client.reply(226);
  CHECK(read_file(server.root() / "large") == content);
}
