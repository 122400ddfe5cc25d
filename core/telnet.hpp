// The Telnet side of the control connection: takes the network virtual terminal's commands out of
// the octet stream. Knows RFC 854, 855 and RFC 1123 3.2; must not know FTP commands or sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace core {

/// Octets in, FTP text out. State survives any split of the stream.
class TelnetFilter {
 public:
  /// Appends the text in `octets` to `text`, and what Telnet wants answered (every option is
  /// refused, RFC 1123 4.1.2.12) to `answers`. An octet 255 sent doubled arrives as one (RFC 3659 2.2).
  /// Returns how many octets it took: it stops behind a Data Mark that ends a Synch, so that the caller can ask
  /// take_synch() before the text behind the mark comes.
  std::size_t receive(std::string_view octets, std::string& text, std::string& answers);

  /// Urgent data is pending: what is not Telnet is thrown away up to the Data Mark (RFC 854, Synch).
  void begin_synch() { synch_ = true; }
  bool in_synch() const { return synch_; }
  /// True once for each Synch that has ended: what was typed ahead of it is to be dropped. A Synch is urgent data up
  /// to its Data Mark, or IP and a Data Mark one behind the other, urgent or not (RFC 959 4.1, RFC 6093 6):
  /// the kernel forgets what was urgent once it is read.
  bool take_synch() { return std::exchange(synch_ended_, false); }

 private:
  enum class State : std::uint8_t { text, command, option, subnegotiation, subnegotiation_command };

  /// One octet behind an IAC, or behind the verb of an option.
  void on_escaped(char octet, std::string& text, std::string& answers);
  void on_command(char octet, std::string& text);

  State state_ = State::text;
  std::uint8_t verb_ = 0;  ///< WILL, WONT, DO or DONT, while its option is awaited
  bool synch_ = false;
  bool interrupted_ = false;  ///< IP came, and no text behind it
  bool synch_ended_ = false;
};

/// True when a block holds an IAC: only then can urgent data matter.
bool may_hold_telnet(std::string_view octets);

}  // namespace core
