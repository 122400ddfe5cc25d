// FTPS whole: the server on the simulated kernel, OpenSSL's client on the other side of simulated TCP, with and without
// misfortune. RFC 4217, RFC 8446.
#include <openssl/ssl.h>

#include <fstream>
#include <vector>

#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

namespace {

using core::Config;
using sim::SecureSite;
using sim::SimConnection;
using sim::TlsClient;
using sim::TlsPeer;
using sim::Visitor;
using tests::Authority;

std::string noise(std::size_t size) {
  std::string octets(size, '\0');
  std::uint64_t state = 88172645463325252U;
  for (char& octet : octets) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    octet = static_cast<char>(state);
  }
  return octets;
}

/// 1yz: the data connection is opened, or stands already.
bool begins(const std::string& code) { return code == "150" || code == "125"; }

}  // namespace

// ---- The control connection ----

TEST_CASE("AUTH TLS, a login, a listing, both ways of a file", "[sim][tls][TL-01][TL-09][TL-14][TL-19][TL-20][TL-26]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const std::size_t size = GENERATE(0u, 1u, 16384u, 300'000u);
  CAPTURE(version, size);
  SecureSite site;
  const std::string content = noise(size);
  site.world.files().make_file("/srv/file", content);
  const TlsPeer peer(version);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  CHECK(visitor.tls()->version() == version);
  visitor.log_in();
  bool whole = false;
  CHECK(visitor.download("RETR file", peer, true, &whole) == content);
  CHECK(whole);
  CHECK(visitor.reply() == "226");
  visitor.upload("STOR copy", content, peer);
  CHECK(visitor.reply() == "226");
  CHECK(site.world.files().content("/srv/copy") == content);
  const std::string names = visitor.download("NLST", peer);
  CHECK((names == "file\r\ncopy\r\n" || names == "copy\r\nfile\r\n"));
  CHECK(visitor.reply() == "226");
  CHECK(site.totals().tls_data == 3);
  CHECK(site.totals().tls_data_resumed == 3);
  CHECK(visitor.talk("QUIT") == "221");
  CHECK(visitor.wait([&] { return visitor.tls()->ended(); }));
}

TEST_CASE("a listener of implicit TLS greets behind the handshake", "[sim][tls]") {
  SecureSite site;
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer;
  Visitor visitor(site, sim::implicit_port);
  REQUIRE(visitor.shake_hands(peer));
  CHECK(visitor.reply() == "220");
  visitor.log_in();
  CHECK(visitor.download("RETR file", peer) == "whole");
  CHECK(visitor.reply() == "226");
  CHECK(visitor.talk("REIN") == "220");
  CHECK(visitor.talk("PROT P") == "503");
  CHECK(visitor.talk("QUIT") == "221");
}

TEST_CASE("who has not shaken hands yet is quiet since the connection came", "[sim][tls]") {
  SecureSite site(1, [](core::Config& config, tests::Authority&) {
    config.accounts.add({.name = "warden",
                         .password_hash = {},
                         .account = {},
                         .root = "/srv",
                         .rights = {core::Right::list, core::Right::admin}});
  });
  site.world.run_for(100 * io::second);
  Visitor warden(site), silent(site, sim::implicit_port);
  CHECK(warden.reply() == "220");
  CHECK(warden.talk("USER warden") == "230");
  site.world.run_for(3 * io::second);
  warden.send("SITE WHO\r\n");
  std::string sessions;
  const auto told = [&] {
    return (sessions += warden.control().read()).find("\r\n200 2 sessions") != std::string::npos;
  };
  CHECK(warden.wait(told));
  CHECK(sessions.find("quiet for 3 s") != std::string::npos);
  for (Visitor* visitor : {&warden, &silent}) visitor->control().close();
}

TEST_CASE("plain text sent with AUTH or ahead of the handshake is thrown away", "[sim][tls][TL-05]") {
  SecureSite site;
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  visitor.send("AUTH TLS\r\nUSER demo\r\nPWD\r\n");
  CHECK(visitor.reply() == "234");
  REQUIRE(visitor.shake_hands(peer));
  CHECK(visitor.talk("PWD") == "530");
  CHECK(visitor.talk("NOOP") == "200");
}

TEST_CASE("plain text in place of a handshake ends the connection", "[sim][tls][TL-05][TL-06]") {
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("AUTH TLS") == "234");
  visitor.send("USER demo\r\nPWD\r\n");
  CHECK(visitor.wait_for_end());
  CHECK(visitor.control().read().find("257") == std::string::npos);
  CHECK(site.totals().tls_failed == 1);
}

TEST_CASE("a hello of TLS 1.0 or 1.1 gets a protocol_version alert", "[sim][tls][TL-29][TL-06]") {
  const int version = GENERATE(TLS1_VERSION, TLS1_1_VERSION);
  SecureSite site;
  const TlsPeer peer(version);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK_FALSE(visitor.secure(peer));
  CHECK(visitor.tls()->reason() == "tlsv1 alert protocol version");
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
}

TEST_CASE("with min_version 1.3 a client of TLS 1.2 stays out", "[sim][tls]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.min_version = core::TlsVersion::v1_3; });
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK_FALSE(visitor.secure(TlsPeer(TLS1_2_VERSION)));
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
}

TEST_CASE("a client that stops half-way is ended by handshake_timeout_s", "[sim][tls]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.handshake_timeout_s = 5; });
  const std::uint16_t port = GENERATE(sim::secure_port, sim::implicit_port);
  Visitor visitor(site, port);
  if (port == sim::secure_port) {
    CHECK(visitor.reply() == "220");
    CHECK(visitor.talk("AUTH TLS") == "234");
  }
  visitor.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  const io::Time begun = site.world.timeline().now();
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
  const io::Time took = site.world.timeline().now() - begun;
  CHECK(took > 4 * io::second);
  CHECK(took < 6 * io::second);
}

TEST_CASE("a client that never begins its handshake is told so in plain text", "[sim][tls][TL-06]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.handshake_timeout_s = 5; });
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("AUTH TLS") == "234");
  const io::Time begun = site.world.timeline().now();
  CHECK(visitor.reply() == "421");
  CHECK(site.world.timeline().now() - begun > 4 * io::second);
  CHECK(visitor.wait_for_end());
  CHECK(site.totals().tls_failed == 1);
}

TEST_CASE("a client that reads no replies and asks for TLS is ended as well", "[sim][tls]") {
  SecureSite site(1, [](Config& config, Authority&) {
    config.tls.handshake_timeout_s = 5;
    config.server.greeting = std::string(60'000, 'x');
  });
  site.world.network().options.receive_capacity = 1000;
  site.world.network().options.send_capacity = 1000;
  Visitor visitor(site);
  visitor.send("AUTH TLS\r\n");
  CHECK(visitor.wait([&] { return site.sessions() == 1; }));
  const io::Time begun = site.world.timeline().now();
  CHECK(visitor.wait([&] { return site.sessions() == 0; }));
  CHECK(site.world.timeline().now() - begun < 7 * io::second);
}

TEST_CASE("a client that vanishes in its handshake leaves nothing behind", "[sim][tls]") {
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("AUTH TLS") == "234");
  const TlsPeer peer;
  const TlsClient hello(peer, visitor.control());
  visitor.control().vanish();
}

TEST_CASE("a thousand stuck handshakes are not noticed by a session beside them", "[sim][tls]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.handshake_timeout_s = 60; });
  site.world.files().make_file("/srv/file", noise(50'000));
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  std::vector<SimConnection> stuck;
  for (int i = 0; i < 1000; ++i) {
    stuck.push_back(
        site.world.peer("10.0.1." + std::to_string(i % 200)).connect(site.world.address(sim::implicit_port)));
    stuck.back().write(i % 2 == 0 ? "\x16\x03\x01" : "");
  }
  CHECK(visitor.wait([&] { return site.sessions() == 1001; }));
  CHECK(visitor.download("RETR file", peer) == noise(50'000));
  CHECK(visitor.reply() == "226");
  CHECK(visitor.wait([&] { return site.sessions() == 1; }));
  CHECK(visitor.talk("NOOP") == "200");
}

TEST_CASE("garbage under TLS ends the session", "[sim][tls]") {
  SecureSite site;
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.control().write("NOOP\r\nNOOP\r\nNOOP\r\n");
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
}

TEST_CASE("renegotiation is refused, and the session goes on", "[sim][tls]") {
  SecureSite site;
  const TlsPeer peer(TLS1_2_VERSION);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  SSL_renegotiate(visitor.tls()->ssl());
  SSL_do_handshake(visitor.tls()->ssl());
  visitor.tls()->turn();
  CHECK(visitor.wait([&] { return visitor.tls()->failed() || visitor.control().ended(); }));
  CHECK(visitor.tls()->reason() == "no renegotiation");
}

TEST_CASE("behind close_notify nothing more is read", "[sim][tls][TL-19]") {
  SecureSite site;
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.tls()->end();
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
}

// ---- CCC, REIN ----

TEST_CASE("behind CCC commands are plain, and data is not", "[sim][tls][TL-22][TL-23]") {
  const bool says_end = GENERATE(true, false);  // some clients send no close_notify of their own
  SecureSite site(1, [](Config& config, Authority&) { config.tls.ccc = true; });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  CHECK(visitor.talk("CCC") == "200");
  CHECK(visitor.wait([&] { return visitor.tls()->ended(); }));
  if (says_end) visitor.tls()->end();
  const TlsClient* const before = visitor.tls();
  SimConnection data = visitor.machine().connect(site.world.address(1));
  visitor.control().write("NOOP\r\nEPSV\r\n");
  std::string plain;
  CHECK(site.world.run_until([&] {
    plain += visitor.control().read();
    return plain.find("|||") != std::string::npos && plain.ends_with("\r\n");
  }));
  CHECK(plain.starts_with("200 Command okay.\r\n229 "));
  data = visitor.machine().connect(
      site.world.address(static_cast<std::uint16_t>(std::stoi(plain.substr(plain.find("|||") + 3)))));
  visitor.control().write("RETR file\r\n");
  TlsClient secured(peer, data, before);
  CHECK(site.world.run_until([&] {
    secured.turn();
    return secured.ended();
  }));
  CHECK(secured.received() == "whole");
  CHECK(secured.resumed());
  visitor.clear();
  CHECK(begins(visitor.reply()));
  CHECK(visitor.reply() == "226");
  REQUIRE(visitor.secure(peer));
  CHECK(visitor.talk("PWD") == "530");
}

TEST_CASE("REIN answers under TLS and goes on in the clear", "[sim][tls][TL-24][TL-18]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.resumption_required = true; });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  CHECK(visitor.talk("REIN") == "220");
  CHECK(visitor.wait([&] { return visitor.tls()->ended(); }));
  visitor.tls()->end();
  visitor.clear();
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(visitor.talk("PROT P") == "503");
  REQUIRE(visitor.secure(peer));  // a new session, which the data connection has to resume
  visitor.log_in();
  CHECK(visitor.download("RETR file", peer) == "whole");
  CHECK(visitor.reply() == "226");
}

// ---- Data connections ----

TEST_CASE("no file octet passes before the handshake, and a client without one gets 522", "[sim][tls][TL-13][TL-15]") {
  SecureSite site(1, [](Config& config, Authority&) { config.tls.handshake_timeout_s = 3; });
  site.world.files().make_file("/srv/file", "secret");
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  const std::string sent = GENERATE("", "GET / HTTP/1.0\r\n\r\n");
  SimConnection data = visitor.open_data();
  CHECK(begins(visitor.talk("RETR file")));
  data.write(sent);
  CHECK(visitor.reply() == "522");
  CHECK(visitor.wait([&] { return data.ended(); }));
  CHECK(data.read().find("secret") == std::string::npos);
  CHECK(visitor.talk("NOOP") == "200");
}

TEST_CASE("an upload that ends without close_notify is not whole: 426", "[sim][tls][TL-20]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SecureSite site(1, [](Config& config, Authority&) { config.uploads.publish = core::Publish::atomic; });
  const TlsPeer peer(version);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  SimConnection data = visitor.open_data();
  visitor.talk("STOR cut");
  {
    TlsClient secured(peer, data, visitor.tls());
    secured.write("only a par");
    CHECK(visitor.wait([&] {
      secured.turn();
      return secured.connected() && data.all_delivered();
    }));
  }
  data.shutdown_send();
  CHECK(visitor.reply() == "426");
  CHECK_FALSE(site.world.files().exists("/srv/cut"));
}

TEST_CASE("where data must resume, what does not gets 522 and no octet", "[sim][tls][TL-17]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool strict = GENERATE(true, false), takes_tickets = GENERATE(true, false);
  CAPTURE(version, strict, takes_tickets);
  SecureSite site(1, [&](Config& config, Authority& authority) {
    config.tls.resumption_required = strict;
    const tests::Issued other = authority.issue("other.example.net", "DNS:*.example.net");
    config.tls.more.push_back({.certificate = other.certificate, .key = other.key, .ocsp_response = {}});
  });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer(version);
  if (!takes_tickets) SSL_CTX_set_options(peer.context(), SSL_OP_NO_TICKET);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer, nullptr, takes_tickets ? nullptr : "a.example.net"));
  visitor.log_in();
  CHECK(visitor.download("RETR file", peer, false) == (strict ? "" : "whole"));
  CHECK(visitor.reply() == (strict ? "522" : "226"));
  CHECK(visitor.download("RETR file", peer, true) == "whole");
  CHECK(visitor.reply() == "226");
  CHECK(site.totals().tls_data_resumed == 1);
}

namespace {

/// A client under TLS, logged in where each data connection must resume its session; "/srv/file" is `content`.
struct MustResume {
  MustResume(int version, bool takes_tickets, std::size_t octets)
      : site(1, [](Config& config, Authority&) { config.tls.resumption_required = true; }),
        content(noise(octets)),
        peer(version),
        visitor(site) {
    site.world.files().make_file("/srv/file", content);
    if (!takes_tickets && version != TLS1_3_VERSION) SSL_CTX_set_options(peer.context(), SSL_OP_NO_TICKET);
    CHECK(visitor.reply() == "220");
    REQUIRE(visitor.secure(peer));
    visitor.log_in();
  }
  SecureSite site;
  std::string content;
  TlsPeer peer;
  Visitor visitor;
};

/// How a client breaks off.
enum class BrokenBy : std::uint8_t { fin, reset, abor, handshake };

}  // namespace

TEST_CASE("where data must resume, one file after the other does, both ways", "[sim][tls][TL-17]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool takes_tickets = GENERATE(true, false);
  CAPTURE(version, takes_tickets);
  MustResume client(version, takes_tickets, 30'000);
  auto& [site, content, peer, visitor] = client;
  for (int i = 0; i < 8; ++i) {
    CHECK(visitor.download("RETR file", peer) == content);
    CHECK(visitor.reply() == "226");
    visitor.upload("STOR copy", content, peer);
    CHECK(visitor.reply() == "226");
    CHECK(site.world.files().content("/srv/copy") == content);
  }
  CHECK(site.totals().tls_data_resumed == 16);
}

TEST_CASE("a transfer that is broken off leaves its TLS session to the next ones", "[sim][tls][TL-17]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool takes_tickets = GENERATE(true, false);
  const bool uploads = GENERATE(true, false);
  const auto how = GENERATE(BrokenBy::fin, BrokenBy::reset, BrokenBy::abor, BrokenBy::handshake);
  CAPTURE(version, takes_tickets, uploads, static_cast<int>(how));
  MustResume client(version, takes_tickets, 2'000'000);
  auto& [site, content, peer, visitor] = client;
  for (int i = 0; i < 3; ++i) {
    SimConnection data = visitor.open_data();
    CHECK(begins(visitor.talk(uploads ? "STOR copy" : "RETR file")));
    {
      TlsClient secured(peer, data, visitor.tls());
      if (how != BrokenBy::handshake) {
        if (uploads) secured.write("only a par");
        CHECK(visitor.wait([&] { return secured.turn(), secured.connected() && data.all_delivered(); }));
        site.world.run_for(100 * io::millisecond);
      }
    }
    if (how == BrokenBy::fin || how == BrokenBy::handshake) data.shutdown_send();
    if (how == BrokenBy::reset) data.reset();
    if (how == BrokenBy::abor) visitor.send("ABOR\r\n");
    if (how != BrokenBy::reset) {
      visitor.wait([&] { return data.read(), data.ended() || visitor.tls()->has_line(); });
      data.close();
    }
    CHECK(visitor.reply() != "");
    if (how == BrokenBy::abor) CHECK(visitor.reply() == "226");
    CHECK(visitor.download("RETR file", peer) == content);
    CHECK(visitor.reply() == "226");
  }
}

TEST_CASE("another client's TLS session opens nobody's data connection", "[sim][tls][TL-17]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SecureSite site(1, [&](Config& config, Authority&) { config.tls.resumption_required = true; });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer(version), other_peer(version);
  Visitor visitor(site), thief(site);
  for (Visitor* one : {&visitor, &thief}) {
    CHECK(one->reply() == "220");
    REQUIRE(one->secure(one == &visitor ? peer : other_peer));
    one->log_in();
  }
  thief.tls()->turn();
  SimConnection data = visitor.open_data();
  visitor.talk("RETR file");
  TlsClient stolen(other_peer, data, thief.tls());
  CHECK(visitor.wait([&] {
    stolen.turn();
    return stolen.ended() || stolen.failed() || data.ended();
  }));
  CHECK(stolen.received().empty());
  CHECK(visitor.reply() == "522");
  CHECK(stolen.sessions() == 0);  // nothing to try again with
}

TEST_CASE("a control connection that resumes has data connections that do", "[sim][tls][TL-17]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SecureSite site(1, [&](Config& config, Authority&) { config.tls.resumption_required = true; });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer(version);
  Visitor first(site), second(site);
  CHECK(first.reply() == "220");
  REQUIRE(first.secure(peer));
  CHECK(first.talk("NOOP") == "200");
  CHECK(second.reply() == "220");
  REQUIRE(second.secure(peer, first.tls()));
  CHECK(second.tls()->resumed());
  second.log_in();
  CHECK(second.download("RETR file", peer) == "whole");
  CHECK(second.reply() == "226");
}

TEST_CASE("data connections give no tickets", "[sim][tls]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SecureSite site;
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer(version);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  CHECK(visitor.tls()->sessions() >= 1);
  SimConnection data = visitor.open_data();
  visitor.talk("RETR file");
  TlsClient secured(peer, data);
  CHECK(visitor.wait([&] {
    secured.turn();
    return secured.ended();
  }));
  CHECK(secured.received() == "whole");
  if (version == TLS1_3_VERSION) CHECK(secured.sessions() == 0);
}

TEST_CASE("in MODE B one handshake serves many files", "[sim][tls]") {
  SecureSite site;
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  CHECK(visitor.talk("MODE B") == "200");
  SimConnection data = visitor.open_data();
  const auto block = [](const std::string& octets) {
    std::string made = {'\x40', static_cast<char>(octets.size() >> 8), static_cast<char>(octets.size())};
    return made + octets;
  };
  CHECK(begins(visitor.talk("STOR one")));
  TlsClient secured(peer, data, visitor.tls());
  secured.write(block("first"));
  const auto turning = [&](const std::function<bool()>& done) {
    return visitor.wait([&] {
      secured.turn();
      return done();
    });
  };
  CHECK(turning([&] { return visitor.tls()->has_line(); }));
  CHECK(visitor.reply() == "250");
  CHECK(visitor.talk("STOR two") == "125");
  secured.write(block("second"));
  CHECK(turning([&] { return visitor.tls()->has_line(); }));
  CHECK(visitor.reply() == "250");
  CHECK(visitor.talk("RETR one") == "125");
  CHECK(turning([&] { return visitor.tls()->has_line(); }));
  CHECK(visitor.reply() == "250");
  CHECK(turning([&] { return secured.received() == block("first"); }));
  CHECK(site.world.files().content("/srv/two") == "second");
  CHECK(site.totals().tls_data == 1);
  // What is opened behind PROT C is clear: the connection that was kept is not used for it.
  CHECK(visitor.talk("PROT C") == "200");
  SimConnection clear = visitor.open_data();
  CHECK(turning([&] { return secured.ended() || data.ended(); }));
  CHECK(begins(visitor.talk("RETR two")));
  CHECK(visitor.reply() == "250");
  std::string plain;
  CHECK(visitor.wait([&] { return (plain += clear.read()) == block("second"); }));
}

TEST_CASE("ABOR ends a secured download that nobody reads", "[sim][tls][TL-26]") {
  const std::size_t size = GENERATE(20'000u, 5'000'000u);
  SecureSite site;
  site.world.files().make_file("/srv/file", noise(size));
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  SimConnection data = visitor.open_data();
  visitor.talk("RETR file");
  const TlsClient secured(peer, data, visitor.tls());
  CHECK(visitor.talk("STAT") == "211");
  visitor.send("ABOR\r\n");
  CHECK(visitor.reply() == "426");
  CHECK(visitor.reply() == "226");
  CHECK(visitor.talk("NOOP") == "200");
}

TEST_CASE("two servers cannot be joined by a protected transfer", "[sim][tls][TL-30]") {
  SecureSite site(1, [](Config& config, Authority&) {
    config.tls.handshake_timeout_s = 3;
    config.data.foreign_addresses = {*core::parse_network("10.0.0.0/8")};
  });
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer;
  Visitor one(site), two(site);
  for (Visitor* visitor : {&one, &two}) {
    CHECK(visitor->reply() == "220");
    REQUIRE(visitor->secure(peer));
    visitor->log_in();
  }
  CHECK(one.talk("EPSV") == "229");
  const std::string port = one.text().substr(one.text().find("|||") + 3);
  CHECK(two.talk("EPRT |1|10.0.0.1|" + port.substr(0, port.find('|')) + "|") == "200");
  one.send("RETR file\r\n");
  two.send("STOR copy\r\n");
  CHECK(begins(one.reply()));
  CHECK(begins(two.reply()));
  CHECK(one.reply() == "522");
  CHECK(two.reply() == "522");
}

// ---- Certificates ----

TEST_CASE("SNI chooses the certificate, and data shows the control connection's", "[sim][tls][TL-16]") {
  SecureSite site(1, [](Config& config, Authority& authority) {
    const tests::Issued other = authority.issue("other.example.net", "DNS:*.example.net");
    config.tls.more.push_back({.certificate = other.certificate, .key = other.key, .ocsp_response = {}});
  });
  site.world.files().make_file("/srv/file", "whole");
  const auto [name, shown] = GENERATE(table<const char*, const char*>({{nullptr, "ftp.example.org"},
                                                                       {"ftp.example.org", "ftp.example.org"},
                                                                       {"a.example.net", "other.example.net"},
                                                                       {"nobody.example.com", "ftp.example.org"}}));
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer, nullptr, name));
  CHECK(visitor.tls()->server_common_name() == shown);
  visitor.log_in();
  SimConnection data = visitor.open_data();
  visitor.talk("RETR file");
  TlsClient secured(peer, data);
  CHECK(visitor.wait([&] {
    secured.turn();
    return secured.ended();
  }));
  CHECK(secured.server_common_name() == shown);
  CHECK(visitor.reply() == "226");
  CHECK(visitor.download("RETR file", peer, true) == "whole");
}

TEST_CASE("an OCSP response is stapled for whom it is asked", "[sim][tls]") {
  SecureSite site(1, [](Config& config, Authority& authority) {
    config.tls.ocsp_response = authority.file("response.der");
    std::ofstream(config.tls.ocsp_response) << "the authority's answer";
  });
  const TlsPeer peer;
  const bool asks = GENERATE(true, false);
  Visitor visitor(site, sim::implicit_port);
  REQUIRE(visitor.shake_hands(peer, nullptr, nullptr, asks));
  CHECK(visitor.tls()->ocsp_response() == (asks ? "the authority's answer" : ""));
}

TEST_CASE("a reload shows a new certificate to new sessions and leaves running ones alone", "[sim][tls]") {
  SecureSite site;
  site.world.files().make_file("/srv/file", "whole");
  const TlsPeer peer;
  Visitor before(site);
  CHECK(before.reply() == "220");
  REQUIRE(before.secure(peer));
  before.log_in();
  Config fresh = site.config();
  const tests::Issued other = site.authority.issue("new.example.org");
  fresh.tls.certificate = other.certificate;
  fresh.tls.key = other.key;
  REQUIRE_FALSE(site.reload(fresh));
  Visitor behind(site);
  CHECK(behind.reply() == "220");
  REQUIRE(behind.secure(peer));
  CHECK(behind.tls()->server_common_name() == "new.example.org");
  CHECK(before.download("RETR file", peer) == "whole");
  CHECK(before.reply() == "226");
  CHECK(site.totals().tls_data_resumed == 1);
  // Tickets outlive it.
  Visitor again(site);
  CHECK(again.reply() == "220");
  REQUIRE(again.secure(peer, before.tls()));
  CHECK(again.tls()->resumed());
  // A mistake leaves all as it is.
  fresh.tls.key = fresh.tls.certificate;
  const auto error = site.reload(fresh);
  REQUIRE(error);
  CHECK(error->key == "tls.key");
}

TEST_CASE("mistakes in TLS files are named", "[tls]") {
  Authority authority;
  const tests::Issued one = authority.issue("one"), two = authority.issue("two");
  const std::string junk = authority.file("junk");
  std::ofstream(junk) << "no certificate";
  const auto mistake = [&](const std::function<void(Config::Tls&)>& adjust) {
    Config config;
    config.tls.certificate = one.certificate;
    config.tls.key = one.key;
    adjust(config.tls);
    const auto made = net::TlsContext::make(config, net::TicketKeys::random(), false);
    return made ? std::string() : made.error().front().key + ": " + made.error().front().what;
  };
  const auto clients = core::ClientCertificates::required;
  CHECK(mistake([](Config::Tls&) {}).empty());
  CHECK(mistake([](Config::Tls& tls) { tls.certificate = "/nowhere"; }) ==
        "tls.certificate: cannot read `/nowhere`: No such file or directory");
  CHECK(mistake([&](Config::Tls& tls) { tls.certificate = junk; }).starts_with("tls.certificate: `"));
  CHECK(mistake([&](Config::Tls& tls) { tls.key = two.key; }).starts_with("tls.key: `"));
  CHECK(mistake([&](Config::Tls& tls) { tls.key = junk; }).starts_with("tls.key: `"));
  CHECK(mistake([](Config::Tls& tls) { tls.ciphers = "NONE-OF-THEM"; }).starts_with("tls.ciphers: names no"));
  CHECK(mistake([](Config::Tls& tls) { tls.ciphersuites = "TLS_NO"; }).starts_with("tls.ciphersuites: names"));
  CHECK(mistake([](Config::Tls& tls) { tls.ocsp_response = "/nowhere"; }).starts_with("tls.ocsp_response: cannot"));
  CHECK(mistake([&](Config::Tls& tls) {
          tls.more.push_back({one.certificate, two.key, ""});
        }).starts_with("certificate[0].key: `"));
  CHECK(mistake([&](Config::Tls& tls) {
          tls.client_certificates = clients, tls.client_ca = junk;
        }).starts_with("tls.client_ca: `"));
  CHECK(mistake([&](Config::Tls& tls) {
          tls.client_certificates = clients, tls.client_ca = authority.certificate(), tls.crl = junk;
        }).starts_with("tls.crl: `"));
}

// ---- Client certificates ----

TEST_CASE("a client certificate that names the user logs in alone", "[sim][tls][TL-27]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto [common_name, further, code] = GENERATE(table<const char*, const char*, const char*>(
      {{"holder", "", "232"}, {"Jo", "email:holder", "232"}, {"other", "email:other@example.org", "331"}}));
  SecureSite site(1, [](Config& config, Authority& authority) {
    config.tls.client_certificates = core::ClientCertificates::optional;
    config.tls.client_ca = authority.certificate();
    core::Account holder = *config.accounts.find("demo");
    holder.name = "jo";
    holder.password_hash = "$5$x$y";
    holder.certificate = "holder";
    config.accounts.add(holder);
  });
  site.world.files().make_file("/srv/file", "whole");
  TlsPeer peer(version);
  peer.show(site.authority.issue(common_name, further));
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  CHECK(visitor.talk("USER jo") == code);
  if (std::string_view(code) != "232") return;
  for (const std::string_view line : {"PBSZ 0", "PROT P", "TYPE I"}) CHECK(visitor.talk(line) == "200");
  CHECK(visitor.download("RETR file", peer) == "whole");
  CHECK(visitor.reply() == "226");
  // In a full handshake on the data connection the same certificate has to be shown (RFC 4217 15.1.2).
  CHECK(visitor.download("RETR file", peer, false) == "whole");
  CHECK(visitor.reply() == "226");
  TlsPeer stranger(version);
  stranger.show(site.authority.issue("stranger"));
  CHECK(visitor.download("RETR file", stranger, false).empty());
  CHECK(visitor.reply() == "522");
}

TEST_CASE("who must show a certificate and has none, a stranger's, a revoked or an oversized one, stays out",
          "[sim][tls]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  Authority strangers("Another Authority");
  std::optional<tests::Issued> good, revoked;
  SecureSite site(1, [&](Config& config, Authority& authority) {
    good = authority.issue("good");
    revoked = authority.issue("revoked");
    config.tls.client_certificates = core::ClientCertificates::required;
    config.tls.client_ca = authority.certificate();
    config.tls.crl = authority.revoke({*revoked});
  });
  const auto comes_in = [&](const tests::Issued* shown) {
    TlsPeer peer(version);
    if (shown != nullptr) peer.show(*shown);
    Visitor visitor(site);
    CHECK(visitor.reply() == "220");
    visitor.secure(peer);
    return visitor.talk("NOOP") == "200";  // with TLS 1.3 the client learns of a refusal behind its handshake
  };
  CHECK_FALSE(comes_in(nullptr));
  const tests::Issued foreign = strangers.issue("good");
  CHECK_FALSE(comes_in(&foreign));
  CHECK_FALSE(comes_in(&*revoked));
  std::string names = "DNS:example.org";
  while (names.size() < 150'000) names += ",DNS:a-name-like-any-other.example.org";
  const tests::Issued oversized = site.authority.issue("good", names);
  CHECK_FALSE(comes_in(&oversized));
  CHECK(comes_in(&*good));
}

// ---- Misfortune ----

TEST_CASE("files come whole or not at all under TLS, whatever the kernel does", "[sim][tls][storm]") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const int version = seed % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SecureSite site(seed, [&](Config& config, Authority&) {
      config.uploads.publish = core::Publish::atomic;
      config.data.buffer_kib = seed % 3 == 0 ? 4 : 256;
      config.limits.transfer_buffers = seed % 5 == 0 ? 3 : 64;
    });
    const std::string content = noise(1 + seed * 7919);
    site.world.files().make_file("/srv/file", content);
    site.world.set_faults(sim::Faults::swarm(site.world.random()));
    const TlsPeer peer(version);
    for (int turn = 0; turn < 4; ++turn) {
      Visitor visitor(site);
      if (visitor.reply() != "220" || !visitor.secure(peer)) continue;
      bool good = true;
      for (const std::string_view line : {"USER demo", "PBSZ 0", "PROT P", seed % 4 == 0 ? "TYPE A" : "TYPE I"})
        good = good && visitor.talk(line).starts_with('2');
      if (!good) continue;
      if (seed % 4 == 0) {  // converted on the way: only how it ends is looked at
        bool whole = false;
        visitor.download("LIST", peer, turn % 2 == 0, &whole);
        visitor.reply();
        continue;
      }
      bool whole = false;
      const std::string got = visitor.download("RETR file", peer, turn % 2 == 0, &whole);
      if (whole) CHECK(got == content);
      if (got.size() > 3 && visitor.reply().empty()) continue;
      visitor.upload("STOR copy", content, peer, turn % 2 == 0);
      if (visitor.reply() == "226") CHECK(site.world.files().content("/srv/copy") == content);
      if (site.world.files().exists("/srv/copy")) CHECK(site.world.files().content("/srv/copy") == content);
      if (site.world.files().exists("/srv/copy")) site.world.files().remove("/srv/copy");
    }
  }
}

// ---- Clients that do not read ----

namespace {

/// In MODE B, without reading data: RETR until one is not answered. How many were.
int retrieve_unread(SecureSite& site, Visitor& visitor, TlsClient& secured) {
  int answered = 0;
  for (; answered < 1000; ++answered) {
    visitor.send("RETR file\r\n");
    std::string code;
    const auto told = [&] {
      visitor.tls()->turn();
      return visitor.tls()->has_line();
    };
    if (answered == 0) {
      CHECK(visitor.wait([&] { return secured.turn(), secured.connected() && told(); }));
    } else if (!site.world.run_until(told, {.time = io::second})) {
      break;
    }
    while (visitor.tls()->has_line() && (code = visitor.reply()) != "250") {
      if (!begins(code)) return answered;
      if (!site.world.run_until(told, {.time = io::second})) return answered;
    }
  }
  return answered;
}

}  // namespace

TEST_CASE("a client of MODE B that does not read loses its connection, and nobody else anything", "[sim][tls][TL-26]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const std::size_t size = GENERATE(300u, 40'000u);
  const bool aborts = GENERATE(true, false);
  const int gather = GENERATE(16, 128);
  CAPTURE(version, size, aborts, gather);
  SecureSite site(1, [&](Config& config, Authority&) {
    config.data.stall_timeout_s = 5;
    config.tuning.gather_kib = gather;
    config.data.buffer_kib = 256;
  });
  site.world.files().make_file("/srv/file", noise(size));
  const TlsPeer peer(version);
  Visitor visitor(site), other(site);
  for (Visitor* one : {&visitor, &other}) {
    CHECK(one->reply() == "220");
    REQUIRE(one->secure(peer));
    one->log_in();
  }
  CHECK(visitor.talk("MODE B") == "200");
  SimConnection data = visitor.open_data();
  TlsClient secured(peer, data, visitor.tls());
  CHECK(retrieve_unread(site, visitor, secured) > 0);
  if (aborts) visitor.send("ABOR\r\n");
  site.world.run_for(20 * io::second);
  visitor.tls()->turn();
  while (visitor.tls()->has_line()) visitor.reply();
  // The connection is of no use any more, and nothing stands on it that is not known to have arrived.
  visitor.send("RETR file\r\n");
  const std::string begun = visitor.reply();
  CHECK((begins(begun) || begun == "425"));
  if (begins(begun)) CHECK(visitor.reply().starts_with('4'));
  CHECK(visitor.talk("NOOP") == "200");
  CHECK(other.download("RETR file", peer) == noise(size));
  CHECK(other.reply() == "226");
}

TEST_CASE("under ABOR in MODE B what the files before left still comes", "[sim][tls][TL-26]") {
  SecureSite site(1, [&](Config& config, Authority&) { config.tuning.gather_kib = 128; });
  site.world.network().options.receive_capacity = 20'000;
  site.world.network().options.send_capacity = 20'000;
  site.world.files().make_file("/srv/file", noise(30'000));
  site.world.files().make_file("/srv/large", noise(3'000'000));
  const TlsPeer peer;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.log_in();
  CHECK(visitor.talk("MODE B") == "200");
  SimConnection data = visitor.open_data();
  TlsClient secured(peer, data, visitor.tls());
  visitor.send("RETR file\r\nRETR file\r\nRETR large\r\n");
  int good = 0;
  CHECK(visitor.wait([&] {
    if (!secured.connected()) secured.turn();
    while (visitor.tls()->has_line()) good += visitor.tls()->read_line().starts_with("250") ? 1 : 0;
    return good == 2;
  }));
  site.world.run_for(io::second);
  visitor.send("ABOR\r\n");
  site.world.run_for(io::second);
  CHECK(visitor.wait([&] {
    secured.turn();
    return secured.ended() || secured.failed() || data.ended();
  }));
  const std::string block = std::string("\x40\x75\x30", 3) + noise(30'000);
  CHECK((secured.received().substr(0, 2 * block.size()) == block + block));
}
