// The far side of a control connection: lines out, answers in, each checked against RFC 959's tables. Every answer
// must be legal for the oldest command that could have caused it. Knows commands and replies; must not know files.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/command.hpp"
#include "tests/sim/sim_peer.hpp"

namespace sim {

class StormControl {
 public:
  struct Answer {
    std::string command;    ///< the line that it answers; empty: 421
    std::string_view verb;  ///< "?": none that is known
    unsigned code = 0;
    std::string line;
    bool last = true;       ///< false: 1yz, another one follows
    bool transfer = false;  ///< to a command that moves a file or a listing
  };

  explicit StormControl(SimConnection connection) : connection_(std::move(connection)) {}

  void send(const std::string& line);
  /// ABOR, with Telnet's IP and Synch before it when asked.
  void send_abort(bool with_synch);
  /// The next answer, if one has arrived. None comes behind a complaint.
  std::optional<Answer> next();

  bool greeted() const { return greeted_; }
  /// Commands that wait for their last answer.
  std::size_t waiting() const { return outstanding_.size(); }
  bool waits_for(std::string_view verb) const;
  /// Nothing more will come.
  bool over() const { return connection_.refused() || connection_.was_reset() || connection_.at_end(); }
  /// What no table allows; empty in a good run.
  const std::string& complaint() const { return complaint_; }
  SimConnection& connection() { return connection_; }
  /// The last lines both ways, for whoever has to find out what went wrong.
  std::string recent() const;

 private:
  struct Sent {
    std::string line;
    const core::CommandRow* row;
    core::Diagram diagram;
  };
  void remember(std::string line);
  bool is_whole(const std::string& line);
  std::optional<Answer> match(unsigned code, const std::string& line);

  SimConnection connection_;
  std::deque<Sent> outstanding_;
  bool greeted_ = false;
  std::string multi_line_;  ///< the code of a reply whose last line has not come
  std::string complaint_;
  std::deque<std::string> recent_;
};

/// The port of "229 … (|||port|)" or "227 … (h1,h2,h3,h4,p1,p2)"; 0 when there is none.
std::uint16_t port_in(const std::string& line);
/// "PORT h1,h2,h3,h4,p1,p2".
std::string port_command(const io::Address& address);

}  // namespace sim
