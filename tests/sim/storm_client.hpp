// A client of the storm: logs in, lists, stores, fetches, renames, aborts, leaves or vanishes, at
// random, and checks all it is told against RFC 959's tables. Knows FTP from the far side; must not
// know the server's inside.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/command.hpp"
#include "tests/sim/sim_world.hpp"

namespace sim {

/// A file that was there before and stays: its octets are known.
struct KnownFile {
  std::string path, content;
};

class StormClient {
 public:
  /// `number` names the client's own directory, "/c<number>"; nobody else writes there. `files_root`
  /// is where the server's "/" is in the simulated file system.
  StormClient(SimWorld& world, int number, std::uint16_t control_port, const std::vector<KnownFile>& known,
              std::string files_root, int commands);

  /// Does what can be done now. Call after every event.
  void act();
  /// The connection is over, for whatever reason.
  bool finished() const { return finished_; }
  /// Leaves at the next chance.
  void leave() { commands_left_ = 0; }

  /// Replies that no table allows, data that are not what they should be. Empty in a good run.
  const std::vector<std::string>& complaints() const { return complaints_; }
  /// How often each kind of thing happened, so that a storm can show that it blew.
  const std::map<std::string, int>& seen() const { return seen_; }

 private:
  struct Sent {
    std::string line;
    const core::CommandRow* row = nullptr;
    core::Diagram diagram = core::Diagram::simple;
  };
  struct Transfer {
    bool active = false;
    bool upload = false;
    bool text = false;
    std::string path;                     ///< below "/"; empty for a listing
    std::string content;                  ///< what is to be stored
    std::optional<std::string> expected;  ///< what should come, if that is known
    std::string received;
    bool written = false;  ///< all was sent and the direction closed
    bool trouble = false;  ///< something is to go wrong once it has begun
    bool spoiled = false;  ///< this client broke it: no promise holds
    bool begun = false;    ///< 150 or 125 was seen
  };

  void connect();
  void read_control();
  void on_line(const std::string& line);
  void on_reply(unsigned code, const std::string& line);
  void on_final(const Sent& sent, unsigned code, const std::string& line);
  void on_transfer_end(unsigned code);
  void move_data();
  void choose();
  void plan_transfer();
  void plan_file_command();
  void mischief();
  void send(const std::string& line);
  void send_script();
  void end();
  void complain(const std::string& what);
  std::string own_path();
  std::string random_octets(bool text);

  SimWorld& world_;
  Random random_;
  SimPeer peer_;
  std::string directory_, files_root_;
  std::uint16_t control_port_;
  const std::vector<KnownFile>& known_;
  int commands_left_;

  std::optional<SimConnection> control_, data_;
  std::optional<SimListener> listener_;
  std::deque<std::string> script_;  ///< lines still to be sent
  std::deque<Sent> outstanding_;
  bool greeted_ = false;
  bool logged_in_ = false;
  bool finished_ = false;
  bool pipelining_ = false;
  std::string multi_line_;  ///< the code of a reply whose last line has not come
  std::optional<Transfer> transfer_;
  std::map<std::string, std::optional<std::string>> stored_;  ///< own files: content, nothing when unknown
  std::vector<std::string> complaints_;
  std::map<std::string, int> seen_;
};

}  // namespace sim
