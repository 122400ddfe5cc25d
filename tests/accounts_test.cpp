// Accounts by name, and the words for rights. RFC 1635 for the anonymous user.
#include "core/accounts.hpp"

#include <map>
#include <string>

#include "tests/catch.hpp"

using core::Account;
using core::Accounts;
using core::Right;
using core::Rights;

namespace {

Account named(std::string name, bool anonymous = false) {
  Account account;
  account.name = std::move(name);
  account.anonymous = anonymous;
  return account;
}

}  // namespace

TEST_CASE("each right has a word", "[accounts]") {
  for (std::size_t i = 0; i < core::right_count; ++i) {
    const auto right = static_cast<Right>(i);
    CHECK(core::parse_right(core::right_name(right)) == right);
  }
  CHECK(core::parse_right("delete") == Right::remove);
  CHECK(core::parse_right("mkdir") == Right::make_dir);
  CHECK_FALSE(core::parse_right(""));
  CHECK_FALSE(core::parse_right("Read"));
  CHECK_FALSE(core::parse_right("execute"));
}

TEST_CASE("rights are those that were set", "[accounts]") {
  const Rights rights{Right::list, Right::site};
  CHECK(rights.has(Right::list));
  CHECK(rights.has(Right::site));
  CHECK_FALSE(rights.has(Right::write));
  CHECK(Rights() == Rights{});
}

TEST_CASE("an account is found by its exact name", "[accounts]") {
  Accounts accounts;
  accounts.add(named("demo"));
  accounts.add(named("Demo"));
  REQUIRE(accounts.find("demo") != nullptr);
  CHECK(accounts.find("demo")->name == "demo");
  CHECK(accounts.find("Demo")->name == "Demo");
  CHECK(accounts.find("DEMO") == nullptr);
  CHECK(accounts.find("dem") == nullptr);
  CHECK(accounts.find("") == nullptr);
}

TEST_CASE("anonymous answers to both its names in any case, and only when it exists", "[accounts]") {
  const std::string name = GENERATE("anonymous", "ftp", "FTP", "Anonymous", "aNONYMOUs");
  Accounts accounts;
  accounts.add(named("demo"));
  CHECK(accounts.find(name) == nullptr);
  accounts.add(named("anonymous", true));
  REQUIRE(accounts.find(name) != nullptr);
  CHECK(accounts.find(name)->anonymous);
  CHECK(accounts.find("ftpd") == nullptr);
  CHECK(accounts.find("anonymou") == nullptr);
}

TEST_CASE("a user called ftp is no anonymous user", "[accounts]") {
  Accounts accounts;
  accounts.add(named("ftp"));
  REQUIRE(accounts.find("ftp") != nullptr);
  CHECK_FALSE(accounts.find("ftp")->anonymous);
  CHECK(accounts.find("FTP") == nullptr);
  CHECK(accounts.find("anonymous") == nullptr);
}

TEST_CASE("a name that is none costs as one of the users', always the same, and not all as one", "[accounts][SE-09]") {
  core::Accounts accounts;
  CHECK_FALSE(accounts.decoy_hash("nobody").empty());
  for (const char* hash : {"cheap", "", "middling", "dear"})
    accounts.add({.name = hash, .password_hash = hash, .account = {}, .root = {}, .rights = {}});
  std::map<std::string, int> chosen;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "name" + std::to_string(i);
    const std::string hash(accounts.decoy_hash(name));
    CHECK(accounts.decoy_hash(name) == hash);
    ++chosen[hash];
  }
  CHECK(chosen.size() == 3);
  for (const auto& [hash, count] : chosen) CHECK(count > 50);
}
