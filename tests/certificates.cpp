// X.509 by OpenSSL's own calls.
#include "tests/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace tests {
namespace {

constexpr long a_day = 86'400;

template <typename Write>
void write_pem(const std::filesystem::path& path, Write write) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) throw std::runtime_error("cannot write " + path.string());
  write(file);
  std::fclose(file);
}

void add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
  if (made == nullptr) throw std::runtime_error("no extension: " + value);
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

}  // namespace

void CertificateFree::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void CertificateFree::operator()(x509_st* certificate) const { X509_free(certificate); }

Authority::Authority(const std::string& name) {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-certificates-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  own_ = make(name, "", true);
}

Authority::~Authority() { std::filesystem::remove_all(directory_); }

Issued Authority::issue(const std::string& common_name, const std::string& further) {
  return make(common_name, further, false);
}

Issued Authority::make(const std::string& common_name, const std::string& further, bool authority) {
  const std::string base = std::to_string(next_serial_);
  Issued made{.certificate = file(base + ".pem"),
              .key = file(base + ".key"),
              .x509 = {X509_new(), CertificateFree()},
              .pkey = {EVP_EC_gen("P-256"), CertificateFree()}};
  X509* const x509 = made.x509.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), next_serial_++);
  X509_gmtime_adj(X509_getm_notBefore(x509), -a_day);
  X509_gmtime_adj(X509_getm_notAfter(x509), 10 * a_day);
  X509_set_pubkey(x509, made.pkey.get());
  const auto* const name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, name, -1, -1, 0);
  X509* const issuer = authority ? x509 : own_.x509.get();
  X509_set_issuer_name(x509, X509_get_subject_name(issuer));
  if (authority) add_extension(x509, issuer, NID_basic_constraints, "critical,CA:TRUE");
  if (!further.empty()) add_extension(x509, issuer, NID_subject_alt_name, further);
  X509_sign(x509, authority ? made.pkey.get() : own_.pkey.get(), EVP_sha256());
  write_pem(made.certificate, [&](std::FILE* to) { PEM_write_X509(to, x509); });
  write_pem(made.key,
            [&](std::FILE* to) { PEM_write_PrivateKey(to, made.pkey.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return made;
}

std::filesystem::path Authority::revoke(const std::vector<Issued>& issued) {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), &X509_CRL_free);
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(own_.x509.get()));
  ASN1_TIME* const now = X509_gmtime_adj(nullptr, -a_day);
  X509_CRL_set1_lastUpdate(list.get(), now);
  for (const Issued& one : issued) {
    X509_REVOKED* const revoked = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(one.x509.get()));
    X509_REVOKED_set_revocationDate(revoked, now);
    X509_CRL_add0_revoked(list.get(), revoked);
  }
  X509_gmtime_adj(now, 10 * a_day);
  X509_CRL_set1_nextUpdate(list.get(), now);
  ASN1_TIME_free(now);
  X509_CRL_sort(list.get());
  X509_CRL_sign(list.get(), own_.pkey.get(), EVP_sha256());
  const std::filesystem::path path = file("revoked" + std::to_string(issued.size()) + ".pem");
  write_pem(path, [&](std::FILE* to) { PEM_write_X509_CRL(to, list.get()); });
  return path;
}

}  // namespace tests
