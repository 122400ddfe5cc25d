// The table of accounts and the words for rights. Values only: no passwords are verified, no files
// looked at. RFC 959 4.1.1 (USER, ACCT), RFC 1635 (anonymous).
#include "core/accounts.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace core {
namespace {

constexpr std::array<std::string_view, right_count> words{
    "list", "read", "write", "delete", "rename", "mkdir", "site", "admin",
};

bool is_anonymous_name(std::string_view name) {
  return equal_without_case(name, "anonymous") || equal_without_case(name, "ftp");
}

}  // namespace

std::string_view right_name(Right right) { return words[static_cast<std::size_t>(right)]; }

std::optional<Right> parse_right(std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Right>(found - words.begin());
}

const Account* Accounts::find(std::string_view name) const {
  const bool asks_anonymous = is_anonymous_name(name);
  const auto matches = [&](const Account& account) {
    return account.anonymous ? asks_anonymous : account.name == name;
  };
  const auto found = std::ranges::find_if(all_, matches);
  return found == all_.end() ? nullptr : &*found;
}

}  // namespace core
