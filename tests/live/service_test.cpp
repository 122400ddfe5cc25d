// Storing, renaming, removing and describing files; restarting; features.
// RFC 959 4.1.3; 1123 4.1; 2389; 3659 3, 4 and 5.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using namespace std::chrono_literals;
using std::string;

namespace {

constexpr std::uint64_t gib = 1ull << 30;

// The name that STOU's preliminary reply tells.
string told_name(const Reply& reply) {
  const string text = reply.lines.front();
  REQUIRE(text.starts_with("FILE: "));
  return text.substr(6);
}

// Octets of a file from somewhere on.
string read_at(const std::filesystem::path& path, std::uint64_t offset, std::size_t count) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  string octets(count, '\0');
  in.read(octets.data(), static_cast<std::streamsize>(count));
  octets.resize(static_cast<std::size_t>(in.gcount()));
  return octets;
}

void write_at(const std::filesystem::path& path, std::uint64_t offset, const string& octets) {
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(offset));
  out << octets;
}

}  // namespace

// ---- Storing ----

TEST_CASE("STOR replaces the whole file", "[live][SV-03]") {
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic", "durable")});
  write_file(server.root() / "file", noise(100'000));
  FtpClient client = logged_in(server);
  for (const char* content : {"short", ""}) {
    client.store("file", content);
    CHECK(read_file(server.root() / "file") == content);
  }
  client.store("new", "made");
  CHECK(read_file(server.root() / "new") == "made");
}

TEST_CASE("ALLO sets aside and leaves no tail", "[live][SV-07]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  for (const char* line : {"ALLO 1000000", "ALLO 5 R 80"}) client.ask(line, 200);
  for (const char* line : {"ALLO x", "ALLO 5 R", "ALLO 5 R x", "ALLO -1", "ALLO"}) client.ask(line, 501);
  client.ask("ALLO 1000000", 200);
  client.store("file", "less");
  CHECK(read_file(server.root() / "file") == "less");
}

TEST_CASE("STOU never takes the name of a file that is there", "[live][SV-04][SV-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient one = logged_in(server), two = logged_in(server);
  const string argument = GENERATE("", " base");
  Socket data[] = {one.passive(), two.passive()};
  const string names[] = {told_name(one.begin("STOU" + argument)), told_name(two.begin("STOU" + argument))};
  data[0].send("first");
  data[1].send("second");
  data[1].close();
  data[0].close();
  one.reply(226);
  two.reply(226);
  INFO(names[0] << ", " << names[1]);
  CHECK(names[0] != names[1]);
  CHECK(read_file(server.root() / names[0]) == "first");
  CHECK(read_file(server.root() / names[1]) == "second");
}

TEST_CASE("APPE adds at the end and creates", "[live][SV-06]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  client.put("APPE log", "one,");
  client.put("APPE log", "two");
  CHECK(read_file(server.root() / "log") == "one,two");
  client.ask("TYPE A", 200);
  client.put("APPE log", "\r\nthree\r\n");
  CHECK(read_file(server.root() / "log") == "one,two\nthree\n");
}

// ---- Permissions ----

TEST_CASE("what is made has the permissions that are set for it, and the log those of the start", "[live]") {
  const int workers = GENERATE(1, 2);
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"),
                           .publish = GENERATE("direct", "atomic"),
                           .settings = {"server.workers = " + std::to_string(workers), "uploads.file_mode = \"0666\"",
                                        "uploads.directory_mode = \"0777\""},
                           .log_to_file = true});
  const auto mode_of = [](const std::filesystem::path& path) {
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
  };
  FtpClient client = logged_in(server);
  client.store("open", "octets");
  client.ask("MKD open.d", 257);
  CHECK(mode_of(server.root() / "open") == 0666);
  CHECK(mode_of(server.root() / "open.d") == 0777);
  client.ask("SITE UMASK 002", 200);
  client.store("shared", "octets");
  client.ask("SITE MKDIR shared.d/below", 250);
  client.ask("SITE CPFR open", 350);
  client.ask("SITE CPTO copy", 250);
  CHECK(mode_of(server.root() / "shared") == 0664);
  CHECK(mode_of(server.root() / "shared.d") == 0775);
  CHECK(mode_of(server.root() / "shared.d/below") == 0775);
  CHECK(mode_of(server.root() / "copy") == 0664);
  CHECK(mode_of(server.log_file()) == 0644);
}

// ---- Names ----

TEST_CASE("RNFR and RNTO belong together", "[live][SV-08][SV-09][RC-14]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directory(server.root() / "directory");
  write_file(server.root() / "old", "octets");
  FtpClient client = logged_in(server);
  client.ask("RNTO new", 503);
  client.ask("RNFR missing", 550);
  client.ask("RNTO new", 503);
  client.ask("RNFR old", 350);
  client.ask("PWD", 257);
  client.ask("RNTO new", 503);
  client.ask("RNFR old", 350);
  client.ask("NOOP", 200);
  client.ask("RNTO directory/new", 250);
  CHECK(read_file(server.root() / "directory/new") == "octets");
  client.ask("RNTO again", 503);
  client.ask("RNFR directory", 350);
  client.ask("RNTO renamed", 250);
  client.ask("RNFR renamed/new", 350);
  client.ask("RNTO renamed", 553);
}

TEST_CASE("DELE, RMD and MKD", "[live][SV-02][SV-10][SV-11][SV-13][RC-15][RC-16]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  CHECK(client.ask("MKD directory", 257).contains("\"/directory\""));
  client.ask("MKD directory", 550);
  client.ask("CWD directory", 250);
  CHECK(client.ask("XMKD below", 257).contains("\"/directory/below\""));
  CHECK(std::filesystem::is_directory(server.root() / "directory/below"));
  client.store("file", "x");
  client.ask("DELE below", 550);
  client.ask("RMD file", 550);
  client.ask("RMD /directory", 550);
  client.ask("RMD missing", 550);
  client.ask("DELE missing", 550);
  client.ask("XRMD below", 250);
  client.ask("DELE file", 250);
  client.ask("RMD /directory", 250);
  // Where the session stood is gone; the session is not.
  client.ask("PWD", 257);
  client.ask("NLST", 550);
  client.ask("CDUP", 250);
  CHECK(std::filesystem::is_empty(server.root()));
  for (const char* line : {"DELE /", "RMD /", "MKD /"}) client.ask(line, 550);
}

TEST_CASE("257 holds a name that works in CWD", "[live][SV-12]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  CHECK(client.ask("MKD a \"quoted\" name", 257).lines.front().starts_with("\"/a \"\"quoted\"\" name\" "));
  client.ask("CWD /a \"quoted\" name", 250);
  CHECK(client.ask("PWD", 257).lines.front().starts_with("\"/a \"\"quoted\"\" name\" "));
}

// ---- Describing ----

TEST_CASE("SIZE is what RETR would send", "[live][MT-04][MT-05][MT-06][MT-07][RP-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  std::filesystem::create_directory(server.root() / "directory");
  string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\n";
  write_file(server.root() / "text", text);
  write_file(server.root() / "empty", "");
  FtpClient client = logged_in(server);
  const auto size_of = [&](const string& name) { return client.ask("SIZE " + name, 213).lines.front(); };
  CHECK(size_of("text") == std::to_string(text.size()));
  CHECK(size_of("empty") == "0");
  client.ask("TYPE A", 200);
  CHECK(size_of("text") == std::to_string(text.size() + 100'000));
  CHECK(size_of("text") == std::to_string(client.retrieve("text").size()));
  CHECK(size_of("empty") == "0");
  for (const char* type : {"TYPE A", "TYPE I"}) {
    client.ask(type, 200);
    client.ask("SIZE directory", 550);
    client.ask("SIZE missing", 550);
  }
  std::ofstream(server.root() / "huge").close();
  std::filesystem::resize_file(server.root() / "huge", 5 * gib);
  CHECK(size_of("huge") == std::to_string(5 * gib));
  client.ask("TYPE A", 200);
  client.ask("SIZE huge", 550);
}

TEST_CASE("MDTM tells the time, and sets it where no file has the whole name", "[live][MT-01][MT-02][MT-03][RP-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  for (const char* name : {"file", "19990929043300 file"}) {
    write_file(server.root() / name, "x");
    const timespec times[2] = {{938'579'580, 0}, {938'579'580, 0}};
    utimensat(AT_FDCWD, (server.root() / name).c_str(), times, 0);
  }
  FtpClient client = logged_in(server);
  CHECK(client.ask("MDTM file", 213).lines == std::vector<string>{"19990929043300"});
  client.ask("MDTM missing", 550);
  CHECK(client.ask("MDTM 19990929043300 file", 213).lines.front() == "19990929043300");
  client.ask("MDTM 20200101000000 file", 213);
  CHECK(client.ask("MDTM file", 213).lines.front() == "20200101000000");
}

TEST_CASE("FEAT is the truth, and OPTS",
          "[live][FE-01][FE-02][FE-03][FE-04][FE-05][FE-06][FE-07][PN-03][PN-09][MT-08][ML-19]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client(server);
  client.reply(220);
  const string features = client.ask("FEAT", 211).text();
  for (const char* line : {"\n EPRT\n", "\n EPSV\n", "\n MDTM\n", "\n SIZE\n", "\n REST STREAM\n", "\n TVFS\n",
                           "\n UTF8\n", "\n MLST type*;", "\n LANG EN*;DE\n", "\n HOST\n"})
    CHECK(features.find(line) != string::npos);
  for (const char* not_there : {"\n FEAT", "\n OPTS", "\n MLSD", "\n AUTH", "nat6"})
    CHECK(features.find(not_there) == string::npos);
  client.ask("FEAT x", 501);
  client.ask("OPTS UTF8 ON", 200);
  client.ask("OPTS FOO bar", 501);
  CHECK(client.ask("OPTS MLST size;modify;", 200).lines.front() == "MLST OPTS size;modify;");
  CHECK(client.ask("FEAT", 211).contains("\n MLST type;size*;modify*;unique;perm;"));
}

TEST_CASE("what a server says of itself", "[live][SV-18][SV-19][SV-21][SV-23][SE-12][PP-17]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  CHECK(client.ask("SYST", 215).lines.front().starts_with("UNIX"));
  client.ask("SITE HELP", 214);
  client.ask("SITE EXEC ls", 504);
  client.ask("ALGS x", 502);
  const string status = client.ask("STAT", 211).text();
  for (const char* part : {"127.0.0.1", "demo", "TYPE: I", "No transfer"}) CHECK(status.find(part) != string::npos);
}

// ---- Restarting ----

TEST_CASE("REST and RETR leave out the begin, once", "[live][RS-01][RS-02][RS-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(3'000'000);
  write_file(server.root() / "file", content);
  write_file(server.root() / "text", "one\ntwo\nthree\n");
  FtpClient client = logged_in(server);
  client.ask("REST 1234567", 350);
  CHECK(client.retrieve("file") == content.substr(1'234'567));
  CHECK(client.retrieve("file") == content);
  client.ask("REST 3000000", 350);
  CHECK(client.retrieve("file").empty());
  client.ask("REST 100", 350);
  client.ask("REST 0", 350);
  CHECK(client.retrieve("file") == content);
  for (const char* wrong : {"REST x", "REST 12x", "REST -1", "REST"}) client.ask(wrong, 501);
  client.ask("TYPE A", 200);
  for (std::size_t at = 0; at <= 17; ++at) {
    client.ask("REST " + std::to_string(at), 350);
    CHECK(client.retrieve("text") == string("one\r\ntwo\r\nthree\r\n").substr(at));
  }
}

TEST_CASE("REST and STOR keep the head and end where the data ends", "[live][RS-04][RS-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  FtpClient client = logged_in(server);
  const string head = noise(1'000'000), tail = noise(300'000);
  write_file(server.root() / "file", head + string(1'000'000, 'x'));
  client.ask("REST 1000000", 350);
  client.store("file", tail);
  CHECK(read_file(server.root() / "file") == head + tail);
  client.ask("REST 4", 350);
  client.put("APPE file", "!");
  CHECK(read_file(server.root() / "file") == head.substr(0, 4) + "!");
}

TEST_CASE("a restart point beyond the end is the transfer's to refuse", "[live][RS-06][RC-20]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "file", "octets");
  FtpClient client = logged_in(server);
  const string type = GENERATE("I", "A");
  client.ask("TYPE " + type, 200);
  for (const char* line : {"RETR file", "STOR file"}) {
    client.ask("REST 7", 350);
    client.ask(line, 554);
  }
  client.ask("REST 7", 350);
  client.ask("STOR new", 550);
  CHECK_FALSE(std::filesystem::exists(server.root() / "new"));  // what is refused makes nothing
  CHECK(read_file(server.root() / "file") == "octets");
}

TEST_CASE("restarting beyond 4 GiB", "[live][RS-08]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const auto path = server.root() / "sparse";
  const std::uint64_t size = 5 * gib, begin = size - (3 << 20);
  const string content = noise(3 << 20), other = noise((3 << 20) - 1);
  std::ofstream(path).close();
  std::filesystem::resize_file(path, size);
  write_at(path, begin, content);
  FtpClient client = logged_in(server);
  client.ask("REST " + std::to_string(begin), 350);
  CHECK(client.retrieve("sparse") == content);
  client.ask("REST " + std::to_string(begin), 350);
  client.store("sparse", other);
  CHECK(std::filesystem::file_size(path) == size - 1);
  CHECK(read_at(path, begin, other.size()) == other);
  client.put("APPE sparse", "the end");
  CHECK(read_at(path, size - 1, 100) == "the end");
}

// ---- Special files ----

TEST_CASE("what is no regular file is refused and holds up nobody", "[live]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .publish = GENERATE("direct", "atomic")});
  std::filesystem::create_directory(server.root() / "directory");
  REQUIRE(mkfifo((server.root() / "fifo").c_str(), 0666) == 0);
  REQUIRE(mknod((server.root() / "socket").c_str(), S_IFSOCK | 0666, 0) == 0);
  const bool has_device = mknod((server.root() / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0;
  FtpClient client = logged_in(server), other = logged_in(server);
  for (const string name : {"directory", "fifo", "socket", "null"}) {
    if (name == "null" && !has_device) continue;
    INFO(name);
    client.passive();
    for (const char* type : {"TYPE I", "TYPE A"}) {
      client.ask(type, 200);
      client.ask("RETR " + name, 550);
      client.ask("SIZE " + name, 550);
      client.ask("REST 1", 350);
      client.ask("RETR " + name, 550);
      for (const char* verb : {"STOR ", "APPE "}) client.ask(verb + name, 553);
      other.ask("NOOP", 200);
    }
  }
  CHECK(std::filesystem::is_fifo(server.root() / "fifo"));
}
