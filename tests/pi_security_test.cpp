// AUTH PBSZ PROT CCC, REIN under TLS, client certificates and what policy bars: the PI alone, for which TLS is an
// action that succeeds. RFC 4217, RFC 2228.
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::PiWorld;
using Cause = core::TransferEnd::Cause;

/// With TLS on offer; "holder" may log in with a certificate alone.
core::Config secure_config() {
  core::Config config = tests::secure_world_config();
  core::Account holder = *config.accounts.find("demo");
  holder.name = "holder";
  holder.certificate = "Jo Holder";
  config.accounts.add(holder);
  return config;
}

template <auto Key, typename Value>
core::Config with(Value value) {
  core::Config config = secure_config();
  config.tls.*Key = value;
  return config;
}

/// One whose control connection is under TLS, not logged in.
struct Secured : PiWorld {
  explicit Secured(const core::Config& config = secure_config()) : PiWorld(config) {
    REQUIRE(talk("AUTH TLS") == "234");
    actions();
  }
};

/// One who has logged in under TLS with PROT P.
struct Private : Secured {
  explicit Private(const core::Config& config = secure_config()) : Secured(config) {
    REQUIRE(talk("PBSZ 0") == "200");
    REQUIRE(talk("PROT P") == "200");
    log_in();
    actions();
  }
};

}  // namespace

// ---- AUTH ----

TEST_CASE("AUTH TLS gets 234 and then the handshake, in any case and by its older name", "[pi][tls][TL-01][TL-02]") {
  const std::string_view line = GENERATE("AUTH TLS", "auth tls", "AUTH Tls", "AUTH TLS-C", "AUTH tls-c");
  PiWorld world(secure_config());
  CHECK(world.talk(line) == "234");
  CHECK(world.actions() == std::vector<std::string>{"PrepareTls", "DropData", "BeginTls"});
  CHECK(world.talk("NOOP") == "200");
}

TEST_CASE("AUTH of another mechanism gets 504, and without what a handshake needs 431", "[pi][tls][TL-03][RC-21]") {
  PiWorld world(secure_config());
  for (const std::string_view line : {"AUTH GSSAPI", "AUTH SSL", "AUTH TLS-P", "AUTH T"})
    CHECK(world.talk(line) == "504");
  CHECK(world.talk("AUTH") == "501");
  world.fail_next(ENOMEM);
  CHECK(world.talk("AUTH TLS") == "431");
  CHECK(world.talk("PBSZ 0") == "503");
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("AUTH TLS") == "534");  // under TLS already
}

TEST_CASE("AUTH resets the login and all parameters", "[pi][tls][TL-04]") {
  tests::LoggedIn world(secure_config());
  world.talk("CWD pub");
  world.talk("TYPE I");
  world.talk("PASV");
  world.talk("REST 7");
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("PWD") == "530");
  world.log_in();
  world.actions();
  CHECK(world.talk("PWD") == "257");
  CHECK(world.text().starts_with("\"/\""));
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions() == std::vector<std::string>{"StartTransfer retrieve /readme.txt text", "Proceed"});
}

TEST_CASE("what was sent ahead of the handshake is never a command", "[pi][tls][TL-05]") {
  PiWorld world(secure_config());
  world.hold();  // before 234
  CHECK(world.octets("AUTH TLS\r\nUSER demo\r\nPASS sec") == "");
  CHECK(world.release() == "234");
  CHECK(world.octets("NOOP\r\n") == "200");
  CHECK(world.octets("PWD\r\n") == "530");
}

TEST_CASE("octets that come during the handshake are no commands", "[pi][tls][TL-05]") {
  core::Pi pi(std::make_shared<const core::Config>(secure_config()), *core::parse_endpoint("192.0.2.1:21"),
              *core::parse_endpoint("192.0.2.9:40021"));
  pi.greet(1);
  pi.receive("AUTH TLS\r\n", false, 2);
  while (const auto action = pi.next_action(3)) {
    if (std::holds_alternative<core::action::BeginTls>(*action)) break;
    pi.on_outcome({}, 3);
  }
  pi.output().clear();
  pi.receive("NOOP\r\nNO", false, 4);
  CHECK_FALSE(pi.next_action(5));
  pi.on_outcome({}, 6);
  CHECK_FALSE(pi.next_action(7));
  pi.receive("NOOP\r\n", false, 8);
  CHECK_FALSE(pi.next_action(9));
  CHECK(pi.output() == "200 Command okay.\r\n");
}

TEST_CASE("FEAT shows AUTH TLS, PBSZ and PROT where there is TLS, and nowhere else", "[pi][tls][TL-25]") {
  const bool offered = GENERATE(true, false);
  PiWorld world(offered ? secure_config() : tests::world_config());
  CHECK(world.talk("FEAT") == "211");
  int found = 0;
  for (const std::string& line : world.last().lines)
    found += line == " AUTH TLS" || line == " PBSZ" || line == " PROT" ? 1 : 0;
  CHECK(found == (offered ? 3 : 0));
  CHECK(world.talk("HELP PROT") == (offered ? "214" : "502"));
  CHECK(world.text() == (offered ? "Syntax: PROT C | P" : "PROT is not implemented."));
}

// ---- PBSZ, PROT ----

TEST_CASE("PBSZ wants AUTH before it, and PROT wants PBSZ", "[pi][tls][TL-07][RC-22]") {
  PiWorld world(secure_config());
  CHECK(world.talk("PBSZ 0") == "503");
  CHECK(world.talk("PROT P") == "503");
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("PROT P") == "503");
  CHECK(world.talk("PBSZ 0") == "200");
  CHECK(world.talk("PROT P") == "200");
}

TEST_CASE("PBSZ takes any number of 32 bits, and says that it is 0", "[pi][tls][TL-08]") {
  Secured world;
  for (const std::string_view size : {"0", "1", "16384", "4294967295"}) {
    CHECK(world.talk("PBSZ " + std::string(size)) == "200");
    CHECK(world.text() == "PBSZ=0");
  }
  for (const std::string_view size : {"4294967296", "-1", "x", "0x", "99999999999999999999"})
    CHECK(world.talk("PBSZ " + std::string(size)) == "501");
}

TEST_CASE("data starts clear, and PROT rules what is opened behind it", "[pi][tls][TL-09]") {
  Secured world;
  world.log_in();
  world.talk("TYPE I");
  world.actions();
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt");
  world.talk("PBSZ 0");
  CHECK(world.talk("PROT P") == "200");
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions().front() == "StartTransfer retrieve /readme.txt secured");
  CHECK(world.talk("LIST") == "150 226");
  CHECK(world.actions().front().ends_with(" secured"));
  CHECK(world.talk("prot c") == "200");
  CHECK(world.talk("STOR new") == "150 226");
  CHECK(world.actions().front() == "StartTransfer store /new");
}

TEST_CASE("PROT S and E get 536, other letters 504, what policy bars 534", "[pi][tls][TL-10]") {
  Secured world(with<&core::Config::Tls::require>("data"));
  world.talk("PBSZ 0");
  CHECK(world.talk("PROT S") == "536");
  CHECK(world.talk("PROT E") == "536");
  for (const std::string_view level : {"X", "PP", "P C", "1"}) CHECK(world.talk("PROT " + std::string(level)) == "504");
  CHECK(world.talk("PROT C") == "534");
  CHECK(world.talk("PROT P") == "200");
}

TEST_CASE("PROT may stand between PASV and the transfer", "[pi][tls][TL-11]") {
  Secured world;
  world.log_in();
  CHECK(world.talk("PASV") == "227");
  CHECK(world.talk("PBSZ 0") == "200");
  CHECK(world.talk("PROT P") == "200");
  world.actions();
  CHECK(world.talk("LIST") == "150 226");
  CHECK(world.actions() == std::vector<std::string>{"StartTransfer list / list secured", "Proceed"});
}

TEST_CASE("the level is looked at by the transfer command, which gets 521 and no 1yz",
          "[pi][tls][TL-12][TL-28][RC-23]") {
  Secured world(with<&core::Config::Tls::require>("data"));
  world.log_in();
  CHECK(world.talk("PASV") == "227");
  world.actions();
  for (const std::string_view line : {"RETR readme.txt", "STOR x", "STOU", "APPE x", "LIST", "NLST", "MLSD"})
    CHECK(world.talk(line) == "521");
  CHECK(world.actions().empty());
  CHECK(world.talk("PBSZ 0") == "200");
  CHECK(world.talk("PROT P") == "200");
  CHECK(world.talk("RETR readme.txt") == "150 226");
}

TEST_CASE("a data handshake that fails gets 522 behind the 150", "[pi][tls][TL-13][TL-17]") {
  Private world;
  world.transfers_wait();
  CHECK(world.talk("RETR readme.txt") == "150");
  CHECK(world.end_transfer({.cause = Cause::not_secured, .error = EPROTO}) == "522");
  CHECK(world.talk("STOR x") == "150");
  CHECK(world.end_transfer({.cause = Cause::not_resumed, .error = EACCES}) == "522");
  CHECK(world.text().find("resume") != std::string_view::npos);
}

TEST_CASE("whether data connections must resume is the user's matter, and else the configuration's",
          "[pi][tls][TL-17]") {
  core::Config config = secure_config();
  const auto [general, own, resumes] = GENERATE(table<bool, int, bool>(
      {{false, -1, false}, {true, -1, true}, {true, 0, false}, {false, 1, true}, {false, 0, false}}));
  config.tls.resumption_required = general;
  core::Account special = *config.accounts.find("demo");
  special.name = "special";
  if (own >= 0) special.resumption_required = own == 1;
  config.accounts.add(special);
  Secured world(config);
  world.talk("PBSZ 0");
  world.talk("PROT P");
  world.log_in("special");
  world.actions();
  CHECK(world.talk("LIST") == "150 226");
  CHECK((world.actions().front() == "StartTransfer list / list secured resumes") == resumes);
}

// ---- CCC ----

TEST_CASE("CCC that is not allowed gets 500, without TLS 533, too early 534", "[pi][tls][TL-21]") {
  Private barred;
  CHECK(barred.talk("CCC") == "500");
  core::Config config = with<&core::Config::Tls::ccc>(true);
  PiWorld clear(config);
  CHECK(clear.talk("CCC") == "533");
  config.tls.require = "control";
  Secured world(config);
  CHECK(world.talk("CCC x") == "501");
  CHECK(world.talk("CCC") == "534");
  CHECK(world.log_in() == "331 230");
  CHECK(world.talk("CCC") == "200");
}

TEST_CASE("CCC gets 200, then TLS ends, and what was agreed on for data stays", "[pi][tls][TL-22][TL-23]") {
  Private world(with<&core::Config::Tls::ccc>(true));
  CHECK(world.octets("CCC\r\nDELE readme.txt\r\n") == "200");
  CHECK(world.actions() == std::vector<std::string>{"EndTls"});
  CHECK(world.talk("PWD") == "257");
  CHECK(world.talk("PBSZ 0") == "503");
  CHECK(world.talk("PROT C") == "503");
  CHECK(world.talk("CCC") == "533");
  CHECK(world.talk("LIST") == "150 226");
  CHECK(world.actions().front().ends_with(" secured"));
}

TEST_CASE("behind CCC the connection can be secured anew", "[pi][tls][TL-22]") {
  Private world(with<&core::Config::Tls::ccc>(true));
  CHECK(world.talk("CCC") == "200");
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("PROT P") == "503");
  CHECK(world.talk("PBSZ 0") == "200");
}

// ---- REIN ----

TEST_CASE("REIN answers under TLS, then all is clear", "[pi][tls][TL-18][TL-24]") {
  Private world;
  CHECK(world.octets("REIN\r\nNOOP\r\n") == "220");
  CHECK(world.actions() == std::vector<std::string>{"DropData", "EndTls"});
  CHECK(world.talk("PBSZ 0") == "503");
  CHECK(world.log_in() == "331 230");
  world.actions();
  CHECK(world.talk("LIST") == "150 226");
  CHECK(world.actions().front() == "StartTransfer list / list");
  CHECK(world.talk("AUTH TLS") == "234");
}

TEST_CASE("REIN without TLS ends none", "[pi][tls]") {
  tests::LoggedIn world(secure_config());
  CHECK(world.talk("REIN") == "220");
  CHECK(world.actions() == std::vector<std::string>{"DropData"});
}

// ---- Policy ----

TEST_CASE("names and passwords in the clear are refused where TLS is required", "[pi][tls][TL-28]") {
  const std::string require = GENERATE("control", "data");
  PiWorld world(with<&core::Config::Tls::require>(require));
  for (const std::string_view line : {"USER demo", "PASS secret", "ACCT vault"}) CHECK(world.talk(line) == "534");
  CHECK(world.talk("FEAT") == "211");
  CHECK(world.actions().empty());
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.log_in() == "331 230");
  CHECK(world.talk("REIN") == "220");
  CHECK(world.talk("USER demo") == "534");
}

TEST_CASE("other mechanisms' commands are refused under TLS as well", "[pi][tls][TL-31]") {
  Private world;
  for (const std::string_view line : {"MIC x", "CONF x", "ENC x"}) CHECK(world.talk(line) == "502");
  CHECK(world.talk("ADAT x") == "503");
}

// ---- Client certificates ----

TEST_CASE("a certificate that names the user stands for the password, and USER is needed still", "[pi][tls][TL-27]") {
  PiWorld world(secure_config());
  world.client_names = {"somebody@example.org", "Jo Holder"};
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("PWD") == "530");
  CHECK(world.talk("USER holder") == "232");
  CHECK(world.talk("PASS whatever") == "202");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.log_in("demo", "wrong") == "331 ");
  CHECK(world.wait(5000) == "530");
  CHECK(world.log_in("demo") == "331 230");
}

TEST_CASE("a certificate of another name asks for the password", "[pi][tls][TL-27]") {
  PiWorld world(secure_config());
  world.client_names = {"jo holder", "holder", ""};
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.log_in("holder") == "331 230");
  CHECK(world.talk("REIN") == "220");
  world.client_names = {"Jo Holder"};
  CHECK(world.talk("USER holder") == "331");  // in the clear nobody has shown any
}
