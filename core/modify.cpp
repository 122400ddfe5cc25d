// The Gregorian calendar backwards (core/listing.cpp has it forwards); the rest is splitting text.
#include "core/modify.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "core/listing.hpp"
#include "core/text.hpp"

namespace core {
namespace {

constexpr std::size_t whole_digits = 14, fraction_digits_max = 9;

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

unsigned digits_at(std::string_view text, std::size_t at, std::size_t count) {
  return static_cast<unsigned>(parse_number(text.substr(at, count)).value_or(0));
}

bool is_date(unsigned year, unsigned month, unsigned day) {
  constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > days.size() || day < 1) return false;
  const bool leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= days[month - 1] + (month == 2 && leap_year ? 1 : 0);
}

// Years that begin on 1 March, so that the leap day ends one; five months then have 153 days.
std::int64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
  constexpr std::int64_t days_before_1970 = 719'468;
  const std::int64_t years = static_cast<std::int64_t>(year) - (month <= 2 ? 1 : 0);
  const std::int64_t march_month = (month + 9) % 12;
  return years * 365 + years / 4 - years / 100 + years / 400 + (153 * march_month + 2) / 5 + day - 1 - days_before_1970;
}

// Nanoseconds of ".25": digits beyond the ninth are less than one.
std::optional<std::uint32_t> parse_fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != '.' || !all_digits(text.substr(1))) return std::nullopt;
  std::string digits(text.substr(1, fraction_digits_max));
  digits.resize(fraction_digits_max, '0');
  return static_cast<std::uint32_t>(parse_number(digits).value_or(0));
}

// What stands before the closing quote, which is taken too.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string word;
  while (true) {
    const std::size_t quote = text.find('"');
    if (quote == std::string_view::npos) return std::nullopt;
    word += text.substr(0, quote);
    text.remove_prefix(quote + 1);
    if (!text.starts_with('"')) return word;
    word += '"';
    text.remove_prefix(1);
  }
}

}  // namespace

std::optional<FileTime> parse_time_value(std::string_view text) {
  const std::string_view whole = text.substr(0, whole_digits);
  if (whole.size() != whole_digits || !all_digits(whole)) return std::nullopt;
  const auto fraction = parse_fraction(text.substr(whole_digits));
  const unsigned year = digits_at(whole, 0, 4);
  const unsigned month = digits_at(whole, 4, 2), day = digits_at(whole, 6, 2);
  const unsigned hour = digits_at(whole, 8, 2), minute = digits_at(whole, 10, 2), second = digits_at(whole, 12, 2);
  constexpr unsigned leap_second = 60;  // RFC 3659 2.3 has it
  const bool of_day = hour < 24 && minute < 60 && second <= leap_second;
  if (!fraction || !of_day || year == 0 || !is_date(year, month, day)) return std::nullopt;
  const std::int64_t days = days_since_1970(year, month, day);
  return FileTime(((days * 24 + hour) * 60 + minute) * 60 + second, *fraction);
}

std::string exact_time_value(const FileTime& time) {
  std::string text = time_value(time);
  if (time.nanoseconds == 0) return text;
  std::string digits = std::to_string(FileTime::second_ns + time.nanoseconds);  // "1" in front keeps the zeros
  digits.front() = '.';
  digits.resize(digits.find_last_not_of('0') + 1);
  return text + digits;
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  constexpr std::uint32_t most = 0777;
  constexpr int octal = 8;
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, octal);
  if (error != std::errc() || end != text.data() + text.size() || mode > most) return std::nullopt;
  return mode;
}

std::expected<Modification, ModificationError> parse_modification(std::string_view facts) {
  Modification wanted;
  ModificationError error;
  bool good = !facts.empty();
  while (!facts.empty()) {
    const std::size_t end = facts.find(';'), equals = facts.find('=');
    if (end == std::string_view::npos || equals > end) return std::unexpected(ModificationError{});
    const std::string_view name = facts.substr(0, equals), value = facts.substr(equals + 1, end - equals - 1);
    facts.remove_prefix(end + 1);
    if (equal_without_case(name, "Modify")) {
      wanted.modified = parse_time_value(value);
      good &= wanted.modified.has_value();
    } else if (equal_without_case(name, "UNIX.mode")) {
      wanted.mode = parse_mode(value);
      good &= wanted.mode.has_value();
    } else if (name.empty()) {
      good = false;
    } else {
      (error.unknown += name) += ';';
    }
  }
  if (!good || !error.unknown.empty()) return std::unexpected(error);
  return wanted;
}

std::optional<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return words;
    std::string& word = words.emplace_back();
    if (text.front() != '"') {
      word = text.substr(0, text.find(' '));
      text.remove_prefix(word.size());
      continue;
    }
    text.remove_prefix(1);
    const auto quoted_part = take_quoted(text);
    if (!quoted_part) return std::nullopt;
    word = *quoted_part;
    if (!text.empty() && text.front() != ' ') return std::nullopt;
  }
}

std::string relative_path(std::string_view from, std::string_view to) {
  std::string path;
  const auto lies_below = [&to](std::string_view above) { return to.starts_with(above) && to[above.size()] == '/'; };
  while (from != "/" && to != from && !lies_below(from)) {
    from = from.substr(0, from.rfind('/'));
    if (from.empty()) from = "/";
    path += "../";
  }
  std::string_view rest = to.substr(std::min(from.size(), to.size()));
  if (rest.starts_with('/')) rest.remove_prefix(1);
  path += rest;
  if (path.ends_with('/')) path.pop_back();
  return path.empty() ? "." : path;
}

}  // namespace core
