// Digests of octets: the algorithms of HASH, by their names, computed piece by piece. Knows OpenSSL's EVP and zlib's
// CRC; must not know files or commands. draft-bryan-ftpext-hash-02 3.1, 5.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace core {

/// In the order of FEAT. SHA-1 is among them because the draft wants it, and the default is a stronger one.
enum class HashAlgorithm : std::uint8_t { sha_256, sha_512, sha_1, md5, crc32 };

/// As IANA's "Hash Function Textual Names" has it; CRC32, which is no such function, as clients write it.
std::string_view name_of(HashAlgorithm algorithm);
/// Without case.
std::optional<HashAlgorithm> find_hash(std::string_view name);
/// FEAT's line: "HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32".
std::string hash_feature(HashAlgorithm selected);

class Digest {
 public:
  explicit Digest(HashAlgorithm algorithm);
  void update(std::span<const char> octets);
  /// In lower case hexadecimal; empty when the library refuses the algorithm (one in FIPS mode does MD5). Once only.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;  ///< nullptr: CRC32
  bool good_ = true;
  std::uint32_t crc_ = 0;
};

}  // namespace core
