// The command table as facts: section 5.4 copied by hand, section 6, RFC 1123's minimum, and that no
// errno can ask for a reply that a command does not have.
#include "core/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/pi.hpp"
#include "core/reply.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"
#include "tests/section_5_4.hpp"

namespace {

using tests::Listed;
using tests::LoggedIn;
using tests::section_5_4;

constexpr int errno_max = 133;

// What a row may have beyond section 5.4, with the reason: RFC 1123 4.1.2.11 allows another code where it is
// needed and keeps the meaning of its digits.
struct Added {
  std::uint16_t code;
  std::string_view verbs;
};
const std::vector<Added> additions = {
    {501, "REIN QUIT NOOP"},         // a superfluous argument
    {421, "QUIT SITE"},              // "to any command if the service must shut down"
    {450, "CWD CDUP RMD MKD RNTO"},  // 4yz for what may pass
    {451, "USER PASS ACCT CWD CDUP DELE RMD MKD RNFR RNTO STAT"},
    {452, "CWD CDUP DELE RMD MKD RNTO"},
    {552, "MKD RNTO"},                  // a quota
    {504, "PORT SITE"},                 // RFC 2577 3; no such subcommand
    {425, "PASV"},                      // no port is free, and 421 would close
    {550, "STOR STOU LIST NLST STAT"},  // a missing directory: clients look for 550
    {553, "RNTO MKD"},                  // a name that is not allowed
    {426, "RNTO"},                      // ABOR of a move to another file system
    {554, "STOR STOU APPE RETR"},       // RFC 1123 4.1.3.4
    {555, "STOR STOU APPE RETR"},
    {521, "STOR STOU APPE RETR LIST NLST"},  // RFC 4217 10.2
    {522, "STOR STOU APPE RETR LIST NLST"},
    {232, "USER"},            // RFC 2228 5
    {534, "USER PASS ACCT"},  // RFC 4217 10.1
    {214, "SITE"},            // SITE HELP
    {502, "SITE"},
    {530, "PWD"},   // D-05
    {250, "CDUP"},  // D-03: as CWD
};

bool is_added(std::string_view verb, unsigned code) {
  return std::ranges::any_of(additions, [&](const Added& added) {
    return added.code == code && fmt::format(" {} ", added.verbs).find(fmt::format(" {} ", verb)) != std::string::npos;
  });
}

bool is_implemented(const core::CommandRow& row) { return row.codes.front() < 500; }

}  // namespace

TEST_CASE("every code that section 5.4 lists is among the row's",
          "[command][RC-01][RC-02][RC-03][RC-04][RC-06]"
          "[RC-07][RC-08][RC-09][RC-10][RC-11][RC-12][RC-13][RC-14][RC-15][RC-16][RC-17][RC-18][RC-19]") {
  for (const Listed& listed : section_5_4) {
    const core::CommandRow* row = core::find_command(listed.verb);
    REQUIRE(row != nullptr);
    if (!is_implemented(*row)) continue;
    for (const std::uint16_t code : listed.codes) {
      CAPTURE(listed.verb, code);
      const bool contradiction = listed.verb == "CDUP" && code == 200;  // D-03: 4.1.1 gives it CWD's 250
      CHECK((contradiction || core::admits(*row, code)));
    }
  }
}

TEST_CASE("a row has no code beyond section 5.4 without a reason", "[command][RP-07]") {
  for (const Listed& listed : section_5_4) {
    const core::CommandRow& row = *core::find_command(listed.verb);
    for (const std::uint16_t code : row.codes) {
      CAPTURE(listed.verb, code);
      CHECK((std::ranges::find(listed.codes, code) != listed.codes.end() || is_added(listed.verb, code)));
    }
  }
}

TEST_CASE("the lists of later texts are among the rows' codes", "[command][RC-24][RC-25][RC-20]") {
  const auto [verb, code] = GENERATE(table<std::string, unsigned>({
      {"EPRT", 200}, {"EPRT", 500}, {"EPRT", 501}, {"EPRT", 522}, {"EPSV", 229}, {"EPSV", 500}, {"EPSV", 501},
      {"HOST", 220}, {"HOST", 421}, {"HOST", 500}, {"HOST", 501}, {"HOST", 502}, {"HOST", 503}, {"HOST", 504},
      {"LANG", 200}, {"LANG", 500}, {"LANG", 501}, {"LANG", 502}, {"LANG", 504}, {"EPSV", 522}, {"OPTS", 200},
      {"OPTS", 451}, {"OPTS", 501}, {"FEAT", 211}, {"FEAT", 500}, {"FEAT", 502}, {"MDTM", 213}, {"MDTM", 550},
      {"SIZE", 213}, {"SIZE", 550}, {"MLST", 250}, {"MLST", 501}, {"MLST", 550}, {"MLSD", 150}, {"MLSD", 226},
      {"MLSD", 501}, {"MLSD", 550}, {"RETR", 554}, {"STOR", 554}, {"APPE", 554},
  }));
  CAPTURE(verb, code);
  CHECK(core::admits(*core::find_command(verb), code));
}

TEST_CASE("a 1yz is in the second diagram's rows only", "[command][RP-05]") {
  for (const core::CommandRow& row : core::command_table()) {
    const bool preliminary = std::ranges::any_of(row.codes, [](unsigned code) { return code < 200; });
    CAPTURE(row.verb);
    CHECK(preliminary == (row.diagram == core::Diagram::transfer));
  }
}

TEST_CASE("RFC 1123's minimum is there, and so are the experimental names", "[command][SV-01][SV-02]") {
  for (const std::string_view verb :
       {"USER", "PASS", "ACCT", "RETR", "STOR", "APPE", "RNFR", "RNTO", "DELE", "CWD",  "CDUP",
        "RMD",  "MKD",  "PWD",  "LIST", "NLST", "SYST", "STAT", "HELP", "NOOP", "QUIT", "PORT",
        "PASV", "TYPE", "MODE", "STRU", "XMKD", "XRMD", "XPWD", "XCUP", "XCWD"}) {
    CAPTURE(verb);
    const core::CommandRow* row = core::find_command(verb);
    REQUIRE(row != nullptr);
    CHECK(is_implemented(*row));
  }
}

TEST_CASE("an experimental name has the handler and the codes of the standard one", "[command][SV-02]") {
  const auto [old_verb, verb] = GENERATE(table<std::string, std::string>(
      {{"XMKD", "MKD"}, {"XRMD", "RMD"}, {"XPWD", "PWD"}, {"XCUP", "CDUP"}, {"XCWD", "CWD"}}));
  const core::CommandRow& old_row = *core::find_command(old_verb);
  const core::CommandRow& row = *core::find_command(verb);
  CHECK(old_row.handler == row.handler);
  CHECK(old_row.when == row.when);
  CHECK(old_row.right == row.right);
  CHECK(std::ranges::equal(old_row.codes, row.codes));
}

TEST_CASE("verbs are found without case and whole", "[command][CC-07]") {
  CHECK(core::find_command("rEtR") == core::find_command("RETR"));
  for (const std::string_view verb : {"", "RET", "RETRX", " RETR", "RETR ", "XRETR", "\xff"})
    CHECK(core::find_command(verb) == nullptr);
}

TEST_CASE("a row tells its syntax and names what it needs", "[command]") {
  for (const core::CommandRow& row : core::command_table()) {
    CAPTURE(row.verb);
    CHECK(row.verb.size() >= 3);
    CHECK(row.verb.size() <= (row.verb.starts_with("XSHA") ? 7U : 4U));
    CHECK(row.handler != nullptr);
    if (row.argument == core::Argument::none) CHECK(row.syntax.empty());
    if (row.argument == core::Argument::required) CHECK_FALSE(row.syntax.empty());
    // A right is the right of somebody: such a command needs a login.
    if (row.right) CHECK(row.when == core::When::logged_in);
  }
}

TEST_CASE("a subcommand of SITE tells its syntax, and is found without case", "[command][site]") {
  for (const core::CommandRow& row : core::site_table()) {
    CAPTURE(row.verb);
    CHECK(core::find_site_command(row.verb) == &row);
    CHECK(row.handler != nullptr);
    CHECK(row.when == core::When::logged_in);
    CHECK((row.argument == core::Argument::none) == row.syntax.empty());
    CHECK(row.during_transfer == core::During::waits);
    CHECK((row.feature.empty() || row.feature.starts_with("SITE ")));
  }
  CHECK(core::find_site_command("chMod") == core::find_site_command("CHMOD"));
  for (const std::string_view word : {"", "CHMO", "CHMODX", "RETR"}) CHECK(core::find_site_command(word) == nullptr);
}

TEST_CASE("what lasts can be ended by ABOR, and tells so", "[command][SL-04]") {
  for (const auto& table : {core::command_table(), core::site_table()})
    for (const core::CommandRow& row : table) {
      CAPTURE(row.verb);
      const unsigned ended = row.verb == "HASH" || row.verb.starts_with('X') ? 451 : 426;  // HASH 3.5 has no 426
      if (row.lasts) CHECK((core::admits(row, ended) && row.diagram == core::Diagram::simple));
    }
}

TEST_CASE("only what RFC 959 4.1.3 lets act during a transfer does", "[command][AB-01]") {
  for (const core::CommandRow& row : core::command_table()) {
    const bool acts = row.verb == "ABOR" || row.verb == "STAT" || row.verb == "QUIT" || row.verb == "NOOP";
    CAPTURE(row.verb);
    CHECK((row.during_transfer == core::During::acts) == acts);
  }
}

TEST_CASE("one space parts verb and argument; the rest is the argument's", "[command][PN-01]") {
  const auto [line, verb, argument, has_argument] = GENERATE(table<std::string, std::string, std::string, bool>({
      {"NOOP", "NOOP", "", false},
      {"NOOP ", "NOOP", "", false},
      {"CWD a", "CWD", "a", true},
      {"CWD  a", "CWD", " a", true},
      {"CWD a ", "CWD", "a ", true},
      {"CWD  ", "CWD", " ", true},
      {" CWD a", "", "CWD a", true},
      {"", "", "", false},
      {"CWD\ta", "CWD\ta", "", false},
  }));
  CAPTURE(line);
  const core::Command command = core::split_line(line);
  CHECK(command.verb == verb);
  CHECK(command.argument == argument);
  CHECK(command.has_argument == has_argument);
}

// ---- Whatever the file system says, the answer is one of the command's own ----

TEST_CASE("no errno makes a command answer outside its list",
          "[command][RP-07][RC-04][RC-10][RC-11][RC-12][RC-13]"
          "[RC-14][RC-15][RC-16][RC-18]") {
  // The walker in PiWorld holds every reply against the row's codes and the diagram.
  for (const std::string_view line : {"CWD pub",
                                      "CDUP",
                                      "XCWD pub",
                                      "RETR readme.txt",
                                      "STOR new",
                                      "STOU",
                                      "STOU new",
                                      "APPE readme.txt",
                                      "RNFR readme.txt",
                                      "DELE readme.txt",
                                      "RMD pub",
                                      "MKD new",
                                      "LIST",
                                      "NLST",
                                      "NLST -a pub",
                                      "STAT pub",
                                      "MDTM readme.txt",
                                      "SIZE readme.txt",
                                      "MLST pub",
                                      "MLSD pub",
                                      "HASH readme.txt",
                                      "XCRC readme.txt",
                                      "MDTM 20200102030405 readme.txt",
                                      "MFMT 20200102030405 readme.txt",
                                      "MFF UNIX.mode=644; readme.txt",
                                      "AVBL",
                                      "DSIZ pub",
                                      "RMDA pub",
                                      "COMB new readme.txt",
                                      "PRET RETR readme.txt",
                                      "SITE CHMOD 644 readme.txt",
                                      "SITE CPFR readme.txt",
                                      "SITE MKDIR new",
                                      "SITE SYMLINK readme.txt new",
                                      "SITE UTIME 20200102030405 readme.txt",
                                      "PASV",
                                      "EPSV",
                                      "PORT 192,0,2,9,10,10",
                                      "EPRT |1|192.0.2.9|4000|"}) {
    LoggedIn world;
    for (int error = 1; error <= errno_max; ++error) {
      CAPTURE(line, error);
      world.fail_next(error);
      const std::string codes = world.talk(line);
      REQUIRE(codes.size() == 3);
    }
  }
}

TEST_CASE("no errno makes RNTO, SIZE in TYPE I or a restarted RETR answer outside its list", "[command][RC-14]") {
  LoggedIn world;
  for (int error = 1; error <= errno_max; ++error) {
    CAPTURE(error);
    world.talk("RNFR readme.txt");
    world.fail_next(error);
    REQUIRE(world.talk("RNTO new").size() == 3);
    world.talk("SITE CPFR readme.txt");
    world.fail_next(error);
    REQUIRE(world.talk("SITE CPTO new").size() == 3);
    world.talk("REST 3");
    world.fail_next(error);
    REQUIRE(world.talk("RETR readme.txt").size() == 3);
    world.talk("TYPE I");
    world.fail_next(error);
    REQUIRE(world.talk("SIZE readme.txt").size() == 3);
    world.talk("TYPE A");
  }
}

TEST_CASE("no errno at the end of a transfer makes it end outside its list", "[command][RC-10][RC-12][RC-13]") {
  using Cause = core::TransferEnd::Cause;
  for (const std::string_view line : {"RETR readme.txt", "STOR new", "STOU", "APPE new", "LIST", "NLST", "MLSD"}) {
    LoggedIn world;
    world.transfers_wait();
    for (const Cause cause :
         {Cause::complete, Cause::no_connection, Cause::broken, Cause::aborted, Cause::stalled, Cause::file_error}) {
      for (int error = 0; error <= errno_max; ++error) {
        CAPTURE(line, error);
        REQUIRE(world.talk(line) == "150");
        REQUIRE(world.end_transfer({.cause = cause, .error = error}).size() == 3);
      }
    }
  }
}
