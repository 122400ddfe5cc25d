// Sessions written down as RFC 959 section 7 writes them, tests/transcripts/*.ftp, and their player. The
// player knows lines; who talks (the PI alone, the simulator, a socket) is a Talker's business.
//
//   # a comment
//   WORLD: file /readme.txt 12        before the greeting: a file of so many letters without a line end,
//   WORLD: directory /pub             or a directory, below the root of every account
//   WORLD: full disk                  before the greeting or later: neither a name nor an octet can be stored
//   WORLD: failing disk               what is done with a file or directory is an input or output error
//   WORLD: no descriptor              the server can open nothing
//   WORLD: no passive port            all passive ports are taken
//   WORLD: server drains              the administrator stops the server
//   C: USER demo                      the client sends this line and CR LF
//   C+: PASS secret                   this line follows in the same segment
//   C: PORT {PORT}                    {PORT} is an own address and port as PORT wants it, {EPRT} as EPRT does
//   S: 331 User name okay*            the server's next line; * stands for any octets
//   S: ...                            any lines up to the first that is as the next S: line
//   S: <closed>                       the server closes the control connection
//   DATA: opens                       the data connection stands (to the port of the last 227 or 229, or
//                                     from the server to {PORT}, or without any to the client's port U) and
//                                     nothing is sent on it; to a passive port it may open before its command
//   DATA: receives 12                 the client reads to the end: so many octets (without a number: any)
//   DATA: sends 12                    the client sends so many octets and closes; both open the data
//                                     connection unless "DATA: opens" has done so
//   DATA: gives \x40\x00\x01x         the client sends these octets (\xHH is any) and the connection stays open
//   DATA: takes \x40\x00\x01x         the client reads exactly these octets
//   DATA: takes blocks                the client reads MODE B's blocks up to the one that ends the file
//   DATA: breaks off                  the client resets the data connection, which stands by then: in the
//                                     middle of a transfer, or before its command
//   DATA: never comes                 the client does not come to the passive port, or (said before the
//                                     command) refuses the server's connection
//
// Every transcript begins with the greeting. The accounts are demo (all rights but admin), warden (admin), reader
// (list, read) and keeper (needs ACCT vault), clerk (needs it for storing alone) and archivist (may SMNT archive), all
// with the password "secret", guest without a password, lodger (ACCT vault and no password), and anonymous. A file may
// have a thousand million octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

struct Step {
  enum class Kind : std::uint8_t { world, client, more, server, data };
  Kind kind;
  std::string text;  ///< behind the "C: "
  unsigned line;     ///< in the file, from 1
};

struct Transcript {
  std::string name;  ///< of the file, without its directory
  std::vector<Step> steps;
  /// Whether one of the steps is "KIND: text".
  bool has(Step::Kind kind, std::string_view text) const;
};

/// What may go wrong on the server's side.
enum class Mishap : std::uint8_t { full_disk, failing_disk, no_descriptor, no_passive_port, drain };

/// Thrown by a talker whose world cannot be made so: the transcript is to be skipped there.
struct Impossible : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where a transcript is played.
class Talker {
 public:
  virtual ~Talker() = default;

  virtual void make_file(const std::string& path, std::uint64_t size) = 0;
  virtual void make_directory(const std::string& path) = 0;
  virtual void befall(Mishap mishap) = 0;
  /// The world is made: connect.
  virtual void connect() = 0;

  /// Sends a line, or several with CR LF between them; the last CR LF is the talker's to add.
  virtual void send_line(std::string_view line) = 0;
  /// The server's next line without CR LF; nothing when the connection is closed or no line comes in time.
  virtual std::optional<std::string> next_line() = 0;
  /// True when the server has closed the control connection and all lines were taken.
  virtual bool closed() = 0;

  virtual void open_data() = 0;
  /// Octets received up to the end of the data connection.
  virtual std::uint64_t receive_data() = 0;
  virtual void send_data(std::uint64_t size) = 0;
  virtual void give_data(std::string_view octets) = 0;
  /// So many octets, or fewer when no more come in time.
  virtual std::string take_data(std::size_t count) = 0;
  virtual void break_data() = 0;
  virtual void withhold_data() = 0;
  virtual std::string own_port() = 0;  ///< "192,0,2,9,156,84"
  virtual std::string own_eprt() = 0;  ///< "|1|192.0.2.9|40020|"
};

/// The steps, or "NAME:LINE: what is wrong".
std::expected<Transcript, std::string> parse_transcript(std::string_view text, std::string name);

/// All of tests/transcripts, in the order of their names.
std::vector<Transcript> all_transcripts();

/// Nothing when it went as written, else "NAME:LINE: wanted …, got …".
std::optional<std::string> play(const Transcript& transcript, Talker& talker);

/// True when `line` is as `pattern`, where * stands for any octets.
bool matches(std::string_view pattern, std::string_view line);

}  // namespace tests
