// Path arithmetic on text: joining, "." and "..", quoting. RFC 3659 6 (TVFS), RFC 959 appendix II.
// Knows "/" and the length limits; must not know which files exist.
#include "core/path.hpp"

#include <cassert>
#include <cstddef>

#include "core/limits.hpp"

namespace core {
namespace {

/// Goes one name down from `path`, or up for "..".
void walk(std::string& path, std::string_view name) {
  if (name.empty() || name == ".") return;
  if (name == "..") {
    path.resize(parent_path(path).size());
    return;
  }
  if (path != "/") path += '/';
  path += name;
}

}  // namespace

std::optional<std::string> resolve_path(std::string_view directory, std::string_view argument) {
  assert(directory.starts_with('/'));
  if (argument.find('\0') != std::string_view::npos) return std::nullopt;
  std::string path(argument.starts_with('/') ? "/" : directory);
  while (!argument.empty()) {
    const std::string_view name = argument.substr(0, argument.find('/'));
    if (name.size() > limits::name_max) return std::nullopt;
    walk(path, name);
    argument.remove_prefix(name.size() < argument.size() ? name.size() + 1 : name.size());
  }
  if (path.size() > limits::path_max) return std::nullopt;
  return path;
}

std::string_view below_root(std::string_view absolute) {
  assert(absolute.starts_with('/'));
  return absolute == "/" ? "." : absolute.substr(1);
}

std::string_view parent_path(std::string_view absolute) {
  assert(absolute.starts_with('/'));
  const std::size_t slash = absolute.rfind('/');
  return absolute.substr(0, slash == 0 ? 1 : slash);
}

std::string_view last_name(std::string_view absolute) {
  assert(absolute.starts_with('/'));
  return absolute.substr(absolute.rfind('/') + 1);
}

bool is_temporary_name(std::string_view name) { return name.starts_with(temporary_prefix); }

bool has_temporary_name(std::string_view absolute) {
  for (std::size_t slash = absolute.find('/'); slash != std::string_view::npos; slash = absolute.find('/', slash + 1))
    if (is_temporary_name(absolute.substr(slash + 1))) return true;
  return false;
}

bool stays_below_root(std::string_view directory, std::string_view link_text) {
  if (link_text.empty() || link_text.starts_with('/')) return false;
  std::string path(directory);
  while (!link_text.empty()) {
    const std::string_view name = link_text.substr(0, link_text.find('/'));
    if (name == ".." && path == "/") return false;
    walk(path, name);
    link_text.remove_prefix(name.size() < link_text.size() ? name.size() + 1 : name.size());
  }
  return true;
}

std::string quoted(std::string_view path) {
  std::string text = "\"";
  for (const char octet : path) {
    if (octet == '"') text += '"';
    text += octet;
  }
  return text += '"';
}

}  // namespace core
