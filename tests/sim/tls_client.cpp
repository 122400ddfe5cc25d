// OpenSSL on two memory BIOs.
#include "tests/sim/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

namespace sim {
namespace {

int on_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<TlsClient*>(SSL_get_app_data(ssl))->keep(session);
  return 1;
}

}  // namespace

TlsPeer::TlsPeer(int version) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_security_level(context_, 0);  // for versions that nobody should speak any more
  SSL_CTX_set_min_proto_version(context_, version);
  SSL_CTX_set_max_proto_version(context_, version);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, &on_session);
}

TlsPeer::~TlsPeer() { SSL_CTX_free(context_); }

void TlsPeer::show(const tests::Issued& certificate) {
  SSL_CTX_use_certificate(context_, certificate.x509.get());
  SSL_CTX_use_PrivateKey(context_, certificate.pkey.get());
}

TlsClient::TlsClient(const TlsPeer& peer, SimConnection& connection, const TlsClient* like, const char* server_name,
                     bool wants_status)
    : connection_(connection), ssl_(SSL_new(peer.context())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_, in_, out_);
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_connect_state(ssl_);
  SSL_set_app_data(ssl_, this);
  if (server_name != nullptr) SSL_set_tlsext_host_name(ssl_, server_name);
  if (wants_status) SSL_set_tlsext_status_type(ssl_, TLSEXT_STATUSTYPE_ocsp);
  if (like != nullptr && !like->sessions_.empty()) {
    SSL_SESSION* const session = like->sessions_.back();
    resume(session);
    if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) {  // which lets each be used once
      like->sessions_.pop_back();
      SSL_SESSION_free(session);
    }
  } else if (like != nullptr && SSL_version(like->ssl_) != TLS1_3_VERSION) {
    resume(SSL_get0_session(like->ssl_));
  }
  turn();
}

// OpenSSL takes a session for spoilt once a connection of it was broken off: each gets a copy.
void TlsClient::resume(SSL_SESSION* session) {
  SSL_SESSION* const copy = SSL_SESSION_dup(session);
  SSL_set_session(ssl_, copy);
  SSL_SESSION_free(copy);
}

TlsClient::~TlsClient() {
  for (SSL_SESSION* session : sessions_) SSL_SESSION_free(session);
  SSL_free(ssl_);
  ERR_clear_error();
}

void TlsClient::note(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: break;
    case SSL_ERROR_ZERO_RETURN: ended_ = true; break;
    default: {
      failed_ = true;
      const char* const text = ERR_reason_error_string(ERR_peek_error());
      reason_ = text != nullptr ? text : "the connection";
    }
  }
  ERR_clear_error();
}

void TlsClient::turn() {
  if (connection_.closed()) return;
  const std::string came = connection_.read();
  if (!came.empty()) BIO_write(in_, came.data(), static_cast<int>(came.size()));
  if (!connected_ && !failed_) {
    const int result = SSL_do_handshake(ssl_);
    connected_ = result == 1;
    if (!connected_) note(result);
  }
  while (connected_ && !failed_ && !ended_) {
    std::array<char, 16384> octets;
    const int count = SSL_read(ssl_, octets.data(), octets.size());
    if (count <= 0) {
      note(count);
      break;
    }
    received_.append(octets.data(), static_cast<std::size_t>(count));
  }
  flush();
}

void TlsClient::flush() {
  if (connected_ && !failed_ && !unsent_.empty()) {
    SSL_write(ssl_, unsent_.data(), static_cast<int>(unsent_.size()));
    unsent_.clear();
  }
  if (connected_ && !failed_ && ending_ && (SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) == 0) SSL_shutdown(ssl_);
  ERR_clear_error();
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  if (size > 0 && !connection_.closed()) connection_.write({data, static_cast<std::size_t>(size)});
  BIO_reset(out_);
}

void TlsClient::write(std::string_view octets) {
  unsent_ += octets;
  turn();
}

void TlsClient::end() {
  ending_ = true;
  turn();
}

std::string TlsClient::read_line() {
  const std::size_t end = received_.find('\n');
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

bool TlsClient::resumed() const { return SSL_session_reused(ssl_) == 1; }
int TlsClient::version() const { return SSL_version(ssl_); }

std::string TlsClient::server_common_name() const {
  std::array<char, 256> name{};
  X509* const shown = SSL_get0_peer_certificate(ssl_);
  if (shown != nullptr)
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(), name.size());
  return name.data();
}

std::string TlsClient::ocsp_response() const {
  const unsigned char* response = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl_, &response);
  if (size <= 0) return {};
  return {reinterpret_cast<const char*>(response), static_cast<std::size_t>(size)};
}

}  // namespace sim
