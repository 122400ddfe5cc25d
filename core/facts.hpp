// The facts of MLST and MLSD: which exist, which are on, and a user's right to what they describe.
// RFC 3659 7.5, 7.9.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace core {

enum class Fact : std::uint8_t { type, size, modify, unique, perm, unix_mode, unix_owner, unix_group };
inline constexpr std::size_t fact_count = 8;

class FactSet {
 public:
  void set(Fact fact) { on_.set(static_cast<std::size_t>(fact)); }
  bool has(Fact fact) const { return on_.test(static_cast<std::size_t>(fact)); }
  bool operator==(const FactSet&) const = default;
  /// No fact is on but those that an object's kind and the user's rights decide.
  bool tell_kind_alone() const;
  /// type, size, modify, unique, perm and UNIX.mode.
  static FactSet defaults();

 private:
  std::bitset<fact_count> on_;
};

/// The name as FEAT shows it: "type", "UNIX.mode", …
std::string_view fact_name(Fact fact);

/// True when it can stand behind the equals sign of a fact: SCHAR of RFC 3659 2.1, at least one.
bool is_fact_value(std::string_view text);

/// OPTS MLST's argument, "type;size;": names without case, unknown ones ignored, an empty list turns all off.
/// False for a bad list (a space, a fact without its semicolon): `set` is unchanged then (501).
bool parse_fact_list(std::string_view text, FactSet& set);
/// "type;size;" for the 200 to OPTS MLST.
std::string fact_list(const FactSet& on);
/// "MLST type*;size*;…" for FEAT: all facts, an asterisk on those that are on (RFC 3659 7.8).
std::string feat_line(const FactSet& on);

}  // namespace core
