// The whole server on the simulated kernel, in bad weather: many clients, all faults, one seed.
// `make storm SEED=n` replays one.
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "net/server.hpp"
#include "tests/catch.hpp"
#include "tests/sim/storm_client.hpp"

namespace {

using sim::SimWorld;
using sim::StormClient;

constexpr std::uint16_t control_port = 2121;
const std::string root = "/srv";

std::shared_ptr<const core::Config> storm_config(std::uint64_t seed) {
  auto config = std::make_shared<core::Config>();
  config->listen.control = {*core::parse_endpoint("0.0.0.0:2121")};
  config->data.passive_ports = {50000, 50031};  // so few that they can run out
  config->uploads.publish = static_cast<core::Publish>(seed % 3);
  config->limits.transfer_buffers = 8;
  config->limits.login_failure_delay_ms = 500;
  config->data.slice_kib = 64;
  config->data.buffer_kib = 16;
  core::Account anonymous;
  anonymous.name = "anonymous";
  anonymous.root = root;
  anonymous.anonymous = true;
  for (std::size_t i = 0; i < core::right_count; ++i) anonymous.rights.set(static_cast<core::Right>(i));
  config->accounts.add(anonymous);
  return config;
}

std::vector<sim::KnownFile> make_files(SimWorld& world, int clients) {
  std::vector<sim::KnownFile> known;
  for (const std::size_t size : {0u, 1u, 1460u, 70'000u, 300'000u}) {
    std::string content(size, '\0');
    for (char& c : content) c = static_cast<char>(world.random().chance(0.05) ? '\n' : world.random().next());
    known.push_back({fmt::format("/pub/{}", size), content});
    world.files().make_file(root + known.back().path, content);
  }
  for (int i = 0; i < clients; ++i) world.files().make_directory(fmt::format("{}/c{}", root, i));
  return known;
}

// A server in a world, and the proof at its end that nothing is left over.
struct Station {
  explicit Station(std::uint64_t seed)
      : world(seed), config(storm_config(seed)), log("storm", std::make_shared<spdlog::sinks::null_sink_mt>()) {
    log.set_level(spdlog::level::off);
  }
  void open() {
    server = std::make_unique<net::Server>(world.reactor(), log, config, world.seed());
    const auto error = server->start();
    INFO((error ? error->key + ": " + error->what : ""));
    REQUIRE_FALSE(error);
  }
  void close() {
    // Everybody is gone or silent: the server's own timers must end what is left.
    REQUIRE(
        world.run_until([&] { return server->session_count() == 0; }, {.turns = 2'000'000, .time = 3600 * io::second}));
    CHECK(server->context().control_buffers.lent() == 0);
    CHECK(server->context().flow_buffers.lent() == 0);
    CHECK(server->context().passive_ports.free_count() == server->context().passive_ports.size());
    bool drained = false;
    server->drain([&] { drained = true; });
    REQUIRE(world.run_until([&] { return drained; }));
    server.reset();
    REQUIRE(world.run_until([&] { return world.reactor().in_flight() == 0; }));
    if (disk_is_sound) {
      for (const std::string& name : world.files().names(root + "/c0")) CHECK_FALSE(net::is_temporary_name(name));
    }
  }
  SimWorld world;
  std::shared_ptr<const core::Config> config;
  spdlog::logger log;
  std::unique_ptr<net::Server> server;
  bool disk_is_sound = true;  ///< what could not be removed for an I/O error may stay
};

struct StormResult {
  std::uint64_t hash = 0;
  std::map<std::string, int> seen;
};

StormResult run_storm(std::uint64_t seed, bool faults) {
  constexpr int clients_count = 12;
  constexpr int commands = 25;
  Station station(seed);
  SimWorld& world = station.world;
  const auto known = make_files(world, clients_count);
  station.open();
  if (faults) {
    const sim::Faults weather = sim::Faults::swarm(world.random());
    station.disk_is_sound = weather.disk_errors == 0;
    world.set_faults(weather);
  }

  std::vector<std::unique_ptr<StormClient>> clients;
  for (int i = 0; i < clients_count; ++i)
    clients.push_back(std::make_unique<StormClient>(world, i, control_port, known, root, commands));
  const auto all_finished = [&] {
    bool all = true;
    for (const auto& client : clients) {
      client->act();
      all &= client->finished();
    }
    return all;
  };
  // Then the weather clears, and whoever is still there must come to an end in bounded time.
  world.run_until(all_finished, {.turns = 300'000, .time = 1200 * io::second});
  world.stop_faults();
  for (const auto& client : clients) client->leave();
  CHECK(world.run_until(all_finished, {.turns = 1'000'000, .time = 3600 * io::second}));

  StormResult result;
  for (const auto& client : clients) {
    for (const std::string& complaint : client->complaints()) FAIL_CHECK(complaint);
    for (const auto& [what, count] : client->seen()) result.seen[what] += count;
  }
  clients.clear();
  station.close();
  result.hash = world.backend().event_hash();
  return result;
}

}  // namespace

TEST_CASE("in fair weather every transfer of the storm is right", "[storm][sim]") {
  std::map<std::string, int> seen;
  sim::for_each_seed(6, [&](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    for (const auto& [what, count] : run_storm(seed, false).seen) seen[what] += count;
  });
  // A storm that moved nothing would prove nothing.
  CHECK(seen["stored"] > 50);
  CHECK(seen["fetched"] > 50);
  CHECK(seen["mischief"] > 10);
  CHECK(seen["426"] > 0);
}

TEST_CASE("the storm: random sessions under all faults leave nothing behind", "[storm][sim]") {
  std::map<std::string, int> seen;
  sim::for_each_seed(40, [&](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    for (const auto& [what, count] : run_storm(seed, true).seen) seen[what] += count;
  });
  CHECK(seen["stored"] > 50);
  CHECK(seen["mischief"] > 50);
}

TEST_CASE("the same seed blows the same storm", "[storm][sim]") {
  const std::uint64_t seed = sim::seed_or(7);
  INFO("MILLRACE_SEED=" << seed);
  CHECK(run_storm(seed, true).hash == run_storm(seed, true).hash);
  CHECK(run_storm(seed, true).hash != run_storm(seed + 1, true).hash);
}

TEST_CASE("whichever operation fails, the session ends and nothing is left over", "[storm][sim]") {
  const auto run_with_failure = [](std::uint64_t n, bool persistent) {
    Station station(3);
    SimWorld& world = station.world;
    const auto known = make_files(world, 1);
    station.open();
    station.disk_is_sound = false;
    world.fault_plan().fail_operation(n, 0, persistent);
    StormClient client(world, 0, control_port, known, root, 12);
    world.run_until([&] { return client.act(), client.finished(); }, {.turns = 100'000, .time = 1200 * io::second});
    const bool met = world.fault_plan().fault_met();
    world.fault_plan().fail_none();
    client.leave();
    CHECK(world.run_until([&] { return client.act(), client.finished(); },
                          {.turns = 100'000, .time = 3600 * io::second}));
    for (const std::string& complaint : client.complaints()) FAIL_CHECK(complaint);
    station.close();
    return met;
  };
  for (const bool persistent : {false, true}) {
    std::uint64_t n = 1;
    while (n < 3000 && run_with_failure(n, persistent)) {
      INFO("operation " << n << (persistent ? " and all that follow fail" : " fails"));
      ++n;
    }
    INFO("a session has " << n << " operations that can fail");
    CHECK(n > 20);
    CHECK(n < 3000);
  }
}
