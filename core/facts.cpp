// The names of the facts, and the lists of them in OPTS MLST and FEAT. RFC 3659 7.5, 7.8, 7.9.
// Knows names only: what a fact's value is stands in listing.cpp.
#include "core/facts.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace core {
namespace {

constexpr std::array<std::string_view, fact_count> names{
    "type", "size", "modify", "unique", "perm", "UNIX.mode", "UNIX.owner", "UNIX.group",
};

constexpr std::array<Fact, fact_count> all_facts{
    Fact::type, Fact::size, Fact::modify, Fact::unique, Fact::perm, Fact::unix_mode, Fact::unix_owner, Fact::unix_group,
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// RCHAR of RFC 3659 2.1: what a fact's name may hold.
bool is_name_octet(char c) {
  const bool letter = lower(c) >= 'a' && lower(c) <= 'z';
  const bool digit = c >= '0' && c <= '9';
  return letter || digit || (c != '\0' && std::string_view(",.:!@#$%^&()-_+?/\\'\"").find(c) != std::string_view::npos);
}

std::optional<Fact> find_fact(std::string_view name) {
  for (const Fact fact : all_facts) {
    if (std::ranges::equal(fact_name(fact), name, {}, lower, lower)) return fact;
  }
  return std::nullopt;
}

}  // namespace

FactSet FactSet::defaults() {
  FactSet set;
  for (const Fact fact : {Fact::type, Fact::size, Fact::modify, Fact::unique, Fact::perm, Fact::unix_mode}) {
    set.set(fact);
  }
  return set;
}

bool FactSet::tell_kind_alone() const {
  FactSet others = *this;
  others.on_.reset(static_cast<std::size_t>(Fact::type)).reset(static_cast<std::size_t>(Fact::perm));
  return others.on_.none();
}

std::string_view fact_name(Fact fact) { return names[static_cast<std::size_t>(fact)]; }

bool is_fact_value(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c == '=' || is_name_octet(c); });
}

bool parse_fact_list(std::string_view text, FactSet& set) {
  FactSet chosen;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    if (end == std::string_view::npos || end == 0) return false;
    const std::string_view name = text.substr(0, end);
    if (!std::ranges::all_of(name, is_name_octet)) return false;
    if (const auto fact = find_fact(name)) chosen.set(*fact);
    text.remove_prefix(end + 1);
  }
  set = chosen;
  return true;
}

std::string fact_list(const FactSet& on) {
  std::string list;
  for (const Fact fact : all_facts) {
    if (on.has(fact)) (list += fact_name(fact)) += ';';
  }
  return list;
}

std::string feat_line(const FactSet& on) {
  std::string line = "MLST ";
  for (const Fact fact : all_facts) (line += fact_name(fact)) += on.has(fact) ? "*;" : ";";
  return line;
}

}  // namespace core
