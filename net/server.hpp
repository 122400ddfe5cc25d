// The server: listeners, all sessions, what they share, and the end of it all. Runs on any backend:
// knows no signals, no TOML text and no command line (main.cpp does).
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/context.hpp"
#include "net/session.hpp"

namespace net {

/// A mistake in the configuration that only the system knows: which key, and what is wrong.
struct StartError {
  std::string key;  ///< "listen.control", "user[0].root"
  std::string what;
};

class Server final : public SessionOwner {
 public:
  /// `counts` stands for this worker; `config` is its share, with server.workers above 1 if others listen on the same
  /// ports. `seed`, for tests: the same makes the same choices of passive ports and names. `ticket_keys`: those of all
  /// workers. `descriptors`: how many the process may have.
  Server(io::Reactor& reactor, spdlog::logger& log, SharedCounts& counts,
         const std::shared_ptr<const core::Config>& config, std::optional<std::uint64_t> seed,
         const TicketKeys& ticket_keys = TicketKeys::random(), int descriptors = std::numeric_limits<int>::max());
  ~Server() override;

  /// Opens listeners and begins to accept. Nothing is open after an error.
  std::optional<StartError> start();
  /// A new configuration for sessions to come. Listeners, pools and [io] stay as they are. On an error
  /// the old configuration holds.
  std::optional<StartError> reload(std::shared_ptr<const core::Config> config);
  /// Takes no new sessions, lets running transfers finish for server.drain_timeout_s, ends the rest;
  /// then `done` is called, with nothing open any more.
  void drain(std::function<void()> done);

  /// Sessions of this worker.
  std::size_t session_count() const override { return context_.counts.own_sessions(); }
  const Context& context() const { return context_; }
  /// The addresses really listened on (a port 0 in the configuration becomes one), those of listen.control first.
  std::vector<core::Endpoint> endpoints() const;

 private:
  struct Listener {
    io::Op accept_op;
    io::Timer retry;
    Server* server = nullptr;
    int socket = -1;
    core::Endpoint at;
    bool implicit_tls = false;
    void accept_next();
    void on_accept_done(io::Op& op);
    void on_retry();
    void close_socket();
  };

  void warn_of_restart(const core::Config& fresh) const;
  std::expected<std::shared_ptr<const TlsContext>, StartError> open_tls(const core::Config& config) const;
  std::optional<StartError> open_listeners();
  void leave_out_own_ports();
  std::optional<StartError> open_listener(const core::Endpoint& at, bool implicit_tls);
  void admit(int socket, const core::Endpoint& peer, bool implicit_tls);
  std::optional<core::Phrase> reason_to_refuse(const core::Endpoint& customer) const;
  bool spend_reserve();
  void on_session_end(Session& session) override;
  std::vector<core::SessionSight> sights(std::size_t most) const override;
  bool end_session(std::uint64_t id) override;
  void bury();
  void on_drain_timeout();
  void try_finish();

  Context context_;
  TicketKeys ticket_keys_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Session>> sessions_;  ///< a slab: a slot is empty or holds one session
  std::vector<std::size_t> free_slots_;
  std::vector<std::unique_ptr<Session>> ended_;  ///< over, and destroyed by the next turn
  io::Timer burial_;
  std::uint64_t next_id_ = 1;
  int reserve_ = -1;  ///< a descriptor held back, so that one client can be told that there are none
  bool draining_ = false;
  io::Timer drain_timer_;
  std::function<void()> drained_;
};

}  // namespace net
