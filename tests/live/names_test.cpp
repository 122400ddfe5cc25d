// Names of every kind, and names that try to lead out of the root.
// RFC 2640 3.1; 3659 2.2, 6; RESOLVE_BENEATH.
#include <sys/stat.h>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;
using namespace std::string_literals;

namespace {

// As it goes over the control connection: octet 255 doubled, CR with a NUL.
string on_the_wire(const string& name) {
  string sent;
  for (const char octet : name) {
    sent += octet;
    if (octet == '\xff') sent += octet;
    if (octet == '\r') sent += '\0';
  }
  return sent;
}

const string names[] = {
    string(255, 'n'),
    " blank at the begin",
    "blank at the end ",
    "   ",
    " ",
    "a \"quote\" and 'another'",
    "-la",
    "--",
    "-",
    "gr\xc3\xbc\xc3\x9f\xe2\x82\xac",
    "\xfc not UTF-8 \xc3(",
    "\xff\xff 255",
    "tele\xffnet",
    "back\\slash",
    "a*b?[c]",
    "%n%s$HOME`id`;|&<>",
    "226 Transfer complete.",
    ".hidden",
    "...",
    "~",
};

// A directory outside the root and links of all kinds that lead there.
struct Escapes {
  explicit Escapes(const LiveServer& server) {
    const auto& root = server.root();
    write_file(server.outside() / "secret", "classified");
    std::filesystem::create_directory(root / "inside");
    write_file(root / "inside/file", "public");
    std::filesystem::create_symlink("../outside", root / "relative");
    std::filesystem::create_symlink(server.outside(), root / "absolute");
    std::filesystem::create_symlink("../outside/secret", root / "leak");
    std::filesystem::create_symlink(server.outside() / "secret", root / "absolute leak");
    std::filesystem::create_symlink("../outside/new", root / "dangling");
    std::filesystem::create_symlink("/proc/self/root", root / "magic");
    std::filesystem::create_symlink("loop", root / "loop");
    std::filesystem::create_symlink("inside", root / "good");
    std::filesystem::create_symlink("inside/file", root / "good file");
  }
};

}  // namespace

TEST_CASE("every name can be stored, listed, fetched, renamed and removed",
          "[live][PN-01][PN-02][PN-04][PN-05][PN-07][PN-08][CC-22][SV-17]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  for (const string& name : names) {
    const string sent = on_the_wire(name);
    INFO('<' << name << '>');
    client.store(sent, name + " content");
    CHECK(read_file(server.root() / name) == name + " content");
    CHECK(client.fetch("NLST -a") == name + "\r\n");
    CHECK(client.retrieve(sent) == name + " content");
    CHECK(client.ask("SIZE " + sent, 213).lines.front() == std::to_string(name.size() + 8));
    client.ask("MDTM " + sent, 213);
    CHECK(client.ask("MLST " + sent, 250).contains(" /" + name + "\n"));
    client.ask("RNFR " + sent, 350);
    client.ask("RNTO other", 250);
    client.ask("RNFR other", 350);
    client.ask("RNTO " + sent, 250);
    client.put("APPE " + sent, "!");
    client.ask("DELE " + sent, 250);
    CHECK(std::filesystem::is_empty(server.root()));
  }
}

TEST_CASE("every name can be a directory's", "[live][PN-01][PN-02][PN-07][SV-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  for (const string& name : names) {
    const string sent = on_the_wire(name);
    INFO('<' << name << '>');
    string quoted = "\"/";
    for (const char octet : name) quoted += octet == '"' ? "\"\"" : string(1, octet);
    quoted += "\" ";
    CHECK(client.ask("MKD " + sent, 257).text().starts_with(quoted));
    client.ask("CWD " + sent, 250);
    CHECK(client.ask("PWD", 257).text().starts_with(quoted));
    client.store("file", "x");
    CHECK(client.fetch("NLST") == "file\r\n");
    client.ask("DELE file", 250);
    client.ask("CDUP", 250);
    client.ask("RMD /" + sent, 250);
    CHECK(std::filesystem::is_empty(server.root()));
  }
}

TEST_CASE("names that cannot be", "[live][PN-06][RP-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  client.passive();
  for (const string& name : {string(256, 'n'), string("nul\0in it", 9), "directory/" + string(256, 'n')}) {
    for (const char* verb : {"RETR ", "MKD ", "CWD ", "DELE ", "RNFR ", "NLST "}) client.ask(verb + name, 550);
    client.ask("STOR " + name, 553);
  }
}

TEST_CASE("a name with control characters injects nothing anywhere", "[live][PN-05][PN-06][RP-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  const string forged = "x\n212 End\n227 Entering Passive Mode (10,9,8,7,200,10)";
  write_file(server.root() / forged, "x");
  write_file(server.root() / "Icon\r", "icon");  // as old Macs have it
  write_file(server.root() / "plain", "x");
  FtpClient client = logged_in(server);
  for (const char* verb : {"STOR ", "APPE ", "STOU ", "MKD ", "SITE MKDIR "}) {
    client.passive();
    client.ask(verb + string("a\tb"), 553);
    client.ask(verb + string("a\x1b[2J"), 553);
  }
  const Reply status = client.ask("STAT", 211);
  client.send("STAT .");
  const Reply listing = client.reply();  // the client refuses a line that could pass for an end
  CHECK(listing.code == 212);
  CHECK(listing.contains(" x?212 End?227 Entering Passive Mode (10,9,8,7,200,10)\n"));
  CHECK(client.fetch("LIST").contains(" x?212 End?227 Entering Passive Mode (10,9,8,7,200,10)\r\n"));
  CHECK(client.fetch("NLST") == "plain\r\n");
  CHECK_FALSE(client.fetch("MLSD").contains("212 End"));
  CHECK(client.retrieve("Icon\r\0"s) == "icon");
  client.ask("RNFR Icon\r\0"s, 350);
  client.ask("RNTO Icon", 250);
  CHECK(client.fetch("NLST") == "Icon\r\nplain\r\n");
}

TEST_CASE("LIST does not look below a directory that it cannot name", "[live][RP-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directory(server.root() / "a\nb");
  std::filesystem::create_directory(server.root() / "a?b");
  write_file(server.root() / "a\nb/inside", "x");
  write_file(server.root() / "a?b/other", "x");
  FtpClient client = logged_in(server);
  const string tree = client.fetch("LIST -R");
  CHECK_FALSE(tree.contains("inside"));
  CHECK(tree.contains("other"));
}

TEST_CASE("paths with slashes, dots and depth", "[live][PN-09]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directories(server.root() / "a/b");
  write_file(server.root() / "a/b/file", "octets");
  FtpClient client = logged_in(server);
  client.ask("CWD a", 250);
  for (const char* name :
       {"b/file", "/a/b/file", "./b/./file", "../a/b/file", "//a//b//file", "b/../b/file", "/../../a/b/file"})
    CHECK(client.retrieve(name) == "octets");
  client.ask("CWD ../../..", 250);
  CHECK(client.ask("PWD", 257).contains("\"/\""));
}

// ---- Ways out ----

TEST_CASE("no link leads out of the root", "[live][SE-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  const Escapes escapes(server);
  FtpClient client = logged_in(server);
  client.passive();
  for (const char* name :
       {"leak", "absolute leak", "relative/secret", "absolute/secret", "magic/etc/passwd", "loop", "dangling"}) {
    INFO(name);
    for (const char* verb : {"RETR ", "SIZE ", "MDTM ", "CWD "}) client.ask(verb + string(name), 550);
    // A link that leads nowhere is an object itself, and says nothing of what lies outside.
    const bool is_link = string(name).find('/') == string::npos;
    CHECK_FALSE(client.ask("MLST " + string(name), is_link ? 250 : 550).contains("outside"));
  }
  for (const char* name : {"relative", "absolute", "magic"}) {
    INFO(name);
    for (const char* verb : {"CWD ", "LIST ", "NLST ", "MLSD ", "STAT "}) client.ask(verb + string(name) + "/", 550);
    client.ask("MKD " + string(name) + "/new", 550);
    client.ask("DELE " + string(name) + "/secret", 550);
    client.ask("STOR " + string(name) + "/new", 550);
    client.ask("RNFR inside/file", 350);
    client.ask("RNTO " + string(name) + "/stolen", 553);
  }
  CHECK(read_file(server.outside() / "secret") == "classified");
  CHECK(std::distance(std::filesystem::directory_iterator(server.outside()), {}) == 1);
}

TEST_CASE("uploads do not follow links out of the root", "[live][SE-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  const Escapes escapes(server);
  FtpClient client = logged_in(server);
  for (const char* name : {"leak", "absolute leak", "dangling"}) {
    client.ask("REST 3", 350);
    client.passive();
    client.ask("STOR " + string(name), 550);
    client.ask("APPE " + string(name), 550);
    Socket data = client.passive();
    client.send("STOR " + string(name));
    // Written in place: refused. Atomic: the link itself gives way to the new file.
    if (client.reply().code >= 400) continue;
    data.send("new");
    data.close();
    client.reply(226);
    CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(server.root() / name)));
  }
  CHECK(read_file(server.outside() / "secret") == "classified");
  CHECK_FALSE(std::filesystem::exists(server.outside() / "new"));
}

TEST_CASE("links that stay inside work", "[live][ML-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const Escapes escapes(server);
  FtpClient client = logged_in(server);
  CHECK(client.retrieve("good/file") == "public");
  CHECK(client.retrieve("good file") == "public");
  client.ask("CWD good", 250);
  CHECK(client.fetch("NLST") == "file\r\n");
  client.ask("CWD /", 250);
  client.ask("DELE good file", 250);
  CHECK(read_file(server.root() / "inside/file") == "public");
}

TEST_CASE("listings tell nothing of what lies outside", "[live][SE-11][ML-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const Escapes escapes(server);
  write_file(server.outside() / "secret", string(31'337, 'x'));
  FtpClient client = logged_in(server);
  const string status = client.ask("STAT /", 212).text();
  for (const string& listing :
       {client.fetch("LIST"), client.fetch("LIST -la"), client.fetch("MLSD"), client.fetch("NLST *"), status}) {
    INFO(listing);
    CHECK(listing.find("31337") == string::npos);
    CHECK(listing.find(server.outside().string()) == string::npos);
  }
  const string facts = client.fetch("MLSD");
  CHECK(facts.find("type=dir;") != string::npos);
  const auto line_of = [&](const string& name) {
    const std::size_t end = facts.find(" " + name + "\r\n");
    REQUIRE(end != string::npos);
    const std::size_t begin = facts.rfind('\n', end);
    return facts.substr(begin == string::npos ? 0 : begin + 1, end - begin);
  };
  CHECK(line_of("good").find("type=OS.unix=slink:inside;") != string::npos);
  CHECK(line_of("good file").find("type=OS.unix=slink:inside/file;size=6;") != string::npos);
  CHECK(line_of("leak").find("type=OS.unix=slink;") != string::npos);
}

TEST_CASE("a directory that becomes a link between two commands", "[live][SE-11]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.outside() / "secret", "classified");
  std::filesystem::create_directory(server.root() / "directory");
  write_file(server.root() / "directory/secret", "public");
  FtpClient client = logged_in(server);
  client.ask("CWD directory", 250);
  CHECK(client.retrieve("secret") == "public");
  client.ask("RNFR secret", 350);
  std::filesystem::rename(server.root() / "directory", server.root() / "moved");
  std::filesystem::create_symlink("../outside", server.root() / "directory");
  client.ask("RNTO stolen", 553);
  client.passive();
  for (const char* line :
       {"RETR secret", "SIZE secret", "NLST", "LIST", "MLSD", "STAT .", "DELE secret", "MKD new", "STOR new"})
    client.ask(line, 550);
  client.ask("CWD /", 250);
  CHECK(std::distance(std::filesystem::directory_iterator(server.outside()), {}) == 1);
}
