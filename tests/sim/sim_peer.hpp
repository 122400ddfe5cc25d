// The clients, and anybody else at the far end of the simulated network. They act on sockets
// directly, without ops or a reactor, as programs on other machines would.
// Knows octets and lines; must not know FTP.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/address.hpp"

namespace sim {

class SimWorld;
class Socket;
class Listener;

/// A connection seen from the far side. Closes when destroyed; must not outlive its world.
/// What has arrived stays in the receive buffer until it is read: a peer that does not read makes
/// the server's sends wait.
class SimConnection {
 public:
  SimConnection(SimWorld& world, Socket& socket);
  SimConnection(SimConnection&&) noexcept = default;
  SimConnection& operator=(SimConnection&& other) noexcept;
  ~SimConnection();

  /// Sends all of it, as room appears.
  void write(std::string_view octets);
  /// The same; the last octet is urgent.
  void write_urgent(std::string_view octets);

  /// Takes all that has arrived.
  std::string read();
  /// What has arrived, not taken.
  std::string_view peek() const;
  /// Whether a whole line has arrived.
  bool has_line() const;
  /// Takes one line, without its CRLF or LF. There must be one.
  std::string read_line();

  bool connected() const;
  /// Neither connected nor connecting any more: refused, timed out.
  bool refused() const { return error() != 0; }
  /// Why connecting failed, an errno value, or 0.
  int error() const;
  /// The server has closed its direction, and all octets before that were read.
  bool at_end() const;
  bool was_reset() const;
  /// Nothing more will arrive.
  bool ended() const { return refused() || at_end() || was_reset(); }
  /// All that was written has reached the server's machine.
  bool all_delivered() const;
  io::Address local() const;
  io::Address remote() const;

  /// A FIN, behind all that was written.
  void shutdown_send();
  /// Like close(2), once all that was written is on its way. The connection cannot be used any more.
  void close();
  /// A RST at once.
  void reset();
  /// The peer's machine is gone: nothing is ever heard of it again.
  void vanish();
  bool closed() const { return state_ == nullptr; }

 private:
  struct State;
  State& state() const;

  std::shared_ptr<State> state_;
};

/// A peer's listening socket, for data connections that the server opens.
class SimListener {
 public:
  SimListener(SimWorld& world, Listener& listener) : world_(&world), listener_(&listener) {}
  SimListener(SimListener&& other) noexcept;
  SimListener& operator=(SimListener&& other) noexcept;
  ~SimListener();

  io::Address address() const;
  bool has_pending() const;
  /// The oldest connection that was not taken, if there is one.
  std::optional<SimConnection> accept();

 private:
  SimWorld* world_;
  Listener* listener_;
};

/// A machine on the simulated network.
class SimPeer {
 public:
  SimPeer(SimWorld& world, const io::Address& host) : world_(&world), host_(host) {}

  /// Begins to connect; see SimConnection::connected() and refused(). Port 0: any.
  SimConnection connect(const io::Address& to, std::uint16_t from_port = 0);
  /// Port 0: any free one. The port must be free.
  SimListener listen(std::uint16_t port = 0, int backlog = 16);
  io::Address address(std::uint16_t port = 0) const;

 private:
  SimWorld* world_;
  io::Address host_;
};

}  // namespace sim
