// Turning the world, and the reckoning at its end.
// Knows when the world stands still and what must not be left behind; must not know what is tested.
#include "tests/sim/sim_world.hpp"

#include <algorithm>
#include <exception>

#include "tests/catch.hpp"

namespace sim {

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed),
      random_(seed),
      network_(timeline_, random_.next()),
      files_(timeline_),
      backend_(timeline_, network_, files_, random_.next()),
      reactor_(backend_) {}

SimWorld::~SimWorld() {
  // Whoever used the reactor is gone; what is left are its own closes.
  for (int turns = 0; reactor_.in_flight() > 0 && turns < 100'000; ++turns) reactor_.turn(timeline_.now() + io::second);
  if (std::uncaught_exceptions() == 0) complain();
}

void SimWorld::complain() const {
  const std::string seed = "MILLRACE_SEED=" + std::to_string(seed_) + ": ";
  for (const std::string& problem : backend_.problems()) FAIL_CHECK(seed + problem);
  for (const std::string& left : backend_.describe_descriptors()) FAIL_CHECK(seed + "left open: " + left);
}

void SimWorld::set_faults(const Faults& faults) {
  backend_.fault_plan().faults = faults;
  network_.options.slow_connections = faults.slow_connections;
}

io::Address SimWorld::address(std::uint16_t port) const {
  io::Address address = network_.server_v4;
  address.set_port(port);
  return address;
}

io::Address SimWorld::address_v6(std::uint16_t port) const {
  io::Address address = network_.server_v6;
  address.set_port(port);
  return address;
}

bool SimWorld::run_until(const std::function<bool()>& done, const Limits& limits) {
  const io::Time end = timeline_.now() + limits.time;
  for (std::size_t turn = 0; turn < limits.turns; ++turn) {
    if (done()) return true;
    if (timeline_.now() >= end) return false;
    reactor_.turn(end);
  }
  return done();
}

void SimWorld::run_for(io::Time duration) {
  const io::Time end = timeline_.now() + duration;
  while (timeline_.now() < end) reactor_.turn(end);
}

bool SimWorld::settle(io::Time quiet, std::size_t turns) {
  std::uint64_t completions = backend_.completions();
  io::Time quiet_since = timeline_.now();
  for (std::size_t turn = 0; turn < turns; ++turn) {
    const bool next_is_near = timeline_.next_moment() - timeline_.now() < quiet;
    if (next_is_near || backend_.completions() != completions) {
      quiet_since = timeline_.now();
      completions = backend_.completions();
    } else if (timeline_.now() - quiet_since >= quiet) {
      return true;
    }
    reactor_.turn(std::min(timeline_.now() + quiet, quiet_since + quiet));
  }
  return false;
}

}  // namespace sim
