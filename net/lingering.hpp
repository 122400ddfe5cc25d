// Data connections that the server is done with and their peers are not. A close with octets unread, or that come
// later, resets the connection, and what the peer has not read yet is lost: what comes is read away here until the peer
// has closed, too. Knows sockets; must not know sessions, which go on meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "io/reactor.hpp"

namespace net {

class Lingering {
 public:
  explicit Lingering(io::Reactor& reactor);
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
  ~Lingering();

  /// Closes a connection on which no op is in flight, and on which `sent` octets were sent. Our side ends now; when the
  /// descriptor is given back is nobody's business.
  void close(int socket, std::uint64_t sent);
  /// All are closed, and later ones at once: the reactor is to be joined.
  void close_all();
  /// How many are still there.
  std::size_t count() const { return in_use_; }

 private:
  struct Connection;
  void linger(int socket);
  void on_ended(Connection& connection);

  io::Reactor& reactor_;
  std::vector<std::unique_ptr<Connection>> all_;
  std::vector<Connection*> free_;
  std::size_t in_use_ = 0;
  std::size_t oldest_ = 0;  ///< where in all_ room was made last
  bool closed_ = false;
  std::array<char, 4096> scratch_{};  ///< nobody looks at what comes
};

}  // namespace net
