// The tests' oracle: reads what a server sends on a control connection beside what the client sent, and
// complains of every reply that the RFC's form, the command table or the diagrams do not allow.
// Knows core's tables; must not know the PI, sockets or clocks. RFC 959 4.2, 5.4, 6.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/command.hpp"
#include "core/line_reader.hpp"
#include "core/telnet.hpp"

namespace tests {

/// A whole reply, Telnet's doublings undone.
struct Reply {
  unsigned code = 0;
  std::vector<std::string> lines;  ///< as they came, without CR LF
  /// What stands behind the code on the last line.
  std::string_view text() const { return std::string_view(lines.back()).substr(4); }
};

/// A reply and the verb it answered, as the command table writes it; "" for the connection itself.
struct Answer {
  std::string_view verb;
  unsigned code;
};

class ReplyWalker {
 public:
  /// The client sent these. `urgent`: what was not answered yet is dropped (Synch).
  void on_sent(std::string_view octets, bool urgent = false);
  /// The server's transfer ended: its final reply is due.
  void on_transfer_ended() { transfer_ended_ = true; }
  /// The server sent these. The replies that are whole now.
  std::vector<Reply> on_received(std::string_view octets);

  bool transferring() const { return transfer_ != nullptr; }
  /// True when the final reply of every command has come.
  bool all_answered() const { return pending_.empty() && transfer_ == nullptr; }
  /// The command whose reply is due next; nullptr when none is, or when its verb is unknown.
  const core::CommandRow* next_to_answer() const { return pending_.empty() ? nullptr : pending_.front().row; }
  std::size_t unanswered() const { return pending_.size(); }
  /// What Telnet answered: the octets behind each IAC.
  const std::string& telnet_answers() const { return telnet_answers_; }
  const std::vector<std::string>& complaints() const { return complaints_; }
  /// All replies so far but those to unknown verbs.
  const std::vector<Answer>& answers() const { return answers_; }

 private:
  struct Sent {
    std::string line;
    const core::CommandRow* row = nullptr;  ///< of the SITE subcommand, if it is one; nullptr: no command, too long
    std::string_view verb{};                ///< as the command table has it
  };
  void complain(const std::string& what) { complaints_.push_back(what); }
  void take_octet(unsigned char octet);
  void take_line(std::vector<Reply>& whole);
  void drop_typed_ahead();
  void take_sent_lines();
  void walk(const Reply& reply);
  Sent take_answered(const Reply& reply);
  void walk_marker(const Reply& reply);
  void walk_transfer_end(const Reply& reply);
  void walk_command(const Reply& reply, const Sent& sent);

  core::TelnetFilter sent_telnet_;
  core::LineReader sent_lines_;
  std::deque<Sent> pending_;

  enum class Telnet { text, command, option } telnet_ = Telnet::text;
  std::string line_;  ///< the line that is coming, CR LF still on it
  Reply coming_;      ///< its lines so far
  std::string telnet_answers_;

  bool greeted_ = false;
  bool secured_ = false;  ///< by AUTH
  bool ended_ = false;    ///< 221 or 421 was sent
  const core::CommandRow* transfer_ = nullptr;
  bool transfer_ended_ = false;
  std::vector<std::string> complaints_;
  std::vector<Answer> answers_;
};

}  // namespace tests
