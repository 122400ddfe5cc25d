// Path arithmetic on the client's view: "/" is the user's root (RFC 3659 6, TVFS). Purely textual:
// what keeps a path below the root is the kernel's openat2 (net/storage.hpp), never a check here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace core {

/// What the names of unpublished uploads begin with.
inline constexpr std::string_view temporary_prefix = ".millrace-";

/// The absolute path that `argument` names from `directory` (itself absolute): "." and ".." are
/// resolved, ".." of the root is the root, empty components vanish. Nothing when it holds a NUL, is
/// longer than limits::path_max, or a name in it is longer than limits::name_max.
std::optional<std::string> resolve_path(std::string_view directory, std::string_view argument);

/// The absolute path relative to the root, for openat2: "." for "/", "a/b" for "/a/b".
std::string_view below_root(std::string_view absolute);
/// The containing directory: "/a" for "/a/b", "/" for "/a" and "/".
std::string_view parent_path(std::string_view absolute);
/// The last name: "b" for "/a/b", empty for "/".
std::string_view last_name(std::string_view absolute);

/// True for the names that uploads have before they are published: listings leave them out, and they are nobody's to
/// use.
bool is_temporary_name(std::string_view name);
/// True when a name in the absolute path is one.
bool has_temporary_name(std::string_view absolute);
/// True when a link's text names nothing above the root, for a link in `directory`: it is relative, and no ".." in it
/// goes above "/". Links on the way are not known here.
bool stays_below_root(std::string_view directory, std::string_view link_text);

/// In double quotes, quotes inside doubled (RFC 959 appendix II).
std::string quoted(std::string_view path);

}  // namespace core
