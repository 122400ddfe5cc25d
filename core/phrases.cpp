// The table proves itself: a text that is missing or has other places in one language does not compile.
#include "core/phrases.hpp"

#include <algorithm>
#include <cstddef>

namespace core {
namespace {

// "{}" alone, or "{0}" to "{n-1}", each once: formatting can then never fail.
constexpr bool has_good_places(std::string_view text, std::size_t count) {
  std::size_t automatic = 0, numbered = 0;
  unsigned seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '}') return false;
    if (text[at] != '{') continue;
    const bool has_digit = text.substr(at).size() > 2 && text[at + 1] >= '0' && text[at + 1] <= '9';
    at += has_digit ? 2 : 1;
    if (at >= text.size() || text[at] != '}') return false;
    if (has_digit) seen |= 1U << static_cast<unsigned>(text[at - 1] - '0');
    ++(has_digit ? numbered : automatic);
  }
  return (numbered == 0 && automatic == count) || (automatic == 0 && numbered == count && seen == (1U << count) - 1);
}

// One line: what stands in it must not end the reply.
constexpr bool is_good_text(std::string_view text, std::size_t count) {
  return !text.empty() && std::ranges::none_of(text, [](char c) { return c >= 0 && c < ' '; }) &&
         has_good_places(text, count);
}

consteval bool all_whole() {
  for (const auto& row : phrase_rows)
    for (const std::string_view text : row)
      if (!is_good_text(text, places_in(row[0]))) return false;
  return true;
}
static_assert(all_whole(), "a text is missing in a language, or has other places for arguments there");

consteval bool all_unique() {
  for (const auto& a : phrase_rows)
    for (const auto& b : phrase_rows)
      if (&a != &b && a[0] == b[0]) return false;
  return true;
}
static_assert(all_unique(), "two rows for one text");

}  // namespace

std::string_view phrase_text(Language language, std::uint16_t row) {
  return phrase_rows[row][static_cast<std::size_t>(language)];
}

}  // namespace core
