// Roots: opened at a login, shared, given back, made, refused. One user's missing directory is nobody else's trouble.
#include <string>

#include "tests/catch.hpp"
#include "tests/sim/site.hpp"

namespace {

using Site = sim::FileSite;
using Visitor = sim::FileVisitor;

core::Account user(const std::string& name, bool create_root = false) {
  core::Account made;
  made.name = name;
  made.root = "/homes/" + name;
  made.create_root = create_root;
  made.rights = {core::Right::list, core::Right::read, core::Right::write};
  made.place = "user[0]";
  return made;
}

}  // namespace

TEST_CASE("a missing root refuses its own user, and nobody else", "[sim][roots]") {
  Site site;
  site.files().make_directory("/homes/anna");
  for (const char* name : {"anna", "bert"}) site.station.config->accounts.add(user(name));
  Visitor& client = site.visitor();  // the server has started
  CHECK(client.ask("USER bert") == 530);
  CHECK(client.ask("PWD") == 530);
  CHECK(client.ask("USER anna") == 230);
  CHECK(client.ask("USER bert") == 530);
  site.files().make_directory("/homes/bert");
  CHECK(client.ask("USER bert") == 230);
  site.files().set_mode("/homes/anna", 0600);  // cannot be searched
  CHECK(client.ask("USER anna") == 530);
}

TEST_CASE("a root that is missing is made where the configuration says so", "[sim][roots]") {
  Site site;
  site.files().make_directory("/homes");
  site.station.config->uploads.directory_mode = 0750;
  site.station.config->accounts.add(user("anna", true));
  core::Account deep = user("bert", true);
  deep.root = "/missing/bert";
  site.station.config->accounts.add(deep);
  Visitor& client = site.visitor();
  CHECK_FALSE(site.files().exists("/homes/anna"));
  CHECK(client.ask("USER anna") == 230);
  REQUIRE(site.files().exists("/homes/anna"));
  CHECK(site.files().find("/homes/anna")->mode == 0750);
  CHECK(client.fetch("NLST").empty());
  CHECK(client.ask("USER bert") == 530);  // a disk that is not mounted, say
  CHECK_FALSE(site.files().exists("/missing"));
}

TEST_CASE("roots take a descriptor each while somebody is in them", "[sim][roots]") {
  Site site;
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) {
    const std::string name = "u" + std::to_string(i);
    site.files().make_directory("/homes/" + name);
    site.station.config->accounts.add(user(name));
  }
  Visitor& first = site.visitor();
  Visitor& second = site.visitor();
  const net::Roots& roots = site.station.server->context().roots;
  CHECK(roots.size() == 1);
  const std::size_t idle = site.station.world.backend().open_descriptors();
  for (int i = 0; i < count; ++i) CHECK(first.ask("USER u" + std::to_string(i)) == 230);
  CHECK(second.ask("USER u49") == 230);
  site.station.world.settle();
  CHECK(roots.size() == 1);
  CHECK(site.station.world.backend().open_descriptors() == idle);
  REQUIRE_FALSE(site.station.server->reload(std::make_shared<const core::Config>(*site.station.config)));
  site.station.world.settle();
  CHECK(roots.size() == 1);
}

TEST_CASE("a root that was replaced or mounted over is found at the next login", "[sim][roots]") {
  Site site;
  site.files().make_file("/homes/anna/which", "old");
  site.station.config->accounts.add(user("anna"));
  Visitor& first = site.visitor();
  CHECK(first.ask("USER anna") == 230);
  site.files().remove("/homes/anna");
  site.files().mount("/homes/anna", 1'000'000);
  site.files().make_file("/homes/anna/which", "new");
  Visitor& second = site.visitor();
  CHECK(second.ask("USER anna") == 230);
  CHECK(second.fetch("RETR which") == "new");
  CHECK(first.fetch("RETR which") == "550");  // it stays where it was
  CHECK(site.station.server->context().roots.size() == 2);
}

TEST_CASE("a session that vanishes while its root is opened leaves nothing", "[sim][roots]") {
  for (int steps = 0; steps < 12; ++steps) {
    Site site;
    site.files().make_directory("/homes");
    site.station.config->accounts.add(user("anna", true));
    Visitor& client = site.visitor();
    client.send("USER anna");
    int step = 0;
    site.station.world.run_until([&] { return client.answered() || step++ == steps; });
    client.connection().reset();
    CHECK(site.station.world.run_until([&] { return site.station.server->session_count() == 0; }));
    site.station.world.settle();
    CHECK(site.station.server->context().roots.size() == 0);
  }
}

TEST_CASE("whichever operation of a login fails, it is refused or done", "[sim][roots]") {
  std::uint64_t n = 1;
  for (bool met = true; met && n < 50; ++n) {
    Site site;
    site.files().make_directory("/homes");
    site.station.config->accounts.add(user("anna", true));
    Visitor& client = site.visitor();
    site.station.world.fault_plan().fail_operation(n, EMFILE);
    const int code = client.ask("USER anna");
    met = site.station.world.fault_plan().fault_met();
    site.station.world.fault_plan().fail_none();
    CHECK((code == 230 || code == 451 || code == 0));
    if (!met) CHECK(code == 230);
  }
  CHECK(n > 3);
}
