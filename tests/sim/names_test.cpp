// HOST and LANG whole: the server on the simulated kernel, in the clear and with certificates, through reloads, lost
// directories and draining. RFC 7151, RFC 2640 4.
#include <openssl/ssl.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

namespace {

using core::Config;
using sim::SecureSite;
using sim::TlsPeer;
using sim::Visitor;
using tests::Authority;

core::Account reader(std::string_view name, std::string_view root, std::string_view place) {
  return {.name = std::string(name),
          .password_hash = {},
          .account = {},
          .root = std::string(root),
          .rights = {core::Right::list, core::Right::read},
          .place = std::string(place)};
}

Config::Host host(std::string_view name, std::string_view title, std::string_view root) {
  Config::Host made{.names = {std::string(name)},
                    .title = std::string(title),
                    .greeting = "welcomes you",
                    .language = core::Language::en,
                    .state = core::HostState::up,
                    .accounts = {},
                    .certificate = {},
                    .key = {},
                    .ocsp_response = {}};
  made.accounts.add(reader("demo", root, "host[0].user[0]"));
  return made;
}

/// With files.example.org, which has files and a certificate of its own, and data.example.net, whose certificate is one
/// of [[certificate]]. "demo" sees another directory at each.
void add_hosts(Config& config, Authority& authority) {
  config.server.hosts = {"ftp.example.org"};
  Config::Host files = host("files.example.org", "Files", "/files");
  const tests::Issued own = authority.issue("files.example.org", "DNS:files.example.org");
  files.certificate = own.certificate;
  files.key = own.key;
  const tests::Issued wild = authority.issue("wild", "DNS:*.example.net");
  config.tls.more.push_back({.certificate = wild.certificate, .key = wild.key, .ocsp_response = {}});
  config.hosts = {files, host("data.example.net", "Data", "/srv")};
}

struct HostSite {
  SecureSite site;

  explicit HostSite(std::uint64_t seed = 1, const std::function<void(Config&, Authority&)>& adjust = {})
      : site(seed, [&](Config& config, Authority& authority) {
          site.world.files().make_directory("/files");
          site.world.files().make_file("/files/which", "files");
          site.world.files().make_file("/srv/which", "main");
          add_hosts(config, authority);
          if (adjust) adjust(config, authority);
        }) {}
};

/// The content of "which", in the clear.
std::string which(Visitor& visitor) {
  sim::SimConnection data = visitor.open_data();
  const std::string code = visitor.talk("RETR which");
  if (code != "150" && code != "125") return code;
  CHECK(visitor.reply() == "226");
  std::string got;
  CHECK(visitor.wait([&] {
    got += data.read();
    return data.ended();
  }));
  return got;
}

}  // namespace

// ---- In the clear ----

TEST_CASE("HOST leads to files of its own", "[sim][names][LA-06][LA-13][LA-14]") {
  HostSite on;
  const auto [line, shown] = GENERATE(table<std::string, std::string>({{"NOOP", "main"},
                                                                       {"HOST ftp.example.org", "main"},
                                                                       {"HOST 10.0.0.1", "main"},
                                                                       {"HOST FILES.example.org", "files"},
                                                                       {"HOST data.example.net", "main"}}));
  CAPTURE(line);
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.text() == "220 Millrace FTP server ready");
  CHECK(visitor.talk(line) == (line == "NOOP" ? "200" : "220"));
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(which(visitor) == shown);
  CHECK(visitor.talk("HOST files.example.org") == "503");
}

TEST_CASE("behind REIN another host may be named", "[sim][names][LG-13][LA-05]") {
  HostSite on;
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST files.example.org") == "220");
  CHECK(visitor.text() == "220 Files welcomes you");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(which(visitor) == "files");
  CHECK(visitor.talk("LANG DE") == "200");
  CHECK(visitor.talk("REIN") == "220");
  CHECK(visitor.text() == "220 Service ready for new user.");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(which(visitor) == "main");
}

TEST_CASE("a host that is down is told so, and the connection ends", "[sim][names][LA-10]") {
  HostSite on(1, [](Config& config, Authority&) { config.hosts[0].state = core::HostState::down; });
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST files.example.org") == "421");
  CHECK(visitor.wait_for_end());
}

TEST_CASE("a host whose directory is missing refuses its users, and no reload", "[sim][names]") {
  HostSite on;
  Config fresh = on.site.config();
  fresh.hosts[0] = host("files.example.org", "Files", "/nowhere");
  REQUIRE_FALSE(on.site.reload(fresh));
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST files.example.org") == "220");
  CHECK(visitor.talk("USER demo") == "530");
  CHECK(visitor.talk("HOST ftp.example.org") == "220");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(which(visitor) == "main");
}

TEST_CASE("a reload leaves running sessions the hosts that they had", "[sim][names]") {
  HostSite on;
  Visitor before(on.site);
  CHECK(before.reply() == "220");
  Config fresh = on.site.config();
  fresh.hosts = {host("new.example.org", "New", "/srv")};
  REQUIRE_FALSE(on.site.reload(fresh));
  Visitor behind(on.site);
  CHECK(behind.reply() == "220");
  CHECK(behind.talk("HOST files.example.org") == "504");
  CHECK(behind.talk("HOST new.example.org") == "220");
  CHECK(before.talk("HOST new.example.org") == "504");
  CHECK(before.talk("HOST files.example.org") == "220");
  CHECK(before.talk("USER demo") == "230");
  CHECK(which(before) == "files");
}

TEST_CASE("a reload leaves running sessions the TLS that they had", "[sim][names][tls]") {
  HostSite on;
  const TlsPeer peer;
  Visitor before(on.site);
  CHECK(before.reply() == "220");
  Config fresh = on.site.config();
  if (GENERATE(true, false)) {
    fresh.tls = {};
  } else {
    fresh.tls.certificate = fresh.tls.more.front().certificate;
    fresh.tls.key = fresh.tls.more.front().key;
  }
  REQUIRE_FALSE(on.site.reload(fresh));
  REQUIRE(before.secure(peer));  // as FEAT says
  CHECK(before.tls()->server_common_name() == "ftp.example.org");
  before.log_in();
  CHECK(before.download("RETR which", peer) == "main");
  CHECK(before.reply() == "226");
  Visitor behind(on.site);
  CHECK(behind.reply() == "220");
  if (!fresh.tls.offered()) {
    CHECK(behind.talk("AUTH TLS") == "502");
  } else {
    REQUIRE(behind.secure(peer));
    CHECK(behind.tls()->server_common_name() == "wild");
  }
}

TEST_CASE("who comes too many is told so in the configured language", "[sim][names][LA-03]") {
  HostSite on(1, [](Config& config, Authority&) {
    config.server.language = core::Language::de;
    config.limits.sessions = 1;
  });
  Visitor first(on.site);
  CHECK(first.reply() == "220");
  Visitor second(on.site);
  CHECK(second.reply() == "421");
  CHECK(second.text() == "421 Zu viele Sitzungen; bitte später noch einmal.");
}

// ---- Under TLS ----

TEST_CASE("HOST before AUTH TLS selects the certificate, for data too", "[sim][names][tls][LA-12]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto [name, shown, content] =
      GENERATE(table<std::string, std::string, std::string>({{"files.example.org", "files.example.org", "files"},
                                                             {"data.example.net", "wild", "main"},
                                                             {"ftp.example.org", "ftp.example.org", "main"},
                                                             {"10.0.0.1", "ftp.example.org", "main"}}));
  const bool resumes = GENERATE(true, false);
  CAPTURE(version, name, resumes);
  HostSite on;
  const TlsPeer peer(version);
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST " + name) == "220");
  REQUIRE(visitor.secure(peer));
  CHECK(visitor.tls()->server_common_name() == shown);
  visitor.log_in();
  CHECK(visitor.download("RETR which", peer, resumes) == content);
  CHECK(visitor.reply() == "226");
}

TEST_CASE("the name in the handshake selects certificate and host, and HOST has to agree",
          "[sim][names][tls][LA-11][LA-13]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool says_host = GENERATE(true, false);
  CAPTURE(version, says_host);
  HostSite on;
  const TlsPeer peer(version);
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer, nullptr, "files.example.org"));
  CHECK(visitor.tls()->server_common_name() == "files.example.org");
  if (says_host) {
    CHECK(visitor.talk("HOST ftp.example.org") == "504");
    CHECK(visitor.talk("HOST 10.0.0.1") == "504");
    CHECK(visitor.talk("HOST Files.example.org") == "220");
  }
  visitor.log_in();
  CHECK(visitor.download("RETR which", peer) == "files");
  CHECK(visitor.reply() == "226");
}

TEST_CASE("HOST and a handshake for another host: 421 and the end", "[sim][names][tls][LA-11]") {
  HostSite on;
  const TlsPeer peer;
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST files.example.org") == "220");
  REQUIRE(visitor.secure(peer, nullptr, "data.example.net"));
  CHECK(visitor.reply() == "421");
  CHECK(visitor.wait_for_end());
}

TEST_CASE("HOST and a handshake for the same host agree", "[sim][names][tls][LA-11][LA-12]") {
  HostSite on;
  const TlsPeer peer;
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("HOST files.example.org") == "220");
  REQUIRE(visitor.secure(peer, nullptr, "FILES.example.org"));
  CHECK(visitor.tls()->server_common_name() == "files.example.org");
  visitor.log_in();
  CHECK(visitor.download("RETR which", peer) == "files");
  CHECK(visitor.reply() == "226");
}

TEST_CASE("a session that is resumed is of the host that is named now", "[sim][names][tls][LA-11]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  CAPTURE(version);
  HostSite on;
  const TlsPeer peer(version);
  Visitor first(on.site);
  CHECK(first.reply() == "220");
  REQUIRE(first.secure(peer, nullptr, "files.example.org"));
  first.log_in();
  Visitor again(on.site);
  CHECK(again.reply() == "220");
  REQUIRE(again.secure(peer, first.tls(), "files.example.org"));
  CHECK(again.tls()->resumed());
  CHECK(again.talk("HOST data.example.net") == "504");
  again.log_in();
  CHECK(again.download("RETR which", peer) == "files");
  CHECK(again.reply() == "226");
}

TEST_CASE("a session that is resumed for another host is of that one, and for none of none",
          "[sim][names][tls][LA-11]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool names_host = GENERATE(true, false);
  CAPTURE(version, names_host);
  HostSite on;
  const TlsPeer peer(version);
  Visitor first(on.site);
  CHECK(first.reply() == "220");
  REQUIRE(first.secure(peer, nullptr, "files.example.org"));
  first.log_in();
  Visitor again(on.site);
  CHECK(again.reply() == "220");
  REQUIRE(again.secure(peer, first.tls(), names_host ? "data.example.net" : nullptr));
  CHECK(again.tls()->resumed());
  if (names_host) {
    CHECK(again.talk("HOST files.example.org") == "504");
    CHECK(again.talk("HOST data.example.net") == "220");
  }
  again.log_in();
  CHECK(again.download("RETR which", peer) == "main");
  CHECK(again.reply() == "226");
}

TEST_CASE("with implicit TLS the greeting is the host's, and REIN stays with it", "[sim][names][tls][LG-13]") {
  HostSite on;
  const TlsPeer peer;
  Visitor visitor(on.site, sim::implicit_port);
  REQUIRE(visitor.shake_hands(peer, nullptr, "files.example.org"));
  CHECK(visitor.reply() == "220");
  CHECK(visitor.text() == "220 Files welcomes you");
  visitor.log_in();
  CHECK(visitor.talk("REIN") == "220");
  CHECK(visitor.talk("HOST data.example.net") == "504");
  visitor.log_in();
  CHECK(visitor.download("RETR which", peer) == "files");
  CHECK(visitor.reply() == "226");
}

TEST_CASE("a handshake for a host that is down gets 421 and the end", "[sim][names][tls][LA-10][LA-11]") {
  HostSite on(1, [](Config& config, Authority&) { config.hosts[0].state = core::HostState::down; });
  const TlsPeer peer;
  const bool implicit = GENERATE(true, false);
  Visitor visitor(on.site, implicit ? sim::implicit_port : sim::secure_port);
  if (implicit) {
    REQUIRE(visitor.shake_hands(peer, nullptr, "files.example.org"));
  } else {
    CHECK(visitor.reply() == "220");
    REQUIRE(visitor.secure(peer, nullptr, "files.example.org"));
  }
  CHECK(visitor.reply() == "421");
  CHECK(visitor.wait_for_end());
}

TEST_CASE("REIN forgets the host of the handshake with the handshake", "[sim][names][tls][LG-13]") {
  HostSite on;
  const TlsPeer peer;
  Visitor visitor(on.site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer, nullptr, "files.example.org"));
  CHECK(visitor.talk("REIN") == "220");
  CHECK(visitor.wait([&] { return visitor.tls()->ended(); }));
  visitor.tls()->end();
  visitor.clear();
  CHECK(visitor.talk("HOST data.example.net") == "220");
  REQUIRE(visitor.secure(peer));
  CHECK(visitor.tls()->server_common_name() == "wild");
}

TEST_CASE("mistakes in the files of a host are named", "[names][tls]") {
  Authority authority;
  const tests::Issued one = authority.issue("one"), two = authority.issue("two");
  const auto mistake = [&](const std::string& certificate, const std::string& key) {
    Config config;
    config.tls.certificate = one.certificate;
    config.tls.key = one.key;
    config.hosts = {host("a", "A", "/"), host("b", "B", "/")};
    config.hosts[1].certificate = certificate;
    config.hosts[1].key = key;
    const auto made = net::TlsContext::make(config, net::TicketKeys::random(), false);
    return made ? std::string() : made.error().front().key + ": " + made.error().front().what;
  };
  CHECK(mistake(two.certificate, two.key).empty());
  CHECK(mistake(two.certificate, one.key).starts_with("host[1].key: `"));
  CHECK(mistake("/nowhere", two.key) == "host[1].certificate: cannot read `/nowhere`: No such file or directory");
}

// ---- Misfortune ----

TEST_CASE("hosts keep apart whatever the kernel does", "[sim][names][tls][storm]") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    HostSite on(seed);
    on.site.world.set_faults(sim::Faults::swarm(on.site.world.random()));
    const TlsPeer peer;
    for (const std::string_view name : {"files.example.org", "ftp.example.org", "nobody.example.org"}) {
      Visitor visitor(on.site);
      if (visitor.reply() != "220") continue;
      const std::string code = visitor.talk("HOST " + std::string(name));
      if (code != "220") {
        CHECK((code.empty() || (code == "504" && name == "nobody.example.org")));
        continue;
      }
      CHECK(name != "nobody.example.org");
      if (!visitor.secure(peer)) continue;
      CHECK(visitor.tls()->server_common_name() == name);
      bool good = true;
      for (const std::string_view line : {"USER demo", "PBSZ 0", "PROT P", "TYPE I"})
        good = good && visitor.talk(line).starts_with('2');
      if (!good) continue;
      bool whole = false;
      const std::string got = visitor.download("RETR which", peer, true, &whole);
      if (whole) CHECK(got == (name == "files.example.org" ? "files" : "main"));
    }
  }
}
