// A configuration's text: values, or mistakes that can be told.
#include "core/config.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  // toml++ 3.3 holds some letters beyond ASCII for unreachable where a key or a value could stand.
  if (!std::ranges::all_of(text, [](char c) { return c >= 0; })) return 0;
  const auto parsed = core::parse_config(text, "c.toml");
  if (parsed) return 0;
  fuzz::require(!parsed.error().empty());
  for (const core::ConfigError& error : parsed.error()) fuzz::require(core::to_string(error).starts_with("c.toml:"));
  return 0;
}
