// TYPE, STRU, MODE and what they do to octets; the syntax of PORT, PASV, EPRT, EPSV.
// RFC 959 3.1, 4.1.2; 1123 4.1.2; 2428; 2577 3.
#include <map>
#include <vector>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

TEST_CASE("the defaults, and that they can be asked for", "[live][TY-01][ST-01][MD-01][RC-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "text", "one\ntwo\n");
  FtpClient client(server);
  client.log_in();
  CHECK(client.retrieve("text") == "one\r\ntwo\r\n");
  for (const char* line : {"TYPE A N", "STRU F", "MODE S"}) client.ask(line, 200);
  CHECK(client.retrieve("text") == "one\r\ntwo\r\n");
}

TEST_CASE("a rejected parameter changes nothing", "[live][TY-02][TY-07][TY-08][MD-01][RC-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "text", "one\ntwo\n");
  FtpClient client = logged_in(server);
  for (const char* line : {"TYPE X", "TYPE L 0", "TYPE L 65", "STRU X", "MODE X"}) client.ask(line, 504);
  for (const char* line : {"TYPE L", "TYPE L x", "TYPE A X", "TYPE I N"}) client.ask(line, 501);
  CHECK(client.retrieve("text") == "one\ntwo\n");
}

TEST_CASE("TYPE A N and A T translate line ends", "[live][TY-03][TY-10][TY-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  const string type = GENERATE("A", "A N", "A T");
  client.ask("TYPE " + type, 200);
  client.store("text", "one\r\ntwo\r\n\r\nno end");
  CHECK(read_file(server.root() / "text") == "one\ntwo\n\nno end");
  CHECK(client.retrieve("text") == "one\r\ntwo\r\n\r\nno end");
}

TEST_CASE("CR LF split over segments is one line end", "[live][TY-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  Socket data = client.passive();
  client.begin("STOR text");
  data.send_one_by_one("a\r\nb\rc\r\r\n\nd\r");
  data.close();
  client.reply(226);
  CHECK(read_file(server.root() / "text") == "a\nb\rc\r\n\nd\r");
}

TEST_CASE("text of many buffers comes and goes", "[live][TY-11][TY-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  string sent, stored;
  for (int line = 0; line < 200'000; ++line) {
    const string text = std::to_string(line * 7919);
    sent += text + "\r\n";
    stored += text + "\n";
  }
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  client.store("text", sent);
  CHECK(read_file(server.root() / "text") == stored);
  CHECK(client.retrieve("text") == sent);
}

TEST_CASE("TYPE I and L 8 leave octets alone", "[live][TY-05][TY-06][TY-12][TY-13][ST-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  const string type = GENERATE("I", "L 8");
  client.ask("TYPE " + type, 200);
  // Around the sizes where windows, pipes and slices end.
  for (const std::size_t size : {0, 1, 4095, 65'536, 524'287, 524'289, 5'000'001}) {
    const string content = noise(size);
    client.store("file", content);
    CHECK(read_file(server.root() / "file") == content);
    const auto stored_at = std::filesystem::last_write_time(server.root() / "file");
    CHECK(client.retrieve("file") == content);
    CHECK(read_file(server.root() / "file") == content);
    CHECK(std::filesystem::last_write_time(server.root() / "file") == stored_at);
  }
}

TEST_CASE("parameters in any order, around PASV too", "[live][DC-16]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "text", "one\ntwo\n");
  FtpClient client = logged_in(server);
  client.ask("REST 4", 350);
  Socket data = client.passive();
  client.begin("RETR text");
  CHECK(data.receive_all() == "two\n");
  client.reply(226);
  data = client.passive();
  for (const char* line : {"TYPE A", "STRU F", "MODE S"}) client.ask(line, 200);
  client.begin("RETR text");
  CHECK(data.receive_all() == "one\r\ntwo\r\n");
  client.reply(226);
}

// ---- Ports ----

TEST_CASE("PORT takes six octets", "[live][PP-01][RC-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  Listener listener("127.0.0.1");
  client.aim_at(listener);
  for (const char* wrong :
       {"1,2,3,4,5", "127,0,0,1,4,256", "127,0,0,1,4,1,1", "a,b,c,d,e,f", "127.0.0.1,4,1", "127,0,0,1,-4,1"})
    client.ask("PORT " + string(wrong), 501);
  // The one before still holds.
  client.begin("RETR file");
  CHECK(listener.accept().receive_all() == "octets");
  client.reply(226);
}

TEST_CASE("EPRT takes any delimiter and both protocols", "[live][PP-08][PP-09][RC-24]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server), six = logged_in(server, "::1");
  client.ask("EPRT |1|127.0.0.1|5000|", 200);
  client.ask("EPRT !1!127.0.0.1!5000!", 200);
  client.ask("EPRT ~1~127.0.0.1~5000~", 200);
  six.ask("EPRT |2|::1|5000|", 200);
  for (const char* wrong : {"|1|127.0.0.1|5000", "|1|127.0.0.1|70000|", "|1|example|5000|", "|2|127.0.0.1|5000|", "|"})
    client.ask("EPRT " + string(wrong), 501);
  CHECK(client.ask("EPRT |3|127.0.0.1|5000|", 522).text().ends_with("(1,2)\n"));
  CHECK(six.ask("EPRT |1|127.0.0.1|5000|", 522).text().ends_with("(2)\n"));
  CHECK(client.ask("EPSV 3", 522).text().find('(') != string::npos);
}

TEST_CASE("ports and addresses that are refused", "[live][SE-01][SE-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("PORT 127,0,0,1,3,255", 504);
  client.ask("EPRT |1|127.0.0.1|22|", 504);
  client.ask("PORT 127,0,0,2,20,0", 504);
  client.ask("EPRT |1|127.0.0.2|5000|", 504);
}

TEST_CASE("a server with active mode switched off connects nowhere", "[live][SE-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"data.active = false"}});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  client.ask("PORT 127,0,0,1,20,0", 504);
  client.ask("EPRT |1|127.0.0.1|5000|", 504);
  CHECK(client.retrieve("file") == "octets");
}

TEST_CASE("PASV names a port that accepts already", "[live][PP-02][PP-03][PP-04][PP-18]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  for (const char* address : {"127.0.0.1", "127.0.0.3"}) {
    FtpClient client = logged_in(server, address);
    const std::uint16_t port = client.pasv();  // checks the address too
    CHECK(port >= server.first_passive_port());
    CHECK(port <= server.last_passive_port());
    CHECK(client.connect_to(port).open());
  }
  FtpClient client = logged_in(server);
  const string text = client.ask("PASV", 227).text();
  CHECK(text.substr(0, text.find('(')).find_first_of("0123456789") == string::npos);
}

TEST_CASE("PASV announces the configured address", "[live][PP-04]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .settings = {"data.passive_address = \"192.0.2.77\""}});
  FtpClient client = logged_in(server);
  CHECK(client.ask("PASV", 227).contains("(192,0,2,77,"));
}

TEST_CASE("EPSV, with its protocol and without", "[live][PP-10][PP-11][PP-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient four = logged_in(server), six = logged_in(server, "::1");
  CHECK(four.connect_to(four.epsv()).open());
  CHECK(six.connect_to(six.epsv()).open());
  four.ask("EPSV 1", 229);
  six.ask("EPSV 2", 229);
  CHECK(four.ask("EPSV 2", 522).contains("(1)"));
  CHECK(six.ask("EPSV 1", 522).contains("(2)"));
  four.ask("EPSV x", 501);
  six.ask("PASV", 502);
}

TEST_CASE("after EPSV ALL only EPSV counts", "[live][PP-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  client.ask("EPSV ALL", 200);
  client.ask("PORT 127,0,0,1,20,0", 501);
  client.ask("EPRT |1|127.0.0.1|5000|", 501);
  client.ask("PASV", 501);
  client.ask("LPRT 4,4,127,0,0,1,2,20,0", 502);
  client.ask("LPSV", 502);
  CHECK(client.retrieve("file") == "octets");
}

TEST_CASE("passive ports come in no order, and in another one from each server", "[live][SE-10]") {
  constexpr int count = 25;
  const string backend = GENERATE("io_uring", "epoll");
  const auto ports_of_a_server = [&] {
    const LiveServer server({.backend = backend});
    FtpClient client = logged_in(server);
    std::vector<int> ports;
    for (int i = 0; i < count; ++i) ports.push_back(client.epsv());
    return ports;
  };
  const std::vector<int> ports = ports_of_a_server();
  // Of random ports, a step up and a step down are equally likely, and hardly any two steps are alike.
  std::map<int, int> steps;
  int down = 0;
  for (std::size_t i = 1; i < ports.size(); ++i) {
    ++steps[ports[i] - ports[i - 1]];
    down += ports[i] < ports[i - 1] ? 1 : 0;
  }
  CHECK((down > 3 && down < count - 4));
  for (const auto& [step, times] : steps) {
    CAPTURE(step);
    CHECK(times < 4);
  }
  CHECK(ports_of_a_server() != ports);
}
