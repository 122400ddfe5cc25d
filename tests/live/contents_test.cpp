// HASH, RANG and MODE Z against the real server, on both backends.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/codec/codec.hpp"
#include "core/digest.hpp"
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;
using std::string;

namespace {

constexpr core::Representation zipped{.type = core::Type::image, .mode = core::Mode::deflate};

string through(core::Codec& codec, std::string_view in) {
  string out, room(64 * 1024, '\0');
  for (core::Progress done; (done.marks & core::mark::end_of_file) == 0;) {
    done = codec.run(in, room, core::mark::end_of_file);
    REQUIRE(done.error == 0);
    REQUIRE_FALSE(done.idle());
    in.remove_prefix(done.taken);
    out.append(room, 0, done.made);
  }
  return out;
}

string zip(std::string_view file) { return through(*core::make_encoder(zipped), file); }
string unzip(std::string_view wire) { return through(*core::make_decoder(zipped), wire); }

string hex_of(std::string_view octets, core::HashAlgorithm algorithm) {
  core::Digest digest(algorithm);
  digest.update(octets);
  return digest.finish();
}

}  // namespace

TEST_CASE("files and listings travel in MODE Z", "[live][contents][MZ-01][MZ-02][MZ-04][MZ-05]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(700'000) + string(3'000'000, 'x');
  write_file(server.root() / "file", content);
  FtpClient client = logged_in(server);
  client.ask("MODE Z", 200);
  client.ask("OPTS MODE Z LEVEL 9", 200);
  const string wire = client.retrieve("file");
  CHECK(wire.size() < 800'000);
  CHECK((unzip(wire) == content));
  client.ask("SIZE file", 213);
  client.ask("REST 699990", 350);
  CHECK((unzip(client.retrieve("file")) == content.substr(699'990)));
  client.store("up", zip(content));
  CHECK((read_file(server.root() / "up") == content));
  client.put("APPE up", zip(" and more"));
  CHECK((read_file(server.root() / "up") == content + " and more"));
  CHECK(unzip(client.fetch("NLST")) == "file\r\nup\r\n");
  CHECK(unzip(client.fetch("MLSD")).find("; file\r\n") != string::npos);
  client.ask("MODE S", 200);
  CHECK((client.retrieve("file") == content));
}

TEST_CASE("a broken zlib stream ends the transfer, and the session goes on", "[live][contents][MZ-02][MZ-03]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  FtpClient client = logged_in(server);
  client.ask("MODE Z", 200);
  const auto put = [&](const string& wire, int code) {
    Socket data = client.passive();
    client.begin("STOR up");
    data.send(wire);
    data.close();
    client.reply(code);
  };
  const string wire = zip(noise(100'000));
  put(wire.substr(0, wire.size() / 2), 426);
  string broken = wire;
  broken[broken.size() - 1] = static_cast<char>(broken.back() ^ 1);
  put(broken, 451);
  put(wire, 226);
  CHECK((read_file(server.root() / "up") == noise(100'000)));
}

TEST_CASE("HASH and its kin tell the digest of the file", "[live][contents][HA-01][HA-02][HA-04]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  const string content = noise(3'000'001);
  write_file(server.root() / "file", content);
  FtpClient client = logged_in(server);
  const string sha = hex_of(content, core::HashAlgorithm::sha_256);
  for (int i = 0; i < 2; ++i) CHECK(client.ask("HASH file", 213).lines.front() == "SHA-256 0-3000000 " + sha + " file");
  CHECK(client.ask("XSHA256 \"file\"", 250).lines.front() == sha);
  client.ask("OPTS HASH SHA-512", 200);
  const string part = hex_of(content.substr(1000, 2'000'000), core::HashAlgorithm::sha_512);
  client.ask("RANG 1000 2000999", 350);
  CHECK(client.ask("HASH file", 213).lines.front() == "SHA-512 1000-2000999 " + part + " file");
  write_file(server.root() / "file", "changed");
  CHECK(client.ask("XMD5 file", 250).lines.front() == hex_of("changed", core::HashAlgorithm::md5));
  client.ask("HASH .", 553);
  client.ask("HASH absent", 550);
}

TEST_CASE("HASH takes regular files that may be read, below the root and nothing else",
          "[live][contents][HA-05][HA-06]") {
  // To root every file is readable but some of the kernel's, which can be written alone.
  const LiveServer server(
      {.backend = GENERATE("io_uring", "epoll"), .users = {User{.more = "mounts = [\"kernel=/proc/sys/vm\"]"}}});
  REQUIRE(::mkfifo((server.root() / "fifo").c_str(), 0600) == 0);
  write_file(server.outside() / "secret", "secret");
  std::filesystem::create_symlink("../outside/secret", server.root() / "out");
  std::filesystem::create_symlink(server.outside() / "secret", server.root() / "far");
  write_file(server.root() / "closed", "closed");
  REQUIRE(::chmod((server.root() / "closed").c_str(), 0) == 0);
  FtpClient client = logged_in(server);
  client.ask("HASH fifo", 551);
  client.ask("HASH ../../dev/null", 550);
  for (const string verb : {"HASH ", "XMD5 ", "XCRC "}) {
    client.ask(verb + "out", 550);
    client.ask(verb + "far", 550);
  }
  client.ask("XMD5 fifo", 550);
  if (::geteuid() != 0) {
    client.ask("HASH closed", 552);
    client.ask("XMD5 closed", 550);
  } else if (::open("/proc/sys/vm/compact_memory", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES) {
    client.ask("SMNT kernel", 250);
    client.ask("HASH compact_memory", 552);
    client.ask("XMD5 compact_memory", 550);
  } else {
    WARN("nothing here is unreadable to root");
  }
}

TEST_CASE("a long HASH holds up nobody: STAT tells of it, others work, ABOR ends it", "[live][contents][AB-01]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  write_file(server.root() / "endless", "");
  REQUIRE(::truncate((server.root() / "endless").c_str(), std::int64_t{1} << 42) == 0);
  write_file(server.root() / "small", "small");
  FtpClient client = logged_in(server), other = logged_in(server);
  client.send("HASH endless");
  REQUIRE(eventually([&] { return client.ask("STAT", 211).contains(" of 4398046511104 octets done"); }));
  for (int i = 0; i < 3; ++i) {
    CHECK(client.ask("STAT", 211).contains("HASH in progress: "));
    CHECK(other.retrieve("small") == "small");
    other.ask("XCRC small", 250);
  }
  client.send("ABOR");
  client.reply(451);
  client.reply(226);
  client.ask("NOOP", 200);
  client.send("HASH endless");
  other.ask("NOOP", 200);
}

TEST_CASE("RANG selects what is sent and what is changed", "[live][contents][HA-07][HA-08][HA-09]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll")});
  string content = noise(5'000'000);
  write_file(server.root() / "file", content);
  FtpClient client = logged_in(server);
  client.ask("RANG 1000000 3999999", 350);
  CHECK((client.retrieve("file") == content.substr(1'000'000, 3'000'000)));
  client.ask("RANG 4999999 9000000", 350);
  CHECK((client.retrieve("file") == content.substr(4'999'999)));
  client.ask("RANG 5000000 9000000", 350);
  CHECK(client.retrieve("file").empty());
  client.ask("RANG 1000000 3999999", 350);
  client.store("file", string(3'000'000, 'x'));
  content.replace(1'000'000, 3'000'000, 3'000'000, 'x');
  CHECK((read_file(server.root() / "file") == content));
  client.ask("RANG 10 19", 350);
  Socket data = client.passive();
  client.begin("STOR file");
  data.send("more than ten octets");
  data.close();
  client.reply(552);
  content.replace(10, 10, "more than ");
  CHECK((read_file(server.root() / "file") == content));
}
