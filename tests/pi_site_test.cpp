// SITE's subcommands on the PI alone.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/pi.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;

struct AsWarden : PiWorld {
  explicit AsWarden(const core::Config& config = tests::world_config()) : PiWorld(config) {
    log_in("warden");
    actions();
  }
};

}  // namespace

TEST_CASE("SITE HELP lists every subcommand, and tells the syntax of one", "[pi][site][SV-18]") {
  LoggedIn world;
  CHECK(world.talk("SITE HELP") == "214");
  for (const core::CommandRow& row : core::site_table()) {
    CAPTURE(row.verb);
    CHECK(world.talk("SITE HELP") == "214");
    CHECK(std::ranges::any_of(world.last().lines,
                              [&](const std::string& line) { return line.starts_with(" " + std::string(row.verb)); }));
    CHECK(world.talk("HELP SITE " + std::string(row.verb)) == "214");
    CHECK(world.text().starts_with("Syntax: SITE " + std::string(row.verb)));
  }
  CHECK(world.talk("SITE HELP XYZZY") == "501");
  CHECK(world.talk("help site chmod") == "214");
  CHECK(world.text() == "Syntax: SITE CHMOD <octal mode> <pathname>");
}

TEST_CASE("SITE needs a login, and its subcommands the right to it", "[pi][site]") {
  PiWorld before;
  CHECK(before.talk("SITE CHMOD 600 readme.txt") == "530");
  PiWorld reader;
  reader.log_in("reader");
  reader.actions();
  for (const std::string_view line :
       {"SITE CHMOD 600 readme.txt", "SITE UTIME 20200102030405 readme.txt", "SITE MKDIR a", "SITE SYMLINK a b",
        "SITE CPFR readme.txt", "SITE CPTO b", "SITE UMASK 022", "SITE IDLE 60", "SITE WHO", "SITE KICK 1"}) {
    CAPTURE(line);
    CHECK(reader.talk(line) == "550");
  }
  CHECK(reader.talk("SITE HELP") == "214");
  CHECK(reader.actions().empty());
}

TEST_CASE("SITE CHMOD and UTIME need the right to write as well", "[pi][site]") {
  core::Config config = tests::world_config();
  core::Account curator = *config.accounts.find("reader");
  curator.name = "curator";
  curator.rights.set(core::Right::site);
  config.accounts.add(curator);
  PiWorld world(config);
  world.log_in("curator");
  world.actions();
  CHECK(world.talk("SITE CHMOD 600 readme.txt") == "550");
  CHECK(world.talk("SITE UTIME 20200102030405 readme.txt") == "550");
  CHECK(world.actions().empty());
  CHECK(world.talk("SITE UMASK 027") == "200");
}

TEST_CASE("SITE CHMOD sets permissions, and no more than that", "[pi][site]") {
  LoggedIn world;
  CHECK(world.talk("SITE CHMOD 600 readme.txt") == "200");
  CHECK(world.talk("site chmod 0755 pub") == "200");
  CHECK(world.actions() == Actions{"SetFacts /readme.txt mode=600", "SetFacts /pub mode=755"});
  for (const std::string_view line : {"SITE CHMOD", "SITE CHMOD 600", "SITE CHMOD 600 ", "SITE CHMOD 4755 readme.txt",
                                      "SITE CHMOD 888 readme.txt", "SITE CHMOD u+x readme.txt"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "501");
  }
  CHECK(world.talk("SITE CHMOD 600 nowhere") == "550");
}

TEST_CASE("SITE UTIME takes both forms that clients send", "[pi][site]") {
  LoggedIn world;
  world.add_file("/a b", 1);
  CHECK(world.talk("SITE UTIME 20200102030405 a b") == "200");
  CHECK(world.talk("SITE UTIME 202001020304 a b") == "200");
  CHECK(world.talk("SITE UTIME a b 20190102030405 20200102030405 20180102030405 UTC") == "200");
  CHECK(world.actions() == Actions{"SetFacts /a b modified=20200102030405", "SetFacts /a b modified=20200102030400",
                                   "SetFacts /a b modified=20200102030405"});
  for (const std::string_view line :
       {"SITE UTIME", "SITE UTIME a", "SITE UTIME 20200230000000 a", "SITE UTIME 20200102030405",
        "SITE UTIME a 20190102030405 20200102030405 20180102030405 CET", "SITE UTIME a 20190102030405 1 2 UTC"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "501");
  }
  CHECK(world.talk("SITE UTIME 20200102030405 nowhere") == "550");
}

TEST_CASE("SITE MKDIR makes what is missing on the way", "[pi][site]") {
  LoggedIn world;
  CHECK(world.talk("SITE MKDIR -p a/b/c") == "250");
  CHECK(world.has("/a/b/c"));
  CHECK(world.talk("SITE MKDIR a/b/c") == "250");
  CHECK(world.actions() == Actions{"BeginWork make /a/b/c mode=755", "BeginWork make /a/b/c mode=755"});
  CHECK(world.talk("SITE MKDIR") == "501");
  world.fail_next(ENOTDIR);
  CHECK(world.talk("SITE MKDIR readme.txt/x") == "550");
  PiWorld archivist;
  archivist.log_in("archivist");
  CHECK(archivist.talk("SITE MKDIR x") == "550");  // mkdir, but not site
}

TEST_CASE("SITE SYMLINK writes links that lead nowhere but below the root", "[pi][site]") {
  LoggedIn world;
  CHECK(world.talk("SITE SYMLINK readme.txt pub/link") == "200");
  CHECK(world.talk("SITE SYMLINK /readme.txt link") == "200");
  CHECK(world.talk("SITE SYMLINK ../../../etc/passwd pub/link") == "200");
  CHECK(world.talk("SITE SYMLINK \"pub/image.bin\" \"a link\"") == "200");
  CHECK(world.actions() == Actions{"MakeLink /pub/link to ../readme.txt", "MakeLink /link to readme.txt",
                                   "MakeLink /pub/link to ../etc/passwd", "MakeLink /a link to pub/image.bin"});
  for (const std::string_view line : {"SITE SYMLINK", "SITE SYMLINK a", "SITE SYMLINK a b c", "SITE SYMLINK \"a b"})
    CHECK(world.talk(line) == "501");
  CHECK(world.talk("SITE SYMLINK pub readme.txt") == "550");
  CHECK(world.talk("SITE SYMLINK pub /") == "550");
}

TEST_CASE("SITE CPFR and CPTO copy a file", "[pi][site]") {
  LoggedIn world;
  CHECK(world.talk("SITE CPTO copy.txt") == "503");
  CHECK(world.talk("SITE CPFR readme.txt") == "350");
  CHECK(world.talk("SITE CPTO copy.txt") == "250");
  CHECK(world.size("/copy.txt") == 12);
  CHECK(world.has("/readme.txt"));
  CHECK(world.actions() == Actions{"Look /readme.txt", "BeginWork copy /copy.txt /readme.txt mode=644"});
  CHECK(world.talk("SITE CPTO again.txt") == "503");
  CHECK(world.talk("SITE CPFR pub") == "550");
  CHECK(world.talk("SITE CPFR nowhere") == "550");
  CHECK(world.talk("SITE CPTO copy.txt") == "503");
}

TEST_CASE("SITE CPTO must follow right behind CPFR", "[pi][site]") {
  LoggedIn world;
  for (const std::string_view between :
       {"PWD", "SITE HELP", "SITE UMASK", "XYZZY", "RNFR readme.txt", "SITE XYZZY", "SITE CPTO", "SITE"}) {
    CAPTURE(between);
    CHECK(world.talk("SITE CPFR readme.txt") == "350");
    world.talk(between);
    CHECK(world.talk("SITE CPTO copy.txt") == "503");
  }
  CHECK(world.talk("SITE CPFR readme.txt") == "350");
  CHECK(world.talk("NOOP") == "200");
  CHECK(world.talk("STAT") == "211");
  CHECK(world.talk("SITE CPTO copy.txt") == "250");
  world.talk("SITE CPFR readme.txt");
  world.log_in("demo");
  CHECK(world.talk("SITE CPTO copy.txt") == "503");
}

TEST_CASE("SITE IDLE is this session's own limit, within the administrator's", "[pi][site]") {
  core::Config config = tests::world_config();
  config.limits.idle_timeout_s = 300;
  config.limits.idle_timeout_max_s = 600;
  LoggedIn world(config);
  CHECK(world.talk("SITE IDLE") == "200");
  CHECK(world.text() == "The idle limit is 300 seconds; it may be 1 to 600.");
  for (const std::string_view line : {"SITE IDLE 0", "SITE IDLE 601", "SITE IDLE -1", "SITE IDLE x"})
    CHECK(world.talk(line) == "501");
  CHECK(world.talk("SITE IDLE 600") == "200");
  CHECK(world.wait(599'000) == "");
  world.talk("NOOP");
  CHECK(world.talk("SITE IDLE 5") == "200");
  CHECK(world.wait(4'000) == "");
  CHECK(world.wait(1'500) == "421");
}

TEST_CASE("SITE IDLE ends with the login", "[pi][site]") {
  LoggedIn world;
  world.talk("SITE IDLE 5");
  world.talk("REIN");
  CHECK(world.wait(50'000) == "");
}

TEST_CASE("SITE UMASK takes bits from what is made", "[pi][site]") {
  LoggedIn world;
  CHECK(world.talk("SITE UMASK") == "200");
  CHECK(world.text() == "There is no umask: files get 0644, directories 0755.");
  CHECK(world.talk("SITE UMASK 027") == "200");
  CHECK(world.text() == "The umask is 027: files get 0640, directories 0750.");
  world.transfers_wait();
  world.talk("STOR new.txt");
  CHECK(world.transfer_spec().file_mode == 0640);
  world.end_transfer();
  world.actions();
  world.talk("SITE MKDIR d");
  CHECK(world.actions() == Actions{"BeginWork make /d mode=750"});
  for (const std::string_view line : {"SITE UMASK 8", "SITE UMASK 1777", "SITE UMASK rwx"})
    CHECK(world.talk(line) == "501");
}

// ---- The administrator ----

TEST_CASE("SITE WHO tells who is here, to those with the right alone", "[pi][site]") {
  AsWarden world;
  world.sessions = {{.id = 3, .user = "warden", .client = {}, .doing = "WHO", .peer = world.pi().peer()},
                    {.id = 12,
                     .user = "anna",
                     .client = "Client 1",
                     .doing = "RETR",
                     .peer = world.pi().peer(),
                     .quiet_ns = 3'500'000'000}};
  CHECK(world.talk("SITE WHO") == "200");
  REQUIRE(world.last().lines.size() == 4);
  const std::string& anna = world.last().lines[2];
  for (const std::string_view part : {"12", "anna", "192.0.2.9:40021", "RETR", "quiet for 3 s", "Client 1"}) {
    CAPTURE(part);
    CHECK(anna.find(part) != std::string::npos);
  }
  CHECK(world.text() == "2 sessions; 2 are shown.");
  LoggedIn demo;
  CHECK(demo.talk("SITE WHO") == "550");
  CHECK(demo.talk("SITE KICK 12") == "550");
  CHECK(demo.actions().empty());
}

TEST_CASE("SITE WHO says when other workers have sessions of their own", "[pi][site]") {
  core::Config config = tests::world_config();
  config.server.workers = 4;
  AsWarden world(config);
  CHECK(world.talk("SITE WHO") == "200");
  CHECK(world.text() == "0 sessions, of this worker alone; 0 are shown.");
}

TEST_CASE("SITE KICK ends another session", "[pi][site]") {
  AsWarden world;
  world.sessions.resize(2);
  world.sessions[0].id = 3;
  world.sessions[1].id = 12;
  CHECK(world.talk("SITE KICK 12") == "200");
  CHECK(world.talk("SITE KICK 3") == "504");
  CHECK(world.talk("SITE KICK 99") == "550");
  for (const std::string_view line : {"SITE KICK", "SITE KICK anna", "SITE KICK -1"}) CHECK(world.talk(line) == "501");
}

TEST_CASE("a 421 does not stand between 234 and the handshake", "[pi][site][tls]") {
  core::Pi pi(std::make_shared<const core::Config>(tests::secure_world_config()), *core::parse_endpoint("192.0.2.1:21"),
              *core::parse_endpoint("192.0.2.9:40021"));
  pi.greet(1);
  CHECK(pi.resting());
  pi.receive("AUTH TLS\r\n", false, 2);
  while (const auto action = pi.next_action(3)) {
    CHECK_FALSE(pi.resting());
    if (std::holds_alternative<core::action::BeginTls>(*action)) break;
    pi.on_outcome({}, 3);
  }
  CHECK(pi.output().find("234 ") != std::string::npos);
  CHECK_FALSE(pi.resting());
  pi.on_outcome({}, 4);
  CHECK(pi.resting());
}

TEST_CASE("who was never greeted is quiet since the connection came", "[pi][site]") {
  constexpr core::Moment second = 1'000'000'000;
  const core::Pi pi(std::make_shared<const core::Config>(tests::world_config()), {}, {}, 5 * second);
  CHECK(pi.sight(7 * second).quiet_ns == 2 * second);
}

TEST_CASE("a session tells what it does", "[pi][site]") {
  LoggedIn world;
  CHECK(world.pi().sight(0).user == "demo");
  CHECK(world.pi().sight(0).doing.empty());
  CHECK(world.pi().resting());
  world.works_wait();
  world.talk("SITE MKDIR a");
  CHECK(world.pi().sight(0).doing == "MKDIR");
  CHECK_FALSE(world.pi().resting());
  world.end_work();
  CHECK(world.pi().resting());
}
