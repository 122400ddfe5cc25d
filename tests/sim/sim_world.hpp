// A whole world in one value: clock, network, files, the simulated backend and a reactor on it.
// A test builds its tree of files, starts what it tests on reactor(), and plays the clients.
// Knows how to turn the world and when it stands still; must not know what is being tested.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "io/reactor.hpp"
#include "tests/sim/sim_backend.hpp"
#include "tests/sim/sim_peer.hpp"

namespace sim {

/// How long run_until() may go on.
struct Limits {
  std::size_t turns = 200'000;
  io::Time time = 3600 * io::second;  ///< simulated
};

///   SimWorld world{seed};
///   world.files().make_file("/srv/a.txt", "...");
///   net::Server server{world.reactor(), ...};
///   auto client = world.peer("10.0.0.7").connect(world.address(2121));
///   client.write("USER anonymous\r\n");
///   REQUIRE(world.run_until([&] { return client.has_line(); }));
///
/// What was made last is destroyed first: the server must be gone before its world. Then, unless the
/// test has failed already, the world fails it for each problem and each descriptor left open.
class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  std::uint64_t seed() const { return seed_; }
  /// The test's own chance, which the kernel's does not depend on.
  Random& random() { return random_; }
  Timeline& timeline() { return timeline_; }
  SimNetwork& network() { return network_; }
  SimFiles& files() { return files_; }
  SimBackend& backend() { return backend_; }
  io::Reactor& reactor() { return reactor_; }
  FaultPlan& fault_plan() { return backend_.fault_plan(); }

  void set_faults(const Faults& faults);
  void stop_faults() { set_faults(Faults{.slow_loop = 0, .late_cancels = 0}); }

  /// A port of the server's machine: 10.0.0.1, or fd00::1.
  io::Address address(std::uint16_t port) const;
  io::Address address_v6(std::uint16_t port) const;
  /// Another machine, by its address.
  SimPeer peer(std::string_view host) { return SimPeer{*this, address_of(host)}; }

  /// Turns the world until `done` holds: true. False when a limit comes first.
  /// `done` is asked after each event that a client or the server could notice.
  bool run_until(const std::function<bool()>& done, const Limits& limits = {});
  /// Lets this much simulated time pass.
  void run_for(io::Time duration);
  /// Turns the world until nothing happens for `quiet`. False when that takes more than `turns`.
  bool settle(io::Time quiet = io::second, std::size_t turns = 200'000);

 private:
  void complain() const;

  std::uint64_t seed_;
  Random random_;
  Timeline timeline_;
  SimNetwork network_;
  SimFiles files_;
  SimBackend backend_;
  io::Reactor reactor_;
};

}  // namespace sim
