// RFC 959 section 6 as one table: a diagram and the first digit of a reply give what comes next.
// Knows no verbs and no texts. The server's replies, the load generator and the tests walk it.
#pragma once

#include <array>
#include <cstdint>

namespace core {

/// What a reply's first digit makes of a command. The diagrams that the RFC draws for two and three
/// commands in a row fall apart into these, one for each command of the row.
enum class Diagram : std::uint8_t {
  simple,        ///< ABOR ALLO DELE … TYPE, also RNTO and ACCT: one reply, 2yz, 4yz or 5yz
  transfer,      ///< APPE LIST NLST REIN RETR STOR STOU: as simple, and one 1yz before
  transferring,  ///< the same behind its 1yz: another one is an error
  sequence,      ///< RNFR and REST: success is 3yz, "now the next command"
  login,         ///< USER and PASS: 2yz is in, 3yz asks for the next of USER, PASS, ACCT
};
inline constexpr std::size_t diagram_count = 5;

enum class Next : std::uint8_t {
  error,  ///< no such arrow in the RFC's drawing
  wait,   ///< a preliminary reply: the final one follows
  success,
  failure,
  sequel,  ///< the next command of the sequence is wanted
};

/// Row: diagram. Column: first digit, 1 to 5.
inline constexpr std::array<std::array<Next, 5>, diagram_count> diagrams{{
    //               1yz          2yz            3yz           4yz            5yz
    /* simple */ {Next::error, Next::success, Next::error, Next::failure, Next::failure},
    /* transfer */ {Next::wait, Next::success, Next::error, Next::failure, Next::failure},
    /* transferring */ {Next::error, Next::success, Next::error, Next::failure, Next::failure},
    /* sequence */ {Next::error, Next::error, Next::sequel, Next::failure, Next::failure},
    /* login */ {Next::error, Next::success, Next::sequel, Next::failure, Next::failure},
}};

/// What `code` (100 to 599) means for a command of that diagram. 110 (RFC 1123 4.1.3.4: restart
/// markers) may repeat while a transfer waits, so it moves nothing.
constexpr Next next(Diagram diagram, unsigned code) {
  if (code == 110 && diagram == Diagram::transferring) return Next::wait;
  const unsigned digit = code / 100;
  return digit >= 1 && digit <= 5 ? diagrams[static_cast<std::size_t>(diagram)][digit - 1] : Next::error;
}

}  // namespace core
