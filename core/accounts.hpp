// Who may log in, with which rights and which root. Values only: passwords are verified elsewhere.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace core {

enum class Right : std::uint8_t { list, read, write, remove, rename, make_dir, site, admin };
inline constexpr std::size_t right_count = 8;

class Rights {
 public:
  Rights() = default;
  Rights(std::initializer_list<Right> rights) {
    for (Right right : rights) set(right);
  }
  void set(Right right) { held_.set(static_cast<std::size_t>(right)); }
  bool has(Right right) const { return held_.test(static_cast<std::size_t>(right)); }
  bool operator==(const Rights&) const = default;

 private:
  std::bitset<right_count> held_;
};

/// The word of the TOML for a right: "list", "read", "write", "delete", "rename", "mkdir", "site",
/// "admin".
std::string_view right_name(Right right);
std::optional<Right> parse_right(std::string_view word);

/// What needs the account that ACCT names (RFC 959 4.1.1: 332 and 532).
enum class AccountFor : std::uint8_t { login, storing };

/// A further file system structure that SMNT mounts (RFC 959 4.1.1).
struct Mount {
  std::string name;  ///< without a slash
  std::string root;  ///< directory on this host
  bool operator==(const Mount&) const = default;
};

struct Account {
  std::string name;
  std::string password_hash;  ///< any crypt(3) hash; empty: no password is asked for, or none fits: see asks_password()
  std::string account;        ///< not empty: what account_for says also needs ACCT with this text
  AccountFor account_for = AccountFor::login;
  std::string root;          ///< directory on this host that is "/" for the user
  bool create_root = false;  ///< made at a login when it is missing
  std::vector<Mount> mounts{};
  Rights rights;
  std::string certificate{};                  ///< name in a client certificate that stands for a password; empty: none
  std::optional<bool> resumption_required{};  ///< of data connections under TLS; nothing: as [tls] says
  bool anonymous = false;                     ///< PASS takes any text (RFC 1635)
  std::string place{};                        ///< of its root in the TOML: "user[0]", "host[1].anonymous"
  /// Whether USER is answered with 331. An account with a certificate and no password is entered by the certificate
  /// alone: no password fits.
  bool asks_password() const { return anonymous || !password_hash.empty() || !certificate.empty(); }
  bool operator==(const Account&) const = default;
};

class Accounts {
 public:
  void add(Account account);
  /// The account of that name, or nullptr. "ftp" is another name of "anonymous" (RFC 1635), both without case.
  const Account* find(std::string_view name) const;
  /// A hash that costs as much as one of the users', for a name that is none: always the same for one name, and nobody
  /// who does not know the hashes can tell which.
  std::string_view decoy_hash(std::string_view name) const;
  const std::vector<Account>& all() const { return all_; }
  bool operator==(const Accounts&) const = default;

 private:
  std::vector<Account> all_;
  std::size_t hashes_ = 0;  ///< accounts with one
  std::uint64_t key_ = 0;   ///< of all hashes
};

}  // namespace core
