// Access control: USER PASS ACCT CWD CDUP REIN QUIT, and what guessing passwords costs.
// RFC 959 4.1.1, RFC 2577 5 and 7.
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "core/pi.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;

constexpr std::int64_t delay_ms = 5000;

bool logged_in(PiWorld& world) { return world.talk("PWD") == "257"; }

}  // namespace

// ---- USER, PASS, ACCT ----

TEST_CASE("USER and PASS: 331, 230", "[pi][RC-02][RC-03][SM-05]") {
  PiWorld world;
  CHECK(world.pi().user().empty());
  CHECK(world.talk("USER demo") == "331");
  CHECK(world.talk("PASS secret") == "230");
  CHECK(world.actions() == Actions{"Verify secret against hash of secret", "EnterRoot demo"});
  CHECK(world.pi().user() == "demo");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text() == "\"/\" is the current directory.");
}

TEST_CASE("a user without a password is in at once: 230", "[pi][RC-02][SM-05]") {
  PiWorld world;
  CHECK(world.talk("USER guest") == "230");
  CHECK(logged_in(world));
}

TEST_CASE("anonymous gives any password, also none, and is called ftp too", "[pi][RC-03]") {
  for (const std::string_view user : {"USER anonymous", "USER ftp", "USER Anonymous"}) {
    for (const std::string_view password : {"PASS me@example.org", "PASS", "PASS "}) {
      PiWorld world;
      CHECK(world.talk(user) == "331");
      CHECK(world.talk(password) == "230");
      CHECK(world.pi().user() == "anonymous");
    }
  }
}

TEST_CASE("a password may hold blanks in any place", "[pi][PN-01]") {
  PiWorld world;
  world.talk("USER demo");
  world.talk("PASS  two  words ");
  CHECK(world.actions() == Actions{"Verify  two  words  against hash of secret"});
}

TEST_CASE("PASS gets 332 where an account is required, and ACCT completes the login", "[pi][LG-04][LG-05][RC-03]") {
  PiWorld world;
  CHECK(world.talk("USER keeper") == "331");
  CHECK(world.talk("PASS secret") == "332");
  CHECK(world.talk("PWD") == "530");
  CHECK(world.talk("ACCT vault") == "230");
  CHECK(logged_in(world));
}

TEST_CASE("ACCT where none is wanted gets 202, out of sequence 503", "[pi][LG-05][RP-06][RC-03]") {
  PiWorld world;
  CHECK(world.talk("ACCT vault") == "503");
  world.talk("USER keeper");
  CHECK(world.talk("ACCT vault") == "503");
  CHECK(world.talk("PASS secret") == "332");  // USER holds
  LoggedIn inside;
  CHECK(inside.talk("ACCT vault") == "202");
  CHECK(logged_in(inside));
}

TEST_CASE("a wrong account begins the sequence anew", "[pi][LG-03][RC-03]") {
  PiWorld world;
  world.log_in("keeper");
  CHECK(world.talk("ACCT attic") == "");
  CHECK(world.wait(delay_ms) == "530");
  CHECK(world.talk("ACCT vault") == "503");
  CHECK(world.talk("PASS secret") == "503");
}

TEST_CASE("PASS without USER gets 503, and other commands may stand between", "[pi][LG-02][RP-06]") {
  PiWorld world;
  CHECK(world.talk("PASS secret") == "503");
  for (const std::string_view between : {"SYST", "FEAT", "PWD", "TYPE I", "ACCT x", "HELP", "XYZZY", ""}) {
    CAPTURE(between);
    world.talk("USER demo");
    world.talk(between);
    CHECK_FALSE(logged_in(world));
    CHECK(world.talk("PASS secret") == "230");
    world.talk("REIN");
  }
  world.talk("USER demo");
  CHECK(world.talk("REIN") == "220");
  CHECK(world.talk("PASS secret") == "503");
}

TEST_CASE("NOOP, and what may act during a transfer, stands between nothing", "[pi][SV-21]") {
  for (const std::string_view between : {"NOOP", "STAT", "ABOR"}) {
    PiWorld world;
    world.talk("USER demo");
    world.talk(between);
    CHECK(world.talk("PASS secret") == "230");
  }
}

TEST_CASE("PASS behind a USER that needed no password gets 202", "[pi][LG-02][RC-03]") {
  PiWorld world;
  CHECK(world.talk("USER guest") == "230");
  CHECK(world.talk("PASS secret") == "202");
  CHECK(logged_in(world));
}

TEST_CASE("PASS behind a login gets 503 and changes nothing", "[pi][LG-02]") {
  LoggedIn world;
  CHECK(world.talk("PASS secret") == "503");
  CHECK(logged_in(world));
}

TEST_CASE("behind a failed PASS the sequence begins with USER again", "[pi][LG-03][RC-03]") {
  PiWorld world;
  world.talk("USER demo");
  CHECK(world.talk("PASS wrong") == "");
  CHECK(world.wait(delay_ms) == "530");
  CHECK(world.talk("PASS secret") == "503");
  CHECK(world.log_in() == "331 230");
}

TEST_CASE("a second USER replaces the first", "[pi][LG-01]") {
  PiWorld world;
  world.talk("USER nobody");
  CHECK(world.log_in() == "331 230");
  CHECK(world.pi().user() == "demo");
}

TEST_CASE("USER behind a login begins it anew and keeps the transfer parameters", "[pi][LG-01]") {
  LoggedIn world;
  world.talk("TYPE I");
  world.talk("EPSV");
  world.talk("CWD pub");
  world.actions();
  CHECK(world.talk("USER reader") == "331");
  CHECK(world.pi().user().empty());
  CHECK(world.talk("PWD") == "530");
  CHECK(world.log_in("reader") == "331 230");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text().starts_with("\"/\" "));
  CHECK(world.actions() == Actions{"Verify secret against hash of secret", "EnterRoot reader"});
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt");  // TYPE I still, nothing was dropped
}

TEST_CASE("USER drops the pending RNFR and REST of the one before", "[pi][LG-01]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nRNFR readme.txt\r\n");
  CHECK(world.log_in() == "331 230");
  CHECK(world.talk("RNTO new") == "503");
  world.actions();
  world.talk("RETR readme.txt");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt");
}

TEST_CASE("USER sent during a transfer waits: the transfer ends under the old rights", "[pi][LG-01]") {
  LoggedIn world;
  world.transfers_wait();
  world.talk("STOR new");
  CHECK(world.talk("USER reader") == "");
  CHECK(world.pi().user() == "demo");
  CHECK(world.end_transfer() == "226 331");
}

TEST_CASE("a root that cannot be opened is the server's trouble: 451, and nobody is logged in", "[pi][RP-08]") {
  PiWorld world;
  world.fail_next(EMFILE);
  CHECK(world.talk("USER guest") == "451");
  CHECK_FALSE(logged_in(world));
  world.fail_next(ENOENT);
  CHECK(world.talk("USER guest") == "530");
  CHECK_FALSE(logged_in(world));
  CHECK(world.talk("USER guest") == "230");
}

// ---- Guessing ----

TEST_CASE("USER gets the same answer for names that exist and that do not", "[pi][SE-09]") {
  PiWorld world;
  CHECK(world.talk("USER demo") == "331");
  const std::string known(world.text());
  CHECK(world.talk("USER nobody") == "331");
  CHECK(world.text() == known);
  CHECK(world.actions().empty());
}

TEST_CASE("a password for an unknown name costs the same work and fails in the same way", "[pi][SE-09]") {
  std::string texts[2];
  for (const int i : {0, 1}) {
    PiWorld world;
    world.talk(i == 0 ? "USER demo" : "USER nobody");
    CHECK(world.talk("PASS wrong") == "");
    CHECK(world.actions() == Actions{"Verify wrong against hash of secret"});
    CHECK(world.wait(delay_ms - 1) == "");
    CHECK(world.wait(1) == "530");
    texts[i] = world.text();
  }
  CHECK(texts[0] == texts[1]);
}

TEST_CASE("the right password of somebody else opens no unknown name", "[pi][SE-09]") {
  PiWorld world;
  world.talk("USER nobody");
  CHECK(world.talk("PASS secret") == "");  // the decoy matches, the name does not
  CHECK(world.wait(delay_ms) == "530");
}

TEST_CASE("an unknown name is refused even where nobody has a password", "[pi][SE-09]") {
  core::Config config;
  PiWorld world(config);
  CHECK(world.log_in("nobody", "") == "331 ");
  CHECK(world.wait(delay_ms) == "530");
}

TEST_CASE("a failed PASS is answered after five seconds; what was sent ahead waits", "[pi][SE-07]") {
  PiWorld world;
  world.talk("USER demo");
  CHECK(world.octets("PASS wrong\r\nNOOP\r\n") == "");
  CHECK(world.wait(delay_ms - 1) == "");
  CHECK(world.octets("SYST\r\n") == "");
  CHECK(world.wait(1) == "530 200 215");
}

TEST_CASE("the delay of a failed PASS is configurable", "[pi][SE-07]") {
  core::Config config = tests::world_config();
  config.limits.login_failure_delay_ms = 100;
  PiWorld world(config);
  CHECK(world.log_in("demo", "wrong") == "331 ");
  CHECK(world.wait(100) == "530");
}

TEST_CASE("behind three failed passwords 421 and a close", "[pi][SE-06]") {
  PiWorld world;
  for (int i = 0; i < 2; ++i) {
    world.log_in("demo", "wrong");
    CHECK(world.wait(delay_ms) == "530");
  }
  world.log_in("demo", "wrong");
  CHECK(world.wait(delay_ms) == "421");
  CHECK(world.pi().closing());
}

TEST_CASE("how many passwords may fail is configurable", "[pi][SE-06]") {
  core::Config config = tests::world_config();
  config.limits.login_failures = 1;
  PiWorld world(config);
  world.log_in("demo", "wrong");
  CHECK(world.wait(delay_ms) == "421");
}

TEST_CASE("nothing sets the count of failures back: neither REIN nor a login, be it anonymous", "[pi][SE-06]") {
  PiWorld world;
  world.log_in("demo", "wrong");
  world.wait(delay_ms);
  CHECK(world.talk("REIN") == "220");
  world.log_in("reader", "wrong");
  world.wait(delay_ms);
  CHECK(world.log_in() == "331 230");
  CHECK(world.log_in("anonymous") == "331 230");
  world.log_in("demo", "wrong");
  CHECK(world.wait(delay_ms) == "421");
}

TEST_CASE("the answer to a wrong password comes as late, whatever its hash has cost", "[pi][SE-07][SE-09]") {
  PiWorld world;
  world.talk("USER demo");
  world.hold();
  CHECK(world.talk("PASS wrong") == "");
  CHECK(world.wait(2000) == "");
  CHECK(world.release() == "");
  CHECK(world.wait(delay_ms - 2001) == "");
  CHECK(world.wait(1) == "530");
}

TEST_CASE("a password for which there is no place to wait gets 421", "[pi][SE-06]") {
  PiWorld world;
  world.talk("USER demo");
  world.fail_next(EBUSY);
  CHECK(world.talk("PASS secret") == "421");
  CHECK(world.pi().closing());
}

TEST_CASE("a password that cannot be verified for want of memory is not a wrong one", "[pi][SE-06]") {
  core::Config config = tests::world_config();
  config.limits.login_failures = 1;
  PiWorld world(config);
  world.talk("USER demo");
  world.fail_next(ENOMEM);
  CHECK(world.talk("PASS secret") == "451");
  CHECK(world.talk("PASS secret") == "503");
  CHECK(world.log_in() == "331 230");
}

TEST_CASE("an account with a certificate and no password is entered by no password", "[pi][SE-09]") {
  core::Config config = tests::world_config();
  config.accounts.add(
      {.name = "jo", .password_hash = {}, .account = {}, .root = "srv", .rights = {}, .certificate = "Jo"});
  config.accounts.add(
      {.name = "bo", .password_hash = {}, .account = {}, .root = "srv", .rights = {}, .certificate = "Bo"});
  for (const std::string_view password : {"PASS", "PASS secret"}) {
    PiWorld world(config);
    CHECK(world.talk("USER jo") == "331");
    CHECK(world.talk(password) == "");
    CHECK(world.wait(delay_ms) == "530");
    CHECK_FALSE(logged_in(world));
  }
}

TEST_CASE("a server that drains answers a failed PASS first", "[pi][RP-09]") {
  PiWorld world;
  world.log_in("demo", "wrong");
  CHECK(world.shut_down() == "");
  CHECK(world.wait(delay_ms) == "530 421");
}

// ---- What works before a login ----

TEST_CASE("HELP, SYST, NOOP, ABOR, REIN, FEAT, OPTS, STAT and QUIT work before USER", "[pi][LG-08][FE-06]") {
  PiWorld world;
  CHECK(world.octets("HELP\r\nSYST\r\nNOOP\r\nABOR\r\nREIN\r\nFEAT\r\nOPTS UTF8 ON\r\nSTAT\r\nQUIT\r\n") ==
        "214 215 200 226 220 211 200 211 221");
}

TEST_CASE("STAT of a path is for those who may list", "[pi][LG-07][RC-18]") {
  PiWorld world;
  CHECK(world.talk("STAT /") == "530");
  CHECK(world.actions().empty());
}

// ---- CWD, CDUP ----

TEST_CASE("CWD changes the directory and nothing else", "[pi][LG-09][RC-04]") {
  LoggedIn world;
  world.octets("TYPE I\r\nEPSV\r\nREST 3\r\n");
  world.actions();
  CHECK(world.talk("CWD pub") == "250");
  CHECK(world.actions() == Actions{"Look inside /pub"});
  world.talk("PWD");
  CHECK(world.text() == "\"/pub\" is the current directory.");
  CHECK(world.pi().user() == "demo");
  world.talk("RETR image.bin");
  CHECK(world.actions() == Actions{"StartTransfer retrieve /pub/image.bin offset=3", "Proceed"});
}

TEST_CASE("CWD to what is missing, forbidden or no directory gets 550 and changes nothing", "[pi][LG-09][RC-04]") {
  LoggedIn world;
  world.talk("CWD pub");
  CHECK(world.talk("CWD nowhere") == "550");
  CHECK(world.talk("CWD /readme.txt") == "550");
  world.fail_next(EACCES);
  CHECK(world.talk("CWD /") == "550");
  CHECK(world.talk("CWD " + std::string(300, 'x')) == "550");
  world.talk("PWD");
  CHECK(world.text() == "\"/pub\" is the current directory.");
}

TEST_CASE("CDUP is CWD to the parent, with its codes; the root is its own parent", "[pi][LG-10][RC-04]") {
  LoggedIn world;
  world.talk("MKD pub/deep");
  world.talk("CWD pub/deep");
  world.actions();
  CHECK(world.talk("CDUP") == "250");
  CHECK(world.talk("XCUP") == "250");
  CHECK(world.talk("CDUP") == "250");
  CHECK(world.actions() == Actions{"Look inside /pub", "Look inside /", "Look inside /"});
  world.fail_next(ENOENT);
  CHECK(world.talk("CDUP") == "550");
}

TEST_CASE("CWD .. leads to the parent and never above the root", "[pi][LG-09]") {
  LoggedIn world;
  world.talk("CWD pub");
  world.actions();
  world.octets("CWD ..\r\nCWD ../../..\r\n");
  CHECK(world.actions() == Actions{"Look inside /", "Look inside /"});
}

// ---- REIN ----

TEST_CASE("REIN ends the login and keeps the connection", "[pi][LG-12][RC-06]") {
  LoggedIn world;
  CHECK(world.talk("REIN") == "220");
  CHECK_FALSE(world.pi().closing());
  CHECK_FALSE(logged_in(world));
  CHECK(world.talk("PASS secret") == "503");
  CHECK(world.log_in() == "331 230");
}

TEST_CASE("behind REIN all is as on a fresh connection", "[pi][LG-13]") {
  LoggedIn world;
  world.octets("TYPE I\r\nCWD pub\r\nALLO 5\r\nEPSV ALL\r\nOPTS MLST size;\r\nEPSV\r\nREST 5\r\nRNFR image.bin\r\n");
  world.actions();
  CHECK(world.talk("REIN") == "220");
  CHECK(world.actions() == Actions{"DropData"});
  world.log_in();
  CHECK(world.talk("RNTO new") == "503");
  CHECK(world.talk("PASV") == "227");
  world.talk("MLST");
  CHECK(world.last().lines[1].find("type=dir;") != std::string::npos);
  world.actions();
  world.talk("STOR a");
  CHECK(world.actions().front() == "StartTransfer store /a text");
}

TEST_CASE("REIN lets the transfer in progress end first", "[pi][LG-12]") {
  LoggedIn world;
  world.transfers_wait();
  world.talk("RETR readme.txt");
  CHECK(world.talk("REIN") == "");
  CHECK(world.end_transfer() == "226 220");
}
