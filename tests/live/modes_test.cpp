// MODE B and C, STRU R and P, TYPE E and L m against the real server: what travels, octet by octet, and what
// becomes of the data connection. RFC 959 3.1 to 3.5; RFC 1123 4.1.3.4.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "core/codec/codec.hpp"
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using namespace std::string_literals;
using std::string;

namespace {

/// What a codec makes of it all.
string through(core::Codec& codec, std::string_view in) {
  string out, room(64 * 1024, '\0');
  core::Progress done;
  while (in.size() > 0 || (done.marks & core::mark::end_of_file) == 0) {
    done = codec.run(in, room, core::mark::end_of_file);
    REQUIRE(done.error == 0);
    REQUIRE_FALSE(done.idle());
    in.remove_prefix(done.taken);
    out.append(room, 0, done.made);
  }
  return out;
}

/// One file from a connection that stays open: octets of the file, markers left out.
string receive_file(Socket& data, const core::Representation& as, string& rest) {
  const auto codec = core::make_decoder(as);
  string out, room(64 * 1024, '\0');
  while (true) {
    if (rest.empty()) rest = data.receive();
    REQUIRE_FALSE(rest.empty());
    const core::Progress done = codec->run(rest, room, core::mark::none);
    REQUIRE(done.error == 0);
    rest.erase(0, done.taken);
    out.append(room, 0, done.made);
    if ((done.marks & core::mark::end_of_file) != 0) return out;
  }
}

string receive_file(Socket& data, const core::Representation& as) {
  string rest;
  string content = receive_file(data, as, rest);
  CHECK(rest.empty());
  return content;
}

string block(core::Marks descriptor, std::string_view octets) {
  return string{static_cast<char>(descriptor), static_cast<char>(octets.size() >> 8),
                static_cast<char>(octets.size())} +
         string(octets);
}

using core::mark::end_of_file;
using core::mark::end_of_record;
using core::mark::none;
using core::mark::restart;
using core::mark::suspect;

constexpr core::Representation in_blocks{.type = core::Type::image, .mode = core::Mode::block};

/// Sends on a connection that stays open; 250 says that the file is stored.
void store(FtpClient& client, Socket& data, std::string_view name, std::string_view wire) {
  client.begin("STOR " + string(name));
  data.send(wire);
  client.reply(250);
}

}  // namespace

// ---- MODE B ----

TEST_CASE("in MODE B a file is blocks, and the connection stays for the next",
          "[live][MD-02][MD-03][MD-04][MD-11][MD-12][MD-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  const std::uint16_t port = client.epsv();
  client.send("STOR file");
  client.reply(150);
  Socket data = client.connect_to(port);
  data.send(block(none, "hello ") + block(suspect, "wor") + block(none, "") + block(end_of_file, "ld"));
  client.reply(250);
  CHECK(read_file(server.root() / "file") == "hello world");

  client.ask("RETR file", 125);
  CHECK(data.receive_exactly(14) == block(end_of_file, "hello world"));
  client.reply(250);
  client.ask("NLST", 125);
  CHECK(receive_file(data, {.mode = core::Mode::block}) == "file\n");
  client.reply(250);
  client.ask("STOR empty", 125);
  data.send(block(end_of_file, ""));
  client.reply(250);
  CHECK(read_file(server.root() / "empty").empty());
  client.ask("RETR empty", 125);
  CHECK(data.receive_exactly(3) == block(end_of_file, ""));
  client.reply(250);
  CHECK(data.silent_for(20ms));
}

namespace {

constexpr int many = 60;

/// Commands sent ahead for `many` files of `size` octets, each of its own letter, and `behind` after them.
void ask_for_many(FtpClient& client, const LiveServer& server, std::size_t size, std::string_view behind) {
  string commands;
  for (int i = 0; i < many; ++i) {
    write_file(server.root() / std::to_string(i), string(size, static_cast<char>('0' + i)));
    commands += "RETR " + std::to_string(i) + "\r\n";
  }
  client.control().send(commands + string(behind));
}

/// What came behind them.
string expect_many(FtpClient& client, Socket& data, std::size_t size) {
  string rest;
  for (int i = 0; i < many; ++i) CHECK(receive_file(data, in_blocks, rest) == string(size, static_cast<char>('0' + i)));
  for (int i = 0; i < many; ++i) {
    client.reply(125);
    client.reply(250);
  }
  return rest;
}

}  // namespace

TEST_CASE("many small files asked for ahead come one behind the other", "[live][MD-04][MD-12]") {
  const std::size_t size = GENERATE(0, 4096, 300'000);
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.ask("NOOP", 200);
  SECTION("and then the session ends") {
    ask_for_many(client, server, size, "QUIT\r\n");
    CHECK(expect_many(client, data, size).empty());
    client.reply(221);
    CHECK(data.receive_all().empty());
  }
  SECTION("and then a file of the other way") {
    ask_for_many(client, server, size, "STOR up\r\n");
    CHECK(expect_many(client, data, size).empty());
    client.reply(125);
    data.send(block(end_of_file, "sent"));
    client.reply(250);
    CHECK(read_file(server.root() / "up") == "sent");
  }
  SECTION("and then another data connection") {
    ask_for_many(client, server, size, "");
    client.control().send("EPSV\r\n");
    CHECK(expect_many(client, data, size).empty());
    client.reply(229);
    CHECK(data.receive_all().empty());
  }
  SECTION("and then one that is refused, and one in another MODE") {
    ask_for_many(client, server, size, "RETR nothing\r\nMODE S\r\nRETR 7\r\n");
    const string rest = expect_many(client, data, size);
    client.reply(550);
    client.reply(200);
    client.reply(125);
    CHECK(rest + data.receive_all() == string(size, '7'));
    client.reply(226);
  }
}

TEST_CASE("a client that is slow to read gets its small files whole, however the session ends",
          "[live][MD-04][DC-13]") {
  constexpr std::size_t size = 60'000;
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  const std::uint16_t port = client.epsv();
  Socket data = Socket::bound("127.0.0.1", 0);
  data.set_buffers(4096);
  data.connect_to("127.0.0.1", port);
  ask_for_many(client, server, size, "QUIT\r\n");
  string rest;
  for (int i = 0; i < many; ++i) CHECK(receive_file(data, in_blocks, rest) == string(size, static_cast<char>('0' + i)));
  CHECK((rest.empty() && data.receive_all().empty()));
  for (int i = 0; i < 2 * many; ++i) client.reply();
  client.reply(221);
}

TEST_CASE("a client that never reads its small files is given up", "[live][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .settings = {"data.stall_timeout_s = 1"}});
  write_file(server.root() / "file", string(60'000, 'x'));
  const std::size_t descriptors = server.open_descriptors();
  {
    FtpClient client = logged_in(server);
    client.ask("MODE B", 200);
    const std::uint16_t port = client.epsv();
    Socket data = Socket::bound("127.0.0.1", 0);
    data.set_buffers(4096);
    data.connect_to("127.0.0.1", port);
    int code = 250;
    for (int i = 0; i < 1000 && code == 250; ++i) {  // until the systems between hold no more
      client.begin("RETR file");
      code = client.reply().code;
    }
    CHECK(code == 426);
    client.ask("NOOP", 200);
  }
  CHECK(eventually([&] { return server.open_descriptors() == descriptors; }));
}

TEST_CASE("a connection closed before the end-of-file mark is no end of file", "[live][MD-06][DC-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  const string mode = GENERATE("B", "C");
  client.ask("MODE " + mode, 200);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send(mode == "B" ? block(none, "half") : "\x04half"s);
  data.close();
  client.reply(426);
  CHECK(read_file(server.root() / "file") == "half");
  client.ask("NOOP", 200);
}

TEST_CASE("rubbish in place of blocks is 451, and the session goes on", "[live][MD-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  for (const string& rubbish : {"\x01\x00\x01x"s, block(restart, "two words"), block(restart, "")}) {
    Socket data = client.passive();
    client.begin("STOR file");
    data.send(rubbish);
    client.reply(451);
    CHECK(data.wait_for_end().octets == 0);
  }
  client.ask("PWD", 257);
}

TEST_CASE("what closes a data connection that was kept", "[live][DC-06][DC-07][DC-08][AB-03][MD-13]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "content");
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("RETR file");
  CHECK(receive_file(data, in_blocks) == "content");
  client.reply(250);

  SECTION("ABOR") { client.ask("ABOR", 226); }
  SECTION("another port") { client.epsv(); }
  SECTION("REIN") { client.ask("REIN", 220); }
  SECTION("QUIT") { client.ask("QUIT", 221); }
  SECTION("the control connection's end") { client.control().reset(); }
  SECTION("a file in MODE S, whose end it is") {
    client.ask("MODE S", 200);
    client.ask("RETR file", 125);
    CHECK(data.receive_exactly(7) == "content");
    client.reply(226);
  }
  SECTION("MLSD, which is in MODE S always") {
    client.ask("MLSD", 125);
    CHECK(data.receive_all().find("type=file;") != string::npos);
    client.reply(226);
  }
  CHECK(data.wait_for_end().octets == 0);
}

TEST_CASE("a kept connection that the client closed is made anew", "[live][MD-12][DC-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "content");
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("RETR file");
  CHECK(receive_file(data, in_blocks) == "content");
  client.reply(250);
  data.close();
  std::this_thread::sleep_for(20ms);
  Listener listener("127.0.0.1", client.control().local_port());  // U, the default data port
  client.ask("RETR file", 150);
  data = listener.accept();
  CHECK(receive_file(data, in_blocks) == "content");
  client.reply(250);
  client.ask("RETR file", 125);
  CHECK(receive_file(data, in_blocks) == "content");
  client.reply(250);
}

TEST_CASE("files sent ahead on one connection are told apart", "[live][MD-04][MD-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  string commands, wire;
  for (int i = 0; i < 200; ++i) {
    commands += "STOR file" + std::to_string(i) + "\r\n";
    wire += block(none, std::to_string(i)) + block(end_of_file, noise(1000));
  }
  data.send(wire);
  client.control().send(commands);
  for (int i = 0; i < 200; ++i) {
    client.reply(125);
    client.reply(250);
    CHECK(read_file(server.root() / ("file" + std::to_string(i))) == std::to_string(i) + noise(1000));
  }
}

// Small files that were read stay open for the next who reads them.
TEST_CASE("a file that is deleted between two RETR of one segment is not sent again", "[live][MD-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directory(server.root() / "pub");
  write_file(server.root() / "pub/file", "content");
  std::this_thread::sleep_for(50ms);  // what has changed within the file system's clock tick is not kept
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  for (int i = 0; i < 3; ++i) {
    client.begin("RETR pub/file");
    CHECK(receive_file(data, in_blocks) == "content");
    client.reply(250);
    std::this_thread::sleep_for(10ms);
  }
  client.send("RETR pub/file\r\nDELE pub/file\r\nRETR pub/file");
  client.reply(125);
  CHECK(receive_file(data, in_blocks) == "content");
  client.reply(250);
  client.reply(250);
  client.reply(550);
}

TEST_CASE("10,000 files of 4 KiB over one connection with pipelined RETR", "[live][MD-11][CC-06]") {
  constexpr int count = 10'000;
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string octets = noise(4096 + count);
  const auto content = [&](int i) { return std::string_view(octets).substr(static_cast<std::size_t>(i), 4096); };
  for (int i = 0; i < count; ++i) write_file(server.root() / std::to_string(i), content(i));
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  string commands, rest;
  for (int i = 0; i < count; ++i) commands += "RETR " + std::to_string(i) + "\r\n";
  std::thread sender([&] { client.control().send(commands); });
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    wrong += receive_file(data, in_blocks, rest) == content(i) ? 0 : 1;
    client.reply(125);
    client.reply(250);
  }
  sender.join();
  CHECK(wrong == 0);
  CHECK(rest.empty());
}

// ---- MODE C ----

TEST_CASE("in MODE C a file is strings, of octets, of copies and of fillers", "[live][MD-08][MD-09][MD-10][MD-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE C", 200);
  Socket data = client.passive();
  const auto [type, filler] = GENERATE(table<string, char>({{"A", ' '}, {"E", ' '}, {"I", '\0'}, {"L 8", '\0'}}));
  client.ask("TYPE " + type, 200);
  const string ab = type == "E" ? "\x81\x82" : "ab", c = type == "E" ? "\x83" : "c";
  store(client, data, "file", "\x02" + ab + "\x85" + c + "\xc7" + "\x00\x40"s + "\x01" + c);
  CHECK(read_file(server.root() / "file") == "abccccc" + string(7, filler) + "c");
  client.begin("RETR file");
  const string wire = "\x02" + ab + "\x85" + c + "\xc7" + "\x00\x40"s + "\x01" + c;
  CHECK(data.receive_exactly(wire.size()) == wire);
  client.reply(250);
}

// ---- Restart markers ----

TEST_CASE("each marker received is answered with 110, and REST goes on from there",
          "[live][MD-05][RS-10][RS-11][RS-13][RS-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("STOR text");
  data.send(block(none, "one\r\ntw") + block(restart, "here") + block(none, "o\r") +
            block(restart, "between-CR-and-LF"));
  CHECK(client.reply(110).lines.front() == "MARK here = 6");
  CHECK(client.reply(110).lines.front() == "MARK between-CR-and-LF = 7+r");
  CHECK(read_file(server.root() / "text") == "one\ntwo");
  data.send(block(none, "\nrubbish that is lost with the connec"));
  data.close();
  client.reply(426);

  client.ask("REST 7+r", 350);
  data = client.passive();
  client.begin("STOR text");
  data.send(block(none, "\nthree") + block(end_of_file, "\r\n and four, which overwrites the rest"));
  client.reply(250);
  CHECK(read_file(server.root() / "text") == "one\ntwo\nthree\n and four, which overwrites the rest");
}

TEST_CASE("markers are sent every marker_interval_bytes, and REST takes them", "[live][RS-12][RS-13][MD-05]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .settings = {"data.marker_interval_bytes = 100000"}});
  const string content = noise(350'000);
  write_file(server.root() / "file", content);
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("RETR file");
  string wire, seen;
  std::vector<string> markers;
  for (bool ended = false; !ended;) {
    const string header = data.receive_exactly(3);
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(header[1]) << 8 | static_cast<unsigned char>(header[2]));
    const string octets = data.receive_exactly(size);
    ended = (static_cast<core::Marks>(header[0]) & end_of_file) != 0;
    if (static_cast<core::Marks>(header[0]) == restart) {
      markers.push_back(octets);
      CHECK(octets == std::to_string(seen.size()));
    } else {
      seen += octets;
    }
  }
  client.reply(250);
  CHECK(seen == content);
  CHECK(markers == std::vector<string>{"100000", "200000", "300000"});

  client.ask("REST 200000", 350);
  client.begin("RETR file");
  CHECK(receive_file(data, in_blocks) == content.substr(200'000));
  client.reply(250);
  for (const string wrong : {"400000", "100000+r"}) {
    client.ask("REST " + wrong, 350);
    client.ask("RETR file", 554);
  }
  client.ask("REST here", 501);
  client.ask("REST 0+rubbish", 350);
  client.ask("STOR new", 554);
  CHECK_FALSE(std::filesystem::exists(server.root() / "new"));
  CHECK(data.receive_all().empty());  // closed: what came for a refused upload must not become the next one's content
  Socket next = client.passive();
  client.begin("RETR file");
  CHECK(receive_file(next, in_blocks) == content);
  client.reply(250);
}

TEST_CASE("a client that reads no replies holds up its own markers, and loses none", "[live][RS-10][SV-22]") {
  constexpr int count = 5'000;
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.control().set_buffers(4096);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("STOR file");
  string wire;
  for (int i = 0; i < count; ++i) wire += block(restart, std::to_string(i));
  wire += block(end_of_file, "x");
  std::thread sender([&] { data.send(wire); });
  std::this_thread::sleep_for(50ms);
  for (int i = 0; i < count; ++i)
    if (client.reply(110).lines.front() != "MARK " + std::to_string(i) + " = 0") FAIL("marker " << i);
  sender.join();
  client.reply(250);
  CHECK(read_file(server.root() / "file") == "x");
}

TEST_CASE("a buffer full of markers that promise nothing is read through", "[live][MD-05][RS-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = "atomic"});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("STOR file");
  string wire = block(none, "x");
  for (int i = 0; i < 200'000; ++i) wire += block(restart, "m");
  data.send(wire + block(end_of_file, "y"));
  client.reply(250);
  CHECK(read_file(server.root() / "file") == "xy");
}

TEST_CASE("ABOR ends a transfer whose markers wait", "[live][AB-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE B", 200);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send(block(none, "x") + block(restart, "1"));
  client.reply(110);
  client.ask("ABOR", 426);
  client.reply(226);
  data.wait_for_end();
  client.ask("NOOP", 200);
}

// ---- STRU R ----

TEST_CASE("STRU R in MODE S: records end with 255 1, the file with 255 2 or 3",
          "[live][ST-02][ST-03][ST-04][ST-07][TY-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  client.ask("STRU R", 200);
  const string wire = "one\xff\x01\xff\x01two \xff\xff\xff\x03";
  client.store("file", wire);
  CHECK(read_file(server.root() / "file") == "one\n\ntwo \xff\n");
  CHECK(client.retrieve("file") == wire);
  client.store("file", "one\xff\x01\xff\x02");
  CHECK(read_file(server.root() / "file") == "one\n");
  write_file(server.root() / "unended", "one\ntwo");
  CHECK(client.retrieve("unended") == "one\xff\x01two\xff\x03");
  client.ask("SIZE unended", 213);
  write_file(server.root() / "empty", "");
  CHECK(client.retrieve("empty") == "\xff\x02");
  client.ask("TYPE E", 200);
  write_file(server.root() / "text", "A1\nB");
  CHECK(client.retrieve("text") == "\xc1\xf1\xff\x01\xc2\xff\x03");
  CHECK(client.fetch("NLST text") == "\xa3\x85\xa7\xa3\xff\x01\xff\x02");
}

TEST_CASE("STRU R in MODE S: a close without the end-of-file code is no good end", "[live][ST-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("STRU R", 200);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send("one\xff\x01");
  data.close();
  client.reply(426);
  data = client.passive();
  client.begin("STOR file");
  data.send("one\xff\x04");
  client.reply(451);
}

TEST_CASE("STRU R in MODE B and C: the descriptor's bits tell of records", "[live][ST-06][MD-03][MD-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("STRU R", 200);
  client.ask("TYPE A", 200);
  SECTION("blocks") {
    client.ask("MODE B", 200);
    Socket data = client.passive();
    store(client, data, "file",
          block(none, "o") + block(end_of_record, "ne") + block(end_of_record, "") +
              block(end_of_record | end_of_file, "\xff\x01"));
    CHECK(read_file(server.root() / "file") == "one\n\n\xff\x01\n");
    client.begin("RETR file");
    const string wire =
        block(end_of_record, "one") + block(end_of_record, "") + block(end_of_record | end_of_file, "\xff\x01");
    CHECK(data.receive_exactly(wire.size()) == wire);
    client.reply(250);
  }
  SECTION("strings") {
    client.ask("MODE C", 200);
    Socket data = client.passive();
    store(client, data, "file", "\x00\x80\x03one\x00\xc0\x01x"s);
    CHECK(read_file(server.root() / "file") == "one\nx\n");
    client.begin("RETR file");
    CHECK(data.receive_exactly(10) == "\x00\x80\x03one\x00\xc0\x01x"s);
    client.reply(250);
  }
}

// ---- STRU P ----

TEST_CASE("STRU P: pages with headers, holes left out and left", "[live][ST-08][ST-09][ST-10][TY-12]") {
  constexpr std::size_t page = 512 * 4, far = 1000;
  constexpr core::Representation as{
      .type = core::Type::local, .byte_size = 32, .structure = core::Structure::page, .mode = core::Mode::stream};
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("STRU P", 200);
  client.ask("TYPE A", 200);
  client.ask("RETR x", 501);
  client.ask("TYPE L 32", 200);
  const auto field = [](std::uint32_t value) {
    return string{static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
                  static_cast<char>(value)};
  };
  const auto header = [&](std::uint32_t index, std::uint32_t length, std::uint32_t type) {
    return field(4) + field(index) + field(length) + field(type);
  };
  const string content = noise(page);
  const string wire = header(0, 512, 1) + content + header(far, 1, 1) + "last" + header(0, 0, 0);
  client.store("holey", wire);
  const auto path = server.root() / "holey";
  CHECK(read_file(path) == content + string((far - 1) * page, '\0') + "last");
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK(facts.st_blocks * 512 <= 64 * 1024);

  // What comes back is pages of data and no hole; a file system may keep more blocks than were written.
  const string back = client.retrieve("holey");
  CHECK(back.size() < 64 * 1024);
  const auto decoder = core::make_decoder(as);
  CHECK(back.ends_with(header(far, 1, 1) + "last" + header(0, 0, 0)));
  CHECK(back.starts_with(header(0, 512, 1) + content));

  Socket data = client.passive();
  client.begin("STOR holey");
  data.send(header(0, 1, 9) + "last");
  client.reply(551);
  client.ask("APPE holey", 555);

  // A hole at the end keeps the size.
  write_file(server.root() / "tail", "");
  std::filesystem::resize_file(server.root() / "tail", 100 * page);
  const string tail = client.retrieve("tail");
  CHECK(tail == header(100, 0, 1) + header(0, 0, 0));
  client.store("copy", tail);
  CHECK(std::filesystem::file_size(server.root() / "copy") == 100 * page);
}

// ---- TYPE E and L m ----

TEST_CASE("TYPE E travels as EBCDIC with NL, in every format", "[live][TY-09][TY-04][TY-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("TYPE E" + string(GENERATE("", " N", " T", " C")), 200);
  client.store("text", "\xc8\x85\x93\x93\x96\x15\xf4\xf2\x15");
  CHECK(read_file(server.root() / "text") == "Hello\n42\n");
  CHECK(client.retrieve("text") == "\xc8\x85\x93\x93\x96\x15\xf4\xf2\x15");
  CHECK(client.ask("SIZE text", 213).lines.front() == "9");
  client.ask("REST 6", 350);
  CHECK(client.retrieve("text") == "\xf4\xf2\x15");
  CHECK(client.fetch("NLST text") == "\xa3\x85\xa7\xa3\x15");
  string all;
  for (int octet = 0; octet < 256; ++octet) all += static_cast<char>(octet);
  client.store("all", all);
  CHECK(client.retrieve("all") == all);
}

TEST_CASE("TYPE L 36 packs bytes of 36 bits, which stand in eight octets here", "[live][TY-08][TY-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("TYPE L 36", 200);
  const string wire = "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12"s;
  client.store("words", wire);
  CHECK(read_file(server.root() / "words") == "\0\0\0\x01\x23\x45\x67\x89\0\0\0\x0a\xbc\xde\xf0\x12"s);
  CHECK(client.retrieve("words") == wire);
  CHECK(client.ask("SIZE words", 213).lines.front() == "9");
  write_file(server.root() / "odd", "12345");
  Socket data = client.passive();
  client.begin("RETR odd");
  client.reply(451);  // no logical byte has five octets
}

TEST_CASE("every TYPE goes in every MODE", "[live][MD-07][TY-12]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .settings = {"data.marker_interval_bytes = 65536"}});
  using enum core::Type;
  FtpClient client = logged_in(server);
  string text;
  for (int line = 0; line < 30'000; ++line) text += std::to_string(line) + string(line % 9, ' ') + "\n";
  string words;
  for (int i = 0; i < 20'000; ++i) words += "\0\0\0\x01"s + std::to_string(1000 + i % 9000);
  for (const core::Mode mode : {core::Mode::block, core::Mode::compressed}) {
    client.ask("MODE "s + core::letter(mode), 200);
    Socket data = client.passive();
    for (const auto structure : {core::Structure::file, core::Structure::record, core::Structure::page}) {
      client.ask("STRU "s + core::letter(structure), 200);
      for (const auto& [type, bits] : std::initializer_list<std::pair<core::Type, unsigned>>{
               {ascii, 8}, {ebcdic, 8}, {image, 8}, {local, 8}, {local, 36}}) {
        const core::Representation as{.type = type, .byte_size = bits, .structure = structure, .mode = mode};
        if (!core::goes_together(as) || (structure == core::Structure::page && bits == 8)) continue;
        CAPTURE(core::type_text(as), core::letter(structure), core::letter(mode));
        const string& content = bits == 36 ? words : text;
        client.ask("TYPE " + core::type_text(as), 200);
        client.begin("STOR file");
        data.send(through(*core::make_encoder(as), content));
        client.reply(250);
        CHECK(read_file(server.root() / "file") == content);
        client.begin("RETR file");
        if (structure == core::Structure::page) {
          string rest;
          CHECK(receive_file(data, as, rest).size() == content.size());
        } else {
          CHECK(receive_file(data, as) == content);
        }
        client.reply(250);
      }
    }
  }
}

// ---- SIZE and REST in the octets of the TYPE ----

TEST_CASE("an upload in TYPE A is taken up where SIZE says that it ended", "[live][RS-03][RS-04][MT-04][MT-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  string text, travels;
  for (int line = 0; line < 100'000; ++line) text += "line " + std::to_string(line) + "\n";
  for (const char c : text) travels += c == '\n' ? "\r\n"s : string(1, c);
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  write_file(server.root() / "text", text.substr(0, text.size() / 2));
  const string size = client.ask("SIZE text", 213).lines.front();
  client.ask("REST " + size, 350);
  client.store("text", travels.substr(std::stoul(size)));
  CHECK(read_file(server.root() / "text") == text);

  const std::size_t between = travels.find("\r\n", travels.size() / 3) + 1;  // CR before it, LF behind
  for (const std::size_t point : {between - 1, between, between + 1}) {
    client.ask("REST " + std::to_string(point), 350);
    CHECK(client.retrieve("text") == travels.substr(point));
  }
  client.ask("REST " + std::to_string(between), 350);
  client.store("text", travels.substr(between));
  CHECK(read_file(server.root() / "text") == text);
  client.ask("REST " + std::to_string(travels.size() + 1), 350);
  client.ask("RETR text", 554);
}

// ---- ALLO ----

TEST_CASE("ALLO of more than there can be refuses the transfer in advance", "[live][DC-14][DC-15][RC-09]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("ALLO 1000000000000000000", 200);
  client.send("STOR huge");
  const int code = client.reply().code;
  CHECK((code == 452 || code == 552));
  CHECK_FALSE(std::filesystem::exists(server.root() / "huge"));
  client.ask("ALLO 100000 R 80", 200);
  client.store("small", "content");
  CHECK(std::filesystem::file_size(server.root() / "small") == 7);
}

// ---- ABOR of a transfer that goes through a codec ----

TEST_CASE("ABOR ends a text transfer in the middle of a buffer, as often as asked", "[live][AB-02]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "text", noise(50'000'000));
  FtpClient client = logged_in(server);
  client.ask("TYPE A", 200);
  for (int i = 0; i < 20; ++i) {
    Socket data = client.passive();
    client.begin("RETR text");
    data.receive_exactly(1000);
    client.ask("ABOR", 426);
    client.reply(226);
  }
}
