// Names told from addresses.
#include "core/host_name.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace core {
namespace {

constexpr std::size_t name_most = 253, label_most = 63;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (upper(c) >= 'A' && upper(c) <= 'Z'); }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= label_most && is_letter_or_digit(label.front()) &&
         is_letter_or_digit(label.back()) &&
         std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
  if (text.size() > name_most) return false;
  for (;;) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

std::optional<HostName> parse_host_name(std::string_view text) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  const auto address = parse_address(bracketed ? text.substr(1, text.size() - 2) : text);
  if (address && bracketed == (address->family == Family::ipv6)) return HostName{lower(text), unmapped(*address)};
  if (!is_domain(text)) return std::nullopt;
  return HostName{lower(text)};
}

}  // namespace core
