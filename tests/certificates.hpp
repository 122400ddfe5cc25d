// Certificates made for one test: an authority, what it signs, what it revokes, and OCSP responses, as files that go
// with it. Knows OpenSSL; must not know servers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace tests {

struct CertificateFree {
  void operator()(evp_pkey_st* key) const;
  void operator()(x509_st* certificate) const;
};

/// Paths of PEM files, and what is in them.
struct Issued {
  std::filesystem::path certificate, key;
  std::shared_ptr<x509_st> x509;
  std::shared_ptr<evp_pkey_st> pkey;
};

class Authority {
 public:
  explicit Authority(const std::string& name = "Test Authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// A certificate for a common name, and further names: "DNS:ftp.example.org", "email:jo@example.org". P-256.
  Issued issue(const std::string& common_name, const std::string& further = "");
  /// The list of all that are revoked.
  std::filesystem::path revoke(const std::vector<Issued>& issued);
  /// The authority's own certificate.
  const std::filesystem::path& certificate() const { return own_.certificate; }
  /// A file of that name beside the others.
  std::filesystem::path file(const std::string& name) const { return directory_ / name; }

 private:
  Issued make(const std::string& common_name, const std::string& further, bool authority);

  std::filesystem::path directory_;
  Issued own_;
  long next_serial_ = 1;
};

}  // namespace tests
