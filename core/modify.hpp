// What MFMT, MFF, SITE CHMOD, SITE UTIME and COMB are told: times, facts with values, modes, quoted names. Text in,
// values out: nothing is changed here. draft-somers-ftp-mfxx, RFC 3659 2.3.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_time.hpp"

namespace core {

/// "20020717210715" or "20020717210715.25" in UTC. Nothing for what is none, for a date that no calendar has, and for
/// the year 0. What a file system cannot hold it makes the nearest that it can, or refuses.
std::optional<FileTime> parse_time_value(std::string_view text);
/// As time_value(), with the fraction of the second if there is one, so that what is told is what is set.
std::string exact_time_value(const FileTime& time);

/// Permissions in octal, up to 0777. What runs with another's rights (04000, 02000) is not a client's to make.
std::optional<std::uint32_t> parse_mode(std::string_view text);

/// What is to be set of an object; what is not there stays as it is.
struct Modification {
  std::optional<FileTime> modified{};
  std::optional<std::uint32_t> mode{};
};
/// The facts that can be set, for FEAT.
inline constexpr std::string_view modifiable_facts = "Modify;UNIX.mode;";

struct ModificationError {
  std::string unknown;  ///< names of facts that cannot be set, ";" behind each (504); empty: the text is wrong (501)
};
/// "Modify=20020717210715;UNIX.mode=644;", names without case.
std::expected<Modification, ModificationError> parse_modification(std::string_view facts);

/// Words, parted by blanks; one in double quotes may hold blanks, and a quote is doubled in it (as in quoted()).
/// Nothing when a quote is not closed, or something other than a blank stands behind it.
std::optional<std::vector<std::string>> split_words(std::string_view text);

/// How a link in the directory `from` names `to`, both absolute: "../b" for "/a" and "/b". So a link leads to the same
/// object whatever directory is "/" for those who follow it.
std::string relative_path(std::string_view from, std::string_view to);

}  // namespace core
