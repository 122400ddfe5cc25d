// The algorithms as a table, and one interface over two libraries.
#include "core/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace core {
namespace {

struct Algorithm {
  std::string_view name;
  const EVP_MD* (*digest)();  ///< nullptr: CRC32
};
constexpr std::array algorithms{Algorithm{"SHA-256", EVP_sha256}, Algorithm{"SHA-512", EVP_sha512},
                                Algorithm{"SHA-1", EVP_sha1}, Algorithm{"MD5", EVP_md5}, Algorithm{"CRC32", nullptr}};

const Algorithm& row_of(HashAlgorithm algorithm) { return algorithms[static_cast<std::size_t>(algorithm)]; }

}  // namespace

std::string_view name_of(HashAlgorithm algorithm) { return row_of(algorithm).name; }

std::optional<HashAlgorithm> find_hash(std::string_view name) {
  for (std::size_t i = 0; i < algorithms.size(); ++i)
    if (equal_without_case(name, algorithms[i].name)) return static_cast<HashAlgorithm>(i);
  return std::nullopt;
}

std::string hash_feature(HashAlgorithm selected) {
  std::string line = "HASH";
  char between = ' ';
  for (const Algorithm& algorithm : algorithms) {
    (line += std::exchange(between, ';')) += algorithm.name;
    if (&algorithm == &row_of(selected)) line += '*';
  }
  return line;
}

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest(HashAlgorithm algorithm) {
  if (row_of(algorithm).digest == nullptr) return;
  context_.reset(EVP_MD_CTX_new());
  good_ = context_ && EVP_DigestInit_ex(context_.get(), row_of(algorithm).digest(), nullptr) == 1;
}

void Digest::update(std::span<const char> octets) {
  if (octets.empty()) return;  // zlib begins anew where there is no address
  if (context_) {
    good_ = good_ && EVP_DigestUpdate(context_.get(), octets.data(), octets.size()) == 1;
  } else {
    crc_ = static_cast<std::uint32_t>(crc32_z(crc_, reinterpret_cast<const Bytef*>(octets.data()), octets.size()));
  }
}

std::string Digest::finish() {
  if (!good_) return {};
  if (!context_) return fmt::format("{:08x}", crc_);
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_.get(), raw.data(), &size) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) fmt::format_to(std::back_inserter(hex), "{:02x}", raw[i]);
  return hex;
}

}  // namespace core
