// The control connection of the real server: Telnet, lines, urgent data, replies in general.
// RFC 959 5.3, 854, 855, 1123 4.1.2.10 to 4.1.2.12, 3659 2.2, 6093.
#include "core/command.hpp"
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

const string iac = "\xff", data_mark = "\xf2", interrupt = "\xf4", begin_sub = "\xfa", end_sub = "\xf0", will = "\xfb",
             wont = "\xfc", do_ = "\xfd", dont = "\xfe";

}  // namespace

TEST_CASE("the server speaks first, on both protocols", "[live][CC-01][CC-02][RC-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  for (const char* address : {"127.0.0.1", "::1"}) {
    FtpClient client(server, address);
    CHECK(client.reply(220).contains("Millrace"));
    client.ask("NOOP", 200);
  }
}

TEST_CASE("a command sent one octet a segment", "[live][CC-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  for (const auto& [line, code] : {std::pair{"USER demo", 331}, {"PASS secret", 230}, {"MKD a directory", 257}}) {
    client.control().send_one_by_one(string(line) + "\r\n");
    client.reply(code);
  }
}

TEST_CASE("CR and LF in different segments", "[live][CC-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  client.control().send("NOOP\r");
  CHECK(client.silent_for(200ms));
  client.control().send("\nSYST\r");
  client.reply(200);
  CHECK(client.silent_for(200ms));
  client.control().send("\n");
  client.reply(215);
}

TEST_CASE("several commands in one segment", "[live][CC-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.control().send("USER demo\r\nPASS secret\r\nPWD\r\nMKD x\r\nCWD x\r\nPWD\r\nTYPE L 8\r\nFOO\r\nNOOP\r\n");
  for (const int code : {220, 331, 230, 257, 257, 250}) client.reply(code);
  CHECK(client.reply(257).contains("\"/x\""));
  for (const int code : {200, 500, 200}) client.reply(code);
}

TEST_CASE("commands sent during a transfer wait for its end", "[live][CC-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(16 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("RETR large");
  client.control().send("PWD\r\nFOO\r\nTYPE A\r\n" + string(10'000, 'x') + "\r\nMKD y\r\n");
  CHECK(client.silent_for(200ms));
  CHECK(data.receive_all() == content);
  for (const int code : {226, 257, 500, 200, 500, 257}) client.reply(code);
}

TEST_CASE("verbs and parameter letters have no case", "[live][CC-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  for (const char* line : {"type a", "TyPe i", "stru f", "mode s", "noop"}) client.ask(line, 200);
  CHECK(client.fetch("rEtR file") == "octets");
}

TEST_CASE("an unknown verb, a known one and a wrong argument", "[live][CC-08][CC-10][RP-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("XYZZY", 500);
  client.ask("", 500);
  client.ask("MIC x", 502);
  client.ask("TYPE X", 504);
  client.ask("RNTO x", 503);
  for (const char* line :
       {"TYPE", "TYPE X Y Z", "RETR", "CWD", "PORT 1,2,3", "REST x", "PWD x", "MODE", "STRU", "PASV x"})
    client.ask(line, 501);
  client.ask("NOOP", 200);
}

TEST_CASE("an over-long line is one 500", "[live][CC-09]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("CWD " + string(300'000, 'x'), 500);
  client.ask("NOOP", 200);
  client.ask(string(5000, ' '), 500);
  client.ask("PWD", 257);
}

TEST_CASE("every command gets a reply", "[live][CC-11][LG-07][LG-08]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .settings = {"limits.login_failure_delay_ms = 10"}});
  FtpClient client(server);
  client.reply(220);
  for (const core::CommandRow& row : core::command_table()) {
    if (row.verb == "QUIT") continue;
    const Reply reply = [&] {
      client.send(string(row.verb) + (row.argument == core::Argument::none ? "" : " x"));
      return client.reply();
    }();
    INFO(row.verb << ": " << reply.code);
    CHECK(admits(row, static_cast<unsigned>(reply.code)));
    if (row.when == core::When::logged_in) CHECK(reply.code == 530);
  }
  for (const auto& [line, code] : {std::pair{"HELP", 214}, {"SYST", 215}, {"NOOP", 200}, {"ABOR", 226}, {"REIN", 220}})
    client.ask(line, code);
  client.ask("QUIT", 221);
}

TEST_CASE("nothing is said that answers nothing", "[live][CC-12][CC-19]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  CHECK(client.silent_for(100ms));
  // A client that comes to the passive port and leaves again is no reason to speak.
  client.passive().reset();
  client.passive().close();
  CHECK(client.silent_for(200ms));
  client.ask("NOOP", 200);
}

TEST_CASE("QUIT says 221 and closes", "[live][CC-15]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("QUIT", 221);
  CHECK(client.control().wait_for_end().in_order);
}

TEST_CASE("QUIT lets a transfer finish first", "[live][CC-15]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(12 << 20);
  write_file(server.root() / "large", content);
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  SECTION("download") {
    client.begin("RETR large");
    client.send("QUIT");
    CHECK(client.silent_for(100ms));
    CHECK(data.receive_all() == content);
  }
  SECTION("upload") {
    client.begin("STOR new");
    client.send("QUIT");
    data.send(content);
    data.close();
  }
  client.reply(226);
  client.reply(221);
  CHECK(client.control().wait_for_end().in_order);
  CHECK((!std::filesystem::exists(server.root() / "new") || read_file(server.root() / "new") == content));
}

// ---- Telnet ----

TEST_CASE("every Telnet option is refused", "[live][CC-17]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  for (const auto& [asked, refusal] : {std::pair{do_, wont}, {will, dont}}) {
    string sent, wanted;
    for (int option = 0; option < 256; ++option) {
      sent += iac + asked + static_cast<char>(option);
      wanted += iac + refusal + static_cast<char>(option);
    }
    client.control().send(sent);
    CHECK(client.control().receive_exactly(wanted.size()) == wanted);
  }
  // In the middle of a command: it still works.
  client.control().send("NO" + iac + do_ + "\x01" + "OP\r\n");
  CHECK(client.control().receive_exactly(3) == iac + wont + "\x01");
  client.reply(200);
}

TEST_CASE("what confirms an option that is off is not answered", "[live][CC-18]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  client.control().send(iac + dont + "\x01" + iac + wont + "\x03");
  CHECK(client.silent_for(100ms));
  client.ask("NOOP", 200);
}

TEST_CASE("other Telnet commands vanish from the text", "[live][CC-20]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  for (int code = 1; code < 250; ++code) {
    if (code == 242) continue;  // the Data Mark has a case of its own
    client.control().send("NO" + iac + static_cast<char>(code) + "OP\r\n");
    client.reply(200);
  }
}

TEST_CASE("a subnegotiation is swallowed however it is split", "[live][CC-21]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  const string sub = iac + begin_sub + "\x18" + "a\r\nQUIT\r\n" + iac + iac + end_sub + iac + end_sub;
  client.control().send("NO" + sub + "OP\r\n");
  client.reply(200);
  client.control().send_one_by_one("NO" + sub + "OP\r\n");
  client.reply(200);
}

TEST_CASE("octet 255 travels doubled", "[live][CC-22]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.control().send("MKD y\xff\xff-\xff\xff\xff\xff\r\n");
  const string wanted = "257 \"/y\xff\xff-\xff\xff\xff\xff\" created.\r\n";
  CHECK(client.control().receive_exactly(wanted.size()) == wanted);
  CHECK(std::filesystem::is_directory(server.root() / "y\xff-\xff\xff"));
}

TEST_CASE("urgent data is taken in line", "[live][CC-23]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  // Ruby's client: the LF alone is urgent.
  client.control().send("STAT\r");
  client.control().send_urgent("\n");
  client.reply(211);
  client.control().send_urgent("NOOP\r\n");
  client.reply(200);
  client.control().send_urgent("N");
  client.control().send("OOP\r\n");
  client.reply(200);
}

TEST_CASE("a Synch throws away what is ahead of the Data Mark", "[live][CC-24]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  SECTION("the Data Mark is urgent (RFC 854)") {
    client.control().send_urgent("half a command" + iac + interrupt + iac + data_mark);
    client.control().send("NOOP\r\n");
  }
  SECTION("the IAC ahead of it is urgent (BSD)") {
    client.control().send_urgent("half a command" + iac + interrupt + iac);
    client.control().send(data_mark + "NOOP\r\n");
  }
  client.reply(200);
  CHECK(client.silent_for(100ms));
  client.ask("SYST", 215);
}

TEST_CASE("a Synch goes on until its mark", "[live][CC-25]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  SECTION("TCP's urgent state ends before") {
    client.control().send_urgent(iac + interrupt);
    client.control().send("thrown away\r\nFOO\r\n" + iac + data_mark + "NOOP\r\n");
  }
  SECTION("a mark outside urgent mode means nothing") { client.control().send("NO" + iac + data_mark + "OP\r\n"); }
  client.reply(200);
  CHECK(client.silent_for(100ms));
}

// ---- Octets ----

TEST_CASE("all octets travel over the control connection", "[live][CC-28][CC-22][PN-05][RP-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  string name, sent, quoted;
  for (int octet = 255; octet > 0; --octet) {
    if (octet == '/' || octet == '\n') continue;  // LF ends a command
    const auto c = static_cast<char>(octet);
    name += c;
    sent += c;
    if (octet == 255) sent += c;
    if (octet == '\r') sent += '\0';
    quoted += octet == '"' ? "\"\"" : string(1, octet < ' ' || octet == 127 ? '?' : c);
  }
  std::filesystem::create_directory(server.root() / name);
  FtpClient client = logged_in(server);
  client.ask("MKD " + sent + "x", 553);  // control characters
  client.ask("CWD " + sent, 250);
  CHECK(client.ask("PWD", 257).contains("\"/" + quoted + "\""));
}

TEST_CASE("LF alone ends a command of a running server", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.control().send("NOOP\nMKD one\nNOOP\r");
  client.reply(200);
  client.reply(257);
  CHECK(std::filesystem::is_directory(server.root() / "one"));
  CHECK(client.silent_for(100ms));
  client.control().send("\n");
  client.reply(200);
}

TEST_CASE("what came ahead of a FIN is answered", "[live][half-close]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  client.control().send("USER demo\r\nPASS secret\r\nTYPE I\r\nMKD new\r\nCWD new\r\nPWD\r\nQUIT\r\n");
  client.control().finish_sending();
  for (const int code : {331, 230, 200, 257, 250, 257, 221}) client.reply(code);
  CHECK(client.control().wait_for_end().in_order);
}

TEST_CASE("an upload of a running server ends with its reply behind a FIN", "[live][half-close]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  Socket data = client.passive();
  client.begin("STOR new");
  client.control().finish_sending();
  CHECK(client.silent_for(100ms));
  data.send("octets");
  data.close();
  client.reply(226);
  CHECK(client.control().wait_for_end().in_order);
  CHECK(read_file(server.root() / "new") == "octets");
}

TEST_CASE("replies of several lines", "[live][RP-02][RP-03][SV-20][SV-23][FE-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "226 done", "x");
  FtpClient client = logged_in(server);
  // The client refuses inner lines that could pass for an end.
  const Reply features = client.ask("FEAT", 211);
  for (const string& line : features.lines)
    if (&line != &features.lines.front() && &line != &features.lines.back()) CHECK((line[0] == ' ' && line[1] != ' '));
  CHECK(features.lines.back() == "End");
  CHECK(client.ask("HELP", 214).lines.size() > 3);
  client.ask("HELP RETR", 214);
  client.ask("HELP SITE", 214);
  CHECK(client.ask("STAT", 211).contains("TYPE: I"));
  CHECK(client.ask("STAT /", 212).contains("226 done"));
}
