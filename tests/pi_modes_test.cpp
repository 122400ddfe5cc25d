// What MODE, STRU and TYPE make of the other commands: restart markers, SIZE, listings, and what became of the
// data connection; and who may store. RFC 959 3.4, 3.5, 4.1.1, RFC 1123 4.1.3.4.
#include <cerrno>
#include <string>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;

namespace {

/// What the next command asks first.
std::string first_action(PiWorld& world, std::string_view line) {
  world.actions();
  world.talk(line);
  const Actions all = world.actions();
  return all.empty() ? "" : all.front();
}

}  // namespace

// ---- Restart markers ----

TEST_CASE("in MODE B and C REST takes a marker of this server", "[pi][RS-13][RS-14]") {
  LoggedIn world;
  world.octets("TYPE I\r\nMODE B\r\n");
  CHECK(world.talk("REST 5") == "350");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt I/F/B offset=5");
  CHECK(world.talk("REST 7+r") == "350");
  CHECK(first_action(world, "STOR readme.txt") == "StartTransfer store /readme.txt I/F/B offset=7 state=r");
  CHECK(first_action(world, "STOR readme.txt") == "StartTransfer store /readme.txt I/F/B");
  CHECK(world.talk("REST 0+r") == "350");
  CHECK(first_action(world, "APPE readme.txt") == "StartTransfer store /readme.txt I/F/B state=r");
  CHECK(world.talk("REST 7+r") == "350");
  CHECK(first_action(world, "STOU readme.txt") == "StartTransfer store_unique /readme.txt I/F/B");
  for (const std::string_view wrong : {"+r", "5+", "5+ r", "5 r", "x", "5+\x7f", "-5"})
    CHECK(world.talk("REST " + std::string(wrong)) == "501");
}

TEST_CASE("in MODE S a marker is no number of octets", "[pi][RS-02]") {
  LoggedIn world;
  CHECK(world.talk("REST 7+r") == "501");
}

TEST_CASE("another MODE forgets what REST said in the terms of the last", "[pi][RS-07]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nMODE S\r\n");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt offset=5");
  world.octets("REST 5\r\nMODE B\r\n");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt I/F/B");
}

TEST_CASE("each restart marker that came is answered with 110", "[pi][RS-10][RC-10]") {
  LoggedIn world;
  world.octets("TYPE I\r\nMODE B\r\n");
  world.transfers_wait();
  CHECK(world.talk("STOR new.bin") == "150");
  CHECK(world.marker("sender-1", "4096") == "110");
  CHECK(world.last().lines == Actions{"110 MARK sender-1 = 4096"});
  CHECK(world.marker("sender-2", "8192+r") == "110");
  CHECK(world.end_transfer({.stays_open = true}) == "250");
}

TEST_CASE("no marker is answered inside STAT's listing, or when nobody reads", "[pi][RP-03]") {
  LoggedIn world;
  world.octets("TYPE I\r\nMODE B\r\n");
  world.transfers_wait();
  world.talk("STOR new.bin");
  CHECK(world.pi().may_take_marker());
  world.hold();
  world.talk("STAT pub");
  CHECK(world.pi().may_take_marker());  // nothing of the listing is written yet
  world.release();
  CHECK(world.pi().may_take_marker());
}

// ---- What became of the data connection ----

TEST_CASE("250 says that the data connection stays open, and 125 that it was", "[pi][MD-12][MD-13]") {
  LoggedIn world;
  world.octets("MODE B\r\n");
  world.transfers_wait();
  CHECK(world.talk("LIST") == "150");
  CHECK(world.end_transfer({.stays_open = true}) == "250");
  world.client_connects();
  CHECK(world.talk("RETR readme.txt") == "125");
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("rubbish on the data connection is 451, an unknown page type 551", "[pi][ST-09][RC-10]") {
  const auto [error, code] = GENERATE(table<int, std::string>({
      {EBADMSG, "451"},
      {EILSEQ, "451"},
      {EPROTONOSUPPORT, "551"},
  }));
  LoggedIn world;
  world.transfers_wait();
  world.talk("STOR new.bin");
  CHECK(world.end_transfer({.cause = core::TransferEnd::Cause::file_error, .error = error}) == code);
}

// ---- SIZE, listings, APPE ----

TEST_CASE("SIZE counts what the TYPE and STRU make of a file, and never guesses", "[pi][MT-04][MT-06]") {
  LoggedIn world;
  CHECK(first_action(world, "SIZE readme.txt") == "Measure /readme.txt");
  for (const std::string_view counted : {"TYPE L 36", "TYPE A\r\nSTRU R"}) {
    world.octets(std::string(counted) + "\r\n");
    CHECK(first_action(world, "SIZE readme.txt") == "Measure /readme.txt");
  }
  world.octets("STRU F\r\nTYPE E\r\n");
  CHECK(first_action(world, "SIZE readme.txt") == "Look /readme.txt");
  for (const std::string_view unknown : {"MODE B", "MODE C", "MODE S\r\nTYPE I\r\nSTRU P"}) {
    world.octets(std::string(unknown) + "\r\n");
    CHECK(world.talk("SIZE readme.txt") == "550");
  }
}

TEST_CASE("listings are text in the current MODE, in EBCDIC where that is the TYPE", "[pi][MD-11][TY-09]") {
  LoggedIn world;
  world.octets("TYPE I\r\nMODE B\r\n");
  CHECK(first_action(world, "NLST pub") == "StartTransfer list /pub names prefix=pub A N/F/B");
  CHECK(first_action(world, "MLSD pub") == "StartTransfer list /pub machine hidden directory_only");
  world.octets("TYPE E\r\nMODE S\r\nSTRU R\r\n");
  CHECK(first_action(world, "LIST -a pub") == "StartTransfer list /pub list prefix=pub hidden E N/R/S");
}

TEST_CASE("pages cannot be appended: they say where they belong", "[pi][RS-09][RC-11][RC-20]") {
  LoggedIn world;
  world.octets("TYPE I\r\nSTRU P\r\n");
  CHECK(world.talk("APPE readme.txt") == "555");
  CHECK(world.talk("APPE new") == "555");
}

TEST_CASE("STOR in TYPE A is taken up where the octets that travelled end in the file", "[pi][RS-03][RS-04]") {
  LoggedIn world;  // 12 octets with 2 line ends, as if they stood first: 14 as they travel
  CHECK(world.talk("REST 14") == "350");
  CHECK(world.talk("STOR readme.txt") == "150 226");
  CHECK(world.actions()[1] == "StartTransfer store /readme.txt text offset=12");
  world.add_file("/readme.txt", 12, 2);
  CHECK(world.talk("REST 3") == "350");  // between CR and LF
  CHECK(world.talk("STOR readme.txt") == "150 226");
  CHECK(world.actions()[1] == "StartTransfer store /readme.txt text offset=1 state=r");
  world.add_file("/readme.txt", 12, 2);
  CHECK(world.talk("REST 3") == "350");
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions()[1] == "StartTransfer retrieve /readme.txt text offset=1 skip=1");
  CHECK(world.talk("REST 15") == "350");
  CHECK(world.talk("STOR readme.txt") == "554");
}

// ---- SMNT ----

TEST_CASE("SMNT makes one of the user's mounts the root, and keeps login and parameters", "[pi][LG-11][RC-05]") {
  PiWorld world;
  CHECK(world.talk("SMNT archive") == "530");
  world.log_in("archivist");
  world.octets("TYPE I\r\nCWD pub\r\n");
  CHECK(world.talk("SMNT") == "501");
  world.actions();
  CHECK(world.talk("SMNT archive") == "250");
  CHECK(world.actions() == Actions{"EnterRoot archivist /srv/archive"});
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text().starts_with("\"/\" "));
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
  CHECK(world.talk("SMNT nowhere") == "550");
  world.actions();
  CHECK(world.talk("SMNT /archive") == "250");
  CHECK(world.talk("SMNT /") == "250");
  CHECK(world.actions() == Actions{"EnterRoot archivist /srv/archive", "EnterRoot archivist"});
  world.fail_next(ENOENT);
  CHECK(world.talk("SMNT archive") == "550");
}

TEST_CASE("SMNT is superfluous for who has one structure only", "[pi][LG-11][RC-05]") {
  LoggedIn world;
  CHECK(world.talk("SMNT archive") == "202");
}

// ---- ACCT for storing ----

TEST_CASE("an account that is wanted for storing gets 532 until ACCT names it", "[pi][LG-06][RC-03][RC-10][RC-14]") {
  PiWorld world;
  CHECK(world.log_in("clerk") == "331 230");
  CHECK(world.talk("RETR readme.txt") == "150 226");
  for (const std::string_view line : {"STOR x", "APPE x", "STOU"}) CHECK(world.talk(line) == "532");
  CHECK(world.octets("RNFR readme.txt\r\nRNTO x\r\n") == "350 532");
  CHECK(world.talk("ACCT wrong") == "");  // late, as a wrong password (RFC 2577 5)
  CHECK(world.wait(5000) == "530");
  CHECK(world.talk("STOR x") == "532");
  CHECK(world.talk("ACCT vault") == "230");
  CHECK(world.talk("STOR x") == "150 226");
  CHECK(world.talk("ACCT vault") == "202");
  world.log_in("clerk");
  CHECK(world.talk("STOR x") == "532");  // another login
}

// ---- Security ----

TEST_CASE("without a security exchange its commands are out of sequence", "[pi][RC-21][RC-22]") {
  LoggedIn world;
  CHECK(world.talk("AUTH TLS") == "502");
  for (const std::string_view line : {"ADAT x", "PBSZ 0", "PROT P", "PROT C"}) CHECK(world.talk(line) == "503");
  CHECK(world.talk("CCC") == "500");
}

// ---- Synch ----

TEST_CASE("IP and a Data Mark drop what was typed ahead, so that ABOR is seen at once", "[pi][CC-24][CC-26][CC-27]") {
  LoggedIn world;
  world.transfers_wait();
  CHECK(world.talk("RETR readme.txt") == "150");
  CHECK(world.octets("CWD pub\r\nPWD\r\nhalf a li") == "");
  CHECK(world.octets("\xff") == "");
  CHECK(world.octets("\xf4\xff") == "");
  CHECK(world.octets("\xf2"
                     "ABOR\r\n") == "426 226");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text().starts_with("\"/\" "));
}
