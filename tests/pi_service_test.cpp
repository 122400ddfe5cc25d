// Service commands on files: RETR STOR STOU APPE ALLO REST RNFR RNTO DELE RMD MKD PWD LIST NLST SIZE MDTM
// MLST MLSD. RFC 959 4.1.3, RFC 1123 4.1, RFC 3659.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "core/pi.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using namespace std::string_literals;
using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;
using Cause = core::TransferEnd::Cause;

/// An action that a line leads to, counted from 0.
std::string nth_action(PiWorld& world, std::string_view line, std::size_t n) {
  world.actions();
  world.talk(line);
  const Actions actions = world.actions();
  return actions.size() <= n ? "" : actions[n];
}

std::string first_action(PiWorld& world, std::string_view line) { return nth_action(world, line, 0); }
/// That of a listing behind the question whether an object has that very name.
std::string second_action(PiWorld& world, std::string_view line) { return nth_action(world, line, 1); }

core::Config any_names() {
  core::Config config = tests::world_config();
  config.uploads.control_characters = true;
  return config;
}

/// Logged in as reader, who may list and read only.
struct Reader : PiWorld {
  Reader() {
    log_in("reader");
    actions();
  }
};

}  // namespace

// ---- RETR, STOR, APPE, STOU ----

TEST_CASE("RETR: 150, the octets, 226", "[pi][RC-12][RP-04][SM-02]") {
  LoggedIn world;
  world.transfers_wait();
  CHECK(world.talk("RETR readme.txt") == "150");
  CHECK(world.text().find("readme.txt (12 bytes)") != std::string_view::npos);
  CHECK(world.actions() == Actions{"StartTransfer retrieve /readme.txt text", "Proceed"});
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("an error known before the transfer gets one reply and no connection", "[pi][DC-15][RC-10][RC-12]") {
  LoggedIn world;
  const auto [line, code] = GENERATE(table<std::string, std::string>({
      {"RETR nowhere", "550"},
      {"RETR pub", "550"},
      {"STOR pub", "553"},
      {"STOR nowhere/new", "550"},
      {"APPE nowhere/new", "550"},
      {"LIST nowhere", "550"},
      {"NLST nowhere", "550"},
      {"MLSD nowhere", "550"},
      {"MLSD readme.txt", "501"},
  }));
  CAPTURE(line);
  CHECK(world.talk(line) == code);
  CHECK(std::ranges::count(world.actions(), "Proceed") == 0);
}

TEST_CASE("what storing refuses has the codes of its list", "[pi][RC-10][RC-11][RP-08]") {
  const auto [error, code] = GENERATE(table<int, std::string>({
      {EACCES, "553"},
      {EROFS, "553"},
      {ENOSPC, "452"},
      {EDQUOT, "552"},
      {EFBIG, "552"},
      {EMFILE, "450"},
      {ETXTBSY, "450"},
      {EIO, "451"},
      {ENOENT, "550"},
  }));
  LoggedIn world;
  for (const std::string_view line : {"STOR new", "APPE new", "STOU"}) {
    world.fail_next(error);
    CHECK(world.talk(line) == code);
  }
}

TEST_CASE("what happens to an upload on its way has the codes below 150", "[pi][RC-10][DC-13][DC-14]") {
  const auto [cause, error, code] = GENERATE(table<Cause, int, std::string>({
      {Cause::no_connection, ETIMEDOUT, "425"},
      {Cause::broken, ECONNRESET, "426"},
      {Cause::stalled, ETIMEDOUT, "426"},
      {Cause::file_error, ENOSPC, "452"},
      {Cause::file_error, EDQUOT, "552"},
      {Cause::file_error, EIO, "451"},
      {Cause::complete, 0, "226"},
  }));
  LoggedIn world;
  world.transfers_wait();
  for (const std::string_view line : {"STOR new", "APPE new", "STOU new"}) {
    CHECK(world.talk(line) == "150");
    CHECK(world.end_transfer({.cause = cause, .error = error}) == code);
  }
}

TEST_CASE("a full disk cannot be RETR's or LIST's: 451", "[pi][RC-12][RC-13]") {
  LoggedIn world;
  world.transfers_wait();
  for (const std::string_view line : {"RETR readme.txt", "LIST", "NLST", "MLSD"}) {
    world.talk(line);
    CHECK(world.end_transfer({.cause = Cause::file_error, .error = ENOSPC}) == "451");
  }
}

TEST_CASE("the commands ask for what they are", "[pi]") {
  LoggedIn world;
  CHECK(first_action(world, "STOR a") == "StartTransfer store /a text");
  CHECK(first_action(world, "APPE a") == "StartTransfer append /a text");
  CHECK(first_action(world, "STOU") == "StartTransfer store_unique /stou text");
  CHECK(first_action(world, "STOU a") == "StartTransfer store_unique /a text");
  world.talk("TYPE I");
  world.talk("CWD pub");
  CHECK(first_action(world, "RETR image.bin") == "StartTransfer retrieve /pub/image.bin");
  CHECK(first_action(world, "STOR ../b") == "StartTransfer store /b");
}

TEST_CASE("STOU's 150 is exactly FILE: and the name that was used", "[pi][SV-05]") {
  LoggedIn world;
  world.transfers_wait();
  CHECK(world.talk("STOU readme.txt") == "150");
  CHECK(world.text() == "FILE: readme.txt.1");
  world.end_transfer();
  world.client_connects();
  CHECK(world.talk("STOU") == "125");
  CHECK(world.text() == "FILE: stou");
}

TEST_CASE("STOU never takes a name that exists", "[pi]") {
  LoggedIn world;
  world.uploads(5);
  CHECK(world.talk("STOU readme.txt") == "150 226");
  CHECK(world.size("/readme.txt") == 12);
  CHECK(world.size("/readme.txt.1") == 5);
}

TEST_CASE("a reader may not write: 553 and 550, with nothing done", "[pi][DC-15]") {
  Reader world;
  for (const std::string_view line : {"STOR new", "APPE readme.txt", "STOU"}) CHECK(world.talk(line) == "553");
  for (const std::string_view line : {"DELE readme.txt", "RMD pub", "MKD new", "RNFR readme.txt"})
    CHECK(world.talk(line) == "550");
  CHECK(world.talk("RNTO new") == "553");
  CHECK(world.actions().empty());
  CHECK(world.talk("RETR readme.txt") == "150 226");
}

TEST_CASE("a writer without the right to read or list may neither", "[pi][DC-15]") {
  core::Config config;
  config.accounts.add({.name = "demo",
                       .password_hash = "hash of secret",
                       .account = {},
                       .root = "srv",
                       .rights = {core::Right::write}});
  LoggedIn world(config);
  for (const std::string_view line :
       {"RETR readme.txt", "LIST", "NLST", "MLSD", "MLST", "SIZE readme.txt", "MDTM readme.txt"})
    CHECK(world.talk(line) == "550");
  CHECK(world.actions().empty());
  CHECK(world.talk("STOR new") == "150 226");
}

// ---- ALLO ----

TEST_CASE("ALLO takes a number, and a record size behind R", "[pi][SV-07][RC-09]") {
  LoggedIn world;
  CHECK(world.talk("ALLO 1000") == "200");
  CHECK(first_action(world, "STOR a") == "StartTransfer store /a text allocate=1000");
  CHECK(first_action(world, "STOR a") == "StartTransfer store /a text");
  CHECK(world.talk("ALLO 1000 R 80") == "200");
  CHECK(world.talk("allo 0 r 0") == "200");
  for (const std::string_view argument :
       {"x", "1000 R", "1000 R x", "1000 80", "1000R80", "-1", " 5", "5  ", "1000 R 80 1", "99999999999999999999"}) {
    CAPTURE(argument);
    CHECK(world.talk(fmt::format("ALLO {}", argument)) == "501");
  }
}

TEST_CASE("ALLO holds for the next upload, even one that is refused, and for no other", "[pi][SV-07]") {
  LoggedIn world;
  world.talk("ALLO 1000");
  CHECK(world.talk("STOR nowhere/a") == "550");
  CHECK(first_action(world, "STOR a") == "StartTransfer store /a text");
}

// ---- REST ----

TEST_CASE("REST answers 350 and the next transfer applies it, once", "[pi][RS-01][RC-09][SM-04]") {
  LoggedIn world;
  world.talk("TYPE I");
  CHECK(world.talk("REST 5") == "350");
  CHECK(world.actions().empty());
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt offset=5");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
}

TEST_CASE("REST 0 cancels", "[pi][RS-01]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nREST 0\r\n");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
}

TEST_CASE("REST takes only digits", "[pi][RS-02][CC-10]") {
  LoggedIn world;
  for (const std::string_view argument : {"x", "-1", "+1", "1.5", "0x10", " 5", "5  ", "5 6", "99999999999999999999"}) {
    CAPTURE(argument);
    CHECK(world.talk(fmt::format("REST {}", argument)) == "501");
  }
}

TEST_CASE("a REST that is refused leaves the one before", "[pi][RS-01]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nREST x\r\n");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt offset=5");
}

TEST_CASE("restart points above 2^32 work", "[pi][RS-08]") {
  LoggedIn world;
  world.add_file("/huge", 5'000'000'000);
  world.talk("TYPE I");
  CHECK(world.talk("REST 4999999999") == "350");
  CHECK(world.talk("RETR huge") == "150 226");
  CHECK(world.actions()[0] == "StartTransfer retrieve /huge offset=4999999999");
  CHECK(world.talk("REST 9223372036854775807") == "350");
}

TEST_CASE("a restart point out of range is the transfer's to refuse: 554", "[pi][RS-06][RC-20]") {
  LoggedIn world;
  world.talk("TYPE I");
  CHECK(world.talk("REST 13") == "350");
  CHECK(world.talk("RETR readme.txt") == "554");
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.talk("REST 13") == "350");
  CHECK(world.talk("STOR readme.txt") == "554");
  CHECK(world.talk("REST 12") == "350");
  CHECK(world.talk("RETR readme.txt") == "150 226");
}

TEST_CASE("in TYPE A the restart point is measured in octets as they travel", "[pi][RS-06]") {
  LoggedIn world;  // 12 octets with 2 line ends: 14 as they travel
  CHECK(world.talk("REST 14") == "350");
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions() ==
        Actions{"Measure /readme.txt", "StartTransfer retrieve /readme.txt text offset=12", "Proceed"});
  CHECK(world.talk("REST 15") == "350");
  CHECK(world.talk("RETR readme.txt") == "554");
  CHECK(world.talk("REST 1") == "350");
  CHECK(world.talk("RETR nowhere") == "550");
  world.actions();
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt text");
}

TEST_CASE("STOR after REST keeps what stands before the restart point", "[pi]") {
  LoggedIn world;
  world.uploads(4);
  world.octets("TYPE I\r\nREST 10\r\n");
  CHECK(first_action(world, "STOR readme.txt") == "StartTransfer store /readme.txt offset=10");
  CHECK(world.size("/readme.txt") == 14);
}

TEST_CASE("APPE after REST acts as STOR does, STOU as if there had been no REST", "[pi][RS-05]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 10\r\n");
  CHECK(first_action(world, "APPE readme.txt") == "StartTransfer store /readme.txt offset=10");
  CHECK(first_action(world, "APPE readme.txt") == "StartTransfer append /readme.txt");
  world.talk("REST 10");
  CHECK(first_action(world, "STOU") == "StartTransfer store_unique /stou");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
}

TEST_CASE("a listing spends the restart point and does not apply it", "[pi][RS-01][RS-07]") {
  for (const std::string_view line : {"LIST", "NLST", "MLSD"}) {
    LoggedIn world;
    world.octets("TYPE I\r\nREST 5\r\n");
    CHECK(first_action(world, line).find("offset") == std::string::npos);
    CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
  }
}

TEST_CASE("a transfer command that is refused spends the restart point too", "[pi][RS-01]") {
  for (const std::string_view refused : {"RETR", "RETR nowhere", "STOR a\0b", "LIST nowhere"}) {
    LoggedIn world;
    world.octets("TYPE I\r\nREST 5\r\n");
    world.talk(refused);
    CAPTURE(refused);
    CHECK(first_action(world, "STOR readme.txt") == "StartTransfer store /readme.txt");
  }
}

// ---- RNFR, RNTO ----

TEST_CASE("RNFR: 350; RNTO: 250", "[pi][SV-08][RC-14][SM-03]") {
  LoggedIn world;
  CHECK(world.talk("RNFR readme.txt") == "350");
  CHECK(world.talk("RNTO pub/new.txt") == "250");
  CHECK(world.actions() == Actions{"Look /readme.txt itself", "Rename /readme.txt to /pub/new.txt"});
  CHECK(world.has("/pub/new.txt"));
  CHECK_FALSE(world.has("/readme.txt"));
}

TEST_CASE("the right to rename alone replaces nothing: 553", "[pi][SV-08][RC-14]") {
  using enum core::Right;
  struct Case {
    core::Rights rights;
    std::string_view codes;
  };
  const Case cases[] = {{{rename}, "350 553"},
                        {{rename, write}, "350 553"},
                        {{rename, core::Right::remove}, "350 553"},
                        {{rename, write, core::Right::remove}, "350 250"}};
  for (const auto& [rights, codes] : cases) {
    core::Config config;
    config.accounts.add(
        {.name = "demo", .password_hash = "hash of secret", .account = {}, .root = "srv", .rights = rights});
    LoggedIn world(config);
    world.add_file("/other.txt", 3);
    CHECK(world.octets("RNFR readme.txt\r\nRNTO other.txt\r\n") == codes);
    CHECK(world.has("/readme.txt") == codes.ends_with("553"));
    CHECK(world.octets("RNFR other.txt\r\nRNTO third.txt\r\n") == "350 250");
  }
}

TEST_CASE("RNFR of what is missing gets 550, and RNTO behind it 503", "[pi][SV-08][SV-09][RC-14]") {
  LoggedIn world;
  CHECK(world.talk("RNFR nowhere") == "550");
  CHECK(world.talk("RNTO new") == "503");
}

TEST_CASE("RNTO to a name that cannot be gets 553", "[pi][SV-08][RC-14]") {
  const int error =
      GENERATE(EACCES, EPERM, EROFS, EEXIST, EISDIR, ENOENT, ENOTDIR, ENAMETOOLONG, EXDEV, ELOOP, ENOTEMPTY);
  LoggedIn world;
  world.talk("RNFR readme.txt");
  world.fail_next(error);
  CAPTURE(error);
  CHECK(world.talk("RNTO new") == "553");
  CHECK(world.talk("RNTO new") == "503");
}

TEST_CASE("RNTO into a missing directory or with a name too long gets 553", "[pi][SV-08][RC-14]") {
  LoggedIn world;
  world.talk("RNFR readme.txt");
  CHECK(world.talk("RNTO nowhere/new") == "553");
  world.talk("RNFR readme.txt");
  CHECK(world.talk("RNTO " + std::string(300, 'x')) == "553");
}

TEST_CASE("RNTO that is not right behind RNFR gets 503", "[pi][SV-09][RP-06]") {
  LoggedIn world;
  CHECK(world.talk("RNTO new") == "503");
  for (const std::string_view between :
       {"PWD", "CWD pub", "TYPE I", "LIST", "REST 5", "RNFR nowhere", "RNTO", "XYZZY", "", "AUTH TLS", "CWD"}) {
    CAPTURE(between);
    REQUIRE(world.talk("RNFR /readme.txt") == "350");
    world.talk(between);
    CHECK(world.talk("RNTO /new") == "503");
  }
  CHECK(world.has("/readme.txt"));
}

TEST_CASE("a second RNFR replaces the first", "[pi][SV-08]") {
  LoggedIn world;
  world.octets("RNFR readme.txt\r\nRNFR pub\r\n");
  CHECK(first_action(world, "RNTO new") == "Rename /pub to /new");
}

TEST_CASE("a relative RNFR means the directory that was current then", "[pi][SV-08]") {
  LoggedIn world;
  world.octets("CWD pub\r\nRNFR image.bin\r\n");
  CHECK(first_action(world, "RNTO ../picture.bin") == "Rename /pub/image.bin to /picture.bin");
}

// ---- DELE, RMD, MKD, PWD ----

TEST_CASE("DELE removes a file; what is missing, forbidden or a directory gets 550", "[pi][SV-10][RC-15]") {
  LoggedIn world;
  CHECK(world.talk("DELE readme.txt") == "250");
  CHECK_FALSE(world.has("/readme.txt"));
  CHECK(world.talk("DELE readme.txt") == "550");
  CHECK(world.talk("DELE pub") == "550");
  world.fail_next(EACCES);
  CHECK(world.talk("DELE pub/image.bin") == "550");
  world.fail_next(EBUSY);
  CHECK(world.talk("DELE pub/image.bin") == "450");
}

TEST_CASE("RMD removes an empty directory; a full one or a file gets 550", "[pi][SV-11][RC-15]") {
  LoggedIn world;
  CHECK(world.talk("RMD pub") == "550");
  CHECK(world.talk("RMD readme.txt") == "550");
  CHECK(world.talk("RMD nowhere") == "550");
  world.talk("DELE pub/image.bin");
  CHECK(world.talk("RMD pub") == "250");
  CHECK_FALSE(world.has("/pub"));
}

TEST_CASE("MKD answers 257 with the absolute name, quotes doubled, that CWD takes", "[pi][SV-12][RC-16]") {
  LoggedIn world;
  world.talk("CWD pub");
  CHECK(world.talk("MKD say \"yes\"") == "257");
  CHECK(world.text() == "\"/pub/say \"\"yes\"\"\" created.");
  CHECK(world.talk("CWD /pub/say \"yes\"") == "250");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text() == "\"/pub/say \"\"yes\"\"\" is the current directory.");
  CHECK(world.talk("MKD /pub") == "550");
  CHECK(world.talk("MKD /nowhere/new") == "550");
}

TEST_CASE("MKD and RMD take a relative name as below the current directory", "[pi][SV-13]") {
  LoggedIn world;
  world.talk("CWD pub");
  CHECK(first_action(world, "MKD new") == "MakeDirectory /pub/new");
  CHECK(first_action(world, "RMD new") == "RemoveDirectory /pub/new");
  CHECK(first_action(world, "XMKD /new") == "MakeDirectory /new");
  CHECK(first_action(world, "XRMD /new") == "RemoveDirectory /new");
}

TEST_CASE("blanks around a name belong to it", "[pi][PN-01][PN-07]") {
  LoggedIn world;
  CHECK(first_action(world, "RETR  a ") == "StartTransfer retrieve / a  text");
  CHECK(first_action(world, "STOR  a ") == "StartTransfer store / a  text");
  CHECK(first_action(world, "APPE  a ") == "StartTransfer append / a  text");
  CHECK(first_action(world, "STOU  a ") == "StartTransfer store_unique / a  text");
  CHECK(first_action(world, "RNFR  a ") == "Look / a  itself");
  CHECK(first_action(world, "RNTO  b ") == "Rename / a  to / b ");
  CHECK(first_action(world, "CWD  b ") == "Look inside / b ");
  CHECK(first_action(world, "DELE  b ") == "Remove / b ");
  CHECK(first_action(world, "MKD  b ") == "MakeDirectory / b ");
  CHECK(first_action(world, "RMD   ") == "RemoveDirectory /  ");
  CHECK(first_action(world, "STAT  b ") == "ListToControl / b ");
  CHECK(first_action(world, "MLST  b ") == "Look / b  or itself");
  CHECK(first_action(world, "SIZE  b ") == "Measure / b ");
  CHECK(first_action(world, "MDTM  b ") == "Look / b ");
}

TEST_CASE("UTF-8, and octets that are none, are names", "[pi][PN-02][PN-03][PN-04][PN-07]") {
  for (const std::string name : {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f", "\xe4", "\xc3", "\xf5\x80"}) {
    LoggedIn world;
    CHECK(world.talk("STOR " + name) == "150 226");
    CHECK(world.has("/" + name));
    CHECK(world.talk("MLST " + name) == "250");
    CHECK(world.last().lines[1].ends_with(" /" + name));
    CHECK(world.talk("RETR " + name) == "150 226");
    CHECK(world.talk("DELE " + name) == "250");
  }
}

TEST_CASE("new names have no control characters", "[pi][RP-03]") {
  LoggedIn world;
  world.add_file("/old\x1b", 1);
  for (const std::string verb : {"STOR", "STOU", "APPE", "MKD", "SITE MKDIR"})
    CHECK(world.talk(verb + " a\tb") == "553");
  for (const std::string& name : {"a\r\0b"s, "a\x01"s, "a\x7f"s, "\xc2\x9b"s})
    CHECK(world.talk("MKD " + name) == "553");
  CHECK(world.talk("RNFR readme.txt") == "350");
  CHECK(world.talk("RNTO a\tb") == "553");
  CHECK(world.talk("RNTO c") == "503");
  CHECK(world.talk("SITE SYMLINK readme.txt a\tb") == "553");
  CHECK(world.talk("SITE SYMLINK a\tb link") == "553");
  CHECK(world.talk("SITE CPFR readme.txt") == "350");
  CHECK(world.talk("SITE CPTO a\tb") == "553");
  CHECK(world.talk("COMB a\tb readme.txt") == "553");
  CHECK(world.talk("RETR old\x1b") == "150 226");  // what is there can be fetched, and named properly
  CHECK(world.talk("RNFR old\x1b") == "350");
  CHECK(world.talk("RNTO new") == "250");
}

TEST_CASE("what a name with control characters is shown as", "[pi][RP-03]") {
  LoggedIn world(any_names());
  CHECK(world.talk("MKD a\x1b") == "257");
  CHECK(world.has("/a\x1b"));
  CHECK(world.text() == "\"/a?\" created.");
  CHECK(world.talk("CWD a\x1b") == "250");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text() == "\"/a?\" is the current directory.");
  CHECK(world.talk("MLST") == "250");
  CHECK(world.last().lines[1].ends_with(" /a?"));
  CHECK(world.talk("NLST /a\x1b") == "550");  // it would stand before each name
}

// ---- LIST, NLST ----

TEST_CASE("LIST and NLST without argument list the current directory", "[pi][SV-14][RC-13]") {
  LoggedIn world;
  CHECK(first_action(world, "LIST") == "StartTransfer list / list");
  CHECK(first_action(world, "NLST") == "StartTransfer list / names");
  world.talk("CWD pub");
  CHECK(first_action(world, "LIST") == "StartTransfer list /pub list");
  CHECK(first_action(world, "LIST ..") == "StartTransfer list / list prefix=..");
  CHECK(first_action(world, "LIST /readme.txt") == "StartTransfer list /readme.txt list prefix=/readme.txt");
}

TEST_CASE("listings are of type A N whatever TYPE is set, and leave it", "[pi][SV-15]") {
  LoggedIn world;
  world.talk("TYPE I");
  CHECK(first_action(world, "LIST") == "StartTransfer list / list");
  CHECK(first_action(world, "RETR readme.txt") == "StartTransfer retrieve /readme.txt");
}

TEST_CASE("options of Unix servers are no names", "[pi][SV-14]") {
  LoggedIn world;
  CHECK(first_action(world, "LIST -a") == "StartTransfer list / list hidden");
  CHECK(first_action(world, "LIST -la pub") == "StartTransfer list /pub list prefix=pub hidden");
  CHECK(first_action(world, "NLST -CF") == "StartTransfer list / names");
  CHECK(first_action(world, "LIST -tr") == "StartTransfer list / list by-time reversed");
  CHECK(first_action(world, "NLST -SR pub") == "StartTransfer list /pub names prefix=pub recursive by-size");
  CHECK(first_action(world, "LIST -1 pub") == "StartTransfer list /pub names");
  CHECK(first_action(world, "LIST -d pub") == "StartTransfer list /pub list prefix=pub itself");
}

TEST_CASE("NLST's names work from the current directory", "[pi][SV-17]") {
  LoggedIn world;
  CHECK(first_action(world, "NLST pub") == "StartTransfer list /pub names prefix=pub");
  CHECK(first_action(world, "NLST /pub") == "StartTransfer list /pub names prefix=/pub");
  CHECK(second_action(world, "NLST *.txt") == "StartTransfer list / names pattern=*.txt");
  CHECK(second_action(world, "NLST pub/*.bin") == "StartTransfer list /pub names pattern=*.bin prefix=pub");
  CHECK(second_action(world, "NLST /*.txt") == "StartTransfer list / names pattern=*.txt prefix=/");
  CHECK(second_action(world, "NLST /pub/*") == "StartTransfer list /pub names pattern=* prefix=/pub");
}

TEST_CASE("an object of exactly that name comes before the pattern", "[pi][SV-17]") {
  LoggedIn world;
  for (const std::string name : {"dir[1]", "what?", "all*"}) {
    world.add_directory("/" + name);
    world.add_directory("/pub/" + name);
    CHECK(second_action(world, "LIST " + name) == "StartTransfer list /" + name + " list prefix=" + name);
    CHECK(second_action(world, "NLST pub/" + name) == "StartTransfer list /pub/" + name + " names prefix=pub/" + name);
    world.actions();
    CHECK(world.talk("STAT " + name) == "212");
    CHECK(world.actions()[1] == "ListToControl /" + name);
  }
}

TEST_CASE("a wildcard is one in the last name only, as it is written", "[pi][SV-17]") {
  LoggedIn world;
  CHECK(first_action(world, "NLST p*/image.bin") == "StartTransfer list /p*/image.bin names prefix=p*/image.bin");
  CHECK(first_action(world, "NLST p*/") == "StartTransfer list /p* names prefix=p*/");
  CHECK(first_action(world, "NLST p*/.") == "StartTransfer list /p* names prefix=p*/.");
}

TEST_CASE("a listing that is too long a name gets 550", "[pi][RC-13]") {
  LoggedIn world;
  for (const std::string_view verb : {"LIST", "NLST", "MLSD", "STAT"})
    CHECK(world.talk(fmt::format("{} {}", verb, std::string(300, 'x'))) == "550");
  CHECK(world.actions().empty());
}

// ---- SIZE, MDTM ----

TEST_CASE("SIZE is what RETR would send now", "[pi][MT-04][MT-05][RP-10]") {
  LoggedIn world;
  CHECK(world.talk("SIZE readme.txt") == "213");
  CHECK(world.last().lines == std::vector<std::string>{"213 14"});
  world.talk("TYPE I");
  CHECK(world.talk("SIZE readme.txt") == "213");
  CHECK(world.last().lines == std::vector<std::string>{"213 12"});
  world.add_file("/huge", 5'000'000'000);
  CHECK(world.talk("SIZE huge") == "213");
  CHECK(world.text() == "5000000000");
}

TEST_CASE("SIZE that costs too much gets 550, never an estimate", "[pi][MT-06]") {
  LoggedIn world;
  world.fail_next(EFBIG);
  CHECK(world.talk("SIZE readme.txt") == "550");
}

TEST_CASE("SIZE of a directory or a missing file gets 550, in every type", "[pi][MT-07]") {
  for (const std::string_view type : {"TYPE A", "TYPE I"}) {
    LoggedIn world;
    world.talk(type);
    CHECK(world.talk("SIZE pub") == "550");
    CHECK(world.talk("SIZE nowhere") == "550");
  }
}

TEST_CASE("SIZE of a device or a link that leads nowhere gets 550", "[pi][MT-07]") {
  LoggedIn world;
  world.talk("TYPE I");
  for (const core::Entry::Kind kind : {core::Entry::Kind::other, core::Entry::Kind::link}) {
    world.entry("/readme.txt").kind = kind;
    CHECK(world.talk("SIZE readme.txt") == "550");
  }
}

TEST_CASE("MDTM answers in UTC on one line, without a fraction that nobody measured", "[pi][MT-01][RP-10]") {
  LoggedIn world;
  CHECK(world.talk("MDTM readme.txt") == "213");
  CHECK(world.last().lines == std::vector<std::string>{"213 20010909014640"});
}

TEST_CASE("MDTM of what is missing gets 550", "[pi][MT-02]") {
  LoggedIn world;
  CHECK(world.talk("MDTM nowhere") == "550");
}

TEST_CASE("MDTM with a time asks for the file of that whole name", "[pi][MT-03][PN-08]") {
  LoggedIn world;
  CHECK(first_action(world, "MDTM 19990929043300 readme.txt") == "Look /19990929043300 readme.txt");
  CHECK(world.talk("MDTM 19990929043300 nowhere") == "550");
  CHECK(first_action(world, "MDTM readme.txt") == "Look /readme.txt");
}

TEST_CASE("MDTM, SIZE, MLST and MLSD take no wildcards", "[pi][PN-08]") {
  LoggedIn world;
  CHECK(first_action(world, "MDTM *.txt") == "Look /*.txt");
  CHECK(first_action(world, "SIZE *.txt") == "Measure /*.txt");
  CHECK(first_action(world, "MLST *") == "Look /* or itself");
  CHECK(first_action(world, "MLSD *").starts_with("StartTransfer list /* machine"));
}

// ---- MLST, MLSD ----

TEST_CASE("MLST: 250-, one entry behind one space, 250", "[pi][ML-01][ML-06][ML-07]") {
  LoggedIn world;
  CHECK(world.talk("MLST readme.txt") == "250");
  const std::vector<std::string>& lines = world.last().lines;
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("250-"));
  CHECK(lines[1].starts_with(" type=file;size=12;modify=20010909014640;"));
  CHECK(lines[1].ends_with("; /readme.txt"));
  CHECK(lines[1].find(' ', 1) == lines[1].size() - std::string_view(" /readme.txt").size());
  CHECK(lines[2].starts_with("250 "));
  CHECK(world.actions() == Actions{"Look /readme.txt or itself"});
}

TEST_CASE("MLST and MLSD without argument are about the current directory", "[pi][ML-02]") {
  LoggedIn world;
  world.talk("CWD pub");
  CHECK(first_action(world, "MLST") == "Look /pub or itself");
  CHECK(world.last().lines[1].starts_with(" type=dir;"));
  CHECK(world.last().lines[1].ends_with(" /pub"));
  CHECK(first_action(world, "MLSD").starts_with("StartTransfer list /pub machine"));
}

TEST_CASE("MLST of what is missing gets 550", "[pi][ML-03]") {
  LoggedIn world;
  CHECK(world.talk("MLST nowhere") == "550");
}

TEST_CASE("MLSD of a file gets 501, of what is missing 550, with no connection", "[pi][ML-03][DC-15]") {
  LoggedIn world;
  CHECK(world.talk("MLSD readme.txt") == "501");
  CHECK(world.talk("MLSD nowhere") == "550");
  CHECK(world.talk("MLSD readme.txt/x") == "550");
  world.fail_next(EACCES);
  CHECK(world.talk("MLSD pub") == "550");
  for (const std::string& action : world.actions()) CHECK(action != "Proceed");
}

TEST_CASE("LIST of a directory that vanishes into a file is no 501", "[pi][RC-13]") {
  LoggedIn world;
  world.fail_next(ENOTDIR);
  CHECK(world.talk("LIST pub") == "550");
}

TEST_CASE("MLSD answers 150 and 226, goes as octets, and leaves the parameters", "[pi][ML-05]") {
  for (const std::string_view type : {"TYPE A", "TYPE I"}) {
    LoggedIn world;
    world.talk(type);
    const std::string before = first_action(world, "RETR readme.txt");
    world.actions();
    CHECK(world.talk("MLSD pub") == "150 226");
    CHECK(world.actions().front() == "StartTransfer list /pub machine hidden directory_only");
    CHECK(first_action(world, "RETR readme.txt") == before);
  }
}
