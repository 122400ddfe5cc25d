// Transfer parameters: PORT PASV EPRT EPSV TYPE STRU MODE. RFC 959 4.1.2, RFC 2428, RFC 2577 3.
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

using tests::LoggedIn;
using tests::PiWorld;
using tests::world_config;
using Actions = std::vector<std::string>;

bool holds(const std::vector<std::string>& lines, std::string_view line) {
  return std::ranges::find(lines, line) != lines.end();
}

/// Over IPv6.
struct LoggedIn6 : PiWorld {
  LoggedIn6() : PiWorld(world_config(), "[2001:db8::1]:21", "[2001:db8::9]:40021") {
    log_in();
    actions();
  }
};

/// What the next RETR is asked to be: "" for TYPE I, " text" for TYPE A.
std::string type_of(PiWorld& world) {
  world.actions();
  world.talk("RETR /readme.txt");
  const std::string prefix = "StartTransfer retrieve /readme.txt";
  return world.actions().front().substr(prefix.size());
}

/// 522's text must end in "(list)" and hold no other parentheses (RFC 2428 2).
std::string protocol_list(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open != text.rfind('(') || text.find(')') + 1 != text.size()) return "malformed";
  return std::string(text.substr(open));
}

}  // namespace

// ---- PORT ----

TEST_CASE("PORT takes six numbers from 0 to 255", "[pi][PP-01][RC-07]") {
  LoggedIn world;
  CHECK(world.talk("PORT 192,0,2,9,156,84") == "200");
  CHECK(world.talk("PORT 192,0,2,9,255,255") == "200");
  CHECK(world.talk("PORT 192,0,2,9,4,0") == "200");
  CHECK(world.actions() == Actions{"Aim 192.0.2.9:40020", "Aim 192.0.2.9:65535", "Aim 192.0.2.9:1024"});
}

TEST_CASE("a wrong count or range of PORT's numbers gets 501 and leaves the old setting", "[pi][PP-01][CC-10]") {
  LoggedIn world;
  for (const std::string_view argument :
       {"192,0,2,9,156", "192,0,2,9,156,84,1", "192,0,2,9,256,84", "192,0,2,9,156,", ",,,,,", "192.0.2.9.156.84",
        "192,0,2,9,-1,84", "192,0,2,9,156,84  ", " 192,0,2,9,156,84", "192,0,2,9,156,0x54", "a", "|1|192.0.2.9|40020|",
        "192,0,2,9,156,999999999999999999999"}) {
    CAPTURE(argument);
    CHECK(world.talk(fmt::format("PORT {}", argument)) == "501");
  }
  CHECK(world.actions().empty());
}

TEST_CASE("PORT to another host than the client's is refused with 504", "[pi][SE-02][RC-07]") {
  LoggedIn world;
  CHECK(world.talk("PORT 192,0,2,10,156,84") == "504");
  CHECK(world.talk("PORT 127,0,0,1,156,84") == "504");
  CHECK(world.talk("EPRT |1|192.0.2.10|40020|") == "504");
  CHECK(world.actions().empty());
}

TEST_CASE("an administrator may name networks for third-party transfers", "[pi][SE-02]") {
  core::Config config = world_config();
  config.data.foreign_addresses.push_back(*core::parse_network("198.51.100.0/24"));
  LoggedIn world(config);
  CHECK(world.talk("PORT 198,51,100,7,156,84") == "200");
  CHECK(world.talk("EPRT |1|198.51.100.8|40020|") == "200");
  CHECK(world.talk("PORT 198,51,101,7,156,84") == "504");
  CHECK(world.actions() == Actions{"Aim 198.51.100.7:40020", "Aim 198.51.100.8:40020"});
}

TEST_CASE("ports below 1024 are refused with 504", "[pi][SE-01][RC-07]") {
  LoggedIn world;
  for (const std::string_view line : {"PORT 192,0,2,9,3,255", "PORT 192,0,2,9,0,25", "PORT 192,0,2,9,0,0",
                                      "EPRT |1|192.0.2.9|1023|", "EPRT |1|192.0.2.9|25|"})
    CHECK(world.talk(line) == "504");
  CHECK(world.actions().empty());
}

TEST_CASE("active mode can be switched off", "[pi][SE-03]") {
  core::Config config = world_config();
  config.data.active = false;
  LoggedIn world(config);
  CHECK(world.talk("PORT 192,0,2,9,156,84") == "504");
  CHECK(world.talk("EPRT |1|192.0.2.9|40020|") == "504");
  CHECK(world.talk("EPSV") == "229");
  CHECK(world.actions() == Actions{"Listen"});
}

// ---- PASV ----

TEST_CASE("PASV answers 227 with the control connection's own address", "[pi][PP-02][PP-03][PP-04][RC-07]") {
  LoggedIn world;
  CHECK(world.talk("PASV") == "227");
  CHECK(world.text() == "Entering Passive Mode (192,0,2,1,195,80).");
  CHECK(world.actions() == Actions{"Listen"});
  CHECK(world.text().find_first_of("0123456789") == world.text().find('(') + 1);
}

TEST_CASE("each PASV listens anew", "[pi][PP-05]") {
  LoggedIn world;
  world.talk("PASV");
  const std::string first(world.text());
  world.talk("PASV");
  CHECK(world.text() != first);
  CHECK(world.actions() == Actions{"Listen", "Listen"});
}

TEST_CASE("PASV announces the address that the administrator names", "[pi][PP-04]") {
  core::Config config = world_config();
  config.data.passive_address = core::parse_address("203.0.113.5");
  LoggedIn world(config);
  world.talk("PASV");
  CHECK(world.text() == "Entering Passive Mode (203,0,113,5,195,80).");
}

TEST_CASE("PASV over IPv6 has no form: 502", "[pi][RC-07]") {
  LoggedIn6 world;
  CHECK(world.talk("PASV") == "502");
  CHECK(world.actions().empty());
}

TEST_CASE("PASV over an IPv4-mapped address is IPv4", "[pi][PP-04][PP-11]") {
  PiWorld world(world_config(), "[::ffff:192.0.2.1]:21", "[::ffff:192.0.2.9]:40021");
  world.log_in();
  CHECK(world.talk("PASV") == "227");
  CHECK(world.text().find("(192,0,2,1,") != std::string_view::npos);
  CHECK(world.talk("PORT 192,0,2,9,156,84") == "200");
  CHECK(world.talk("EPSV 1") == "229");
}

TEST_CASE("without a free port PASV and EPSV get a 4yz and the session goes on", "[pi][RP-08]") {
  LoggedIn world;
  for (const std::string_view line : {"PASV", "EPSV"}) {
    world.fail_next(EADDRINUSE);
    CHECK(world.talk(line) == "425");
    CHECK_FALSE(world.pi().closing());
  }
}

// ---- EPRT ----

TEST_CASE("EPRT takes any delimiter from 33 to 126 that the address does not hold", "[pi][PP-08][RC-24]") {
  LoggedIn world;
  for (char delimiter = 33; delimiter < 127; ++delimiter) {
    if (std::string_view("0123456789.").find(delimiter) != std::string_view::npos) continue;
    const std::string d(1, delimiter);
    CAPTURE(d);
    CHECK(world.talk("EPRT " + d + "1" + d + "192.0.2.9" + d + "6275" + d) == "200");
    CHECK(world.actions() == Actions{"Aim 192.0.2.9:6275"});
  }
}

TEST_CASE("EPRT with protocol 2 takes an IPv6 address", "[pi][PP-08]") {
  LoggedIn6 world;
  CHECK(world.talk("EPRT |2|2001:db8::9|5282|") == "200");
  CHECK(world.talk("EPRT |2|2001:0DB8:0:0:0:0:0:9|5282|") == "200");
  CHECK(world.actions() == Actions(2, "Aim [2001:db8::9]:5282"));
  CHECK(world.talk("EPRT |2|2001:db8::10|5282|") == "504");
}

TEST_CASE("a malformed EPRT gets 501", "[pi][PP-08][CC-10]") {
  LoggedIn world;
  for (const std::string_view argument :
       {"|1|192.0.2.9|40020", "1|192.0.2.9|40020|", "|1|192.0.2.9|", "|1|192.0.2.9|40020||", "||192.0.2.9|40020|",
        "|1||40020|", "|1|192.0.2.9||", "|1|192.0.2|40020|", "|1|192.0.2.9|65536|", "|1|192.0.2.9|-1|",
        "|x|192.0.2.9|1|", "|1|2001:db8::9|40020|", "|", "||||", " |1|192.0.2.9|40020|", "192,0,2,9,156,84",
        "\xff"
        "1\xff"
        "192.0.2.9\xff"
        "40020\xff"}) {
    CAPTURE(argument);
    std::string sent;
    for (const char c : argument) sent += c == '\xff' ? std::string("\xff\xff") : std::string(1, c);
    CHECK(world.talk("EPRT " + sent) == "501");
  }
  CHECK(world.actions().empty());
}

TEST_CASE("EPRT with an unsupported protocol gets 522 and the list", "[pi][PP-09][RC-24]") {
  LoggedIn world;
  CHECK(world.talk("EPRT |3|192.0.2.9|40020|") == "522");
  CHECK(protocol_list(world.text()) == "(1,2)");
  CHECK(world.talk("EPRT |99|what ever|40020|") == "522");
  CHECK(world.talk("EPRT |2|2001:db8::9|40020|") == "522");
  CHECK(protocol_list(world.text()) == "(1)");
  LoggedIn6 world6;
  CHECK(world6.talk("EPRT |1|192.0.2.9|40020|") == "522");
  CHECK(protocol_list(world6.text()) == "(2)");
}

// ---- EPSV ----

TEST_CASE("EPSV answers 229 with the port alone", "[pi][PP-10][RC-24]") {
  LoggedIn world;
  CHECK(world.talk("EPSV") == "229");
  CHECK(world.text().ends_with("(|||50000|)"));
  LoggedIn6 world6;
  CHECK(world6.talk("EPSV") == "229");
  CHECK(world6.text().ends_with("(|||50000|)"));
}

TEST_CASE("EPSV with a protocol: the control connection's own, or 522", "[pi][PP-09][PP-11][PP-12][RC-24]") {
  LoggedIn world;
  CHECK(world.talk("EPSV 1") == "229");
  CHECK(world.talk("EPSV 2") == "522");
  CHECK(protocol_list(world.text()) == "(1)");
  CHECK(world.talk("EPSV 3") == "522");
  LoggedIn6 world6;
  CHECK(world6.talk("EPSV 2") == "229");
  CHECK(world6.talk("EPSV 1") == "522");
  CHECK(protocol_list(world6.text()) == "(2)");
}

TEST_CASE("EPSV with anything else gets 501", "[pi][CC-10][RC-24]") {
  LoggedIn world;
  for (const std::string_view argument : {"x", "1x", "ALLES", " 1", "1  ", "-1", "|1|"})
    CHECK(world.talk(fmt::format("EPSV {}", argument)) == "501");
  CHECK(world.actions().empty());
}

TEST_CASE("after EPSV ALL only EPSV is taken, for the rest of the session", "[pi][PP-13]") {
  LoggedIn world;
  CHECK(world.talk("epsv all") == "200");
  for (const std::string_view line :
       {"PORT 192,0,2,9,156,84", "PASV", "EPRT |1|192.0.2.9|40020|", "LPRT 4,4,192,0,2,9,2,156,84", "LPSV"}) {
    CAPTURE(line);
    CHECK(world.talk(line).starts_with("5"));
  }
  CHECK(world.actions() == Actions{"DropData"});  // what PORT said before
  CHECK(world.talk("EPSV") == "229");
  CHECK(world.talk("EPSV 1") == "229");
  CHECK(world.talk("EPSV ALL") == "200");
  world.log_in();
  CHECK(world.talk("PASV") == "501");
}

TEST_CASE("after EPSV ALL no connection is made to the default port", "[pi][PP-13]") {
  LoggedIn world;
  world.transfers_wait();
  CHECK(world.talk("EPSV ALL") == "200");
  CHECK(world.talk("RETR readme.txt") == "150");
  CHECK(world.transfer_spec().only_passive);
}

TEST_CASE("one blank behind a parameter is forgiven", "[pi][CC-10]") {
  LoggedIn world;
  for (const std::string_view line :
       {"STRU F ", "MODE S ", "TYPE I ", "PORT 192,0,2,9,156,84 ", "EPRT |1|192.0.2.9|40020| "})
    CHECK(world.talk(line) == "200");
  CHECK(world.talk("EPSV ") == "229");
  CHECK(world.talk("EPSV 1 ") == "229");
  CHECK(world.talk("REST 5 ") == "350");
  CHECK(world.talk("ALLO 5 ") == "200");
  CHECK(world.talk("OPTS UTF8 ON ") == "200");
  CHECK(world.talk("STRU F  ") == "501");
  PiWorld secure(tests::secure_world_config());
  CHECK(secure.talk("AUTH TLS ") == "234");
  CHECK(secure.talk("PBSZ 0 ") == "200");
  CHECK(secure.talk("PROT P ") == "200");
}

TEST_CASE("over a link-local address the link of the control connection is meant", "[pi][PP-11]") {
  core::Endpoint local = *core::parse_endpoint("[fe80::1]:21"), peer = *core::parse_endpoint("[fe80::9]:40021");
  local.scope = peer.scope = 3;
  core::Pi pi(std::make_shared<core::Config>(world_config()), local, peer);
  pi.greet(0);
  pi.receive("USER guest\r\nEPRT |2|fe80::9|40020|\r\n", false, 0);
  while (const auto action = pi.next_action(0)) {
    if (const auto* aim = std::get_if<core::action::Aim>(&*action)) {
      CHECK(aim->endpoint.scope == 3);
      return;
    }
    pi.on_outcome({}, 0);
  }
  FAIL("nothing was aimed at");
}

TEST_CASE("what active = false forbids is not offered", "[pi][FE-01]") {
  core::Config config = world_config();
  config.data.active = false;
  LoggedIn world(config);
  CHECK(world.talk("FEAT") == "211");
  CHECK_FALSE(world.text().contains("EPRT"));
  for (const std::string& line : world.last().lines) CHECK_FALSE(line.contains("EPRT"));
  CHECK(world.talk("HELP PORT") == "502");
  CHECK(world.talk("PORT 192,0,2,9,156,84") == "504");
}

TEST_CASE("ALGS and its kin get a 50x and change nothing", "[pi][PP-17]") {
  LoggedIn world;
  CHECK(world.talk("ALGS STATUS64") == "502");
  CHECK(world.actions().empty());
}

TEST_CASE("the last port command is the one that the world was told last", "[pi][PP-06][DC-07]") {
  LoggedIn world;
  world.octets("PORT 192,0,2,9,156,84\r\nPASV\r\nEPRT |1|192.0.2.9|40020|\r\nEPSV\r\nRETR readme.txt\r\n");
  const Actions actions = world.actions();
  REQUIRE(actions.size() == 6);
  CHECK(actions[3] == "Listen");
  CHECK(actions[4].starts_with("StartTransfer"));
}

// ---- TYPE ----

TEST_CASE("the parameters begin as TYPE A N, MODE S, STRU F, and each may be said", "[pi][TY-01][RC-08]") {
  LoggedIn world;
  CHECK(type_of(world) == " text");
  CHECK(world.octets("TYPE A N\r\nMODE S\r\nSTRU F\r\n") == "200 200 200");
  CHECK(type_of(world) == " text");
}

TEST_CASE("types that are accepted", "[pi][TY-01][TY-03][TY-04][TY-06][TY-08][TY-09][CC-07][RC-08]") {
  const auto [argument, type] = GENERATE(table<std::string, std::string>({
      {"A", " text"},
      {"A N", " text"},
      {"A T", " text"},
      {"a t", " text"},
      {"A  N", " text"},
      {"I", ""},
      {"i", ""},
      {"L 8", ""},
      {"l 8", ""},
      {"A C", " text"},
      {"E", " E N/F/S"},
      {"e t", " E T/F/S"},
      {"E C", " E C/F/S"},
      {"L 1", " L 1/F/S"},
      {"L 36", " L 36/F/S"},
      {"L 64", ""},
  }));
  for (const std::string_view before : {"TYPE I", "TYPE A"}) {
    LoggedIn world;
    world.talk(before);
    CHECK(world.talk("TYPE " + argument) == "200");
    CHECK(type_of(world) == type);
  }
}

TEST_CASE("types that are refused leave the last one as it was", "[pi][TY-02][TY-07][TY-08][RP-06][RC-08]") {
  const auto [argument, code] = GENERATE(table<std::string, std::string>({
      {"L 0", "504"},
      {"L 65", "504"},
      {"L 99999999999999999999", "504"},
      {"X", "504"},
      {"L", "501"},
      {"L x", "501"},
      {"L 8 8", "501"},
      {"A X", "501"},
      {"E X", "501"},
      {"A N N", "501"},
      {"I N", "501"},
      {"  ", "501"},
      {"AN", "501"},
      {"IMAGE", "501"},
  }));
  CAPTURE(argument);
  for (const std::string_view before : {"TYPE I", "TYPE A"}) {
    LoggedIn world;
    world.talk(before);
    const std::string type = type_of(world);
    CHECK(world.talk("TYPE " + argument) == code);
    CHECK(type_of(world) == type);
  }
}

TEST_CASE("TYPE A returns to format N behind TYPE A T", "[pi][TY-10]") {
  LoggedIn world;
  CHECK(world.octets("TYPE A T\r\nTYPE A\r\n") == "200 200");
  world.talk("STAT");
  std::string all;
  for (const std::string& line : world.last().lines) all += line;
  CHECK(all.find("TYPE: A N") != std::string::npos);
}

// ---- STRU, MODE ----

TEST_CASE("structures F, R and P are accepted, another gets 504, what is none 501",
          "[pi][ST-01][ST-02][ST-08][TY-02][RC-08][RP-06]") {
  LoggedIn world;
  CHECK(world.talk("STRU f") == "200");
  CHECK(world.talk("STRU R") == "200");
  CHECK(type_of(world) == " A N/R/S");
  CHECK(world.talk("STRU X") == "504");
  CHECK(world.talk("STRU FILE") == "501");
  CHECK(world.talk("STRU F  ") == "501");
  CHECK(type_of(world) == " A N/R/S");
  CHECK(world.octets("STRU P\r\nTYPE L 36\r\n") == "200 200");
  CHECK(type_of(world) == " L 36/P/S");
}

TEST_CASE("modes S, B, C and Z are accepted, another gets 504 and changes nothing",
          "[pi][MD-01][TY-02][RC-08][RP-06]") {
  LoggedIn world;
  CHECK(world.talk("MODE s") == "200");
  CHECK(type_of(world) == " text");
  CHECK(world.talk("MODE b") == "200");
  CHECK(type_of(world) == " A N/F/B");
  CHECK(world.talk("MODE X") == "504");
  CHECK(world.talk("MODE STREAM") == "501");
  CHECK(type_of(world) == " A N/F/B");
  CHECK(world.talk("MODE C") == "200");
  CHECK(type_of(world) == " A N/F/C");
  CHECK(world.talk("STAT") == "211");
  std::string all;
  for (const std::string& line : world.last().lines) all += line;
  CHECK(all.find("TYPE: A N, STRU: F, MODE: C") != std::string::npos);
}

TEST_CASE("modes B and C are for who has asked FEAT, until REIN", "[pi][MD-01]") {
  core::Config config = tests::world_config();
  REQUIRE(core::Config().data.block_modes == core::BlockModes::announced);
  config.data.block_modes = core::BlockModes::announced;
  PiWorld world(config);
  world.log_in();
  CHECK(world.octets("MODE B\r\nMODE C\r\nMODE Z\r\nMODE S\r\n") == "504 504 200 200");
  world.talk("HELP MODE");
  CHECK(world.text() == "Syntax: MODE S | B | C | Z");
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " MODE B"));
  CHECK(holds(world.last().lines, " MODE C"));
  CHECK(world.octets("MODE B\r\nMODE C\r\n") == "200 200");
  world.log_in();
  CHECK(world.octets("MODE S\r\nMODE B\r\n") == "200 200");
  CHECK(world.talk("REIN") == "220");
  world.log_in();
  CHECK(world.octets("MODE B\r\nMODE C\r\n") == "504 504");
}

TEST_CASE("who asked FEAT before AUTH need not ask again for modes B and C", "[pi][MD-01]") {
  core::Config config = tests::secure_world_config();
  config.data.block_modes = core::BlockModes::announced;
  PiWorld world(config);
  world.octets("FEAT\r\nAUTH TLS\r\n");
  world.log_in();
  CHECK(world.talk("MODE B") == "200");
}

TEST_CASE("without modes B and C nothing tells of them, and FEAT does not bring them", "[pi][MD-01]") {
  core::Config config = tests::world_config();
  config.data.block_modes = core::BlockModes::never;
  for (const bool deflates : {true, false}) {
    config.limits.deflate_level = deflates ? 9 : 0;
    PiWorld world(config);
    world.log_in();
    world.talk("FEAT");
    CHECK_FALSE(holds(world.last().lines, " MODE B"));
    CHECK_FALSE(holds(world.last().lines, " MODE C"));
    CHECK(holds(world.last().lines, " MODE Z") == deflates);
    CHECK(world.octets("MODE B\r\nMODE C\r\n") == "504 504");
    CHECK(world.text() == (deflates ? "These modes are implemented: S, Z." : "These modes are implemented: S."));
    world.talk("HELP MODE");
    CHECK(world.text() == (deflates ? "Syntax: MODE S | Z" : "Syntax: MODE S"));
  }
}

TEST_CASE("what does not go together is refused by the transfer, whatever the order it was said in", "[pi][RC-12]") {
  LoggedIn world;
  CHECK(world.octets("STRU P\r\nRETR readme.txt\r\n") == "200 501");  // pages of characters
  CHECK(world.octets("TYPE I\r\nRETR readme.txt\r\n") == "200 150 226");
  CHECK(world.octets("TYPE L 36\r\nSTRU R\r\nRETR readme.txt\r\n") == "200 200 501");  // lines of such bytes
  CHECK(world.octets("STRU P\r\nRETR readme.txt\r\n") == "200 150 226");
  CHECK(world.octets("TYPE L 7\r\nSTOR x\r\n") == "200 501");
}

TEST_CASE("parameter commands may come in any order", "[pi][DC-16]") {
  LoggedIn world;
  CHECK(world.octets("REST 5\r\nTYPE I\r\nMODE S\r\nEPSV\r\nSTRU F\r\nRETR readme.txt\r\n") ==
        "350 200 200 229 200 150 226");
  CHECK(world.actions()[1] == "StartTransfer retrieve /readme.txt offset=5");
}
