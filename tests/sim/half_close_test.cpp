// A client that sends FIN, or close_notify, while it still reads: all that it sent is answered, what is under way ends
// with its reply, then the connection closes. RFC 959 4.1.1, RFC 8446 6.1.
#include <optional>
#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

namespace {

using sim::SecureSite;
using sim::TlsPeer;
using sim::Visitor;

/// The codes of all replies until the connection ends: "220 230 200".
std::string codes(Visitor& visitor) {
  std::string all;
  for (std::string code; !(code = visitor.reply()).empty();) all += (all.empty() ? "" : " ") + code;
  return all;
}

std::string codes_of(std::string_view octets) {
  SecureSite site;
  Visitor visitor(site);
  visitor.send(octets);
  visitor.control().shutdown_send();
  const std::string all = codes(visitor);
  CHECK_FALSE(visitor.control().was_reset());
  return all;
}

}  // namespace

TEST_CASE("commands ahead of a FIN are all answered", "[sim][half-close]") {
  CHECK(codes_of("USER demo\r\nTYPE I\r\nPWD\r\nMKD new\r\nCWD new\r\nQUIT\r\n") == "220 230 200 257 257 250 221");
  CHECK(codes_of("USER demo\r\nSTAT /\r\nNOOP\r\n") == "220 230 212 200");
  CHECK(codes_of("USER demo\nPWD\n") == "220 230 257");
  CHECK(codes_of("NOOP\r\nQUI") == "220 200");  // what is no whole line is no command
  CHECK(codes_of("") == "220");
  CHECK(codes_of("USER nobody\r\nPASS x\r\nNOOP\r\n") == "220 331 530 200");  // the answer that comes late, too
  CHECK(codes_of("USER demo\r\nSITE MKDIR a/b/c\r\nRMDA a\r\nQUIT\r\n") == "220 230 250 250 221");
}

TEST_CASE("an upload under way ends with its reply behind a FIN", "[sim][half-close]") {
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  sim::SimConnection data = visitor.open_data();
  visitor.send("STOR new\r\nPWD\r\nQUIT\r\n");
  visitor.control().shutdown_send();
  CHECK((visitor.reply() == "125" || visitor.text().starts_with("150")));
  data.write("some text");
  CHECK_FALSE(visitor.control().ended());
  data.close();
  CHECK(codes(visitor) == "226 257 221");
  CHECK(site.world.files().content("/srv/new") == "some text");
}

TEST_CASE("a download under way ends with its reply behind a FIN", "[sim][half-close]") {
  SecureSite site;
  const std::string content(3'000'000, 'x');
  site.world.files().make_file("/srv/large", content);
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(visitor.talk("TYPE I") == "200");
  sim::SimConnection data = visitor.open_data();
  visitor.send("RETR large\r\n");
  visitor.control().shutdown_send();
  std::size_t got = 0;
  CHECK(visitor.wait([&] {
    got += data.read().size();
    return data.ended();
  }));
  CHECK(got == content.size());
  CHECK(codes(visitor).ends_with("226"));
}

TEST_CASE("a client that is gone after its FIN holds nothing for ever", "[sim][half-close][CC-16]") {
  const std::string_view command = GENERATE("", "RETR large", "STOR new", "LIST");
  const bool connects = GENERATE(true, false);
  SecureSite site(1, [](core::Config& config, tests::Authority&) {
    config.data.stall_timeout_s = 5;
    config.data.connect_timeout_s = 5;
  });
  site.world.files().make_file("/srv/large", std::string(3'000'000, 'x'));
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  std::optional<sim::SimConnection> data;
  if (connects) {
    data.emplace(visitor.open_data());
  } else {
    CHECK(visitor.talk("EPSV") == "229");
  }
  if (!command.empty()) visitor.send(std::string(command) + "\r\n");
  visitor.control().close();
  if (connects && command != "STOR new") data->vanish();
  CHECK(visitor.wait([&] { return site.sessions() == 0; }));
}

TEST_CASE("a reset is a loss: what is under way is aborted", "[sim][half-close][CC-16][DC-08]") {
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  sim::SimConnection data = visitor.open_data();
  visitor.send("STOR new\r\n");
  visitor.reply();
  visitor.control().reset();
  CHECK(visitor.wait([&] { return data.ended() && site.sessions() == 0; }));
}

TEST_CASE("close_notify is answered behind the replies with ours", "[sim][half-close][tls][TL-19]") {
  const TlsPeer peer;
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  REQUIRE(visitor.secure(peer));
  visitor.send("USER demo\r\nPWD\r\n");
  visitor.tls()->end();
  CHECK(codes(visitor) == "230 257");
  CHECK(visitor.wait([&] { return visitor.tls()->ended(); }));
  CHECK_FALSE(visitor.tls()->failed());
  CHECK(visitor.wait([&] { return visitor.control().ended(); }));
  CHECK_FALSE(visitor.control().was_reset());
}

TEST_CASE("a FIN behind AUTH leaves nothing behind", "[sim][half-close][tls]") {
  SecureSite site;
  Visitor visitor(site);
  visitor.send("AUTH TLS\r\n");
  visitor.control().shutdown_send();
  CHECK(codes(visitor) == "220 234");
  CHECK(visitor.wait([&] { return site.sessions() == 0; }));
}
