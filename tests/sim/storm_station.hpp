// A server in a simulated world, the files it serves, and the proof at its end that nothing is left over.
#pragma once

#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "core/path.hpp"
#include "net/server.hpp"
#include "tests/catch.hpp"
#include "tests/sim/storm_actor.hpp"

namespace sim {

inline std::shared_ptr<core::Config> storm_config(const StormPlace& place) {
  auto config = std::make_shared<core::Config>();
  config->listen.control = {*core::parse_endpoint(fmt::format("0.0.0.0:{}", place.control_port))};
  config->data.passive_ports = {50000, 50031};                             // so few that they can run out
  config->data.foreign_addresses = {*core::parse_network("10.0.0.1/32")};  // its own: third-party transfers
  config->data.block_modes = core::BlockModes::always;
  config->data.marker_interval_bytes = 20'000;
  config->tuning.slice_kib = 16;
  config->tuning.preallocate_mib = 1;
  config->data.buffer_kib = 16;
  config->uploads.publish = place.publish;
  config->limits.transfer_buffers = place.fair ? 24 : 12;
  config->limits.login_failure_delay_ms = 500;
  core::Account anonymous;
  anonymous.name = "anonymous";
  anonymous.root = place.files_root;
  anonymous.anonymous = true;
  for (std::size_t i = 0; i < core::right_count; ++i) anonymous.rights.set(static_cast<core::Right>(i));
  config->accounts.add(anonymous);
  return config;
}

struct Station {
  Station(std::uint64_t seed, core::Publish publish, bool fair)
      : world(seed),
        place{.control_port = 2121, .files_root = "/srv", .known = {}, .publish = publish, .fair = fair},
        config(storm_config(place)),
        log("storm", std::make_shared<spdlog::sinks::null_sink_mt>()) {
    log.set_level(spdlog::level::off);
  }
  void know(const std::string& path, const std::string& content) {
    place.known.push_back({path, content});
    world.files().make_file(place.files_root + path, content);
  }
  void open() {
    server = std::make_unique<net::Server>(world.reactor(), log, counts, config, world.seed());
    const auto error = server->start();
    INFO((error ? error->key + ": " + error->what : ""));
    REQUIRE_FALSE(error);
  }
  /// Everybody is gone or silent: the server's own timers must end what is left.
  void close() {
    REQUIRE(
        world.run_until([&] { return server->session_count() == 0; }, {.turns = 2'000'000, .time = 3600 * io::second}));
    CHECK(counts.totals().sessions == 0);
    CHECK(server->context().control_buffers.lent() == 0);
    CHECK(server->context().flow_buffers.lent() == 0);
    CHECK(server->context().passive_listeners.lent() == 0);
    CHECK(server->context().heavy_works == 0);
    bool drained = false;
    server->drain([&] { drained = true; });
    REQUIRE(world.run_until([&] { return drained; }));
    server.reset();
    REQUIRE(world.run_until([&] { return world.reactor().in_flight() == 0; }));
    if (!disk_is_sound) return;
    const std::string uploads = place.files_root + "/c0";
    for (const std::string& name : world.files().names(uploads)) {
      CHECK_FALSE(core::is_temporary_name(name));
      const FileData& file = world.files().find(uploads + "/" + name)->data;
      CHECK(file.blocks_512() * 512 < file.size() + 4096);  // no space stays set aside
    }
  }

  SimWorld world;
  StormPlace place;
  std::shared_ptr<core::Config> config;
  spdlog::logger log;
  net::SharedCounts counts = net::SharedCounts::make(1, 100, world.seed()).value();
  std::unique_ptr<net::Server> server;
  bool disk_is_sound = true;  ///< what could not be removed for an I/O error may stay
};

}  // namespace sim
