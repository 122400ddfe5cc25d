// Small questions about ASCII text that several files ask. RFC 959 5.3: letters have no case.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace core {

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

inline std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = upper(c);
  return out;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

constexpr bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return upper(x) == upper(y); });
}

/// One blank behind a parameter is forgiven: many clients send one. Not for names, whose blanks are their own.
constexpr std::string_view without_trailing_blank(std::string_view parameter) {
  if (parameter.ends_with(' ')) parameter.remove_suffix(1);
  return parameter;
}

/// Octets that move a terminal's cursor, or end a line, rather than show.
constexpr bool is_control(char c) { return (c >= 0 && c < ' ') || c == 127; }

/// What restart markers consist of: printable, and no space (RFC 959 3.5).
constexpr bool is_marker_octet(char c) { return c > ' ' && c <= '~'; }

/// Decimal digits and nothing else, up to `max`.
inline std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max = INT64_MAX) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

}  // namespace core
