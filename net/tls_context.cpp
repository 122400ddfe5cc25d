// Building SSL_CTX values, and the callbacks that OpenSSL asks during handshakes.
#include "net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "core/text.hpp"

namespace net {

void TlsFree::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsFree::operator()(ssl_st* stream) const { SSL_free(stream); }
void TlsFree::operator()(x509_st* certificate) const { X509_free(certificate); }
void TlsFree::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

TicketKeys TicketKeys::random() {
  TicketKeys keys;
  RAND_priv_bytes(keys.octets.data(), static_cast<int>(keys.octets.size()));
  return keys;
}

TlsId random_tls_id() {
  TlsId id;
  RAND_bytes(id.data(), static_cast<int>(id.size()));
  return id;
}

namespace {

// What does AES in hardware does it several times as fast as ChaCha; without, ChaCha is the faster one.
bool processor_has_aes() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
  constexpr unsigned long hwcap_aes = 1UL << 3;
  return (getauxval(AT_HWCAP) & hwcap_aes) != 0;
#else
  return false;
#endif
}

constexpr long sessions_kept = 10'000;
constexpr long session_lifetime_s = 86'400;
// With TLS 1.3 a ticket serves once (RFC 8446 C.4): so many data connections may begin at a time. Each that has shaken
// hands brings one more, see give_ticket().
constexpr std::size_t tickets_at_first = 4;

constexpr const char* aes_first = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* chacha_first = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
// TLS 1.2: forward secrecy and authenticated encryption only.
constexpr const char* good_ciphers_aes_first = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* good_ciphers_chacha_first = "ECDHE+CHACHA20:ECDHE+AESGCM+AES128:ECDHE+AESGCM";

std::expected<std::string, std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text;
  if (in) text.assign(std::istreambuf_iterator<char>(in), {});
  if (!in || (text.empty() && errno != 0))
    return std::unexpected("cannot read `" + path + "`: " + std::strerror(errno != 0 ? errno : EIO));
  return text;
}

std::string openssl_says() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

// A key with a passphrase would stop the start to ask for it.
int no_passphrase(char*, int, int, void*) { return -1; }

TlsContext::Connection* connection_of(SSL* stream) {
  return static_cast<TlsContext::Connection*>(SSL_get_app_data(stream));
}

// Taken from the ClientHello itself: where a session of TLS 1.2 is resumed, OpenSSL tells the name that this was begun
// for, whatever the client asks for now. Whether the form is right is for OpenSSL to say: before the name stand the
// list's length, the type of its only name, and that one's length (RFC 6066 3).
int note_server_name(SSL* stream, int*, void*) {
  constexpr std::size_t before = 2 + 1 + 2;
  const unsigned char* list = nullptr;
  std::size_t size = 0;
  std::string& name = connection_of(stream)->server_name;
  name.clear();
  if (SSL_client_hello_get0_ext(stream, TLSEXT_TYPE_server_name, &list, &size) == 1 && size > before &&
      size <= before + TLSEXT_MAXLEN_host_name)
    name.assign(reinterpret_cast<const char*>(list) + before, size - before);
  return SSL_CLIENT_HELLO_SUCCESS;
}

std::span<const unsigned char> id_in(const SSL_SESSION* session) {
  void* data = nullptr;
  std::size_t size = 0;
  if (session == nullptr || SSL_SESSION_get0_ticket_appdata(const_cast<SSL_SESSION*>(session), &data, &size) != 1)
    return {};
  return {static_cast<const unsigned char*>(data), size};
}

int seal_ticket(SSL* stream, void*) {
  const TlsId id = tls_id_of(stream);
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(stream), id.data(), id.size());
}

// Tickets of data connections would let one that was refused resume itself: only control connections give any.
SSL_TICKET_RETURN open_ticket(SSL* stream, SSL_SESSION* session, const unsigned char*, std::size_t,
                              SSL_TICKET_STATUS status, void*) {
  const bool data = connection_of(stream)->data;
  switch (status) {
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
      if (id_in(session).size() != sizeof(TlsId))
        return data ? SSL_TICKET_RETURN_IGNORE : SSL_TICKET_RETURN_IGNORE_RENEW;
      return status == SSL_TICKET_SUCCESS || data ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
    default: return data ? SSL_TICKET_RETURN_IGNORE : SSL_TICKET_RETURN_IGNORE_RENEW;
  }
}

// OpenSSL forgets a session when one connection of it ends badly, and the oldest when there are many. Data connections
// find their control connection's all the same, as long as this lasts: that a transfer was broken off says nothing
// against it. Each gets a copy of its own.
SSL_SESSION* find_session(SSL* stream, const unsigned char* id, int size, int* shared) {
  *shared = 0;
  const SSL_SESSION* const session = connection_of(stream)->of_control;
  if (session == nullptr) return nullptr;
  unsigned own_size = 0;
  const unsigned char* const own = SSL_SESSION_get_id(session, &own_size);
  const bool same = std::ranges::equal(std::span(own, own_size), std::span(id, static_cast<std::size_t>(size)));
  return same ? SSL_SESSION_dup(const_cast<SSL_SESSION*>(session)) : nullptr;
}

// The octets of the file are the SSL_CTX's, which frees them with itself.
int staple(SSL* stream, void* argument) {
  const auto& response = *static_cast<const std::string*>(argument);
  void* copy = OPENSSL_memdup(response.data(), response.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(stream, copy, static_cast<long>(response.size()));
  return SSL_TLSEXT_ERR_OK;
}

// Where an SSL_CTX keeps its stapled response.
int response_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(kept); });
  return index;
}

}  // namespace

void settle_session(SSL* stream) {
  SSL_SESSION* const session = SSL_get0_session(stream);
  if (!connection_of(stream)->data) {
    const TlsId id = tls_id_of(stream);
    SSL_SESSION_set1_ticket_appdata(session, id.data(), id.size());
  } else if (SSL_session_reused(stream) == 0) {
    SSL_CTX_remove_session(connection_of(stream)->keeper, session);
  }
}

void give_ticket(SSL* stream) {
  if (SSL_version(stream) == TLS1_3_VERSION) SSL_new_session_ticket(stream);
}

TlsSession session_of(SSL* stream) {
  if (SSL_version(stream) == TLS1_3_VERSION) return nullptr;
  return TlsSession(SSL_SESSION_dup(SSL_get0_session(stream)));
}

bool resumes(SSL* stream, const TlsId& id) {
  return SSL_session_reused(stream) == 1 && std::ranges::equal(id_in(SSL_get0_session(stream)), id);
}

// Not what a ticket says whose session was refused after all: anyone may have seen it pass by.
TlsId tls_id_of(SSL* stream) {
  TlsId id = connection_of(stream)->id;
  const auto resumed = id_in(SSL_get0_session(stream));
  if (SSL_session_reused(stream) == 1 && resumed.size() == id.size()) std::ranges::copy(resumed, id.begin());
  return id;
}

std::vector<std::string> client_names(SSL* stream) {
  std::vector<std::string> names;
  X509* const certificate = SSL_get0_peer_certificate(stream);
  if (certificate == nullptr || SSL_get_verify_result(stream) != X509_V_OK) return names;
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size > 0) names.emplace_back(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  STACK_OF(OPENSSL_STRING)* const addresses = X509_get1_email(certificate);
  for (int i = 0; i < sk_OPENSSL_STRING_num(addresses); ++i) names.emplace_back(sk_OPENSSL_STRING_value(addresses, i));
  X509_email_free(addresses);
  return names;
}

// ---- Making ----

/// One certificate's files and the keys that name them.
struct TlsContext::Files {
  std::string place;  ///< "tls", "certificate[0]"
  const std::string& certificate;
  const std::string& key;
  const std::string& ocsp_response;
};

class TlsContext::Maker {
 public:
  Maker(const core::Config::Tls& tls, const TicketKeys& keys) : tls_(tls), keys_(keys) {}

  SslContext make(const Files& files) {
    SslContext made(SSL_CTX_new(TLS_server_method()));
    context_ = made.get();
    ERR_clear_error();
    SSL_CTX_set_client_hello_cb(context_, &note_server_name, nullptr);
    set_protocol();
    set_ciphers();
    set_tickets();
    load_certificate(files);
    if (!files.ocsp_response.empty()) load_response(files);
    if (tls_.client_certificates != core::ClientCertificates::off) load_client_ca();
    return made;
  }
  std::vector<TlsMistake>& mistakes() { return mistakes_; }

 private:
  void complain(std::string key, std::string what) {
    const auto same = [&](const TlsMistake& one) { return one.key == key; };
    if (std::ranges::none_of(mistakes_, same)) mistakes_.push_back({std::move(key), std::move(what)});
    ERR_clear_error();
  }

  void set_protocol() {
    const bool only_1_3 = tls_.min_version == core::TlsVersion::v1_3;
    SSL_CTX_set_min_proto_version(context_, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                                      SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(context_, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  }

  void set_ciphers() {
    const bool aes = processor_has_aes();
    const char* const ciphers = aes ? good_ciphers_aes_first : good_ciphers_chacha_first;
    if (SSL_CTX_set_cipher_list(context_, tls_.ciphers.empty() ? ciphers : tls_.ciphers.c_str()) != 1)
      complain("tls.ciphers", "names no cipher that OpenSSL has; `openssl ciphers` lists them");
    const char* const suites = aes ? aes_first : chacha_first;
    if (SSL_CTX_set_ciphersuites(context_, tls_.ciphersuites.empty() ? suites : tls_.ciphersuites.c_str()) != 1)
      complain("tls.ciphersuites", "names a suite that OpenSSL has not; `openssl ciphers -tls1_3 -s` lists them");
  }

  // Sessions live in tickets, which every worker can take. Only for clients of TLS 1.2 that want none (curl) they are
  // kept here: a bounded number, of which the oldest goes first. A control connection may last a day.
  void set_tickets() {
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_cache_size(context_, sessions_kept);
    SSL_CTX_set_timeout(context_, session_lifetime_s);
    auto keys = keys_.octets;
    SSL_CTX_set_tlsext_ticket_keys(context_, keys.data(), keys.size());
    SSL_CTX_set_num_tickets(context_, tickets_at_first);
    SSL_CTX_sess_set_get_cb(context_, &find_session);
    SSL_CTX_set_session_ticket_cb(context_, &seal_ticket, &open_ticket, nullptr);
    set_session_context("millrace");
  }

  // A session is resumed only where it was begun under the same rules for clients' certificates.
  void set_session_context(std::string_view rules) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_Digest(rules.data(), rules.size(), digest.data(), &size, EVP_sha256(), nullptr);
    SSL_CTX_set_session_id_context(context_, digest.data(), std::min(size, unsigned{SSL_MAX_SID_CTX_LENGTH}));
  }

  void load_certificate(const Files& files) {
    const std::string certificate_key = files.place + ".certificate", key_key = files.place + ".key";
    const auto certificate = read_file(files.certificate), key = read_file(files.key);
    if (!certificate) complain(certificate_key, certificate.error());
    if (!key) complain(key_key, key.error());
    if (!certificate || !key) return;
    if (SSL_CTX_use_certificate_chain_file(context_, files.certificate.c_str()) != 1)
      return complain(certificate_key, fmt::format("`{}` holds no usable certificate in PEM form ({})",
                                                   files.certificate, openssl_says()));
    SSL_CTX_set_default_passwd_cb(context_, &no_passphrase);
    if (SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context_) != 1)
      complain(key_key,
               fmt::format("`{}` does not hold the private key of `{}`, in PEM form and without a passphrase ({})",
                           files.key, files.certificate, openssl_says()));
  }

  void load_response(const Files& files) {
    auto text = read_file(files.ocsp_response);
    if (!text || text->empty())
      return complain(files.place + ".ocsp_response", text ? "is an empty file" : text.error());
    auto* const kept = new std::string(*std::move(text));
    SSL_CTX_set_ex_data(context_, response_index(), kept);
    SSL_CTX_set_tlsext_status_cb(context_, &staple);
    SSL_CTX_set_tlsext_status_arg(context_, kept);
  }

  void load_client_ca() {
    const bool required = tls_.client_certificates == core::ClientCertificates::required;
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    const auto authorities = read_file(tls_.client_ca);
    if (!authorities) return complain("tls.client_ca", authorities.error());
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(tls_.client_ca.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context_, tls_.client_ca.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, &X509_NAME_free);
      return complain("tls.client_ca", fmt::format("`{}` holds no certificate in PEM form", tls_.client_ca));
    }
    SSL_CTX_set_client_CA_list(context_, names);
    std::string rules = *authorities;
    if (!tls_.crl.empty()) load_crl(rules);
    set_session_context(rules);
  }

  void load_crl(std::string& rules) {
    const auto revoked = read_file(tls_.crl);
    if (!revoked) return complain("tls.crl", revoked.error());
    X509_STORE* const store = SSL_CTX_get_cert_store(context_);
    X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, tls_.crl.c_str(), X509_FILETYPE_PEM) < 1)
      return complain("tls.crl", fmt::format("`{}` holds no revocation list in PEM form", tls_.crl));
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    rules += *revoked;
  }

  const core::Config::Tls& tls_;
  const TicketKeys& keys_;
  SSL_CTX* context_ = nullptr;
  std::vector<TlsMistake> mistakes_;
};

std::expected<std::shared_ptr<const TlsContext>, std::vector<TlsMistake>> TlsContext::make(const core::Config& config,
                                                                                           const TicketKeys& keys,
                                                                                           bool kernel) {
  const core::Config::Tls& tls = config.tls;
  assert(tls.offered());
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->kernel_ = kernel && tls.ktls;
  Maker maker(tls, keys);
  made->contexts_.push_back(maker.make({"tls", tls.certificate, tls.key, tls.ocsp_response}));
  for (std::size_t i = 0; i < tls.more.size(); ++i) {
    const auto& one = tls.more[i];
    made->contexts_.push_back(
        maker.make({fmt::format("certificate[{}]", i), one.certificate, one.key, one.ocsp_response}));
  }
  for (std::size_t i = 0; i < config.hosts.size(); ++i) {
    const core::Config::Host& host = config.hosts[i];
    if (host.certificate.empty()) continue;
    made->contexts_.push_back(maker.make({fmt::format("host[{}]", i), host.certificate, host.key, host.ocsp_response}));
    for (const std::string& name : host.names) made->of_hosts_.emplace(name, made->contexts_.back().get());
  }
  if (!maker.mistakes().empty()) return std::unexpected(std::move(maker.mistakes()));
  SSL_CTX_set_tlsext_servername_callback(made->first(), &TlsContext::choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(made->first(), made.get());
  return made;
}

ssl_ctx_st* TlsContext::find_certificate(std::string_view host) const {
  const auto own = of_hosts_.find(core::lower(host));
  if (own != of_hosts_.end()) return own->second;
  const auto holds = [&](const SslContext& context) {
    X509* const certificate = SSL_CTX_get0_certificate(context.get());
    return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1;
  };
  const auto found = host.empty() ? contexts_.end() : std::ranges::find_if(contexts_, holds);
  return found != contexts_.end() ? found->get() : nullptr;
}

ssl_ctx_st* TlsContext::certificate_of(std::string_view host) const {
  SSL_CTX* const found = find_certificate(host);
  return found != nullptr ? found : first();
}

// SNI (RFC 6066 3). Data connections show their control connection's. OpenSSL's name, not the ClientHello's: a session
// of TLS 1.2 that is resumed shows no certificate, and its data connections that of the name that it was begun for.
int TlsContext::choose_certificate(SSL* stream, int*, void* argument) {
  const auto& self = *static_cast<const TlsContext*>(argument);
  const char* const name = SSL_get_servername(stream, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr || connection_of(stream)->data) return SSL_TLSEXT_ERR_OK;
  if (SSL_CTX* const found = self.find_certificate(name)) SSL_set_SSL_CTX(stream, found);
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace net
