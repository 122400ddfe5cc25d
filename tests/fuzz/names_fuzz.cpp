// What HOST and LANG are given: a name in lower case that reads the same again, an address, or nothing; a language for
// a tag alone.
#include <algorithm>

#include "core/host_name.hpp"
#include "core/language.hpp"
#include "core/text.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto host = core::parse_host_name(text)) {
    fuzz::require(core::equal_without_case(host->name, text) && core::lower(host->name) == host->name);
    fuzz::require(std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }));
    const auto again = core::parse_host_name(host->name);
    fuzz::require(again && again->name == host->name && again->address == host->address);
    fuzz::require(host->address || host->name.find(':') == std::string::npos);
  }
  if (core::is_language_tag(text))
    fuzz::require(std::ranges::none_of(text, [](char c) { return c >= '0' && c <= '9'; }));
  return 0;
}
