// The command table: one row a verb, with everything that is known of it. Dispatch, HELP, FEAT, the
// tests' oracle and the load generator read the same rows. RFC 959 4.1, 5.3, 5.4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/accounts.hpp"
#include "core/diagram.hpp"

namespace core {

class Pi;

enum class When : std::uint8_t {
  anywhere,   ///< before login too (530 is not among the replies)
  logged_in,  ///< else 530
};

enum class Argument : std::uint8_t {
  none,  ///< anything behind the verb is 501
  optional,
  required,  ///< 501 without
};

/// May the command act while a transfer moves? Otherwise it waits for the end (RFC 959 4.1.3).
enum class During : std::uint8_t { waits, acts };

struct CommandRow {
  std::string_view verb;
  When when;
  Argument argument;
  During during_transfer;
  Diagram diagram;
  std::span<const std::uint16_t> codes;  ///< section 5.4, and what later texts or practice add
  void (Pi::*handler)(std::string_view argument);
  std::optional<Right> right;     ///< what the user must be allowed
  bool creates;                   ///< makes the name it is given: refused with 553 where section 5.4 has it
  std::string_view syntax;        ///< behind the verb, for HELP
  std::string_view feature;       ///< FEAT line; empty: none (RFC 2389 3.2)
  std::uint16_t without_tls = 0;  ///< not 0: the command is there only with [tls], else this is the answer
  std::span<const Right> also{};  ///< further rights that are needed
  bool lasts = false;             ///< may take long without a 1yz: only ABOR, and STAT alone, act meanwhile
};

/// All rows, in the order of RFC 959 4.1, then by RFC.
std::span<const CommandRow> command_table();

/// The row of a verb, without case; nullptr when there is none (500).
const CommandRow* find_command(std::string_view verb);

/// The subcommands of SITE, rows as those of commands.
std::span<const CommandRow> site_table();
/// The row of a subcommand, without case; nullptr when there is none (504).
const CommandRow* find_site_command(std::string_view word);

/// True when `code` is among the row's.
constexpr bool admits(const CommandRow& row, unsigned code) {
  for (const std::uint16_t admitted : row.codes)
    if (admitted == code) return true;
  return false;
}

struct Command {
  std::string_view verb;
  std::string_view argument;  ///< behind exactly one space, blanks and all (RFC 2640 3.1)
  bool has_argument = false;
};
/// Splits a line. The verb is what stands before the first space.
Command split_line(std::string_view line);

}  // namespace core
