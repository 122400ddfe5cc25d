// What is remembered of digests, and what is not because it could be stale.
#include "net/digests.hpp"

#include "core/limits.hpp"
#include "io/op.hpp"
#include "tests/catch.hpp"

using net::DigestKey;
using net::Digests;

namespace {

constexpr std::int64_t now = 1000 * io::second;

DigestKey a_file() {
  return {.device = 1, .inode = 2, .size = 3, .modified_ns = 900 * io::second, .changed_ns = 950 * io::second};
}

}  // namespace

TEST_CASE("a digest is found for the same file, range and algorithm only", "[digests][HA-01]") {
  Digests digests;
  digests.keep(a_file(), now, "abc");
  REQUIRE(digests.find(a_file()) != nullptr);
  CHECK(*digests.find(a_file()) == "abc");
  const auto differs = [&](auto change) {
    DigestKey other = a_file();
    change(other);
    return digests.find(other) == nullptr;
  };
  CHECK(differs([](DigestKey& key) { ++key.device; }));
  CHECK(differs([](DigestKey& key) { ++key.inode; }));
  CHECK(differs([](DigestKey& key) { ++key.size; }));
  CHECK(differs([](DigestKey& key) { ++key.modified_ns; }));
  CHECK(differs([](DigestKey& key) { ++key.changed_ns; }));
  CHECK(differs([](DigestKey& key) { ++key.range.begin; }));
  CHECK(differs([](DigestKey& key) { key.range.end = 2; }));
  CHECK(differs([](DigestKey& key) { key.algorithm = core::HashAlgorithm::md5; }));
}

TEST_CASE("a file that had just changed is not remembered", "[digests]") {
  Digests digests;
  DigestKey fresh = a_file();
  fresh.changed_ns = now - io::second;
  digests.keep(fresh, now, "abc");
  CHECK(digests.find(fresh) == nullptr);
  fresh.changed_ns = now + io::second;  // another machine's clock
  digests.keep(fresh, now, "abc");
  CHECK(digests.size() == 0);
}

TEST_CASE("what was not asked for longest makes room", "[digests]") {
  Digests digests;
  DigestKey key = a_file();
  for (std::uint64_t i = 0; i < core::limits::digests_kept; ++i) {
    key.inode = i;
    digests.keep(key, now, "x");
  }
  key.inode = 0;
  CHECK(digests.find(key) != nullptr);
  key.inode = core::limits::digests_kept;
  digests.keep(key, now, "x");
  CHECK(digests.size() == core::limits::digests_kept);
  key.inode = 0;
  CHECK(digests.find(key) != nullptr);
  key.inode = 1;
  CHECK(digests.find(key) == nullptr);
}
