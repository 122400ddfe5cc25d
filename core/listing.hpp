// A directory entry as the line that LIST, NLST, MLSD, MLST or STAT shows. Formats only: it fetches nothing.
// RFC 959 4.1.3, RFC 1123 4.1.2.7, RFC 3659 7.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/accounts.hpp"
#include "core/facts.hpp"
#include "core/file_time.hpp"

namespace core {

/// What is known of one object, which may be a symbolic link.
struct Entry {
  enum class Kind : std::uint8_t { file, directory, link, other };
  Kind kind = Kind::file;
  std::uint32_t mode = 0;  ///< permission bits, 07777
  std::uint32_t links = 1;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::uint64_t size = 0;  ///< octets
  FileTime modified{};
  std::uint64_t device = 0, inode = 0;
  bool kind_alone = false;     ///< nothing else is known
  bool leads_to_file = false;  ///< Kind::link: `size` and `modified` are those of the file that it leads to
  std::string leads_to{};      ///< Kind::link: what of its text the user may see; empty: nothing
  bool operator==(const Entry&) const = default;
};

enum class ListFormat : std::uint8_t { list, names, machine };

/// Which line comes first: by name, the newest, the largest, or as the directory has them. limits::ordered_text_max
/// says how much is put in order at a time.
enum class ListOrder : std::uint8_t { none, name, time, size };

/// How a LIST or NLST argument reads: options that clients of Unix servers send, then a path.
struct ListRequest {
  std::string_view path;              ///< empty: the current directory
  bool all = false;                   ///< -a or -A: names that begin with a dot too
  bool directory_itself = false;      ///< -d
  bool names_alone = false;           ///< -1, unless -l stands there too
  bool recursive = false;             ///< -R
  bool reverse = false;               ///< -r
  ListOrder order = ListOrder::name;  ///< -t, -S or -U; of several the last
};
/// "-la dir" -> options and path; letters without a meaning here are passed over. An argument that begins with a blank
/// or has no dash is a path whole, and "--" ends the options, so that a name may begin with a dash.
ListRequest parse_list_argument(std::string_view argument);

/// "-rw-r--r--   1 0        0            1234 Nov 22 10:31 name\r\n": ls -l as all clients parse it. Times older
/// than six months (or in the future) show the year. `now_s` is seconds since 1970. A link whose target may be seen
/// ends with "name -> target".
void append_list_line(std::string& out, const Entry& entry, std::string_view name, std::int64_t now_s);
/// Until when that line reads as it does now, in seconds since 1970, if nothing but time changes.
std::int64_t list_line_holds_until(const Entry& entry, std::int64_t now_s);
/// "prefix/name\r\n", so that the line works in RETR as it stands (RFC 1123 4.1.2.7).
void append_name_line(std::string& out, std::string_view prefix, std::string_view name);
/// "type=file;size=3; name" without a line end: facts that are on, one space, the name (RFC 3659 7.2).
/// `as` replaces the type for cdir and pdir entries ("" otherwise). A link is "OS.unix=slink:target", or without the
/// target where that may not be seen, or has bytes that no fact can have.
void append_machine_entry(std::string& out, const Entry& entry, std::string_view name, const FactSet& facts,
                          Rights rights, std::string_view as);

/// "20261122103105", UTC (RFC 3659 2.3).
std::string time_value(const FileTime& time);

/// Whether a name can stand on a line of a listing. LIST and STAT, which people read, show each name, with "?" for
/// control characters. Names of NLST and of MLSD are sent back in commands: with "?" they would name another file, so
/// a name is left out of NLST if it has a control character, and of MLSD if it has CR or LF.
bool listable(ListFormat format, std::string_view name);

/// True when a name holds *, ? or [: it may be a pattern.
bool has_wildcard(std::string_view name);
/// Shell matching of one name: *, ?, [a-z], [!a]; a leading dot must be matched literally. A character is a
/// UTF-8 sequence, or an octet that is in none. More than limits::glob_stars_max stars, or a pattern longer than
/// limits::name_max, match nothing, so that no pattern costs more than it is worth.
bool glob_match(std::string_view pattern, std::string_view name);

}  // namespace core
