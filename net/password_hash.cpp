// libxcrypt says which methods there are; the form and the cost of what stands behind the prefix are looked at here,
// because nothing is hashed to find out: 5,000 users would take minutes.
#include "net/password_hash.hpp"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace net {
namespace {

constexpr std::string_view alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view cure = "`build/millrace passwd` prints a good one";

// A few seconds on the processors of today.
constexpr std::uint64_t rounds_most = 5'000'000;  ///< of SHA-1, SHA-2 and MD5
constexpr std::uint64_t bcrypt_most = 15;         ///< as a power of two
constexpr std::uint64_t scrypt_most = 18;         ///< the same: a GiB of memory with the usual block size

struct Method {
  std::string_view prefix;
  std::size_t digest;  ///< characters behind the last "$"; bcrypt: with the salt
};
constexpr Method methods[] = {{"$1$", 22},  {"$5$", 43},  {"$6$", 86},  {"$y$", 43},  {"$gy$", 43},  {"$7$", 43},
                              {"$2a$", 53}, {"$2b$", 53}, {"$2x$", 53}, {"$2y$", 53}, {"$sha1$", 28}};

bool is_digest(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return alphabet.contains(c); });
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc::result_out_of_range ? UINT64_MAX : number;
}

// Of a yescrypt or scrypt hash: "$y$j9T$", "$7$CU..../....".
std::uint64_t memory_power(std::string_view hash, std::size_t at) {
  const std::size_t place = at < hash.size() ? alphabet.find(hash[at]) : std::string_view::npos;
  return place == std::string_view::npos ? 0 : place + (hash.starts_with("$7$") ? 0 : 1);
}

bool costs_for_ever(std::string_view hash) {
  if (const std::size_t rounds = hash.find("rounds="); rounds != std::string_view::npos)
    return number_at(hash.substr(rounds + 7)) > rounds_most;
  if (hash.starts_with("$sha1$")) return number_at(hash.substr(6)) > rounds_most;
  if (hash.starts_with("$2")) return number_at(hash.substr(std::min<std::size_t>(4, hash.size()))) > bcrypt_most;
  if (hash.starts_with("$7$")) return memory_power(hash, 3) > scrypt_most;
  if (hash.starts_with("$y$")) return memory_power(hash, 4) > scrypt_most;
  return hash.starts_with("$gy$") && memory_power(hash, 5) > scrypt_most;
}

bool is_cut(std::string_view hash) {
  const auto method = std::ranges::find_if(methods, [&](const Method& m) { return hash.starts_with(m.prefix); });
  if (method == std::end(methods)) return false;
  const std::string_view digest = hash.substr(hash.rfind('$') + 1);
  return digest.size() != method->digest || !is_digest(digest);
}

}  // namespace

HashOpinion judge_hash(const std::string& hash) {
  const int kind = crypt_checksalt(hash.c_str());
  if (kind == CRYPT_SALT_INVALID || kind == CRYPT_SALT_METHOD_DISABLED)
    return {fmt::format("is a kind of hash that crypt(3) does not know here; {}", cure), {}};
  if (!hash.starts_with('$') && !hash.starts_with('_'))
    return {fmt::format("is a password in plain text, or a DES hash, which looks at 8 characters alone; {}", cure), {}};
  if (is_cut(hash)) return {fmt::format("is not a whole hash, and no password can fit; {}", cure), {}};
  if (costs_for_ever(hash)) return {fmt::format("takes many seconds for each log in; {}", cure), {}};
  // What libxcrypt calls legacy is also SHA-256, whose rounds cost as much as those of SHA-512.
  const bool old = kind == CRYPT_SALT_METHOD_LEGACY && !hash.starts_with("$5$");
  if (old || kind == CRYPT_SALT_TOO_CHEAP) return {{}, fmt::format("is an old kind of hash, quick to guess; {}", cure)};
  return {};
}

}  // namespace net
