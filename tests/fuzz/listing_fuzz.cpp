// LIST's argument, and a pattern against a name (an LF between): options are taken off the front, and a text without
// wildcards matches itself alone.
#include "core/listing.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  fuzz::require(text.ends_with(core::parse_list_argument(text).path));
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view pattern = text.substr(0, line), name = text.substr(std::min(line + 1, text.size()));
  const bool matches = core::glob_match(pattern, name);
  if (!core::has_wildcard(pattern) && pattern.size() <= core::limits::name_max)
    fuzz::require(matches == (pattern == name));
  return 0;
}
