// The user-PI: commands out, replies in, each walked along its diagram. A reply that RFC 959's section 6 does not
// allow is the server's error. Knows the command table and the control connection; must not know what for.
// RFC 959 2.3, 4.2, 5.4, 6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/connection.hpp"
#include "core/command.hpp"
#include "core/line_reader.hpp"
#include "core/telnet.hpp"

namespace bench {

/// A command that awaits its final reply; `row` is nullptr for the connection itself, which is answered too.
struct Asked {
  const core::CommandRow* row = nullptr;
  core::Diagram diagram = core::Diagram::transfer;  ///< 120, then 220: as a transfer command is answered
  std::uint32_t purpose = 0;                        ///< the asker's own
  std::string_view verb() const { return row != nullptr ? row->verb : "connection"; }
};

struct Reply {
  unsigned code = 0;
  std::string_view line;  ///< the last one, code included; gone when the callback returns
  std::string_view text() const { return line.substr(std::min<std::size_t>(4, line.size())); }
};

class UserPiOwner {
 public:
  virtual void on_reply(const Asked& asked, core::Next next, const Reply& reply) = 0;
  /// No more replies will come: an error_kind and what happened. The owner has to close().
  virtual void on_lost(std::string_view kind, const std::string& what) = 0;
  virtual void on_pi_closed() = 0;

 protected:
  ~UserPiOwner() = default;
};

class UserPi final : ConnectionOwner {
 public:
  UserPi(Context& context, UserPiOwner& owner);

  /// The greeting is the first reply, with `purpose`.
  void connect(const io::Address& to, const io::Address* from, std::uint32_t purpose);
  /// TLS from here on: before connect() from its beginning, else behind the reply that is being told. What the server
  /// offers is kept in `session`, which is resumed.
  void secure(TlsSession& session) { connection_.secure(session, true); }
  /// Appends a command to what flush() sends. The verb must have a row.
  void ask(std::string_view verb, std::string_view argument, std::uint32_t purpose);
  void flush();
  /// From now on the end of the connection is no loss.
  void expect_end() { end_expected_ = true; }
  void close() { connection_.close(); }

  bool is_closed() const { return connection_.is_closed(); }
  std::size_t unanswered() const { return pending_.size(); }
  /// The verb that is to be answered next, for error messages.
  std::string_view waits_for() const { return pending_.empty() ? "nothing" : pending_.front().verb(); }
  io::Address local_address() { return connection_.local_address(); }

 private:
  void on_open() override;
  void on_received(std::span<const char> octets) override;
  void on_discarded(std::size_t, bool) override {}
  void on_sent(std::size_t octets) override;
  void on_end(int error) override;
  void on_closed() override { owner_.on_pi_closed(); }

  void take_line(std::string_view line);
  void take_reply(const Reply& reply);

  Connection connection_;
  UserPiOwner& owner_;
  std::vector<Asked> pending_;
  std::string output_, sending_;
  std::size_t sent_ = 0;
  core::TelnetFilter telnet_;
  core::LineReader lines_;
  unsigned open_code_ = 0;  ///< of a reply of several lines that has not ended; else 0
  bool end_expected_ = false;
  bool lost_ = false;
  std::uint64_t connections_ = 0;  ///< so far: a callback may have ended one and begun another
};

}  // namespace bench
