// A server with TLS on the simulated kernel, and clients that speak to it: what tests of FTPS are written with.
// Knows FTP's forms and TLS; must not know what a test shows.
#pragma once

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/server.hpp"
#include "tests/certificates.hpp"
#include "tests/sim/sim_world.hpp"
#include "tests/sim/tls_client.hpp"

namespace sim {

inline constexpr std::uint16_t secure_port = 2121, implicit_port = 2990;
inline constexpr Limits secure_patience{.time = 120 * io::second};

/// Users: "demo" without a password. Files below /srv.
class SecureSite {
 public:
  explicit SecureSite(std::uint64_t seed = 1, const std::function<void(core::Config&, tests::Authority&)>& adjust = {});
  /// All clients must be gone; everything is drained and joined.
  ~SecureSite();

  SimWorld world;
  tests::Authority authority;
  net::SharedCounts counts = net::SharedCounts::make(1, 2000, 1).value();

  std::size_t sessions() const { return server_->session_count(); }
  net::Totals totals() const { return counts.totals(); }
  const net::Context& context() const { return server_->context(); }
  const core::Config& config() const { return *config_; }
  std::optional<net::StartError> reload(const core::Config& config) {
    return server_->reload(std::make_shared<const core::Config>(config));
  }

 private:
  spdlog::logger log_;
  std::shared_ptr<core::Config> config_;
  std::unique_ptr<net::Server> server_;
};

/// One client: a control connection, in the clear until secure().
class Visitor {
 public:
  explicit Visitor(SecureSite& site, std::uint16_t port = secure_port);

  /// The code of the next reply; "" when the connection ends before.
  std::string reply();
  /// Sends a line: the code of the reply.
  std::string talk(std::string_view line);
  void send(std::string_view octets);
  const std::string& text() const { return text_; }
  /// AUTH TLS and the handshake. False: it failed.
  bool secure(const TlsPeer& peer, const TlsClient* like = nullptr, const char* server_name = nullptr);
  /// The handshake alone.
  bool shake_hands(const TlsPeer& peer, const TlsClient* like = nullptr, const char* server_name = nullptr,
                   bool wants_status = false);
  /// TLS is over: what comes is clear again.
  void clear() { tls_.reset(); }
  /// USER demo, PBSZ 0, PROT P, TYPE I.
  void log_in();
  /// EPSV: a connection to the port.
  SimConnection open_data();
  /// With TLS that resumes the control connection's session, or not: what comes until the end. `whole`: by
  /// close_notify.
  std::string download(std::string_view command, const TlsPeer& peer, bool resumes = true, bool* whole = nullptr);
  void upload(std::string_view command, std::string_view content, const TlsPeer& peer, bool resumes = true);
  /// Waits for `done`, moving octets.
  bool wait(const std::function<bool()>& done);
  bool wait_for_end();
  bool ended() { return control_.ended(); }

  TlsClient* tls() { return tls_.get(); }
  SimConnection& control() { return control_; }
  SimPeer& machine() { return machine_; }

 private:
  SecureSite& site_;
  SimPeer machine_;
  SimConnection control_;
  std::unique_ptr<TlsClient> tls_;
  std::string clear_, text_;
};

}  // namespace sim
