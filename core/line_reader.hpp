// Text -> command lines. Knows CR LF, LF, CR NUL and the length limit; must not know what a command is.
// RFC 959 5.3, RFC 2640 3.1.
//
// RFC 959 5.3 ends a command with CR LF. LF alone ends one here as well, as with other servers: small devices and old
// libraries send nothing else and would wait for ever. So a client can send no name with LF in it. RFC 2640 3.1 would
// allow such names; no reply and no line of a listing can show one (control_characters.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace core {

struct Line {
  std::string_view text;  ///< without its end, CR NUL turned into CR; valid until the next call on the reader
  bool too_long = false;  ///< the line was longer than limits::command_line_max and has been thrown away
};

class LineReader {
 public:
  LineReader() = default;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// Where the Telnet filter appends.
  std::string& input() { return buffer_; }
  /// Room for so many octets more, so that input() does not move and leave a copy of a password behind.
  void reserve(std::size_t octets);
  /// The next whole line, in order; nothing until LF has come, with a CR before it or without. A lone CR is part of the
  /// line. Octets of an over-long line are dropped as they come, and it is reported once.
  std::optional<Line> next();
  /// True when a line that `fits` has come whole and is still to be given out. Nothing is taken.
  bool holds(bool (*fits)(std::string_view line)) const;
  /// Octets held, whole lines not yet taken included.
  std::size_t pending() const { return buffer_.size() - taken_; }
  /// Overwrites and drops everything held, also the memory of being inside an over-long line: the next octet begins a
  /// line.
  void clear();

 private:
  void forget_taken();
  void drop_front(std::size_t count);
  std::optional<Line> take_line(std::size_t line_feed);
  void discard_if_too_long();

  std::string buffer_;
  std::size_t given_ = 0;    ///< where the line begins that was given out last
  std::size_t taken_ = 0;    ///< octets of buffer_ already given out, overwritten but for that line
  std::size_t scanned_ = 0;  ///< octets of buffer_ known to hold no LF
  bool discarding_ = false;  ///< inside an over-long line
};

}  // namespace core
