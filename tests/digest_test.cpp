// Digests against what their texts publish for "abc" and nothing, and their names.
#include "core/digest.hpp"

#include "tests/catch.hpp"

using core::Digest;
using core::HashAlgorithm;

namespace {

std::string digest_of(HashAlgorithm algorithm, std::string_view first, std::string_view second = {}) {
  Digest digest(algorithm);
  digest.update(first);
  digest.update(second);
  return digest.finish();
}

}  // namespace

TEST_CASE("digests are those of their standards, in lower case", "[digest][HA-01][HA-02]") {
  const auto [algorithm, of_abc] = GENERATE(table<HashAlgorithm, std::string>({
      {HashAlgorithm::sha_256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {HashAlgorithm::sha_512,
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
      {HashAlgorithm::sha_1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {HashAlgorithm::md5, "900150983cd24fb0d6963f7d28e17f72"},
      {HashAlgorithm::crc32, "352441c2"},
  }));
  CHECK(digest_of(algorithm, "abc") == of_abc);
  CHECK(digest_of(algorithm, "a", "bc") == of_abc);
}

TEST_CASE("the CRC keeps its leading zeros", "[digest]") {
  CHECK(digest_of(HashAlgorithm::crc32, "") == "00000000");
  CHECK(digest_of(HashAlgorithm::crc32, "33") == "0a6216d9");
}

TEST_CASE("algorithms are found by name without case, and FEAT marks the selected one", "[digest][HA-03]") {
  CHECK(core::find_hash("sha-256") == HashAlgorithm::sha_256);
  CHECK(core::find_hash("Md5") == HashAlgorithm::md5);
  for (const std::string_view wrong : {"", "SHA", "SHA256", "SHA-3", "MD5 ", "CRC-37"})
    CHECK_FALSE(core::find_hash(wrong));
  CHECK(core::hash_feature(HashAlgorithm::sha_256) == "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32");
  CHECK(core::hash_feature(HashAlgorithm::crc32) == "HASH SHA-256;SHA-512;SHA-1;MD5;CRC32*");
}
