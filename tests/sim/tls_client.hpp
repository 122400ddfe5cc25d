// A TLS client on a simulated connection: OpenSSL between memory and the octets that travel.
// Knows TLS; must not know FTP.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/certificates.hpp"
#include "tests/sim/sim_peer.hpp"

struct bio_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace sim {

/// What a client machine knows: versions, its own certificate, and the sessions it was given.
class TlsPeer {
 public:
  /// `version`: 0 any, or OpenSSL's number, which is the only one then.
  explicit TlsPeer(int version = 0);
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  void show(const tests::Issued& certificate);
  ssl_ctx_st* context() const { return context_; }

 private:
  ssl_ctx_st* context_;
};

class TlsClient {
 public:
  /// Begins the handshake on `connection`, which must outlive it. `like`: resumes that one's session, if it has any.
  TlsClient(const TlsPeer& peer, SimConnection& connection, const TlsClient* like = nullptr,
            const char* server_name = nullptr, bool wants_status = false);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Moves what has arrived in, and what is to be sent out. Call it before asking anything.
  void turn();
  bool connected() const { return connected_; }
  bool failed() const { return failed_; }
  bool resumed() const;
  int version() const;
  /// The server said close_notify.
  bool ended() const { return ended_; }
  /// OpenSSL's reason for the failure; "" when there is none.
  const std::string& reason() const { return reason_; }
  std::string server_common_name() const;
  std::string ocsp_response() const;
  /// Sessions that the server gave.
  std::size_t sessions() const { return sessions_.size(); }

  void write(std::string_view octets);
  /// close_notify, behind all that was written.
  void end();
  std::string& received() { return received_; }
  bool has_line() const { return received_.find('\n') != std::string::npos; }
  std::string read_line();

  void keep(ssl_session_st* session) { sessions_.push_back(session); }
  ssl_st* ssl() const { return ssl_; }

 private:
  void flush();
  void note(int result);

  void resume(ssl_session_st* session);

  SimConnection& connection_;
  ssl_st* ssl_;
  bio_st *in_, *out_;
  mutable std::vector<ssl_session_st*> sessions_;  ///< one that is resumed with TLS 1.3 is used up
  std::string unsent_, received_, reason_;
  bool ending_ = false, connected_ = false, failed_ = false, ended_ = false;
};

}  // namespace sim
