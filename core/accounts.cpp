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

// FNV-1a, and the finish of splitmix64. The hashes' salts, which no client sees, make it a keyed hash.
std::uint64_t mix(std::uint64_t key, std::string_view text) {
  std::uint64_t mixed = 14695981039346656037U ^ key;
  for (const char c : text) mixed = (mixed ^ static_cast<unsigned char>(c)) * 1099511628211U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

}  // namespace

std::string_view right_name(Right right) { return words[static_cast<std::size_t>(right)]; }

std::optional<Right> parse_right(std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Right>(found - words.begin());
}

void Accounts::add(Account account) {
  if (!account.password_hash.empty()) ++hashes_;
  key_ = mix(key_, account.password_hash);
  all_.push_back(std::move(account));
}

std::string_view Accounts::decoy_hash(std::string_view name) const {
  if (hashes_ == 0) return "$6$millrace$decoy";  // nobody has a password: there is nothing to guess
  std::size_t ahead = mix(key_, name) % hashes_;
  const auto is_chosen = [&](const Account& account) { return !account.password_hash.empty() && ahead-- == 0; };
  return std::ranges::find_if(all_, is_chosen)->password_hash;
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
