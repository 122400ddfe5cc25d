// Ports and names that a client was told, on the simulated kernel. RFC 959 3.3, RFC 2428 4, RFC 1123 4.1.2.9.
#include <string>

#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

using sim::SecureSite;
using sim::Visitor;

TEST_CASE("a passive port that was told before is refused once another took its place", "[sim]") {
  SecureSite site;
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(visitor.talk("EPSV") == "229");
  const std::string text = visitor.text();
  const auto port = static_cast<std::uint16_t>(std::stoi(text.substr(text.find("|||") + 3)));
  CHECK(visitor.talk("EPSV") == "229");
  sim::SimConnection late = visitor.machine().connect(site.world.address(port));
  CHECK(visitor.wait([&] { return late.ended(); }));
  CHECK(late.refused());
}

TEST_CASE("after EPSV ALL an earlier PORT leads nowhere", "[sim][PP-13]") {
  SecureSite site;
  site.world.files().make_file("/srv/file", "x");
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(visitor.talk("PORT 10,0,0,9,200,10") == "200");
  CHECK(visitor.talk("EPSV ALL") == "200");
  CHECK(visitor.talk("RETR file") == "150");
  CHECK(visitor.reply() == "425");
}

TEST_CASE("STOU's answer has the directory that was given", "[sim][SV-05]") {
  SecureSite site;
  site.world.files().make_directory("/srv/d");
  site.world.files().make_file("/srv/d/x", "taken");
  Visitor visitor(site);
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  for (const std::string given : {"d/x", "/d/x", "./d/x"}) {
    sim::SimConnection data = visitor.open_data();
    visitor.talk("STOU " + given);
    const std::string name = visitor.text().substr(visitor.text().find("FILE: ") + 6);
    CHECK(name.starts_with(given + "."));
    data.close();
    CHECK(visitor.reply() == "226");
    CHECK(visitor.talk("SIZE " + name) == "213");
  }
}
