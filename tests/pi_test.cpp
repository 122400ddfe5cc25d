// The protocol interpreter's frame: lines, pipelining, what may act during a transfer, Telnet, time,
// draining, and that no octets whatever trip it. RFC 959 4.2, 5.3; RFC 1123 4.1.2, 4.1.3.
#include "core/pi.hpp"
#include "core/phrases.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/limits.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"
#include "tests/sim/random.hpp"
#include "tests/splits.hpp"

namespace {

using namespace std::string_literals;
using tests::LoggedIn;
using tests::PiWorld;
using Cause = core::TransferEnd::Cause;

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

constexpr std::int64_t idle_ms = 300'000;

/// RETR is under way: 150 has been sent.
struct Transferring : LoggedIn {
  Transferring() {
    transfers_wait();
    REQUIRE(talk("RETR readme.txt") == "150");
    actions();
  }
};

}  // namespace

// ---- The beginning ----

TEST_CASE("the server speaks first", "[pi][CC-02][RC-01]") {
  PiWorld world;
  CHECK(world.last().code == 220);
  CHECK(world.text().starts_with("Millrace "));
}

TEST_CASE("a server that refuses service says 421 and closes", "[pi][CC-03][RC-01]") {
  core::Pi pi(std::make_shared<const core::Config>(tests::world_config()), {}, {});
  pi.refuse("Too many sessions; try again later.");
  CHECK(pi.output() == "421 Too many sessions; try again later.\r\n");
  CHECK(pi.closing());
  pi.receive("NOOP\r\n", false, 0);
  CHECK_FALSE(pi.next_action(0));
  CHECK(pi.output() == "421 Too many sessions; try again later.\r\n");
}

// ---- Lines ----

TEST_CASE("nothing happens until CR LF comes, however the line is split", "[pi][CC-04]") {
  tests::for_each_split("NOOP\r\n", [](const tests::Pieces& pieces) {
    PiWorld world;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const std::string codes = world.octets(pieces[i]);
      CHECK(codes == (i + 1 == pieces.size() ? "200" : ""));
    }
  });
}

TEST_CASE("several commands in one segment are answered in order", "[pi][CC-05][CC-11]") {
  PiWorld world;
  CHECK(world.octets("SYST\r\nUSER demo\r\nPASS secret\r\nXYZZY\r\nPWD\r\n") == "215 331 230 500 257");
}

TEST_CASE("a thousand commands sent ahead get a thousand replies", "[pi][CC-05][CC-06][CC-11]") {
  LoggedIn world;
  CHECK(world.octets(repeated("NOOP\r\nCWD pub\r\nCDUP\r\nRETR readme.txt\r\n", 250)) ==
        repeated("200 250 250 150 226 ", 249) + "200 250 250 150 226");
}

TEST_CASE("verbs have no case", "[pi][CC-07]") {
  LoggedIn world;
  CHECK(world.talk("nOOp") == "200");
  CHECK(world.talk("rEtR readme.txt") == "150 226");
}

TEST_CASE("an unknown verb gets 500 and the session goes on", "[pi][CC-08]") {
  PiWorld world;
  for (const std::string_view line : {"XYZZY", "", " ", " NOOP", "NOO", "NOOPS", "\xc3\xa4", "GET / HTTP/1.1"})
    CHECK(world.talk(line) == "500");
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("a line that is too long gets one 500, and the next command is answered", "[pi][CC-09]") {
  PiWorld world;
  const std::string longest(core::limits::command_line_max, 'x');
  CHECK(world.talk("HELP " + longest.substr(5)) == "501");
  CHECK(world.talk(longest + "x") == "500");
  CHECK(world.talk(repeated(longest, 20)) == "500");
  CHECK(world.octets(repeated(longest, 5)) == "");
  CHECK(world.octets("\r\nNOOP\r\n") == "500 200");
}

TEST_CASE("LF alone ends a command", "[pi]") {
  LoggedIn world;
  CHECK(world.octets("MKD a\nNOOP\r\n") == "257 200");
  CHECK(world.has("/a"));
  CHECK(world.octets("NOOP\n") == "200");
  CHECK(world.octets("\r\n") == "500");
}

// ---- Every row ----

TEST_CASE("every command that needs a login gets 530 before it", "[pi][LG-07]") {
  for (const core::CommandRow& row : core::command_table()) {
    if (row.when != core::When::logged_in) continue;
    PiWorld world;
    CAPTURE(row.verb);
    CHECK(world.talk(row.verb) == "530");
    CHECK(world.talk(fmt::format("{} x", row.verb)) == "530");
    CHECK(world.actions().empty());
  }
}

TEST_CASE("every command that takes no argument refuses one with 501", "[pi][CC-10]") {
  for (const core::CommandRow& row : core::command_table()) {
    if (row.argument != core::Argument::none) continue;
    LoggedIn world(tests::secure_world_config());
    CAPTURE(row.verb);
    CHECK(world.talk(fmt::format("{} x", row.verb)) == "501");
    CHECK(world.talk(fmt::format("{}  ", row.verb)) == "501");
    CHECK(world.actions().empty());
    CHECK_FALSE(world.pi().closing());
  }
}

TEST_CASE("every command that wants an argument refuses its absence with 501", "[pi][CC-10]") {
  for (const core::CommandRow& row : core::command_table()) {
    if (row.argument != core::Argument::required) continue;
    LoggedIn world(tests::secure_world_config());
    CAPTURE(row.verb);
    CHECK(world.talk(row.verb) == "501");
    CHECK(world.text().find(row.syntax) != std::string_view::npos);
    CHECK(world.talk(fmt::format("{} ", row.verb)) == "501");
    CHECK(world.actions().empty());
  }
}

TEST_CASE("every row is answered, with and without a login, with and without an argument", "[pi][CC-11][RP-05]") {
  // The walker sees to it that each answer is one of the row's.
  for (const core::CommandRow& row : core::command_table()) {
    for (const std::string_view argument : {"", " x", " 1", "  ", " /", " .."}) {
      CAPTURE(row.verb, argument);
      PiWorld before;
      CHECK_FALSE((before.talk(std::string(row.verb) + std::string(argument)) + before.wait(5000)).empty());
      LoggedIn behind;
      CHECK_FALSE((behind.talk(std::string(row.verb) + std::string(argument)) + behind.wait(5000)).empty());
    }
  }
}

TEST_CASE("a command that is known and not implemented gets 502", "[pi][RP-06][TL-31]") {
  LoggedIn world;
  for (const std::string_view verb : {"AUTH", "MIC", "CONF", "ENC", "MFCT", "LPRT", "ALGS"}) {
    CHECK(world.talk(verb) == "502");
    CHECK(world.talk(std::string(verb) + " x") == "502");
  }
}

// ---- While a transfer moves ----

TEST_CASE("commands sent during a transfer wait for its end and are taken in order", "[pi][CC-06][SM-02]") {
  Transferring world;
  CHECK(world.octets("PWD\r\nCWD pub\r\nPWD\r\nXYZZY\r\n") == "");
  CHECK(world.actions().empty());
  CHECK(world.end_transfer() == "226 257 250 257 500");
  CHECK(world.text().starts_with("Command not recognised"));
}

TEST_CASE("a line that is too long waits for the end of the transfer too", "[pi][CC-06][CC-09]") {
  Transferring world;
  CHECK(world.talk(std::string(core::limits::command_line_max + 1, 'x')) == "");
  CHECK(world.end_transfer() == "226 500");
}

TEST_CASE("a second transfer waits for the first", "[pi][CC-06][RP-04]") {
  Transferring world;
  CHECK(world.talk("RETR pub/image.bin") == "");
  CHECK(world.end_transfer() == "226 150");
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("NOOP is answered during a transfer", "[pi][CC-06]") {
  Transferring world;
  CHECK(world.talk("NOOP") == "200");
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("what stands behind a waiting command waits with it", "[pi][CC-06]") {
  Transferring world;
  CHECK(world.octets("PWD\r\nNOOP\r\n") == "");
  CHECK(world.end_transfer() == "226 257 200");
}

TEST_CASE("STAT tells of the transfer, which goes on", "[pi][AB-01][AB-07]") {
  Transferring world;
  world.pi().set_progress({.octets = 7, .connected = true});
  CHECK(world.talk("STAT") == "211");
  std::string all;
  for (const std::string& line : world.last().lines) all += line + "\n";
  CHECK(all.find("RETR in progress: 7 octets moved, data connection open") != std::string::npos);
  CHECK(world.actions().empty());
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("STAT of a path during a transfer lists it on the control connection", "[pi][AB-01][SV-22]") {
  Transferring world;
  CHECK(world.talk("STAT pub") == "212");
  CHECK(world.end_transfer() == "226");
}

TEST_CASE("the end of a transfer never stands inside another reply", "[pi][RP-03]") {
  Transferring world;
  for (int i = 0; i < 2000; ++i) world.add_file(fmt::format("/pub/{:04}", i), 1);
  world.reads(false);
  world.talk("STAT pub");
  REQUIRE(world.pi().output().size() >= core::limits::replies_pending_max);
  world.end_transfer();
  CHECK(world.reads(true) == "212 226");
  CHECK(world.talk("PWD") == "257");
}

TEST_CASE("a STAT that is still being looked up when the transfer ends is answered behind it or before",
          "[pi][RP-03]") {
  Transferring world;
  world.hold();
  CHECK(world.talk("STAT pub") == "");
  CHECK(world.end_transfer() == "226");
  CHECK(world.release() == "212");
}

TEST_CASE("QUIT waits for the end of the transfer", "[pi][CC-15]") {
  Transferring world;
  CHECK(world.talk("QUIT") == "");
  CHECK_FALSE(world.pi().closing());
  CHECK(world.talk("NOOP") == "");
  CHECK(world.end_transfer() == "226 221");
  CHECK(world.pi().closing());
}

TEST_CASE("QUIT ends an idle session with 221", "[pi][CC-15][RC-01]") {
  PiWorld world;
  CHECK(world.octets("QUIT\r\nNOOP\r\n") == "221");
  CHECK(world.pi().closing());
  CHECK(world.pi().deadline() == INT64_MAX);
}

TEST_CASE("a transfer's end has the code of its cause", "[pi][DC-13][RC-12]") {
  const auto [cause, code] = GENERATE(table<Cause, std::string>({
      {Cause::complete, "226"},
      {Cause::no_connection, "425"},
      {Cause::broken, "426"},
      {Cause::aborted, "426"},
      {Cause::stalled, "426"},
      {Cause::file_error, "451"},
  }));
  Transferring world;
  CHECK(world.end_transfer({.cause = cause, .error = EIO}) == code);
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("the final reply tells whether the data connection is kept", "[pi][MD-13][MD-12]") {
  Transferring world;
  CHECK(world.end_transfer({.stays_open = true}) == "250");
  world.client_connects();
  CHECK(world.talk("RETR readme.txt") == "125");
  CHECK(world.end_transfer({.stays_open = false}) == "226");
}

// ---- ABOR ----

TEST_CASE("ABOR during a transfer: 426 for the transfer, 226 for ABOR", "[pi][AB-01][AB-02][AB-04]") {
  Transferring world;
  CHECK(world.talk("ABOR") == "426 226");
  CHECK(world.actions() == std::vector<std::string>{"Abort"});
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("ABOR that comes too late: two final replies all the same", "[pi][AB-05]") {
  Transferring world;
  world.aborts_wait();
  CHECK(world.talk("ABOR") == "");
  CHECK(world.talk("PWD") == "");
  CHECK(world.end_transfer() == "226 226 257");
}

TEST_CASE("ABOR behind the end of the transfer", "[pi][AB-03][AB-05]") {
  Transferring world;
  CHECK(world.end_transfer() == "226");
  CHECK(world.talk("ABOR") == "226");
  CHECK(world.actions() == std::vector<std::string>{"DropData"});
}

TEST_CASE("ABOR in the same segment as the transfer command", "[pi][AB-05][AB-06]") {
  LoggedIn world;
  world.transfers_wait();
  CHECK(world.octets("RETR readme.txt\r\nABOR\r\nNOOP\r\n") == "150 426 226 200");
}

TEST_CASE("ABOR while the file is still being opened", "[pi][AB-05][AB-06]") {
  LoggedIn world;
  world.transfers_wait();
  world.hold();
  CHECK(world.talk("RETR readme.txt") == "");
  CHECK(world.talk("ABOR") == "");
  CHECK(world.release() == "150 426 226");
}

TEST_CASE("ABOR while the server waits for a data connection that fails just then", "[pi][AB-06]") {
  Transferring world;
  world.aborts_wait();
  CHECK(world.talk("ABOR") == "");
  CHECK(world.end_transfer({.cause = Cause::no_connection, .error = ETIMEDOUT}) == "425 226");
}

TEST_CASE("ABOR with nothing in progress closes whatever is open for data", "[pi][AB-03][AB-04][PP-14][RC-17]") {
  LoggedIn world;
  CHECK(world.talk("EPSV") == "229");
  world.actions();
  CHECK(world.talk("ABOR") == "226");
  CHECK(world.actions() == std::vector<std::string>{"DropData"});
}

TEST_CASE("a second ABOR gets its own 226", "[pi][AB-04]") {
  Transferring world;
  CHECK(world.octets("ABOR\r\nABOR\r\n") == "426 226 226");
}

TEST_CASE("QUIT and ABOR in one segment: QUIT has the last word", "[pi][CC-15]") {
  Transferring world;
  CHECK(world.octets("ABOR\r\nQUIT\r\n") == "426 226 221");
}

// ---- Telnet ----

TEST_CASE("options are refused, and the commands around them work", "[pi][CC-17][CC-18]") {
  PiWorld world;
  CHECK(world.octets("NO\xff\xfd\x01OP\r\n\xff\xfb\x03SYST\r\n\xff\xfe\x01\xff\xfc\x03NOOP\r\n") == "200 215 200");
  CHECK(world.walker().telnet_answers() == "\xfc\x01\xfe\x03");
}

TEST_CASE("the server begins no negotiation", "[pi][CC-19]") {
  LoggedIn world;
  world.octets("FEAT\r\nHELP\r\nSTAT\r\nRETR readme.txt\r\n");
  CHECK(world.walker().telnet_answers().empty());
}

TEST_CASE("IAC IP, IAC DM and ABOR in ordinary data abort", "[pi][CC-26]") {
  tests::for_each_split(
      "\xff\xf4\xff\xf2"
      "ABOR\r\n",
      [](const tests::Pieces& pieces) {
        Transferring world;
        std::string codes;
        for (const std::string_view piece : pieces) codes += world.octets(piece);
        CHECK(codes == "426 226");
      });
}

TEST_CASE("a Synch drops what stood before it, and the command behind the mark is executed", "[pi][CC-24][CC-27]") {
  Transferring world;
  CHECK(world.octets("PWD\r\nCWD pub\r\nDELE readme") == "");
  CHECK(world.octets(".txt\r\nPWD\r\n\xff\xf4\xff\xf2"
                     "ABOR\r\nNOOP\r\n",
                     true) == "426 226 200");
  CHECK(world.has("/readme.txt"));
}

TEST_CASE("discarding goes on until the mark, though urgent mode is over", "[pi][CC-25]") {
  Transferring world;
  CHECK(world.octets("\xff\xf4", true) == "");
  CHECK(world.octets("NOOP\r\n") == "");
  CHECK(world.octets("\xff\xf2"
                     "ABOR\r\n") == "426 226");
}

TEST_CASE("a Data Mark outside urgent mode is nothing", "[pi][CC-25]") {
  PiWorld world;
  CHECK(world.octets("NO\xff\xf2OP\r\n") == "200");
}

TEST_CASE("urgent data without Telnet in it is ordinary data", "[pi]") {
  PiWorld world;
  CHECK(world.octets("STAT\r") == "");
  CHECK(world.octets("\n", true) == "211");
}

// ---- Back-pressure ----

TEST_CASE("a client that reads no replies stops being answered, and loses nothing", "[pi][CC-11]") {
  LoggedIn world;
  world.reads(false);
  int sent = 0;
  for (; world.pi().wants_input(); ++sent) {
    REQUIRE(sent < 100'000);
    world.octets("HELP\r\n");
  }
  CHECK(world.pi().output().size() < 2 * core::limits::replies_pending_max);
  world.octets("NOOP\r\n");
  CHECK(world.reads(true) == repeated("214 ", static_cast<std::size_t>(sent)) + "200");
  CHECK(world.pi().wants_input());
}

TEST_CASE("commands sent ahead during a transfer stop being read at a limit", "[pi][CC-06]") {
  Transferring world;
  std::size_t sent = 0;
  for (; world.pi().wants_input(); ++sent) world.octets("PWD\r\n");
  CHECK(sent * 5 < core::limits::input_pending_max + 100);
  CHECK(world.end_transfer() == "226" + repeated(" 257", sent));
  CHECK(world.pi().wants_input());
}

TEST_CASE("a long STAT goes out as fast as the client reads it", "[pi][SV-22]") {
  LoggedIn world;
  for (int i = 0; i < 3000; ++i) world.add_file(fmt::format("/pub/{:04}", i), 1);
  world.reads(false);
  world.talk("STAT pub");
  CHECK(world.pi().output().size() < core::limits::replies_pending_max + 1000);
  CHECK_FALSE(world.pi().wants_input());
  CHECK(world.reads(true) == "212");
  CHECK(world.last().lines.size() == 3003);
}

// ---- Time ----

TEST_CASE("an idle session ends with 421 after the idle timeout, five minutes by default", "[pi][CC-13][RP-09]") {
  CHECK(core::Config{}.limits.idle_timeout_s >= 300);
  LoggedIn world;
  CHECK(world.wait(idle_ms - 1) == "");
  CHECK(world.wait(1) == "421");
  CHECK(world.pi().closing());
}

TEST_CASE("a command puts the idle timeout off", "[pi][CC-13]") {
  LoggedIn world;
  world.wait(idle_ms - 1);
  CHECK(world.talk("NOOP") == "200");
  CHECK(world.wait(idle_ms - 1) == "");
  CHECK(world.wait(1) == "421");
}

TEST_CASE("the idle timeout is configurable, 0 is never", "[pi][CC-13]") {
  core::Config config = tests::world_config();
  config.limits.idle_timeout_s = 1;
  PiWorld brief(config);
  CHECK(brief.wait(1000) == "421");
  config.limits.idle_timeout_s = 0;
  LoggedIn patient(config);
  CHECK(patient.pi().deadline() == INT64_MAX);
}

TEST_CASE("the idle timeout is put off by whole commands alone", "[pi][CC-13]") {
  for (const std::string_view octets : {"N", "NOOP", "NOOP\r", "\377\361", "\377\373\001"}) {
    LoggedIn world;
    world.wait(idle_ms - 1);
    CHECK(world.octets(octets) == "");
    CHECK(world.wait(1) == "421");
  }
}

TEST_CASE("who has not logged in after a minute gets 421, whatever else it sends", "[pi][SE-06]") {
  constexpr std::int64_t login_ms = 60'000;
  SECTION("NOOP") {
    PiWorld world;
    for (int second = 1; second < 60; ++second) {
      CHECK(world.wait(1000) == "");
      CHECK(world.talk("NOOP") == "200");
    }
    CHECK(world.wait(1000) == "421");
    CHECK(world.text() == "You did not log in in time.");
    CHECK(world.pi().closing());
  }
  SECTION("REIN and USER") {
    PiWorld world;
    world.wait(login_ms - 1);
    CHECK(world.talk("REIN") == "220");
    CHECK(world.talk("USER demo") == "331");
    CHECK(world.wait(1) == "421");
  }
  SECTION("wrong passwords") {
    core::Config config = tests::world_config();
    config.limits.login_failures = 1000;
    PiWorld world(config);
    for (int i = 0; i < 11; ++i) {
      CHECK(world.log_in("demo", "wrong") == "331 ");
      CHECK(world.wait(5000) == "530");
    }
    CHECK(world.log_in("demo", "wrong") == "331 ");
    CHECK(world.wait(5000) == "530421");
  }
  SECTION("a password that is still being verified") {
    PiWorld world;
    world.talk("USER demo");
    world.hold();
    world.talk("PASS secret");
    CHECK(world.wait(2 * login_ms) == "");
    CHECK(world.release() == "230");
    CHECK(world.wait(login_ms) == "");
  }
  SECTION("the time begins anew behind a login") {
    LoggedIn world;
    CHECK(world.wait(2 * login_ms) == "");
    CHECK(world.talk("REIN") == "220");
    CHECK(world.wait(login_ms - 1) == "");
    CHECK(world.wait(1) == "421");
  }
  SECTION("unless the configuration says so") {
    core::Config config = tests::world_config();
    config.limits.login_timeout_s = 0;
    PiWorld world(config);
    CHECK(world.wait(2 * login_ms) == "");
  }
}

TEST_CASE("the log is told of what changes files, and of what is refused", "[pi]") {
  LoggedIn world;
  world.pi().take_notices();
  const auto told = [&](std::string_view line) {
    world.talk(line);
    std::string text;
    for (const core::Notice& notice : world.pi().take_notices())
      text += fmt::format("{} {}: {};", notice.verb, notice.object, number(notice.code));
    return text;
  };
  CHECK(told("CWD pub") == "");
  CHECK(told("MKD new") == "MKD \"/pub/new\": 257;");
  CHECK(told("RNFR new") == "");
  CHECK(told("RNTO newer") == "RNTO \"/pub/new\" to \"/pub/newer\": 250;");
  CHECK(told("RMD newer") == "RMD \"/pub/newer\": 250;");
  CHECK(told("DELE image.bin") == "DELE \"/pub/image.bin\": 250;");
  CHECK(told("DELE image.bin") == "DELE \"/pub/image.bin\": 550;");
  CHECK(told("RETR image.bin") == "RETR \"/pub/image.bin\": 550;");
  CHECK(told("SITE CHMOD 600 /readme.txt") == "SITE CHMOD \"/readme.txt\": 200;");
  CHECK(told("SITE HELP") == "");
  CHECK(told("TYPE X") == "TYPE X: 504;");
  CHECK(told("XYZZY now") == "XYZZY : 500;");
  CHECK(told("ACCT word") == "");
  CHECK(told("PASS word") == "PASS : 503;");  // never what it was
}

TEST_CASE("the idle timeout never fires during a transfer and begins anew behind it", "[pi][CC-14]") {
  Transferring world;
  CHECK(world.wait(10 * idle_ms) == "");
  CHECK(world.end_transfer() == "226");
  CHECK(world.wait(idle_ms - 1) == "");
  CHECK(world.wait(1) == "421");
}

TEST_CASE("the idle timeout does not fire while a command is being worked on", "[pi][CC-14]") {
  LoggedIn world;
  world.hold();
  world.talk("CWD pub");
  CHECK(world.wait(2 * idle_ms) == "");
  CHECK(world.release() == "250");
}

TEST_CASE("a client that stops reading in the middle of a reply gets no other inside it", "[pi][RP-03]") {
  LoggedIn world;
  for (int i = 0; i < 2000; ++i) world.add_file(fmt::format("/pub/{:04}", i), 1);
  world.reads(false);
  world.talk("STAT pub");
  world.wait(idle_ms);
  CHECK(world.pi().closing());
  CHECK(world.pi().output().find("\r\n421") == std::string::npos);
}

TEST_CASE("a timer that fires early does nothing", "[pi]") {
  PiWorld world;
  world.pi().on_time(1'000'000'001);
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("no reply comes by itself but the 421 before a close", "[pi][CC-12]") {
  LoggedIn world;
  CHECK(world.wait(idle_ms - 1) == "");
  Transferring busy;
  CHECK(busy.wait(10 * idle_ms) == "");
}

// ---- Draining ----

TEST_CASE("a server that drains ends an idle session with 421", "[pi][RP-09]") {
  PiWorld world;
  CHECK(world.shut_down() == "421");
  CHECK(world.pi().closing());
}

TEST_CASE("a server that drains answers the command in progress first", "[pi][RP-09]") {
  LoggedIn world;
  world.hold();
  world.octets("MKD new\r\nPWD\r\n");
  CHECK(world.shut_down() == "");
  CHECK(world.release() == "257 421");
}

TEST_CASE("a server that drains lets a transfer end", "[pi][RP-09]") {
  Transferring world;
  CHECK(world.shut_down() == "");
  CHECK_FALSE(world.pi().closing());
  CHECK(world.talk("STAT") == "211");
  CHECK(world.talk("PWD") == "");
  CHECK(world.end_transfer() == "226 421");
  CHECK(world.pi().closing());
}

TEST_CASE("a server that drains lets ABOR end a transfer", "[pi][RP-09][AB-02]") {
  Transferring world;
  world.shut_down();
  CHECK(world.talk("ABOR") == "426 226 421");
}

// ---- Names and texts ----

TEST_CASE("all octets but NUL and LF can be in a name and come back", "[pi][CC-22][CC-28][PN-02][PN-04][PN-05]") {
  core::Config config = tests::world_config();
  config.uploads.control_characters = true;
  LoggedIn world(config);
  for (int octet = 1; octet < 256; ++octet) {
    if (octet == '/' || octet == '\n') continue;
    const std::string name = "a" + std::string(1, static_cast<char>(octet)) + "b";
    std::string sent = name;
    if (octet == 255) sent.insert(1, "\xff");
    if (octet == '\r') sent.insert(2, "\0"s);
    CAPTURE(octet);
    REQUIRE(world.talk("MKD " + sent) == "257");
    REQUIRE(world.has("/" + name));
    REQUIRE(world.talk("CWD " + sent) == "250");
    REQUIRE(world.talk("PWD") == "257");
    const bool control = octet < ' ' || octet == 127;
    const std::string shown = octet == '"' ? "a\"\"b" : control ? "a?b" : name;
    REQUIRE(world.text() == "\"/" + shown + "\" is the current directory.");
    world.talk("CDUP");
  }
}

TEST_CASE("a NUL that is no padding names nothing", "[pi][PN-02]") {
  LoggedIn world;
  CHECK(world.talk("CWD a\0b"s) == "550");
  CHECK(world.talk("STOR a\0b"s) == "553");
}

// ---- Whatever comes ----

namespace {

/// A line that means something, more often than not.
std::string random_line(sim::Random& random) {
  static const std::vector<std::string> lines = [] {
    std::vector<std::string> all;
    for (const core::CommandRow& row : core::command_table())
      for (const std::string_view argument : {"", " readme.txt", " pub"})
        if (row.verb != "QUIT") all.push_back(std::string(row.verb) + std::string(argument));
    for (const std::string_view line :
         {"USER demo",      "PASS secret",  "USER keeper", "ACCT vault",           "USER guest",
          "USER anonymous", "TYPE I",       "TYPE A",      "PORT 192,0,2,9,10,10", "EPRT |1|192.0.2.9|4000|",
          "EPSV 2",         "EPSV ALL",     "REST 5",      "REST 999999",          "ALLO 5 R 6",
          "RNTO new",       "STAT -la pub", "LIST *.txt",  "OPTS MLST type;",      "OPTS UTF8 ON",
          "HELP RETR",      "SITE HELP",    "CWD /",       "MKD a\r\0b",           "CWD \xff\xff",
          "STOU",           "NLST -a",      "STAT *"})
      for (int i = 0; i < 4; ++i) all.emplace_back(line);
    return all;
  }();
  if (random.chance(0.01)) return std::string(core::limits::command_line_max + random.below(100), 'x');
  return random.pick(lines);
}

std::string random_octets(sim::Random& random) {
  static constexpr std::string_view favourites = "\xff\xff\xf2\xfd\xfa\xf0\r\n\r\n \0ABORUSE";
  std::string octets;
  for (std::uint64_t left = random.below(64); left > 0; --left)
    octets += random.chance(0.5) ? favourites[random.below(favourites.size())] : static_cast<char>(random.below(256));
  return octets;
}

void happen_at_random(sim::Random& random, PiWorld& world) {
  constexpr Cause causes[] = {Cause::complete, Cause::no_connection, Cause::broken, Cause::stalled, Cause::file_error};
  if (random.chance(0.2)) world.fail_next(static_cast<int>(random.between(1, 133)));
  if (random.chance(0.1)) world.hold();
  if (random.chance(0.2)) world.release();
  if (random.chance(0.1)) world.wait(static_cast<std::int64_t>(random.below(6000)));
  if (random.chance(0.1)) world.client_connects();
  if (world.transfer_runs() && random.chance(0.4)) {
    const auto& cause = causes[random.below(std::size(causes))];
    world.end_transfer(
        {.cause = cause, .error = static_cast<int>(random.below(134)), .stays_open = random.chance(0.2)});
  }
}

void talk_at_random(std::uint64_t seed) {
  sim::Random random(seed);
  LoggedIn world;
  if (random.chance(0.7)) world.transfers_wait();
  if (random.chance(0.3)) world.aborts_wait();
  for (int round = 0; round < 12 && !world.pi().closing(); ++round) {
    std::string sent;
    for (std::uint64_t left = random.below(4); left > 0; --left) sent += random_line(random) + "\r\n";
    if (random.chance(0.3)) sent += random_octets(random);
    const bool urgent = random.chance(0.05);
    for (const std::string_view piece : tests::random_pieces(random, sent, 1 + random.below(40)))
      world.octets(piece, urgent);
    happen_at_random(random, world);
  }
  world.release();
  if (world.transfer_runs()) world.end_transfer();
  world.shut_down();
  world.wait(5000);
  if (world.transfer_runs()) world.end_transfer();
  REQUIRE(world.pi().closing());
}

}  // namespace

TEST_CASE("no octets, outcomes or times trip the PI, and every reply is legal", "[pi][property]") {
  constexpr std::uint64_t rounds = 3000;
  sim::for_each_seed(rounds, [](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    talk_at_random(seed);
  });
}
