// What the storm cannot tell from chance, one case each, with the whole server on the simulated kernel: who may come to
// a passive port, that a file kept open is the file of now, that no codec passes uploads.file_max_bytes. `make canary`
// builds these faults and wants them noticed here.
#include <fmt/format.h>

#include <optional>
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

// By another's rename of the file the file itself changes; of the directory above it nothing shows but there.
TEST_CASE("a file that is kept open is no longer sent once another has its path", "[sim][guards][open_files]") {
  const auto replaced = GENERATE("file", "directory");
  SecureSite site;
  sim::SimFiles& files = site.world.files();
  files.make_file("/srv/d/file", "old");
  files.make_file("/srv/new/file", "new");
  site.world.run_for(io::second);  // what has changed just now is not kept
  Visitor client(site);
  log_in(client);
  const auto download = [&] {
    SimConnection data = client.open_data();
    CHECK(begins(client, "RETR d/file"));
    std::string octets = all_of(client, data);
    CHECK(client.reply() == "226");
    return octets;
  };
  for (int i = 0; i < 6; ++i) CHECK(download() == "old");
  if (replaced == std::string("file")) {
    CHECK(files.rename(nullptr, "/srv/new/file", nullptr, "/srv/d/file", 0) == 0);
  } else {
    CHECK(files.rename(nullptr, "/srv/d", nullptr, "/srv/away", 0) == 0);
    CHECK(files.rename(nullptr, "/srv/new", nullptr, "/srv/d", 0) == 0);
  }
  CHECK(download() == "new");
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

// A close with unread bytes resets the connection, and what the client has not read yet is lost behind 226.
TEST_CASE("a client that sends on the connection of its download gets the file whole", "[sim][guards][DC-12]") {
  SecureSite site(GENERATE(1, 2, 3, 4));
  const bool late = GENERATE(false, true);
  const std::string content(200'000, 'c');
  site.world.files().make_file("/srv/file", content);
  Visitor client(site);
  log_in(client);
  SimConnection data = client.open_data();
  if (!late) data.write("nobody asked for this");
  CHECK(begins(client, "RETR file"));
  if (late) site.world.run_for(50 * io::millisecond);
  if (late) data.write("nobody asked for this");
  CHECK(all_of(client, data) == content);
  CHECK_FALSE(data.was_reset());
  CHECK(client.reply() == "226");
  data.close();
}

TEST_CASE("what came for a refused upload is not the next one's content", "[sim][guards]") {
  const auto mode = GENERATE("MODE S", "MODE B");
  const bool first = GENERATE(true, false);  // the client is there before STOR, or comes behind its refusal
  SecureSite site(GENERATE(1, 2, 3));
  site.world.files().make_directory("/srv/taken");
  Visitor client(site);
  log_in(client);
  CHECK(client.talk(mode) == "200");
  CHECK(client.talk("EPSV") == "229");
  const auto port = static_cast<std::uint16_t>(std::stoi(client.text().substr(client.text().find("|||") + 3)));
  const auto connect = [&] { return client.machine().connect(site.world.address(port)); };
  std::optional<SimConnection> data;
  if (first) data.emplace(connect());
  if (first) data->write("meant for another file");
  if (first) site.world.run_for(50 * io::millisecond);
  CHECK(client.talk("STOR taken") == "553");
  if (!first) data.emplace(connect());
  if (!first) data->write("meant for another file");
  site.world.run_for(50 * io::millisecond);
  CHECK(client.talk("STOR file") == "150");
  CHECK(client.reply() == "425");  // no connection is there, and nobody waits at the default port
  CHECK(site.world.files().content("/srv/file").value_or("") == "");
  SimConnection own = client.open_data();
  CHECK(begins(client, "STOR file"));
  own.write(mode == std::string("MODE B") ? std::string("\x40\0\4mine", 7) : "mine");
  own.shutdown_send();
  const std::string code = client.reply();
  CHECK((code == "226" || code == "250"));
  CHECK(site.world.files().content("/srv/file") == "mine");
}
