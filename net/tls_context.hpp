// What all TLS connections of one configuration share: certificates and which of them is shown, versions and ciphers,
// who may sign clients' certificates, the keys of session tickets. Knows OpenSSL and files; must not know connections.
// RFC 4217, RFC 8446.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/config.hpp"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_st;

namespace net {

struct TlsFree {
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_st* stream) const;
  void operator()(x509_st* certificate) const;
  void operator()(ssl_session_st* session) const;
};
using SslContext = std::unique_ptr<ssl_ctx_st, TlsFree>;
using Ssl = std::unique_ptr<ssl_st, TlsFree>;
using Certificate = std::unique_ptr<x509_st, TlsFree>;
using TlsSession = std::unique_ptr<ssl_session_st, TlsFree>;

/// What session tickets are sealed with. Made once at the start and the same in all workers, so that a client may
/// resume its session wherever it comes to, and after a reload. Who has them can read sessions of TLS 1.2 that were
/// resumed: they never leave memory.
struct TicketKeys {
  std::array<unsigned char, 80> octets{};
  static TicketKeys random();
};

/// Tells the TLS session of one control connection, and those that resume it, from all others. In each ticket.
using TlsId = std::array<unsigned char, 16>;
TlsId random_tls_id();

/// A mistake in [tls], [[certificate]] or [[host]] that only the files themselves show.
struct TlsMistake {
  std::string key;  ///< "tls.key", "certificate[0].certificate"
  std::string what;
};

class TlsContext {
 public:
  /// Reads the files: for start-up and reload only. `kernel`: the kernel can encrypt (Backend::has_kernel_tls).
  static std::expected<std::shared_ptr<const TlsContext>, std::vector<TlsMistake>> make(const core::Config& config,
                                                                                        const TicketKeys& keys,
                                                                                        bool kernel);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// With the first certificate, for control connections: SNI may choose another.
  ssl_ctx_st* first() const { return contexts_.front().get(); }
  /// What a client is shown that names this host, in HOST or in its handshake: the host's own, else the first that
  /// holds the name, else the first of all.
  ssl_ctx_st* certificate_of(std::string_view host) const;
  /// Whether sending data connections ask the kernel to encrypt.
  bool kernel() const { return kernel_; }

  /// What a callback of OpenSSL has to know of the connection: set by SSL_set_app_data.
  struct Connection {
    bool data = false;
    TlsId id{};                                  ///< what goes into tickets
    ssl_ctx_st* keeper = nullptr;                ///< keeps sessions that are no tickets
    const ssl_session_st* of_control = nullptr;  ///< data connections: see TlsIdentity::session
    std::string server_name{};                   ///< that its ClientHello asks for (SNI); empty: none
  };

 private:
  struct Files;
  class Maker;

  TlsContext() = default;
  static int choose_certificate(ssl_st* stream, int* alert, void* self);
  ssl_ctx_st* find_certificate(std::string_view host) const;

  std::vector<SslContext> contexts_;                       ///< one a certificate
  std::unordered_map<std::string, ssl_ctx_st*> of_hosts_;  ///< names of a [[host]] with a certificate of its own
  bool kernel_ = false;
};

/// Behind a handshake, for sessions that are no tickets: those of control connections carry their id, and those of data
/// connections are not kept.
void settle_session(ssl_st* stream);
/// With TLS 1.3, where a ticket serves once: gives one more, with what is sent next.
void give_ticket(ssl_st* stream);
/// A copy of the session that a client of TLS 1.2 may name by its id; nullptr with TLS 1.3.
TlsSession session_of(ssl_st* stream);
/// True when the connection's session came from a ticket that carries `id`.
bool resumes(ssl_st* stream, const TlsId& id);
/// The session id of the resumed session, or the connection's own.
TlsId tls_id_of(ssl_st* stream);
/// Whom the verified certificate that the client showed names: common names and e-mail addresses.
std::vector<std::string> client_names(ssl_st* stream);

}  // namespace net
