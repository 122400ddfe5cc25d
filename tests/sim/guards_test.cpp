// What the storm cannot tell from chance, one case each, with the whole server on the simulated kernel: who may come to
// a passive port, that a file kept open is the file of now, that no codec passes uploads.file_max_bytes. `make canary`
// builds each of these faults and wants it noticed here.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/sim/secure_visitor.hpp"

namespace {

using sim::SecureSite;
using sim::SimConnection;
using sim::SimPeer;
using sim::Visitor;

void log_in(Visitor& visitor) {
  CHECK(visitor.reply() == "220");
  CHECK(visitor.talk("USER demo") == "230");
  CHECK(visitor.talk("TYPE I") == "200");
}

std::string all_of(Visitor& visitor, SimConnection& data) {
  std::string octets;
  visitor.wait([&] {
    octets += data.read();
    return data.ended();
  });
  return octets + data.read();
}

// 125 where the data connection stands already (RFC 959 5.4): the client may be the quicker one.
bool begins(Visitor& client, std::string_view command) {
  const std::string code = client.talk(command);
  return code == "150" || code == "125";
}

}  // namespace

TEST_CASE("a stranger who comes to a passive port first gets nothing", "[sim][guards][SE-04][SE-05]") {
  SecureSite site(GENERATE(1, 2, 3));
  site.world.files().make_file("/srv/file", "octets");
  Visitor client(site);
  log_in(client);
  CHECK(client.talk("EPSV") == "229");
  const auto port = static_cast<std::uint16_t>(std::stoi(client.text().substr(client.text().find("|||") + 3)));
  SimPeer machine = site.world.peer("10.0.0.66");
  SimConnection stranger = machine.connect(site.world.address(port));
  CHECK(begins(client, "RETR file"));
  CHECK(all_of(client, stranger).empty());
  SimConnection own = client.machine().connect(site.world.address(port));
  CHECK(all_of(client, own) == "octets");
  CHECK(client.reply() == "226");
}

TEST_CASE("a file that is kept open and was changed in place is the file of now", "[sim][guards][open_files]") {
  SecureSite site;
  const auto download = [&](Visitor& client) {
    SimConnection data = client.open_data();
    CHECK(begins(client, "RETR file"));
    std::string octets = all_of(client, data);
    CHECK(client.reply() == "226");
    return octets;
  };
  site.world.files().make_file("/srv/file", "old");
  Visitor client(site);
  log_in(client);
  CHECK(download(client) == "old");
  CHECK(download(client) == "old");
  site.world.files().set_mode("/srv/file", 0);
  SimConnection data = client.open_data();
  CHECK(client.talk("RETR file") == "550");  // who may read it has changed
}

TEST_CASE("no TYPE or MODE passes the bound on a file's size", "[sim][guards]") {
  SecureSite site(1, [](core::Config& config, tests::Authority&) { config.uploads.file_max_bytes = 1000; });
  const std::string setting = GENERATE("TYPE I", "TYPE A", "TYPE E", "TYPE L 16");
  const bool fits = GENERATE(true, false);
  Visitor client(site);
  log_in(client);
  CHECK(client.talk(setting) == "200");
  SimConnection data = client.open_data();
  CHECK(begins(client, "STOR file"));
  data.write(std::string(fits ? 1000 : 1002, 'x'));
  data.shutdown_send();
  CHECK(client.reply() == (fits ? "226" : "552"));
  const std::string stored = site.world.files().content("/srv/file").value_or("");
  CHECK(stored.size() <= 1000);
}
