// HOST and LANG on the real binary, with hosts as its TOML has them. RFC 7151, RFC 2640 4.
#include "tests/catch.hpp"
#include "tests/live/ftp_client.hpp"

using namespace live;

namespace {

// A host at which "demo" sees the directory beside the root.
const User with_host{.more =
                         "[[host]]\nname = \"files.example.org\"\ntitle = \"Files\"\nusers = [\"demo\"]\n"
                         "root = \"{outside}\""};

}  // namespace

TEST_CASE("HOST and LANG on the running server", "[live][names][LA-01][LA-05][LA-06][LA-09][LA-10]") {
  const LiveServer server({.backend = GENERATE("io_uring", "epoll"), .users = {with_host}});
  write_file(server.root() / "which", "main");
  write_file(server.outside() / "which", "files");
  FtpClient client(server);
  client.reply(220);
  client.ask("HOST nobody.example.org", 504);
  client.ask("HOST 127.0.0.1", 220);
  client.ask("HOST 127.0.0.2", 504);
  client.ask("LANG DE", 200);
  CHECK(client.ask("HOST Files.Example.Org", 220).lines.front() == "Files FTP server ready");
  CHECK(client.ask("NOOP", 200).lines.front() == "Command okay.");
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
  client.ask("TYPE I", 200);
  CHECK(client.retrieve("which") == "files");
  CHECK(client.ask("LANG DE", 200).lines.front() == "Die Antworten sind ab jetzt deutsch.");
  client.ask("HOST 127.0.0.1", 503);
  CHECK(client.ask("REIN", 220).lines.front() == "Service ready for new user.");
  client.ask("USER demo", 331);
  client.ask("PASS secret", 230);
  client.ask("TYPE I", 200);
  CHECK(client.retrieve("which") == "main");
}
