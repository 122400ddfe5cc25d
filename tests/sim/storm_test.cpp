// The whole server on the simulated kernel, in bad weather: many clients, all faults, one seed.
// `make storm SEED=n` replays one.
#include <cstdlib>
#include <memory>

#include "tests/catch.hpp"
#include "tests/sim/storm_client.hpp"
#include "tests/sim/storm_station.hpp"
#include "tests/sim/third_party_client.hpp"

namespace {

using sim::SimWorld;
using sim::Station;
using sim::StormClient;
using sim::ThirdPartyClient;

// Only what is written in place can be resumed: every other seed.
core::Publish publish_of(std::uint64_t seed) {
  if (seed % 2 == 0) return core::Publish::direct;
  return seed % 4 == 1 ? core::Publish::atomic : core::Publish::durable;
}

void make_files(Station& station, int clients) {
  sim::Random& random = station.world.random();
  for (const std::size_t size : {0u, 1u, 1460u, 70'000u, 300'000u}) {
    std::string content(size, '\0');
    for (char& c : content) c = static_cast<char>(random.chance(0.05) ? '\n' : random.next());
    station.know(fmt::format("/pub/{}", size), sim::without_cr_lf(content));
  }
  // Logical bytes of 36 bits; pages with a hole between.
  using core::Type;
  station.know("/pub/words", draw_file(random, {.type = Type::local, .byte_size = 36}) + std::string(8000, '\0'));
  station.know("/pub/pages", draw_file(random, {.type = Type::local, .byte_size = 32}) + std::string(20'000, '\0') +
                                 std::string(4096, 'x'));
  for (int i = 0; i < clients; ++i) {
    station.world.files().make_directory(fmt::format("{}/c{}", station.place.files_root, i));
    station.world.files().make_directory(fmt::format("{}/t{}", station.place.files_root, i));
  }
}

struct StormResult {
  std::uint64_t hash = 0;
  std::map<std::string, int> seen;
};

using Actors = std::vector<std::unique_ptr<sim::StormActor>>;

// Until they have had enough. Then the weather clears, and whoever is still there must come to an end in bounded time.
void run_all(SimWorld& world, const Actors& actors) {
  const auto all_finished = [&] {
    bool all = true;
    for (const auto& actor : actors) {
      actor->act();
      all &= actor->finished();
    }
    return all;
  };
  world.run_until(all_finished, {.turns = 300'000, .time = 1200 * io::second});
  world.stop_faults();
  for (const auto& actor : actors) actor->leave();
  CHECK(world.run_until(all_finished, {.turns = 1'000'000, .time = 3600 * io::second}));
}

StormResult run_storm(std::uint64_t seed, bool faults) {
  constexpr int clients = 10, couples = 2, commands = 25;
  Station station(seed, publish_of(seed), !faults);
  SimWorld& world = station.world;
  make_files(station, clients);
  station.open();
  if (faults) {
    const sim::Faults weather = sim::Faults::swarm(world.random());
    station.disk_is_sound = weather.disk_errors == 0;
    world.set_faults(weather);
  }
  Actors actors;
  for (int i = 0; i < clients; ++i) actors.push_back(std::make_unique<StormClient>(world, i, station.place, commands));
  for (int i = 0; i < couples; ++i)
    actors.push_back(std::make_unique<ThirdPartyClient>(world, i, station.place, commands));
  run_all(world, actors);

  StormResult result;
  for (const auto& actor : actors) {
    for (const std::string& complaint : actor->complaints()) FAIL_CHECK(complaint);
    for (const auto& [what, count] : actor->seen()) result.seen[what] += count;
  }
  actors.clear();
  station.close();
  result.hash = world.backend().event_hash();
  return result;
}

std::map<std::string, int> run_storms(std::uint64_t count, bool faults) {
  std::map<std::string, int> seen;
  sim::for_each_seed(count, [&](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    for (const auto& [what, times] : run_storm(seed, faults).seen) seen[what] += times;
  });
  if (std::getenv("MILLRACE_SEEN") != nullptr)
    for (const auto& [what, times] : seen) fmt::print("{:6} {}\n", times, what);
  return seen;
}

// A storm that moved nothing would prove nothing; one seed alone need not show all.
void check_seen(std::map<std::string, int>& seen, std::initializer_list<std::pair<const char*, int>> least) {
  if (sim::seed_is_given()) return;
  for (const auto& [what, count] : least) {
    INFO(what);
    CHECK(seen[what] >= count);
  }
}

}  // namespace

TEST_CASE("in fair weather every transfer of the storm is right", "[storm][sim]") {
  auto seen = run_storms(16, false);
  check_seen(seen, {{"stored", 150}, {"fetched", 200}, {"mischief", 40}, {"226", 150}, {"250", 250}, {"426", 10}});
  check_seen(seen, {{"MODE S", 150}, {"MODE B", 150}, {"MODE C", 80}, {"STRU F", 300}, {"STRU R", 70}, {"STRU P", 25}});
  check_seen(seen, {{"TYPE A N", 150}, {"TYPE E N", 60}, {"TYPE I", 120}, {"TYPE L 36", 8}, {"TYPE L 32", 2}});
  check_seen(seen, {{"kept", 150}, {"pipelined", 100}, {"ahead", 15}, {"default port", 30}});
  check_seen(seen, {{"110", 100}, {"resumed upload", 2}, {"markers read", 40}, {"resumed download", 25}});
  check_seen(seen, {{"third party", 70}, {"third party kept", 20}, {"third party MODE S", 30}});
  check_seen(seen, {{"third party, sender listens", 30}, {"third party, receiver listens", 30}});
}

TEST_CASE("the storm: random sessions under all faults leave nothing behind", "[storm][sim]") {
  auto seen = run_storms(40, true);
  check_seen(seen, {{"stored", 300}, {"fetched", 500}, {"mischief", 200}, {"third party", 100}, {"resumed upload", 5}});
}

TEST_CASE("the same seed blows the same storm", "[storm][sim]") {
  const std::uint64_t seed = sim::seed_or(7);
  INFO("MILLRACE_SEED=" << seed);
  CHECK(run_storm(seed, true).hash == run_storm(seed, true).hash);
  CHECK(run_storm(seed, true).hash != run_storm(seed + 1, true).hash);
}

TEST_CASE("whichever operation fails, the session ends and nothing is left over", "[storm][sim]") {
  const auto run_with_failure = [](std::uint64_t n, bool persistent) {
    Station station(3, core::Publish::direct, false);
    SimWorld& world = station.world;
    make_files(station, 1);
    station.open();
    station.disk_is_sound = false;
    world.fault_plan().fail_operation(n, 0, persistent);
    StormClient client(world, 0, station.place, 12);
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
