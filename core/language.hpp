// The languages that replies come in, and the tags by which LANG names them. RFC 2640 4.
// To add one: a value and a tag here, a column in phrases.hpp; the compiler names what is missing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace core {

enum class Language : std::uint8_t { en, de };

/// By Language: the primary tags (RFC 1766 2).
inline constexpr std::array<std::string_view, 2> language_tags{"EN", "DE"};
inline constexpr std::size_t language_count = language_tags.size();

/// One to eight letters, and as many times as wanted "-" and one to eight letters (RFC 2640 4.2); else 501.
bool is_language_tag(std::string_view text);
/// The language of a tag, without case; a variant such as "de-AT" is served by its language. Nothing: 504.
std::optional<Language> find_language(std::string_view tag);
/// FEAT's line: "LANG EN*;DE", with the asterisk at the current one (RFC 2640 4.3).
std::string lang_line(Language current);

}  // namespace core
