// Sessions written down as RFC 959 section 7 writes them, tests/transcripts/*.ftp, and their player. The
// player knows lines; who talks (the PI alone, the simulator, a socket) is a Talker's business.
//
//   # a comment
//   WORLD: file /readme.txt 12        before the greeting: a file of so many letters without a line end,
//   WORLD: directory /pub             or a directory, below the root of every account
//   C: USER demo                      the client sends this line and CR LF
//   C: PORT {PORT}                    {PORT} is an own address and port as PORT wants it, {EPRT} as EPRT does
//   S: 331 User name okay*            the server's next line; * stands for any octets
//   S: ...                            any lines up to the first that is as the next S: line
//   S: <closed>                       the server closes the control connection
//   DATA: opens                       the data connection stands (to the port of the last 227 or 229, or
//                                     from the server to {PORT}) and nothing is sent on it
//   DATA: receives 12                 the client reads to the end: so many octets (without a number: any)
//   DATA: sends 12                    the client sends so many octets and closes; both open the data
//                                     connection unless "DATA: opens" has done so
//
// Every transcript begins with the greeting. The accounts are demo (all rights), reader (list, read) and
// keeper (needs ACCT vault), all with the password "secret", guest without a password, and anonymous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

struct Step {
  enum class Kind : std::uint8_t { world, client, server, data };
  Kind kind;
  std::string text;  ///< behind the "C: "
  unsigned line;     ///< in the file, from 1
};

struct Transcript {
  std::string name;  ///< of the file, without its directory
  std::vector<Step> steps;
};

/// Where a transcript is played.
class Talker {
 public:
  virtual ~Talker() = default;

  virtual void make_file(const std::string& path, std::uint64_t size) = 0;
  virtual void make_directory(const std::string& path) = 0;
  /// The world is made: connect.
  virtual void connect() = 0;

  virtual void send_line(std::string_view line) = 0;  ///< CR LF is the talker's to add
  /// The server's next line without CR LF; nothing when the connection is closed or no line comes in time.
  virtual std::optional<std::string> next_line() = 0;
  /// True when the server has closed the control connection and all lines were taken.
  virtual bool closed() = 0;

  virtual void open_data() = 0;
  /// Octets received up to the end of the data connection.
  virtual std::uint64_t receive_data() = 0;
  virtual void send_data(std::uint64_t size) = 0;
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
