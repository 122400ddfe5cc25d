// What all clients of a storm have in common: where they act, what they complain of, what they have seen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "tests/sim/sim_world.hpp"

namespace sim {

/// A file that was there before and stays: its octets are known.
struct KnownFile {
  std::string path, content;
};

/// What all clients of one storm know.
struct StormPlace {
  std::uint16_t control_port = 0;
  std::string files_root;        ///< where the server's "/" is in the simulated file system
  std::vector<KnownFile> known;  ///< nobody changes them
  core::Publish publish = core::Publish::direct;
  bool fair = false;  ///< nothing fails but what a client breaks
};

class StormActor {
 public:
  /// Nobody else writes in `directory`.
  StormActor(SimWorld& world, const SimPeer& peer, std::string directory, const StormPlace& place)
      : world_(world), random_(world.random().fork()), peer_(peer), directory_(std::move(directory)), place_(place) {}
  StormActor(const StormActor&) = delete;
  StormActor& operator=(const StormActor&) = delete;
  virtual ~StormActor() = default;

  /// Does what can be done now. Call after every event.
  virtual void act() = 0;
  /// Leaves at the next chance.
  virtual void leave() = 0;
  /// Its connections are over, for whatever reason.
  bool finished() const { return finished_; }

  /// Replies that no table allows, data that are not what they should be. Empty in a good run.
  const std::vector<std::string>& complaints() const { return complaints_; }
  /// How often each kind of thing happened, so that a storm can show that it blew.
  const std::map<std::string, int>& seen() const { return seen_; }

 protected:
  virtual void end() = 0;  ///< closes everything; finished() holds
  /// What was said on the control connections lately.
  virtual std::string recent() const = 0;
  void complain(const std::string& what) {
    complaints_.push_back(directory_ + ": " + what + recent());
    end();
  }

  SimWorld& world_;
  Random random_;
  SimPeer peer_;
  std::string directory_;
  const StormPlace& place_;
  bool finished_ = false;
  std::vector<std::string> complaints_;
  std::map<std::string, int> seen_;
};

}  // namespace sim
