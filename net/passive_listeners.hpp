// The listeners behind PASV and EPSV: each lent to one session at a time, then left to rest for a moment and lent
// again, because making one costs more than a small transfer. Knows ports and listeners; must not know whom they are
// lent to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <vector>

#include "core/endpoint.hpp"
#include "io/reactor.hpp"
#include "net/passive_ports.hpp"
#include "net/random.hpp"

namespace net {

struct PassiveListener {
  int socket = -1;
  core::Endpoint at;
};

class PassiveListeners {
 public:
  /// `reactor` must outlive this. `options`: what accepted connections inherit.
  PassiveListeners(io::Reactor& reactor, PassivePorts ports, const io::SocketOptions& options);
  ~PassiveListeners();
  PassiveListeners(const PassiveListeners&) = delete;
  PassiveListeners& operator=(const PassiveListeners&) = delete;

  /// Never lends this port: somebody listens there, or connects from it. None is lent yet.
  void leave_out(std::uint16_t port) { ports_.leave_out(port); }
  /// A listener on `local`'s address and a port that nobody else has, with nobody waiting in its backlog: who
  /// connected before it was announced was not asked to. Or an errno value; EADDRINUSE: no port is free.
  std::expected<PassiveListener, int> lend(const core::Endpoint& local, Random& random);
  /// Takes a listener back. No op is in flight on it. Who connects to it while it rests is refused.
  void give_back(const PassiveListener& listener);
  /// Closes all that are not lent, and from now on whatever is given back.
  void close();

  std::size_t lent() const { return ports_.size() - ports_.free_count() - resting_; }

 private:
  struct Resting {
    PassiveListener listener;
    io::Time until;
  };
  /// Those of one local address, those that rested longer towards the front.
  using Shelf = std::deque<Resting>;

  Shelf& shelf_of(const core::Endpoint& local);
  std::expected<PassiveListener, int> open(const core::Endpoint& local, Random& random);
  void close_first(Shelf& shelf);
  bool close_any();
  void on_time();

  io::Reactor& reactor_;
  PassivePorts ports_;
  io::SocketOptions options_;
  std::vector<Shelf> shelves_;  ///< an empty one is anybody's
  std::size_t resting_ = 0;
  io::Timer timer_;
  bool keeps_ = true;
};

}  // namespace net
