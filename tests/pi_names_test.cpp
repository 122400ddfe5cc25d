// HOST and LANG on the PI alone, for which certificates are names and TLS is an action that succeeds.
// RFC 7151, RFC 2640 4.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using core::Config;
using core::HostState;
using core::Language;
using tests::LoggedIn;
using tests::PiWorld;

constexpr std::int64_t delay_ms = 5000;

core::Account user(std::string_view name, std::string_view password) {
  return {.name = std::string(name),
          .password_hash = "hash of " + std::string(password),
          .account = {},
          .root = "files",
          .rights = {core::Right::list, core::Right::read}};
}

Config::Host host(std::vector<std::string> names, std::string_view title, HostState state = HostState::up) {
  return {.names = std::move(names),
          .title = std::string(title),
          .greeting = "welcomes you",
          .language = Language::en,
          .state = state,
          .accounts = {},
          .certificate = {},
          .key = {},
          .ocsp_response = {}};
}

/// Besides the hosts: the world's own users, also by HOST ftp.example.org. "filer" is a user of files.example.org
/// alone, and "demo" has another password there.
Config hosts_config() {
  Config config = tests::secure_world_config();
  config.server.hosts = {"ftp.example.org"};
  Config::Host files = host({"files.example.org", "xn--mller-kva.example"}, "Files");
  files.accounts.add(user("filer", "paper"));
  files.accounts.add(user("demo", "other"));
  Config::Host german = host({"daten.example.org"}, "Daten");
  german.language = Language::de;
  german.accounts.add(user("leser", "papier"));
  config.hosts = {files, german, host({"down.example.org"}, "Down", HostState::down),
                  host({"off.example.org"}, "Off", HostState::disabled)};
  return config;
}

/// Logs in, or not, waiting for a refusal.
std::string log_in(PiWorld& world, std::string_view name, std::string_view password) {
  const std::string codes = world.log_in(name, password);
  return codes + world.wait(delay_ms);
}

bool has_line(const PiWorld& world, std::string_view line) {
  return std::ranges::find(world.last().lines, line) != world.last().lines.end();
}

/// One whose control connection is under TLS, for which the client asked for a host.
struct Secured : PiWorld {
  explicit Secured(std::string_view name) : PiWorld(hosts_config()) {
    server_name = name;
    REQUIRE(talk("AUTH TLS") == "234");
    actions();
  }
};

}  // namespace

// ---- HOST ----

TEST_CASE("HOST selects a host with a greeting and users of its own", "[pi][names][LA-06][RC-25]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(world.text() == "Files welcomes you");
  CHECK(log_in(world, "filer", "paper") == "331 230");
  CHECK(world.actions().back() == "EnterRoot filer");
  CHECK(world.talk("STAT") == "211");
  CHECK(world.last().lines.front() == "211-Files status");
}

TEST_CASE("users of one host are nobody at another", "[pi][names][LA-06]") {
  const auto [line, name, password, codes] = GENERATE(table<std::string, std::string, std::string, std::string>({
      {"NOOP", "demo", "secret", "331 230"},
      {"NOOP", "demo", "other", "331 530"},
      {"NOOP", "filer", "paper", "331 530"},
      {"HOST files.example.org", "demo", "other", "331 230"},
      {"HOST files.example.org", "demo", "secret", "331 530"},
      {"HOST files.example.org", "guest", "", "331 530"},
      {"HOST files.example.org", "anonymous", "me@", "331 530"},
      {"HOST daten.example.org", "filer", "paper", "331 530"},
      {"HOST daten.example.org", "leser", "papier", "331 230"},
      {"HOST ftp.example.org", "demo", "secret", "331 230"},
      {"HOST ftp.example.org", "filer", "paper", "331 530"},
  }));
  CAPTURE(line, name, password);
  PiWorld world(hosts_config());
  world.talk(line);
  const std::string shown = log_in(world, name, password);
  CHECK(shown.substr(0, 3) == codes.substr(0, 3));
  CHECK(shown.ends_with(codes.substr(4)));
}

TEST_CASE("the last HOST counts, and those before leave no trace", "[pi][names][LA-06]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST daten.example.org") == "220");
  CHECK(world.talk("LANG EN") == "200");
  CHECK(world.talk("USER leser") == "331");
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(world.text() == "Files welcomes you");
  CHECK(world.talk("PASS papier") == "503");  // the user of before is forgotten
  CHECK(log_in(world, "leser", "papier").ends_with("530"));
  CHECK(log_in(world, "filer", "paper") == "331 230");
}

TEST_CASE("HOST forgets who has not said all yet", "[pi][names][LA-06]") {
  PiWorld world(hosts_config());
  CHECK(log_in(world, "keeper", "secret") == "331 332");
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(world.talk("ACCT vault") == "503");
}

TEST_CASE("trying at another host does not make the failures of before fewer", "[pi][names][LA-06]") {
  PiWorld world(hosts_config());
  for (const std::string_view name : {"files.example.org", "ftp.example.org"}) {
    CHECK(world.talk("HOST " + std::string(name)) == "220");
    CHECK(log_in(world, "demo", "wrong").ends_with("530"));
  }
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(log_in(world, "demo", "wrong").ends_with("421"));
}

TEST_CASE("HOST behind the login gets 503 and changes nothing", "[pi][names][LA-07][RC-25]") {
  LoggedIn world(hosts_config());
  for (const std::string_view line : {"HOST files.example.org", "HOST ftp.example.org", "HOST nobody", "HOST :::"})
    CHECK(world.talk(line) == "503");
  CHECK(world.talk("PWD") == "257");
  CHECK(world.talk("REIN") == "220");
  CHECK(world.talk("HOST files.example.org") == "220");
}

TEST_CASE("HOST with a port or bad syntax gets 501", "[pi][names][LA-08][RC-25]") {
  PiWorld world(hosts_config());
  for (const std::string_view argument :
       {"", "192.0.2.1:21", "[2001:db8::1]:21", "2001:db8::1", "files.example.org:21", "files example org",
        "files.example.org ", "files.example.org.", "m\xc3\xbcller.example"}) {
    CAPTURE(argument);
    CHECK(world.talk("HOST " + std::string(argument)) == "501");
  }
  CHECK(world.talk("HOST") == "501");
  CHECK(log_in(world, "demo", "secret") == "331 230");
}

TEST_CASE("HOST takes the server's own address and no other", "[pi][names][LA-09]") {
  Config config = hosts_config();
  config.data.passive_address = core::parse_address("203.0.113.7");
  PiWorld world(config);
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(world.talk("HOST 192.0.2.1") == "220");
  CHECK(world.text() == "Millrace FTP server ready");
  CHECK(world.talk("HOST [::ffff:192.0.2.1]") == "220");
  CHECK(world.talk("HOST 203.0.113.7") == "220");  // what clients call it on the other side of a translation
  for (const std::string_view other : {"192.0.2.2", "127.0.0.1", "[::1]", "[2001:db8::1]"})
    CHECK(world.talk("HOST " + std::string(other)) == "504");
  PiWorld six(hosts_config(), "[2001:db8::1]:21", "[2001:db8::9]:40021");
  CHECK(six.talk("HOST [2001:0DB8:0:0::1]") == "220");
  CHECK(six.talk("HOST [2001:db8::2]") == "504");
  CHECK(six.talk("HOST 192.0.2.1") == "504");
}

TEST_CASE("an unknown or disabled host gets 504, and all is as before", "[pi][names][LA-10][RC-25]") {
  const std::string unknown = GENERATE("nobody.example.org", "off.example.org", "example.org", "org");
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST files.example.org") == "220");
  CHECK(world.talk("LANG DE") == "200");
  CHECK(world.talk("HOST " + unknown) == "504");
  CHECK(world.text() == "Diesen Host gibt es hier nicht.");
  CHECK(log_in(world, "filer", "paper") == "331 230");
}

TEST_CASE("a server without hosts is meant whatever it is called", "[pi][names][LA-06][LA-09]") {
  PiWorld world(tests::secure_world_config());
  for (const std::string_view name : {"ftp.example.org", "Localhost", "xn--mller-kva.example", "192.0.2.1"}) {
    CHECK(world.talk("HOST " + std::string(name)) == "220");
    CHECK(world.text() == "Millrace FTP server ready");
  }
  CHECK(world.talk("HOST 192.0.2.2") == "504");
  CHECK(world.talk("HOST ftp.example.org:21") == "501");
  CHECK(log_in(world, "demo", "secret") == "331 230");
  PiWorld secured(tests::secure_world_config());
  secured.server_name = "ftp.example.org";
  CHECK(secured.talk("AUTH TLS") == "234");
  CHECK(secured.talk("HOST other.example.org") == "504");
  CHECK(secured.talk("HOST ftp.example.org") == "220");
  CHECK(log_in(secured, "demo", "secret") == "331 230");
}

TEST_CASE("a host that is down for a while gets 421 and the end", "[pi][names][LA-10][RC-25]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST down.example.org") == "421");
  CHECK(world.pi().closing());
}

TEST_CASE("HOST has to name the host that the handshake was for", "[pi][names][LA-11]") {
  Secured world("Files.Example.Org");
  for (const std::string_view other : {"daten.example.org", "ftp.example.org", "192.0.2.1", "xn--mller-kva.example"})
    CHECK(world.talk("HOST " + std::string(other)) == "504");
  CHECK(world.talk("HOST fileS.example.orG") == "220");
  CHECK(world.talk("HOST daten.example.org") == "504");
  CHECK(log_in(world, "filer", "paper") == "331 230");
}

TEST_CASE("the name in the handshake selects the host for clients without HOST", "[pi][names][LA-11][LA-13]") {
  Secured world("files.example.org");
  CHECK(log_in(world, "filer", "paper") == "331 230");
  for (const std::string_view other : {"ftp.example.org", "nobody.example.org", "off.example.org"}) {
    Secured nowhere(other);
    CHECK(log_in(nowhere, "demo", "secret") == "331 230");
  }
}

TEST_CASE("a handshake for another host than HOST named ends the session", "[pi][names][LA-11]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST files.example.org") == "220");
  world.server_name = "daten.example.org";
  CHECK(world.talk("AUTH TLS") == "234 421");
  CHECK(world.pi().closing());
}

TEST_CASE("a handshake for a host that is down ends the session as HOST would", "[pi][names][LA-10][LA-11]") {
  PiWorld world(hosts_config());
  world.server_name = "Down.example.org";
  CHECK(world.talk("AUTH TLS") == "234 421");
  CHECK(world.pi().closing());
  core::Pi implicit(std::make_shared<const Config>(hosts_config()), *core::parse_endpoint("192.0.2.1:990"),
                    *core::parse_endpoint("192.0.2.9:40021"));
  implicit.greet_secured({}, "down.example.org", 1);
  CHECK(implicit.output() == "421 That host is not available now; try again later.\r\n");
  CHECK(implicit.closing());
}

TEST_CASE("HOST before AUTH TLS says whose certificate is shown", "[pi][names][LA-12]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST Files.Example.org") == "220");
  world.server_name = GENERATE("", "files.example.org");
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.actions() == std::vector<std::string>{"PrepareTls files.example.org", "DropData", "BeginTls"});
  CHECK(log_in(world, "filer", "paper") == "331 230");
}

TEST_CASE("USER without HOST is as ever", "[pi][names][LA-13]") {
  PiWorld world(hosts_config());
  CHECK(log_in(world, "demo", "secret") == "331 230");
}

TEST_CASE("host names have no case, and A-labels are names", "[pi][names][LA-14]") {
  for (const std::string_view line :
       {"host files.example.org", "HOST FILES.EXAMPLE.ORG", "Host XN--MLLER-KVA.example"}) {
    PiWorld world(hosts_config());
    CHECK(world.talk(line) == "220");
    CHECK(world.text() == "Files welcomes you");
  }
}

TEST_CASE("FEAT shows HOST and LANG", "[pi][names][LA-14][LA-04][FE-03]") {
  PiWorld world;
  CHECK(world.talk("FEAT") == "211");
  CHECK(has_line(world, " HOST"));
  CHECK(has_line(world, " LANG EN*;DE"));
}

TEST_CASE("REIN undoes HOST", "[pi][names][LG-13]") {
  PiWorld world(hosts_config());
  CHECK(world.talk("HOST daten.example.org") == "220");
  CHECK(log_in(world, "leser", "papier") == "331 230");
  CHECK(world.talk("REIN") == "220");
  CHECK(world.text() == "Service ready for new user.");
  CHECK(log_in(world, "leser", "papier").ends_with("530"));
  CHECK(log_in(world, "demo", "secret") == "331 230");
}

TEST_CASE("REIN under TLS undoes the name in the handshake too", "[pi][names][LG-13]") {
  Secured world("files.example.org");
  CHECK(world.talk("REIN") == "220");
  CHECK(world.talk("HOST daten.example.org") == "220");
}

TEST_CASE("with TLS from the first octet on the greeting is the host's, and REIN returns to it", "[pi][names][LG-13]") {
  core::Pi pi(std::make_shared<const Config>(hosts_config()), *core::parse_endpoint("192.0.2.1:990"),
              *core::parse_endpoint("192.0.2.9:40021"));
  pi.greet_secured({}, "files.example.org", 1);
  CHECK(pi.output() == "220 Files welcomes you\r\n");
  pi.output().clear();
  pi.receive("REIN\r\n", false, 2);
  while (pi.next_action(2)) pi.on_outcome({}, 2);
  pi.output().clear();
  pi.receive("HOST daten.example.org\r\nHOST files.example.org\r\n", false, 3);
  CHECK_FALSE(pi.next_action(3));
  CHECK(pi.output() == "504 The TLS handshake was for another host.\r\n220 Files welcomes you\r\n");
}

TEST_CASE("behind CCC the name in the handshake still counts, behind the next handshake the next one",
          "[pi][names][LA-11]") {
  Config config = hosts_config();
  config.tls.ccc = true;
  PiWorld world(config);
  world.server_name = "files.example.org";
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("CCC") == "200");
  CHECK(world.talk("HOST daten.example.org") == "504");
  world.server_name = "daten.example.org";
  CHECK(world.talk("AUTH TLS") == "234");
  CHECK(world.talk("HOST daten.example.org") == "220");
  CHECK(log_in(world, "leser", "papier") == "331 230");
}

// ---- LANG ----

TEST_CASE("LANG chooses the language of what follows, its own reply included", "[pi][names][LA-01][RC-25]") {
  PiWorld world;
  CHECK(world.talk("LANG DE") == "200");
  CHECK(world.text() == "Die Antworten sind ab jetzt deutsch.");
  CHECK(world.talk("NOOP") == "200");
  CHECK(world.text() == "Befehl ausgeführt.");
  CHECK(world.talk("LANG EN") == "200");
  CHECK(world.text() == "Replies are in English from now on.");
  CHECK(world.talk("NOOP") == "200");
  CHECK(world.text() == "Command okay.");
}

TEST_CASE("texts with arguments are translated with them", "[pi][names][LA-01]") {
  LoggedIn world;
  world.talk("LANG DE");
  world.talk("CWD pub");
  CHECK(world.text() == "Das Verzeichnis ist jetzt \"/pub\".");
  world.talk("EPSV");
  CHECK(world.text().starts_with("Erweiterter Passivmodus (|||50"));
  world.talk("TYPE L 65");
  CHECK(world.text() == "Bytes haben hier 1 bis 64 Bits.");
  world.talk("RETR nowhere");
  CHECK(world.text() == "Diese Datei oder dieses Verzeichnis gibt es nicht.");
  world.talk("PWD x");
  CHECK(world.text() == "PWD hat kein Argument.");
  world.talk("STAT");
  CHECK(has_line(world, " Angemeldet als demo"));
}

TEST_CASE("codes are the same in all languages, and the words are not", "[pi][names][LA-01]") {
  const std::vector<std::string> lines = {"PASS x",
                                          "USER demo",
                                          "PASS secret",
                                          "XYZZY",
                                          "CWD pub",
                                          "CWD nowhere",
                                          "CDUP",
                                          "PORT 1",
                                          "PORT 192,0,2,9,10,10",
                                          "PORT 192,0,2,8,10,10",
                                          "PASV",
                                          "EPSV",
                                          "EPRT x",
                                          "EPRT |3|x|1|",
                                          "TYPE X",
                                          "TYPE I",
                                          "STRU X",
                                          "STRU R",
                                          "STRU F",
                                          "MODE X",
                                          "MODE S",
                                          "RETR nowhere",
                                          "RETR pub",
                                          "RETR readme.txt",
                                          "STOR new",
                                          "STOU",
                                          "APPE new",
                                          "ALLO x",
                                          "ALLO 5",
                                          "REST x",
                                          "REST 3",
                                          "RNFR new",
                                          "RNTO newer",
                                          "RNTO newest",
                                          "ABOR",
                                          "DELE newer",
                                          "RMD pub",
                                          "MKD made",
                                          "MKD made",
                                          "PWD",
                                          "LIST",
                                          "MLSD",
                                          "NLST",
                                          "SITE HELP",
                                          "SITE X",
                                          "STAT",
                                          "STAT pub",
                                          "HELP",
                                          "HELP XYZZY",
                                          "NOOP",
                                          "FEAT",
                                          "OPTS UTF8 ON",
                                          "OPTS X",
                                          "SIZE pub",
                                          "MLST pub",
                                          "LANG x1",
                                          "LANG fr",
                                          "HOST x",
                                          "AUTH X",
                                          "PBSZ 0",
                                          "PROT P",
                                          "CCC",
                                          "ACCT x",
                                          "SMNT x",
                                          "LPRT 1",
                                          "REIN x",
                                          "QUIT"};
  PiWorld english(tests::secure_world_config()), german(tests::secure_world_config());
  german.talk("LANG DE");
  for (const std::string& line : lines) {
    CAPTURE(line);
    CHECK(german.talk(line) == english.talk(line));
    if (line != "FEAT") CHECK(german.text() != english.text());  // 211 End: RFC 2389 3.2
  }
}

TEST_CASE("what clients read by its form is in no language", "[pi][names][LA-01]") {
  LoggedIn english, german;
  german.talk("LANG DE");
  for (const std::string_view line : {"SYST", "MDTM readme.txt", "SIZE readme.txt", "OPTS MLST type;", "STOU"}) {
    english.talk(line), german.talk(line);
    const auto first = [](PiWorld& world) { return world.replies().front().lines; };
    english.replies(), german.replies();
    english.talk(line), german.talk(line);
    CHECK(first(english) == first(german));
  }
  for (PiWorld* const world : {static_cast<PiWorld*>(&english), static_cast<PiWorld*>(&german)}) {
    world->talk("TYPE I");
    world->replies();
    CHECK(world->talk("RETR readme.txt") == "150 226");
    CHECK(world->replies().front().text().ends_with(" (12 bytes)."));  // as curl looks for it
  }
}

TEST_CASE("LANG: 501 for what is no tag, 504 for a language that is not there", "[pi][names][LA-02][RC-25]") {
  PiWorld world;
  world.talk("LANG DE");
  for (const std::string_view tag : {"d3", "de_AT", "de-", "abcdefghi", "de at", " de"})
    CHECK(world.talk("LANG " + std::string(tag)) == "501");
  for (const std::string_view tag : {"fr", "FR-ca", "deu", "i-klingon"})
    CHECK(world.talk("LANG " + std::string(tag)) == "504");
  CHECK(world.text().starts_with("Diese Sprache"));  // what was chosen holds
  for (const std::string_view tag : {"en", "EN", "eN-gb"}) {
    CHECK(world.talk("LANG " + std::string(tag)) == "200");
    CHECK(world.text() == "Replies are in English from now on.");
  }
  CHECK(world.talk("lang de-AT") == "200");
  CHECK(world.text() == "Die Antworten sind ab jetzt deutsch.");
}

TEST_CASE("LANG alone returns to the default language", "[pi][names][LA-03]") {
  const auto [preset, text] = GENERATE(table<Language, std::string>(
      {{Language::en, "Replies are in English from now on."}, {Language::de, "Die Antworten sind ab jetzt deutsch."}}));
  Config config = tests::world_config();
  config.server.language = preset;
  PiWorld world(config);
  for (const std::string_view line : {"LANG EN", "LANG DE", "LANG ", "LANG"}) CHECK(world.talk(line) == "200");
  CHECK(world.text() == text);
}

TEST_CASE("English is the default", "[pi][names][LA-03]") {
  CHECK(Config().server.language == Language::en);
  PiWorld world;
  world.talk("NOOP");
  CHECK(world.text() == "Command okay.");
}

TEST_CASE("FEAT marks the current language", "[pi][names][LA-04]") {
  PiWorld world;
  world.talk("LANG DE");
  CHECK(world.talk("FEAT") == "211");
  CHECK(world.last().lines.front() == "211-Erweiterungen:");
  CHECK(has_line(world, " LANG EN;DE*"));
  CHECK(world.last().lines.back() == "211 End");
}

TEST_CASE("HOST and REIN undo LANG", "[pi][names][LA-05][LG-13]") {
  const std::string line = GENERATE("HOST ftp.example.org", "HOST files.example.org", "HOST 192.0.2.1", "REIN");
  PiWorld world(hosts_config());
  world.talk("LANG DE");
  CHECK(world.talk(line) == "220");
  world.talk("NOOP");
  CHECK(world.text() == "Command okay.");
}

TEST_CASE("a host has a default language of its own", "[pi][names][LA-03][LA-05]") {
  PiWorld world(hosts_config());
  world.talk("HOST daten.example.org");
  world.talk("NOOP");
  CHECK(world.text() == "Befehl ausgeführt.");
  world.talk("LANG EN");
  world.talk("LANG");
  CHECK(world.text() == "Die Antworten sind ab jetzt deutsch.");
  world.talk("HOST files.example.org");
  world.talk("NOOP");
  CHECK(world.text() == "Command okay.");
}

TEST_CASE("LANG outlives a login, AUTH and a new USER", "[pi][names][LA-01]") {
  PiWorld world(tests::secure_world_config());
  world.talk("LANG DE");
  for (const std::string_view line : {"AUTH TLS", "USER demo", "PASS secret", "USER guest"}) world.talk(line);
  world.talk("NOOP");
  CHECK(world.text() == "Befehl ausgeführt.");
}

TEST_CASE("a transfer ends in the language that is chosen then", "[pi][names][LA-01]") {
  LoggedIn world;
  world.talk("LANG DE");
  world.transfers_wait();
  CHECK(world.talk("RETR readme.txt") == "150");
  CHECK(world.text().starts_with("Datenverbindung wird geöffnet für readme.txt"));
  CHECK(world.end_transfer() == "226");
  CHECK(world.text() == "Übertragung vollständig.");
}
