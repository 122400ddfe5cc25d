// Two path arguments, one after the other with an LF between: what comes out is absolute and leads nowhere above.
#include "core/path.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using fuzz::require;

void check_absolute(const std::string& path) {
  require(path.starts_with('/') && path.size() <= core::limits::path_max);
  require(path == "/" || !path.ends_with('/'));
  const std::string closed = path + '/';
  for (const std::string_view never : {"//", "/./", "/../"})
    require(path == "/" || closed.find(never) == std::string::npos);
  require(core::resolve_path("/", path) == path);
  require(core::resolve_path(core::parent_path(path), core::last_name(path)) == path);
  require(!core::below_root(path).starts_with('/'));
  require(core::quoted(path).size() >= path.size() + 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const auto directory = core::resolve_path("/", text.substr(0, line));
  if (!directory) return 0;
  check_absolute(*directory);
  if (line == text.size()) return 0;
  const auto path = core::resolve_path(*directory, text.substr(line + 1));
  if (path) check_absolute(*path);
  return 0;
}
