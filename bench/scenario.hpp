// The scenarios: one row each, with what a user of it does and what is assumed when nothing is said.
// Knows names and defaults; must not know how anything is done.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/representation.hpp"

namespace bench {

/// What one operation is.
enum class Act : std::uint8_t {
  retrieve,  ///< RETR of a file
  store,     ///< STOR of a file, deleted afterwards
  list,      ///< LIST, NLST or MLSD of a directory
  login,     ///< a whole session: connect, USER, PASS, QUIT
  ping,      ///< NOOP
};

struct Scenario {
  std::string_view name;
  std::string_view what;
  Act act;
  core::Type type;
  core::Mode mode;
  bool many_files;            ///< --path is a directory whose files are taken in turn
  std::uint64_t connections;  ///< users in all
  std::uint64_t depth;        ///< operations in flight a user
  double rate;                ///< operations a second in all; 0: closed loop
  double stream_rate;         ///< octets a second of each download; 0: as they come
  bool with_pings;            ///< one more user, on a worker of its own, sends NOOPs meanwhile
};

std::span<const Scenario> scenarios();
/// nullptr when there is none.
const Scenario* find_scenario(std::string_view name);

}  // namespace bench
