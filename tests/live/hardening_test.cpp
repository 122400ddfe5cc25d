// What a hostile or unlucky client could once do to the server, each found in review and put right.
#include <sys/stat.h>

#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using std::string;

namespace {

ServerOptions with(const std::vector<string>& settings, const string& publish = "direct") {
  return {.backend = GENERATE("io_uring", "epoll"), .publish = publish, .settings = settings};
}

std::int64_t octets_on_disk(const std::filesystem::path& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_blocks * 512 : -1;
}

}  // namespace

TEST_CASE("STAT of a path that leads through a file ends", "[live][SV-22]") {
  const LiveServer server(with({}));
  write_file(server.root() / "file", "text");
  FtpClient client = logged_in(server);
  client.ask("STAT file/below", 550);
  client.ask("STAT -d file/below", 550);
  client.ask("STAT file", 213);
  client.ask("NOOP", 200);
}

TEST_CASE("space set aside by ALLO goes back when the upload does not come", "[live][DC-14]") {
  const LiveServer server(with({}));
  FtpClient client = logged_in(server);
  SECTION("a new file is not left behind empty") {
    client.ask("ALLO 8000000", 200);
    client.epsv();
    client.ask("STOR new", 150);
    client.send("ABOR");
    client.reply(426);
    client.reply(226);
    CHECK_FALSE(exists(server.root() / "new"));
  }
  SECTION("a file that was there keeps its octets and no more") {
    write_file(server.root() / "old", "old content");
    client.ask("ALLO 8000000", 200);
    client.epsv();
    client.ask("APPE old", 150);
    client.send("ABOR");
    client.reply(426);
    client.reply(226);
    CHECK(read_file(server.root() / "old") == "old content");
    CHECK(octets_on_disk(server.root() / "old") < 100'000);
  }
  SECTION("what cannot fit is refused before the first octet, and nothing stays") {
    client.ask("ALLO 4000000000000000", 200);
    client.epsv();
    client.send("STOR huge");
    const int code = client.reply().code;
    CHECK((code == 452 || code == 552));
    CHECK_FALSE(exists(server.root() / "huge"));
  }
}

TEST_CASE("a broken upload takes away only what it made itself", "[live]") {
  const LiveServer server(with({"uploads.keep_partial = false"}));
  FtpClient first = logged_in(server), second = logged_in(server);
  Socket stuck = first.passive();
  first.begin("STOR file");
  stuck.send("half");
  CHECK(eventually([&] { return exists(server.root() / "file") && read_file(server.root() / "file") == "half"; }));
  second.store("file", "the whole content");
  stuck.reset();
  first.reply(426);
  CHECK(read_file(server.root() / "file") == "the whole content");
}

TEST_CASE("with active mode switched off the default ports are not connected to either", "[live][SE-03]") {
  const LiveServer server(with({"data.active = false"}));
  write_file(server.root() / "file", "text");
  FtpClient client = logged_in(server);
  client.ask("RETR file", 150);
  client.reply(425);
}

TEST_CASE("an atomic upload onto the root itself is refused before the first octet", "[live]") {
  const LiveServer server(with({}, "atomic"));
  FtpClient client = logged_in(server);
  client.epsv();
  client.ask("STOR /", 553);
  CHECK(std::filesystem::is_empty(server.root()));
}

TEST_CASE("no file name can forge a line of the log", "[live]") {
  const LiveServer server(with({}));
  FtpClient client = logged_in(server);
  write_file(server.root() / "name\rforged line", "x");
  CHECK(client.retrieve(string("name\r\0forged line", 17)) == "x");
  CHECK(eventually([&] { return server.log().find("name\\x0dforged line") != string::npos; }));
  CHECK(server.log().find("\rforged") == string::npos);
}
