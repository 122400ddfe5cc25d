// Informational commands: SYST STAT HELP NOOP SITE FEAT OPTS. RFC 959 4.1.3, RFC 2389.
#include <algorithm>
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
using Lines = std::vector<std::string>;

bool holds(const Lines& lines, std::string_view line) { return std::ranges::find(lines, line) != lines.end(); }

std::string joined(const Lines& lines) {
  std::string all;
  for (const std::string& line : lines) (all += line) += '\n';
  return all;
}

}  // namespace

TEST_CASE("SYST names an official system first", "[pi][SV-19][RC-17]") {
  PiWorld world;
  CHECK(world.talk("SYST") == "215");
  CHECK(world.text() == "UNIX Type: L8");
}

TEST_CASE("NOOP answers 200 and affects nothing", "[pi][SV-21][RC-19]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nNOOP\r\n");
  world.actions();
  world.talk("RETR readme.txt");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt offset=5");
  world.octets("RNFR readme.txt\r\nNOOP\r\n");
  CHECK(world.talk("RNTO new.txt") == "250");
}

// ---- STAT ----

TEST_CASE("STAT tells the parameters and what is going on", "[pi][SV-23][RC-18]") {
  LoggedIn world;
  world.talk("TYPE I");
  CHECK(world.talk("STAT") == "211");
  const std::string all = joined(world.last().lines);
  for (const std::string_view part :
       {"Connected to 192.0.2.9", "Logged in as demo", "TYPE: I", "STRU: F", "MODE: S", "No transfer in progress"})
    CHECK(all.find(part) != std::string::npos);
}

TEST_CASE("STAT before login says so", "[pi][LG-08]") {
  PiWorld world;
  CHECK(world.talk("STAT") == "211");
  CHECK(joined(world.last().lines).find("Not logged in") != std::string::npos);
}

TEST_CASE("STAT of a directory gets 212, of a file 213, on the control connection alone", "[pi][SV-22][RC-18]") {
  LoggedIn world;
  CHECK(world.talk("STAT pub") == "212");
  CHECK(world.last().lines.size() == 3);
  CHECK(world.last().lines[1].find("image.bin") != std::string::npos);
  CHECK(world.talk("STAT readme.txt") == "213");
  CHECK(world.last().lines.size() == 3);
  CHECK(world.last().lines[1].ends_with(" readme.txt"));
  for (const std::string& action : world.actions())
    CHECK((action.starts_with("ListToControl") || action == "MoreListing"));
}

TEST_CASE("STAT of an empty directory has no inner line", "[pi][SV-22]") {
  LoggedIn world;
  world.add_directory("/empty");
  CHECK(world.talk("STAT empty") == "212");
  CHECK(world.last().lines.size() == 2);
}

TEST_CASE("STAT of what is missing gets 550", "[pi][RC-18]") {
  LoggedIn world;
  CHECK(world.talk("STAT nowhere") == "550");
}

TEST_CASE("a directory that breaks off while STAT lists it ends the reply", "[pi][RP-02]") {
  LoggedIn world;
  world.hold();
  world.talk("STAT pub");
  world.fail_next(EIO);
  CHECK(world.release() == "212");
  CHECK(world.text().find("could not be read whole") != std::string_view::npos);
}

TEST_CASE("names that begin with digits cannot end STAT's reply", "[pi][RP-03]") {
  LoggedIn world;
  world.add_file("/212 not the end", 1);
  CHECK(world.talk("STAT 212 not the end") == "213");
  CHECK(world.talk("STAT /") == "212");
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("a name cannot forge a line of STAT's reply", "[pi][CC-22][RP-03]") {
  LoggedIn world;
  world.clear_tree();
  world.add_file("/a\xff\rb\n212 End", 1);
  CHECK(world.talk("STAT /") == "212");
  CHECK(world.last().lines[1].ends_with(" a\xff?b?212 End"));
}

TEST_CASE("STAT keeps a pending REST and RNFR", "[pi][SV-21]") {
  LoggedIn world;
  world.octets("TYPE I\r\nREST 5\r\nSTAT pub\r\n");
  world.actions();
  world.talk("RETR readme.txt");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt offset=5");
  world.octets("RNFR readme.txt\r\nSTAT pub\r\n");
  CHECK(world.talk("RNTO new.txt") == "250");
}

TEST_CASE("STAT of a path needs the right to list", "[pi][RC-18]") {
  core::Config config = tests::world_config();
  config.accounts = {};
  config.accounts.add({.name = "demo", .password_hash = "hash of secret", .account = {}, .root = "srv", .rights = {}});
  LoggedIn world(config);
  CHECK(world.talk("STAT pub") == "550");
  CHECK(world.talk("STAT") == "211");
}

// ---- HELP, SITE ----

TEST_CASE("HELP lists what is implemented and nothing else", "[pi][SV-20][RC-18]") {
  PiWorld world(tests::secure_world_config());
  CHECK(world.talk("HELP") == "214");
  const std::string all = joined(world.last().lines);
  for (const core::CommandRow& row : core::command_table()) {
    CAPTURE(row.verb);
    const bool implemented = row.codes.front() < 500;
    CHECK((all.find(std::string(row.verb) + " ") != std::string::npos) == implemented);
  }
}

TEST_CASE("HELP of a command shows its syntax", "[pi][SV-20]") {
  PiWorld world;
  for (const core::CommandRow& row : core::command_table()) {
    world.talk("HELP " + std::string(row.verb));
    if (row.verb != "SITE") CHECK(world.text().find(row.verb) != std::string_view::npos);
  }
  CHECK(world.talk("help retr") == "214");
  CHECK(world.text() == "Syntax: RETR <pathname>");
  CHECK(world.talk("HELP XYZZY") == "501");
  CHECK(world.talk("HELP SITE XYZZY") == "501");
  CHECK(world.talk("HELP AUTH") == "502");
  CHECK(world.text() == "AUTH is not implemented.");
}

TEST_CASE("SITE HELP and HELP SITE tell the subcommands; others get 504", "[pi][SV-18][SE-12][RP-06][RC-19]") {
  LoggedIn world;
  CHECK(world.talk("HELP SITE") == "214");
  CHECK(world.talk("site help") == "214");
  CHECK(world.talk("SITE EXEC ls") == "504");
  CHECK(world.talk("SITE  ") == "504");
  CHECK(world.actions().empty());
}

// ---- FEAT, OPTS ----

TEST_CASE("FEAT: 211-, each feature behind exactly one space, 211 End", "[pi][FE-01]") {
  PiWorld world;
  CHECK(world.talk("FEAT") == "211");
  const Lines& lines = world.last().lines;
  REQUIRE(lines.size() > 2);
  CHECK(lines.front().starts_with("211-"));
  CHECK(lines.back() == "211 End");
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    CAPTURE(lines[i]);
    CHECK(lines[i].size() > 1);
    CHECK(lines[i][0] == ' ');
    CHECK(lines[i][1] >= 'A');
    CHECK(lines[i][1] <= 'Z');
  }
}

TEST_CASE("FEAT with an argument gets 501", "[pi][FE-02]") {
  PiWorld world;
  CHECK(world.talk("FEAT all") == "501");
}

TEST_CASE("FEAT lists every extension that is there", "[pi][FE-03][MT-08][PN-03][PN-09]") {
  PiWorld world;
  world.talk("FEAT");
  for (const std::string_view line : {" EPRT", " EPSV", " MDTM", " SIZE", " REST STREAM", " TVFS", " UTF8"}) {
    CAPTURE(line);
    CHECK(holds(world.last().lines, line));
  }
  const Lines& lines = world.last().lines;
  CHECK(std::ranges::count_if(lines, [](const std::string& l) { return l.starts_with(" MLST "); }) == 1);
}

TEST_CASE("FEAT lists nothing that is not there", "[pi][FE-03][FE-04][ML-19]") {
  PiWorld world;
  world.talk("FEAT");
  const Lines lines = world.last().lines;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const std::string word = lines[i].substr(1, lines[i].find(' ', 1) - 1);
    CAPTURE(word);
    for (const std::string_view never : {"FEAT", "OPTS", "MLSD", "base", "hist", "secu", "feat", "nat6"})
      CHECK(word != never);
    if (word == "UTF8" || word == "TVFS") continue;
    const core::CommandRow* row = core::find_command(word);
    REQUIRE(row != nullptr);
    CHECK(row->codes.front() != 502);
  }
}

TEST_CASE("OPTS UTF8 ON gets 200", "[pi][FE-05][FE-07][RC-25]") {
  PiWorld world;
  CHECK(world.talk("OPTS UTF8 ON") == "200");
  CHECK(world.talk("opts utf8 on") == "200");
  CHECK(world.talk("OPTS UTF8") == "200");
  CHECK(world.talk("OPTS UTF8 OFF") == "501");
}

TEST_CASE("OPTS of what has no options gets 501", "[pi][FE-05][RC-25]") {
  PiWorld world;
  for (const std::string_view line : {"OPTS XYZZY", "OPTS RETR a", "OPTS HASH SHA-3", "OPTS  "})
    CHECK(world.talk(line) == "501");
}

TEST_CASE("OPTS MLST selects facts and tells which are on", "[pi][ML-16][ML-17][ML-19][FE-05]") {
  LoggedIn world;
  CHECK(world.talk("OPTS MLST size;TYPE;frogs;") == "200");
  CHECK(world.text() == "MLST OPTS type;size;");
  world.talk("MLST readme.txt");
  CHECK(world.last().lines[1] == " type=file;size=12; /readme.txt");
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " MLST type*;size*;modify;unique;perm;UNIX.mode;UNIX.owner;UNIX.group;"));
}

TEST_CASE("a bad list of facts gets 501 and changes nothing", "[pi][ML-17]") {
  LoggedIn world;
  world.talk("OPTS MLST type;");
  for (const std::string_view line : {"OPTS MLST type", "OPTS MLST type; size;", "OPTS MLST ;", "OPTS MLST  type;"})
    CHECK(world.talk(line) == "501");
  world.talk("MLST readme.txt");
  CHECK(world.last().lines[1] == " type=file; /readme.txt");
}

TEST_CASE("OPTS MLST alone turns all facts off; the space before the name stays", "[pi][ML-17][ML-18]") {
  LoggedIn world;
  CHECK(world.talk("OPTS MLST") == "200");
  CHECK(world.text() == "MLST OPTS");
  world.talk("MLST readme.txt");
  CHECK(world.last().lines[1] == "  /readme.txt");
}
