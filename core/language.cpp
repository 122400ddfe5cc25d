// Tags read and written.
#include "core/language.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace core {

bool is_language_tag(std::string_view text) {
  constexpr std::size_t letters_most = 8;
  const auto is_letter = [](char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; };
  for (;;) {
    const std::size_t dash = std::min(text.find('-'), text.size());
    const std::string_view part = text.substr(0, dash);
    if (part.empty() || part.size() > letters_most || !std::ranges::all_of(part, is_letter)) return false;
    if (dash == text.size()) return true;
    text.remove_prefix(dash + 1);
  }
}

std::optional<Language> find_language(std::string_view tag) {
  const std::string_view primary = tag.substr(0, tag.find('-'));
  for (std::size_t i = 0; i < language_count; ++i)
    if (equal_without_case(primary, language_tags[i])) return static_cast<Language>(i);
  return std::nullopt;
}

std::string lang_line(Language current) {
  std::string line = "LANG ";
  for (std::size_t i = 0; i < language_count; ++i) {
    if (i > 0) line += ';';
    line += language_tags[i];
    if (static_cast<Language>(i) == current) line += '*';
  }
  return line;
}

}  // namespace core
