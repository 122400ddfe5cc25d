// Turning the world until something has come.
#include "tests/sim/secure_visitor.hpp"

#include <fmt/format.h>

#include "tests/catch.hpp"

namespace sim {

SecureSite::SecureSite(std::uint64_t seed, const std::function<void(core::Config&, tests::Authority&)>& adjust)
    : world(seed), log_("secure", std::make_shared<spdlog::sinks::null_sink_mt>()) {
  log_.set_level(spdlog::level::off);
  world.files().make_directory("/srv");
  config_ = std::make_shared<core::Config>();
  const tests::Issued own = authority.issue("ftp.example.org", "DNS:ftp.example.org");
  config_->listen.control = {*core::parse_endpoint(fmt::format("0.0.0.0:{}", secure_port))};
  config_->listen.implicit_tls = {*core::parse_endpoint(fmt::format("0.0.0.0:{}", implicit_port))};
  config_->data.passive_ports = {50000, 50063};
  config_->data.block_modes = core::BlockModes::always;
  config_->tls.certificate = own.certificate;
  config_->tls.key = own.key;
  using enum core::Right;
  config_->accounts.add({.name = "demo",
                         .password_hash = {},
                         .account = {},
                         .root = "/srv",
                         .rights = {list, read, write, core::Right::remove, core::Right::rename, make_dir, site}});
  if (adjust) adjust(*config_, authority);
  server_ = std::make_unique<net::Server>(world.reactor(), log_, counts, config_, seed);
  const auto error = server_->start();
  INFO((error ? error->key + ": " + error->what : ""));
  REQUIRE_FALSE(error);
}

SecureSite::~SecureSite() {
  world.stop_faults();
  CHECK(world.run_until([&] { return server_->session_count() == 0; }));
  bool drained = false;
  server_->drain([&] { drained = true; });
  CHECK(world.run_until([&] { return drained; }));
  CHECK(server_->context().flow_buffers.lent() == 0);
  CHECK(server_->context().control_buffers.lent() == 0);
  CHECK(server_->context().heavy_works == 0);
  server_.reset();
  CHECK(world.run_until([&] { return world.reactor().in_flight() == 0; }));
}

Visitor::Visitor(SecureSite& site, std::uint16_t port)
    : site_(site), machine_(site.world.peer("10.0.0.9")), control_(machine_.connect(site.world.address(port))) {}

bool Visitor::wait(const std::function<bool()>& done) {
  return site_.world.run_until(
      [&] {
        if (tls_) tls_->turn();
        return done();
      },
      secure_patience);
}

bool Visitor::wait_for_end() {
  return wait([&] { return control_.ended() || (tls_ && (tls_->ended() || tls_->failed())); });
}

std::string Visitor::reply() {
  for (;;) {
    const bool came = wait([&] {
      if (!tls_) clear_ += control_.read();
      const std::string& held = tls_ ? tls_->received() : clear_;
      return held.find('\n') != std::string::npos || control_.ended() || (tls_ && (tls_->failed() || tls_->ended()));
    });
    std::string& held = tls_ ? tls_->received() : clear_;
    const std::size_t end = held.find('\n');
    if (!came || end == std::string::npos) return "";
    text_ = held.substr(0, end - 1);
    held.erase(0, end + 1);
    if (text_.size() > 3 && text_[3] == ' ' && text_[0] != ' ') return text_.substr(0, 3);
  }
}

void Visitor::send(std::string_view octets) {
  if (tls_) {
    tls_->write(octets);
  } else {
    control_.write(octets);
  }
}

std::string Visitor::talk(std::string_view line) {
  send(std::string(line) + "\r\n");
  return reply();
}

bool Visitor::shake_hands(const TlsPeer& peer, const TlsClient* like, const char* server_name, bool wants_status) {
  tls_ = std::make_unique<TlsClient>(peer, control_, like, server_name, wants_status);
  wait([&] { return tls_->connected() || tls_->failed() || control_.ended(); });
  return tls_->connected();
}

bool Visitor::secure(const TlsPeer& peer, const TlsClient* like, const char* server_name) {
  return talk("AUTH TLS") == "234" && shake_hands(peer, like, server_name);
}

void Visitor::log_in() {
  CHECK(talk("USER demo") == "230");
  CHECK(talk("PBSZ 0") == "200");
  CHECK(talk("PROT P") == "200");
  CHECK(talk("TYPE I") == "200");
}

SimConnection Visitor::open_data() {
  const std::string code = talk("EPSV");
  if (code != "229") return machine_.connect(site_.world.address(1));
  const std::size_t bars = text_.find("|||");
  const auto port = static_cast<std::uint16_t>(std::stoi(text_.substr(bars + 3)));
  return machine_.connect(site_.world.address(port));
}

std::string Visitor::download(std::string_view command, const TlsPeer& peer, bool resumes, bool* whole) {
  SimConnection data = open_data();
  const std::string code = talk(command);
  if (code != "150" && code != "125") return code;
  TlsClient secured(peer, data, resumes ? tls_.get() : nullptr);
  wait([&] {
    secured.turn();
    return secured.ended() || secured.failed() || data.ended();
  });
  if (whole != nullptr) *whole = secured.ended();
  secured.end();
  return secured.received();
}

void Visitor::upload(std::string_view command, std::string_view content, const TlsPeer& peer, bool resumes) {
  SimConnection data = open_data();
  const std::string code = talk(command);
  if (code != "150" && code != "125") return;
  TlsClient secured(peer, data, resumes ? tls_.get() : nullptr);
  secured.write(content);
  secured.end();
  wait([&] {
    secured.turn();
    return secured.ended() || secured.failed() || data.ended();
  });
}

}  // namespace sim
